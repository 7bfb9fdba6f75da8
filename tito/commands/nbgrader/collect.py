"""`tito nbgrader collect`: take in what students handed in."""

from pathlib import Path

import click

from tito.lms import SYSTEMS

__all__ = ["collect"]

NARROW = 80
SOURCES = (*SYSTEMS, "plain", "exchange")


@click.command()
@click.argument("lesson")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--from", "system", type=click.Choice(SOURCES), help="Default: found out.")
@click.option("--dry-run", is_flag=True, help="Show who maps to whom; change nothing.")
def collect(lesson: str, paths: tuple[Path, ...], system: str | None, dry_run: bool) -> None:
    """Take submissions of LESSON.

    They come from folders and zip files, or without PATHS from nbgrader's exchange. PATHS are what
    Canvas, Moodle, Gradescope, Blackboard or Brightspace let you download, or hold
    STUDENT/kernels.ipynb, STUDENT/11_kernels/kernels.ipynb, STUDENT_kernels.ipynb, STUDENT.zip,
    with the time of handing in in a timestamp.txt beside the notebook. The newest hand-in of a
    student counts; older ones are kept in assignments/earlier. Standard output gets a receipt of
    each notebook, which `tito submit` shows, too.
    """
    from tito.course import Course
    from tito.grading.gradebook.exchange import collect_exchange
    from tito.grading.gradebook.roster import read_roster
    from tito.grading.intake.collect import collect_paths
    from tito.grading.intake.collection import NothingCollected
    from tito.lesson import find_lesson
    from tito.reports import collecting
    from tito.reports.console import line_width, waiting

    found = find_lesson(Course.find(), lesson)
    doing = f"Collecting submissions of {found.assignment}"
    if paths and system == "exchange":
        raise click.UsageError("--from exchange takes no paths: settings.ini names the exchange.")
    if not paths and (dry_run or system not in (None, "exchange")):
        raise click.UsageError("Name a folder or a zip file.")
    if not paths:
        with waiting(doing):
            count = collect_exchange(found)
        click.echo(f"{count} submissions of {found.assignment} are collected.", err=True)
        return
    try:
        with waiting(doing):
            people = read_roster(found.course)
            done = collect_paths(found, paths, people, system=system or "", dry_run=dry_run)
    except NothingCollected as nothing:
        for line in collecting.as_lines(nothing.collection, found.course.shown):
            click.echo(line, err=True)
        raise
    for line in collecting.as_lines(done, found.course.shown):
        click.echo(line, err=True)
    if dry_run:
        click.echo(collecting.as_table(done, min(line_width(), NARROW)))
    for line in () if dry_run else collecting.as_receipts(done):
        click.echo(line)
    click.echo(collecting.as_summary(done), err=True)
    if not done.is_complete:
        raise SystemExit(1)
