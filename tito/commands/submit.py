"""`tito submit`: what a student uploads, and the receipt for it."""

from pathlib import Path

import click

__all__ = ["submit"]


@click.command()
@click.argument("lesson")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--blank", is_flag=True, help="Hand in even though nothing is written.")
def submit(lesson: str, file: Path | None, blank: bool) -> None:
    """Save what you hand in of LESSON.

    It is a zip file to upload, with your notebook FILE in it. Without FILE it is your working copy.
    The receipt that is printed is kept beside the zip file; your instructor sees the same digits.
    Where the course has nbgrader's exchange, it goes there.
    """
    from datetime import datetime

    from tito.course import Course
    from tito.errors import TitoError
    from tito.reports.handing_in import deadline_line, receipt_line, work_lines
    from tito.selftest.run import find_work
    from tito.selftest.work import read_work
    from tito.submission import pack, submit_to_exchange

    course = Course.find()
    found, path = find_work(course, lesson, file)
    work = read_work(found, path)
    click.echo(course.shown(path))
    for line in work_lines(work):
        click.echo(line)
    if work.is_blank and not blank:
        fact = "Nothing is written in it, so nothing was saved."
        raise TitoError(fact, "Save the notebook in Jupyter, or add --blank.")
    due = course.lessons[found.assignment].due
    click.echo(deadline_line(due, datetime.now().astimezone()))
    receipt = pack(work, Path.cwd())
    state = "Saved" if receipt.is_new else "Unchanged since it was saved:"
    click.echo(f"{state} {receipt.file}.")
    click.echo(receipt_line(receipt))
    if course.exchange is not None:
        click.echo(submit_to_exchange(work))
    else:
        how = course.hand_in or "Your instructor says where."
        click.echo(f"Upload {receipt.file}. {how}")
