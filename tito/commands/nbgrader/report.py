"""`tito nbgrader report`: the grades of a class."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tito.commands.nbgrader.outdated import outdated_warning
from tito.lms import SYSTEMS

if TYPE_CHECKING:
    from tito.grading.gradebook.grades import Grades
    from tito.lesson import Lesson

__all__ = ["report"]


@click.command()
@click.argument("lesson")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json", "html", *SYSTEMS]),
    default="table",
    show_default=True,
)
@click.option("--wide", is_flag=True, help="A column for each graded cell, as wide as it takes.")
@click.option(
    "--fill",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The file that the LMS let you download, to be filled in.",
)
@click.option("--column", default="", help="The assignment's name in the LMS.")
@click.option("--output", type=click.Path(path_type=Path), help="Default: standard output.")
def report(
    lesson: str, kind: str, wide: bool, fill: Path | None, column: str, output: Path | None
) -> None:
    """Print the grades of LESSON, or make the file that an LMS takes."""
    from tito.course import Course
    from tito.files import write_whole
    from tito.grading.gradebook.grades import read_grades
    from tito.lesson import find_lesson
    from tito.reports import grades
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    if kind in SYSTEMS:
        _report_to(found, kind, fill, column, output)
        return
    if fill or column:
        raise click.UsageError("--fill and --column go with the format of an LMS.")
    renders: dict[str, Callable[[Grades], str]] = {
        "table": grades.as_wide_table if wide else grades.as_table,
        "csv": grades.as_csv,
        "json": grades.as_json,
        "html": partial(_page, found),
    }
    with waiting(f"Reading the grades of {found.assignment}"):
        text = renders[kind](read_grades(found)).rstrip("\n")
        warning = outdated_warning(found)
    if output is None:
        click.echo(text)
    else:
        write_whole(output, f"{text}\n".encode())
        click.echo(f"Wrote {output}.", err=True)
    if warning:
        click.echo(warning, err=True)


def _page(lesson: "Lesson", grades: "Grades") -> str:
    """Return the page of a class, similar solutions included."""
    from tito.grading.gradebook.similar import similar_solutions
    from tito.reports.class_page import as_html

    return as_html(grades, similar_solutions(lesson))


def _report_to(
    lesson: "Lesson", system: str, fill: Path | None, column: str, output: Path | None
) -> None:
    """Make the grade file of a system, and say who is not in it."""
    from tito.files import write_whole
    from tito.grading.gradebook.gradefile import make_grade_file
    from tito.reports.console import waiting
    from tito.reports.gradefile import as_lines

    with waiting(f"Reading the grades of {lesson.assignment}"):
        filled, unread = make_grade_file(lesson, system, fill, column)
        warning = outdated_warning(lesson)
    for line in as_lines(filled, unread):
        click.echo(line, err=True)
    if warning:
        click.echo(warning, err=True)
    if output is None:
        click.echo(filled.data, nl=False)
    else:
        write_whole(output, filled.data)
        click.echo(f"Wrote {output}.", err=True)
    if filled.unplaced:
        raise SystemExit(1)
