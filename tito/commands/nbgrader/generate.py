"""`tito nbgrader generate`: from the percent source to the students' notebook."""

import click

__all__ = ["generate"]


@click.command()
@click.argument("lesson")
def generate(lesson: str) -> None:
    """Write the students' notebook of LESSON.

    nbgrader makes it from a notebook of the whole lesson, which is written, too.
    """
    from tito.course import Course
    from tito.grading.gradebook import assignment
    from tito.lesson import find_lesson
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    with waiting(f"Making the notebooks of {found.name} with nbgrader"):
        path = assignment.generate(found)
    click.echo(f"Wrote {found.course.shown(path)}.", err=True)
