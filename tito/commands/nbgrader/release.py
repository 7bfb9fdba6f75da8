"""`tito nbgrader release`: hand the current release out."""

import click

__all__ = ["release"]


@click.command()
@click.argument("lesson")
def release(lesson: str) -> None:
    """Make sure the release of LESSON is current, and hand it out.

    With an exchange in settings.ini it goes there; else you are told where the notebook lies.
    If the lesson changed, a new release is made, and what was graded with the old one is due again.
    """
    from tito.course import Course
    from tito.grading.gradebook import assignment
    from tito.lesson import find_lesson
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    with waiting(f"Looking whether the release of {found.name} is current"):
        where = assignment.release(found)
    click.echo(where, err=True)
