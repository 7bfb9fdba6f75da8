"""The examination of a rebuilt notebook: run it, judge it; several at a time, ahead of the writer.

Only one thread, that of nbgrader's pipeline, writes the gradebook. With `examined_ahead` others
run and judge the next submissions meanwhile, and the pipeline finds their results ready.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tito.course import Course
from tito.grading.intake import Rejected, fingerprint, read_submission, rebuild
from tito.grading.judging import judge_notebook, load_checks
from tito.grading.place import Place, current_place
from tito.grading.verdicts import METADATA_KEY, Verdict, verdicts_of
from tito.lesson import Lesson, Notebook, code_cells, read_notebook

__all__ = ["Examined", "examine", "examined_ahead"]


@dataclass(frozen=True)
class Examined:
    """A notebook that was run, with the verdicts on its graded cells."""

    notebook: Notebook
    verdicts: list[Verdict]


_ahead: ContextVar[Mapping[str, "Future[Examined]"] | None] = ContextVar("ahead", default=None)


def examine(notebook: Notebook, course: Course, assignment: str, folder: Path) -> Examined:
    """Run and judge a rebuilt notebook in the place in force, or take what was done ahead.

    Parameters
    ----------
    notebook : Notebook
        The release with a student's solutions in it; its cells receive outputs.
    course : Course
        Its limits and checks.
    assignment : str
        The assignment's id.
    folder : Path
        Where the notebook lies.
    """
    key = notebook.metadata.get(METADATA_KEY, {}).get("fingerprint", "")
    ready = (_ahead.get() or {}).get(key)
    if ready is not None:
        examined = ready.result()
        if _sources(examined.notebook) == _sources(notebook):
            for cell, done in zip(code_cells(notebook), code_cells(examined.notebook), strict=True):
                cell.outputs, cell.execution_count = done.outputs, done.execution_count
            return Examined(notebook, examined.verdicts)
    return _examine(notebook, course, assignment, folder, current_place(course))


@contextmanager
def examined_ahead(
    lesson: Lesson, students: Iterable[str], place: Place, jobs: int
) -> Iterator[None]:
    """Examine the submissions of `students` in up to `jobs` threads inside the with block."""
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="examination")
    limits = lesson.course.limits
    futures: dict[str, Future[Examined]] = {}
    for student in students:
        key = fingerprint(lesson.handed_in(student), limits)
        if key not in futures:
            futures[key] = pool.submit(_examine_submission, lesson, student, place)
    token = _ahead.set(futures)
    try:
        yield
    finally:
        _ahead.reset(token)
        pool.shutdown(cancel_futures=True)


def _examine_submission(lesson: Lesson, student: str, place: Place) -> Examined:
    from jupyter_core.utils import ensure_event_loop

    try:
        return _examine_file(lesson, student, place)
    finally:
        ensure_event_loop().close()  # the one that nbclient left in this thread


def _examine_file(lesson: Lesson, student: str, place: Place) -> Examined:
    release = read_notebook(lesson.released)
    try:
        cells = read_submission(lesson.handed_in(student), lesson.course.limits)
    except Rejected:
        return Examined(release, [])  # the pipeline says why
    notebook, _ = rebuild(release, cells)
    folder = lesson.released.parent
    return _examine(notebook, lesson.course, lesson.assignment, folder, place)


def _examine(
    notebook: Notebook, course: Course, assignment: str, folder: Path, place: Place
) -> Examined:
    execution = place.run(notebook, course.limits, folder)
    verdicts = {verdict.grade_id: verdict for verdict in verdicts_of(execution)}
    checks = load_checks(course, assignment)
    if checks:  # what the student's own process showed decides nothing
        judged = judge_notebook(notebook, checks, place.launcher(course.limits), course.limits)
        verdicts |= {verdict.grade_id: verdict for verdict in judged}
    return Examined(notebook, list(verdicts.values()))


def _sources(notebook: Notebook) -> list[Any]:
    return [cell.source for cell in code_cells(notebook)]
