"""`tito export`: from a lesson to its package."""

from pathlib import Path

import click

__all__ = ["export"]


@click.command()
@click.argument("lesson")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the package is stale.")
def export(lesson: str, file: Path | None, check: bool) -> None:
    """Write the package module of LESSON.

    It is made from the lesson's source, or from your notebook FILE.
    """
    from tito.course import Course
    from tito.errors import TitoError
    from tito.export import export_lesson, stale_package
    from tito.lesson import find_lesson

    found = find_lesson(Course.find(), lesson)
    click.echo(f"Exporting {found.name} with nbdev ...", err=True)
    if not check:
        target = export_lesson(found, file)
        click.echo(f"Wrote {found.course.shown(target)}.", err=True)
        return
    stale = stale_package(found, file)
    if stale is not None:
        shown = found.course.shown(stale)
        raise TitoError(f"{shown} is stale.", f"Run `tito export {found.name}`.")
