"""`tito lesson new`: a lesson to start from."""

import click

__all__ = ["new"]


@click.command()
@click.argument("name")
@click.option("--title", default="", help="What students read; default: the name in words.")
def new(name: str, title: str) -> None:
    """Add a small lesson called NAME, to be rewritten.

    It can be graded as it is. NAME is running_mean, or 12_running_mean with a number; without one
    the lesson comes last. Its source and its checks.py are written to modules/source, its section
    to settings.ini.
    """
    from tito.authoring.scaffold import new_lesson
    from tito.course import Course

    course = Course.find()
    lesson = new_lesson(course, name, title)
    for path in (lesson.source, lesson.checks):
        click.echo(f"Wrote {course.shown(path)}.", err=True)
    click.echo(f"Rewrite both, then run `tito lesson check {lesson.name}`.", err=True)
