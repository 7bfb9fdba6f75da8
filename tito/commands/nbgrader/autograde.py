"""`tito nbgrader autograde`: grade what was handed in."""

import signal
from pathlib import Path
from types import FrameType

import click

__all__ = ["autograde"]

STOPPED = 130
"""The exit code of a command that Ctrl-C or SIGTERM stopped, as a shell has it."""


@click.command()
@click.argument("lesson")
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many submissions are run at a time.  [default: one for each core]",
)
@click.option(
    "--dry-run", is_flag=True, help="Change nothing; say what would be graded or entered, and why."
)
@click.option("--force", is_flag=True, help="Grade again what is graded and unchanged.")
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "bwrap", "off"]),
    help="Where student code runs: in bubblewrap (auto means bwrap too), or off, with your own "
    "rights. Default: as in settings.ini.",
)
@click.option("--scheduler", metavar="URL", help="Run them on the cluster of a Dask scheduler.")
@click.option("--json", "as_json", is_flag=True, help="Print what happens as JSON, a line each.")
@click.option("--log", type=click.Path(path_type=Path), help="Write a log into this file.")
def autograde(
    lesson: str,
    students: tuple[str, ...],
    jobs: int | None,
    dry_run: bool,
    force: bool,
    sandbox: str | None,
    scheduler: str | None,
    as_json: bool,
    log: Path | None,
) -> None:
    """Grade the submissions of LESSON that are due.

    Due is each whose grade depends on something that changed: the submission, the release,
    checks.py and the limits; a deadline, an extension, the penalty or another gradebook needs no
    code to run. At the end stands who changed: ID: 75 -> 80. Exit code 1: a submission could not be
    graded; the others were. Stopped by Ctrl-C, or killed, it keeps what is graded; the same command
    finishes the rest.
    """
    from tito.course import Course
    from tito.grading.gradebook.grades import count_unread
    from tito.grading.workers.pool import cpu_count
    from tito.lesson import find_lesson
    from tito.reports.autograding import log_to, report_for

    found = find_lesson(Course.find(), lesson)
    if (sandbox or found.course.sandbox) == "off":
        click.echo(
            "Warning: student code runs with your own rights, outside the sandbox.", err=True
        )
    if log is not None:
        log_to(log)
    click.echo("Reading the submissions and preparing the sandbox ...", err=True)
    from tito.grading.pipeline import autograde as grading  # which imports nbgrader

    report = report_for(as_json)
    report.dry_run, report.force = dry_run, force
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        grading.autograde(
            found,
            students,
            jobs=jobs or cpu_count(),
            force=force,
            sandbox=sandbox or "",
            scheduler=scheduler or "",
            watch=report,
            dry_run=dry_run,
        )
    except KeyboardInterrupt:
        report.finished("Stopped.")
        raise SystemExit(STOPPED) from None
    except Exception:
        report.broke_off()
        raise
    try:
        report.unread = 0 if dry_run else count_unread(found)
    finally:  # the summary of what is done comes first, whatever the database says now
        report.finished()
    if report.counts["failed"]:
        raise SystemExit(1)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
