"""`tito nbgrader autograde`: grade what was handed in."""

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tito.grading.autograde import Graded

__all__ = ["autograde"]


@click.command()
@click.argument("lesson")
@click.option("--student", "students", multiple=True, metavar="ID", help="Only this student.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="How many submissions are run at a time.  [default: one for each core]",
)
@click.option("--force", is_flag=True, help="Grade again what is graded and unchanged.")
@click.option(
    "--sandbox",
    type=click.Choice(["auto", "bwrap", "off"]),
    help="Where student code runs; off: with your own rights. Default: as in settings.ini.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the grades as JSON.")
def autograde(
    lesson: str,
    students: tuple[str, ...],
    jobs: int,
    force: bool,
    sandbox: str | None,
    as_json: bool,
) -> None:
    """Grade the submissions of LESSON that are new or were changed.

    Exit code 1: a submission could not be graded; the others were.
    """
    from tito.course import Course
    from tito.grading import autograde as grading
    from tito.grading.gradebook import read_grades
    from tito.lesson import find_lesson
    from tito.reports.grades import as_json as render_json

    found = find_lesson(Course.find(), lesson)
    if (sandbox or found.course.sandbox) == "off":
        click.echo(
            "Warning: student code runs with your own rights, outside the sandbox.", err=True
        )
    results = grading.autograde(
        found, students, jobs=jobs, force=force, sandbox=sandbox or "", report=_say
    )
    counts = {s: sum(r.status == s for r in results) for s in ("graded", "kept", "failed")}
    click.echo(
        f"{counts['graded']} graded, {counts['kept']} unchanged, {counts['failed']} failed.",
        err=True,
    )
    if as_json:
        click.echo(render_json(read_grades(found)))
    if counts["failed"]:
        raise SystemExit(1)


def _say(result: "Graded") -> None:
    from tito.reports.console import printable

    if result.status != "kept":
        reason = f": {result.reason}" if result.reason else ""
        click.echo(printable(f"{result.student}: {result.status}{reason}"), err=True)
