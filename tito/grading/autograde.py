"""Autograding a class: each submission on its own, none stops another, none is graded twice."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tito.errors import TitoError
from tito.grading.assignment import failure_reason, nbgrader_api
from tito.grading.gradebook import submitted_students
from tito.grading.intake import fingerprint
from tito.grading.verdicts import METADATA_KEY
from tito.lesson import Lesson, read_notebook

__all__ = ["Graded", "autograde"]


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
    report : callable
        Called with each submission's result as soon as it is known.

    Raises
    ------
    TitoError
        If the lesson is not released, or a named student handed in nothing.
    """
    if not lesson.released.exists():
        remedy = f"Run `tito nbgrader generate {lesson.name}` first."
        raise TitoError(f"There is no release of {lesson.assignment}.", remedy)
    names = _chosen(lesson, list(students))
    api = nbgrader_api(lesson.course)
    results = []
    for name in names:
        result = _grade_one(api, lesson, name, force)
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


def _grade_one(api: Any, lesson: Lesson, student: str, force: bool) -> Graded:
    submitted = lesson.handed_in(student)
    if not submitted.exists() and not submitted.is_symlink():
        _score_nothing(api, lesson, student)
        return Graded(student, "graded", f"The submission holds no {lesson.notebook_name}.")
    made_from = fingerprint(submitted, lesson.course.limits)
    if not force and made_from == _graded_fingerprint(lesson, student):
        return Graded(student, "kept")
    result = api.autograde(lesson.assignment, student, force=True)
    if not result["success"]:
        return Graded(student, "failed", failure_reason(result))
    return Graded(student, "graded")


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
