"""`tito handout`: what a student gets of the course."""

from pathlib import Path

import click

__all__ = ["handout"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--zip", "zipped", is_flag=True, help="Write DIR.zip as well.")
def handout(folder: Path, zipped: bool) -> None:
    """Write the student edition into DIR.

    It has the notebooks, the packages and a wheel, and no solution. Its lessons are those that are
    released; settings.ini says what its README says of the deadline and of how to hand in. A
    release that is older than its lesson is handed out and named.
    """
    from tito.course import Course
    from tito.errors import TitoError
    from tito.grading.gradebook.assignment import release_state
    from tito.handout import write_handout
    from tito.lesson import Lesson

    course, folder = Course.find(), folder.resolve()
    if folder == Path.cwd():
        raise TitoError("The handout takes the place of DIR.", "Name another folder than this one.")
    for lesson in (Lesson(course, name) for name in course.lessons):
        if release_state(lesson) == "stale":
            fact = (
                f"The release of {lesson.name} is older than the lesson and is handed out as it is"
            )
            remedy = f"`tito nbgrader generate {lesson.name}` makes a new one, for another handout"
            click.echo(f"{fact}: {remedy}.", err=True)
    click.echo("Writing the handout and its wheel ...", err=True)
    written = write_handout(course, folder, zipped=zipped)
    for path in (written.folder, written.wheel, written.archive):
        if path is not None:
            click.echo(course.shown(path))
