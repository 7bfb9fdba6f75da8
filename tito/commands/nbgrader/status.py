"""`tito nbgrader status`: how far an assignment is."""

import json
from dataclasses import asdict

import click

__all__ = ["status"]


@click.command()
@click.argument("lesson")
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
def status(lesson: str, as_json: bool) -> None:
    """Say how far LESSON is, and what comes next.

    It counts what is handed in, graded and answered, and names whose grade is out of date.
    """
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.reports.console import waiting
    from tito.reports.progress import as_text

    found = find_lesson(Course.find(), lesson)
    with waiting(f"Comparing the gradebook of {found.assignment} with the submissions"):
        from tito.grading.gradebook.status import read_progress  # which imports nbgrader

        progress = read_progress(found)
    click.echo(
        json.dumps(asdict(progress), indent=2, default=str) if as_json else as_text(progress)
    )
