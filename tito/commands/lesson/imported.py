"""`tito lesson import`: a notebook of an nbgrader course becomes a lesson."""

from pathlib import Path

import click

__all__ = ["imported"]


@click.command("import")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Of the lesson; default: that of the notebook.")
@click.option("--title", default="", help="What students read; default: the name in words.")
def imported(notebook: Path, name: str, title: str) -> None:
    """Add NOTEBOOK, made for nbgrader, as a lesson.

    NOTEBOOK has its solutions. Grade ids, points, solutions, hidden tests and marking schemes stay.
    What lies beside the notebook is copied into the folder files of the lesson and goes wherever
    its notebook goes; with AUTOTEST lines comes their autotests.yml. What cannot be kept is named,
    and then nothing is written.
    """
    from tito.authoring.imported import import_notebook
    from tito.course import Course
    from tito.reports.console import printable

    course = Course.find()
    lesson, notes = import_notebook(course, notebook, name, title)
    for note in notes:
        click.echo(printable(note))
    click.echo(f"Wrote {course.shown(lesson.source)}.", err=True)
    click.echo(f"Look at it, then run `tito lesson check {lesson.name}`.", err=True)
