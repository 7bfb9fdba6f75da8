"""`tito nbgrader collect`: take in what students handed in."""

from pathlib import Path

import click

__all__ = ["collect"]


@click.command()
@click.argument("lesson")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
def collect(lesson: str, paths: tuple[Path, ...]) -> None:
    """Take submissions of LESSON from nbgrader's exchange, or from folders and zip files.

    In PATHS a submission is STUDENT/kernels.ipynb, STUDENT/11_kernels/kernels.ipynb or
    STUDENT_kernels.ipynb, with the time it was handed in in a timestamp.txt beside it.
    """
    from tito.course import Course
    from tito.grading.gradebook.exchange import collect_exchange
    from tito.grading.intake.collect import collect_paths
    from tito.lesson import find_lesson
    from tito.reports.console import printable, waiting

    found = find_lesson(Course.find(), lesson)
    doing = f"Collecting submissions of {found.assignment}"
    if not paths:
        with waiting(doing):
            count = collect_exchange(found)
        click.echo(f"{count} submissions of {found.assignment} are collected.", err=True)
        return
    with waiting(doing):
        results = collect_paths(found, paths)
    for result in results:
        if result.reason:
            click.echo(printable(f"{result.name}: {result.status}: {result.reason}"), err=True)
    new = sum(result.status == "collected" for result in results)
    kept = sum(result.status == "unchanged" for result in results)
    refused = len(results) - new - kept
    click.echo(f"{new} collected, {kept} unchanged, {refused} refused.", err=True)
    if refused:
        raise SystemExit(1)
