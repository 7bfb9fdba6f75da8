"""`tito nbgrader extend`: more time for one student."""

import click

__all__ = ["extend"]


@click.command()
@click.argument("lesson")
@click.argument("student", metavar="ID")
@click.argument("time")
def extend(lesson: str, student: str, time: str) -> None:
    """Give the student ID more TIME for LESSON.

    TIME is 3d, 12h, 1w2d or 90m; 0 takes it back. A second extension takes the place of the first.
    It is kept where nbgrader keeps it.
    """
    from tito.course import Course
    from tito.grading.gradebook import extensions
    from tito.grading.gradebook.lateness import deadline_of
    from tito.lesson import find_lesson
    from tito.reports.console import time_text, waiting

    try:
        given = extensions.parse_duration(time)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    found = find_lesson(Course.find(), lesson)
    with waiting(f"Reading the gradebook of {found.assignment}"):
        before = extensions.extend(found, student, given)
    until = deadline_of(found, given)
    assert until is not None  # or `extend` had refused
    click.echo(
        f"{student}: {extensions.duration_text(given)}, until {time_text(until)}; before: "
        f"{extensions.duration_text(before)}. "
        f"Run `tito nbgrader autograde {found.name}`: penalties follow."
    )
