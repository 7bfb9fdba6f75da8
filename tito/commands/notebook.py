"""`tito notebook`: a working copy of a lesson to open in Jupyter."""

from pathlib import Path

import click

__all__ = ["notebook"]


@click.command()
@click.argument("lesson")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Where; default: the working copy.")
@click.option("--to", type=click.Choice(["ipynb", "py"]), help="The format, without --output.")
@click.option("--solutions", is_flag=True, help="The instructor's notebook, solutions included.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def notebook(
    lesson: str,
    file: Path | None,
    output: Path | None,
    to: str | None,
    solutions: bool,
    force: bool,
) -> None:
    """Make a notebook of LESSON to work in.

    What is there already stays unless --force is given. With FILE, your notebook or percent file is
    written in the other format. The ending of --output decides the format: .ipynb, or .py for a
    percent file.
    """
    from tito.course import Course
    from tito.files import files_below, write_whole
    from tito.lesson import find_lesson, read_notebook
    from tito.notebooks import instructor_notebook, save_notebook, student_notebook

    found = find_lesson(Course.find(), lesson)
    if file is not None:
        made, path = read_notebook(file), file
    elif solutions:
        made, path = instructor_notebook(found), found.folder / f"{found.name}_dev.ipynb"
    else:
        made, path = student_notebook(found), found.working_copy
    path = output or path.with_suffix(f".{to}" if to else _ending(file))
    save_notebook(made, path, force=force)
    for beside, source in (found.released_files() or files_below(found.files)).items():
        if not (path.parent / beside).exists():
            write_whole(path.parent / beside, source.read_bytes())
    click.echo(f"Wrote {found.course.shown(path)}.", err=True)


def _ending(file: Path | None) -> str:
    """Return the ending of what is made where none is named: for a file, the other one."""
    return ".py" if file is not None and file.suffix == ".ipynb" else ".ipynb"
