"""`tito status`: how far a student's work is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tito.course import Course
    from tito.lesson import Lesson

__all__ = ["status"]


@click.command()
@click.argument("lesson", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def status(lesson: str | None, file: Path | None) -> None:
    """Say how far your work on LESSON is.

    It shows the checks that pass, the open points, the deadline and the last receipt. Without
    LESSON it shows each lesson that you have a notebook of. The checks are run for it.
    """
    from tito.course import Course
    from tito.lesson import Lesson, is_graded
    from tito.notebooks import student_notebook
    from tito.selftest.run import find_work

    course = Course.find()
    if lesson is not None:
        _tell(course, *find_work(course, lesson, file))
        return
    lessons = [Lesson(course, name) for name in course.lessons]
    begun = [one for one in lessons if one.working_copy.is_file()]
    if not begun:
        raise _nothing_begun(lessons)
    for one in begun:
        if any(is_graded(cell) for cell in student_notebook(one).cells):
            _tell(course, one, one.working_copy)
        else:
            click.echo(f"{one.title}: it has no checks.")


def _nothing_begun(lessons: "Sequence[Lesson]") -> Exception:
    """Say which copy of a notebook is here, or how to make one."""
    from tito.errors import TitoError
    from tito.selftest.run import copies

    for one in lessons:
        for copy in copies(one):
            remedy = f"Name your file: `tito status {one.name} {copy}`."
            return TitoError("No notebook here has the name of a lesson.", remedy)
    names = ", ".join(f"`tito notebook {one.name}`" for one in lessons)
    return TitoError("You have no notebook of a lesson here.", f"Make one: {names}.")


def _tell(course: "Course", lesson: "Lesson", path: Path) -> None:
    import hashlib
    from datetime import datetime

    from tito.commands.test import progress
    from tito.reports.handing_in import deadline_line, receipt_line, work_lines
    from tito.reports.selftest import print_summary
    from tito.selftest.run import run_checks
    from tito.selftest.work import read_work
    from tito.submission import last_receipt

    work = read_work(lesson, path)
    with progress() as tell:
        result = run_checks(lesson, path, report=tell)
    click.echo(f"{lesson.title}, {course.shown(path)}")
    print_summary(result.cells, result.answers, result.unwritten)
    for line in work_lines(work, name_solutions=False):
        click.echo(line)
    click.echo(deadline_line(course.lessons[lesson.assignment].due, datetime.now().astimezone()))
    receipt = last_receipt(Path.cwd(), lesson.name)
    if receipt is None:
        click.echo(f"Nothing is saved to hand in: `tito submit {lesson.name}`.")
        return
    click.echo(receipt_line(receipt))
    if hashlib.sha256(work.notebook()).hexdigest() != receipt.sha256:
        click.echo(f"The notebook has changed since: `tito submit {lesson.name}`.")
