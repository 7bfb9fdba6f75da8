"""Autograding a class: each submission on its own, none stops another, none is graded twice."""

import glob
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tito.errors import TitoError
from tito.grading.assignment import failure_reason, nbgrader_api
from tito.grading.examination import examined_ahead
from tito.grading.gradebook import submitted_students
from tito.grading.intake import TIMESTAMP, fingerprint
from tito.grading.place import place_of, using_place
from tito.grading.verdicts import METADATA_KEY
from tito.lesson import Lesson, read_notebook

__all__ = ["TIMESTAMP", "Graded", "autograde"]


@dataclass(frozen=True)
class Graded:
    """How the autograding of one submission ended: ``graded``, ``kept`` or ``failed``."""

    student: str
    status: str
    reason: str = ""


def autograde(
    lesson: Lesson,
    students: Iterable[str] = (),
    *,
    force: bool = False,
    sandbox: str = "",
    jobs: int = 1,
    report: Callable[[Graded], None] = lambda graded: None,
) -> list[Graded]:
    """Grade the submissions that are new or were changed since they were graded.

    Parameters
    ----------
    lesson : Lesson
        The lesson whose submissions lie under ``assignments/submitted``.
    students : iterable of str
        Whose; default: everybody who handed something in.
    force : bool
        Grade also what is graded already.
    sandbox : str
        Where student code runs: one of `tito.grading.place.CHOICES`; default: as in settings.ini.
    jobs : int
        How many submissions are run and judged at a time; one thread writes the gradebook.
    report : callable
        Called with each submission's result as soon as it is known.

    Raises
    ------
    TitoError
        If the lesson is not released, a named student handed in nothing, or the sandbox does not
        hold on this machine.
    """
    if not lesson.released.exists():
        remedy = f"Run `tito nbgrader generate {lesson.name}` first."
        raise TitoError(f"There is no release of {lesson.assignment}.", remedy)
    names = _chosen(lesson, list(students))
    place = place_of(sandbox or lesson.course.sandbox)
    api = nbgrader_api(lesson.course)
    due = {name: None for name in names if force or not _is_graded(lesson, name)}
    results = []
    with using_place(place), examined_ahead(lesson, due if jobs > 1 else (), place, jobs):
        for name in names:
            result = _grade_one(api, lesson, name, name in due)
            report(result)
            results.append(result)
    return results


def _chosen(lesson: Lesson, students: list[str]) -> list[str]:
    there = submitted_students(lesson)
    for name in students:
        if name not in there:
            raise TitoError(
                f"{name} has handed in nothing for {lesson.assignment}.",
                "Collect the submission first, or check the name.",
            )
    if not there:
        folder = lesson.course.assignments / "submitted"
        raise TitoError(
            f"Nobody has handed in anything for {lesson.assignment}.",
            f"Run `tito nbgrader collect {lesson.name}`, or put submissions into {folder}.",
        )
    return students or there


def _is_graded(lesson: Lesson, student: str) -> bool:
    """Whether the student's submission is graded as it is now."""
    made_from = fingerprint(lesson.handed_in(student), lesson.course.limits)
    return made_from == _graded_fingerprint(lesson, student)


def _grade_one(api: Any, lesson: Lesson, student: str, due: bool) -> Graded:
    submitted = lesson.handed_in(student)
    if not submitted.exists() and not submitted.is_symlink():
        _score_nothing(api, lesson, student)
        return Graded(student, "graded", f"The submission holds no {lesson.notebook_name}.")
    if not due:
        return Graded(student, "kept")
    strange = _strange_entries(submitted.parent)
    if TIMESTAMP in strange:  # nbgrader would open it, and wait for the writer of a FIFO
        return Graded(student, "failed", f"{TIMESTAMP} is no regular file: remove it.")
    with _ignoring(api.coursedir, strange):
        result = api.autograde(lesson.assignment, student, force=True)
    if not result["success"]:
        return Graded(student, "failed", failure_reason(result))
    left_out = ", ".join(map(repr, strange))
    reason = f"Left out, as no regular file: {left_out}." if strange else ""
    return Graded(student, "graded", reason)


def _strange_entries(folder: Path) -> list[str]:
    """Name the links, FIFOs and devices beside a notebook: nbgrader would follow and copy them."""
    files = (Path(top, name) for top, _, names in os.walk(folder) for name in names)
    strange = (path for path in files if not stat.S_ISREG(path.lstat().st_mode))
    return sorted({path.name for path in strange if path.suffix != ".ipynb"})


@contextmanager
def _ignoring(coursedir: Any, names: Iterable[str]) -> Iterator[None]:
    before = coursedir.ignore
    coursedir.ignore = [*before, *map(glob.escape, names)]
    try:
        yield
    finally:
        coursedir.ignore = before


def _score_nothing(api: Any, lesson: Lesson, student: str) -> None:
    """Enter a submission without a notebook as 0, so that it is in the gradebook like any other."""
    with api.gradebook as gradebook:
        gradebook.update_or_create_student(student)
        submission = gradebook.update_or_create_submission(lesson.assignment, student)
        for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
            grade.auto_score = 0
            grade.needs_manual_grade = False
        gradebook.db.commit()


def _graded_fingerprint(lesson: Lesson, student: str) -> str:
    """The fingerprint of what the autograded notebook was made from; empty if there is none."""
    path = lesson.handed_in(student, "autograded")
    if not path.exists():
        return ""
    mark = read_notebook(path).metadata.get(METADATA_KEY, {})
    return str(mark.get("fingerprint", ""))
