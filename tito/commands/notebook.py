"""`tito notebook`: a working copy of a lesson to open in Jupyter."""

from pathlib import Path

import click

__all__ = ["notebook"]


@click.command()
@click.argument("lesson")
@click.option("--output", type=click.Path(path_type=Path), help="Where; default: the working copy.")
@click.option("--solutions", is_flag=True, help="The instructor's notebook, solutions included.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def notebook(lesson: str, output: Path | None, solutions: bool, force: bool) -> None:
    """Make a notebook of LESSON to work in; what is there already stays unless --force is given."""
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.notebooks import instructor_notebook, save_notebook, student_notebook

    found = find_lesson(Course.find(), lesson)
    path = output or (found.folder / f"{found.name}_dev.ipynb" if solutions else found.working_copy)
    made = instructor_notebook(found) if solutions else student_notebook(found)
    save_notebook(made, path, force=force)
    click.echo(f"Wrote {found.course.shown(path)}.", err=True)
