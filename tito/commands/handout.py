"""`tito handout`: what a student gets of the course."""

from pathlib import Path

import click

__all__ = ["handout"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--zip", "zipped", is_flag=True, help="Write DIR.zip as well.")
def handout(folder: Path, zipped: bool) -> None:
    """Write the student edition into DIR: notebooks, packages, a wheel, no solution.

    It has the lessons that are released; settings.ini says what its README tells of the deadline
    and of how to hand in.
    """
    from tito.course import Course
    from tito.errors import TitoError
    from tito.handout import write_handout

    course, folder = Course.find(), folder.resolve()
    if folder == Path.cwd():
        raise TitoError("The handout takes the place of DIR.", "Name another folder than this one.")
    click.echo("Writing the handout and its wheel ...", err=True)
    written = write_handout(course, folder, zipped=zipped)
    for path in (written.folder, written.wheel, written.archive):
        if path is not None:
            click.echo(course.shown(path))
