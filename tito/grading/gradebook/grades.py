"""The grades of an assignment, read from nbgrader's gradebook and the autograded notebooks."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tito.conditions.results import CellVerdict
from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.cell_metadata import METADATA_KEY, read_verdicts
from tito.grading.gradebook.course_tree import read_autograded
from tito.grading.gradebook.standing import of_lesson
from tito.lesson import Lesson

__all__ = [
    "Grades",
    "StudentGrade",
    "count_unread",
    "is_unread",
    "read_grades",
    "was_graded",
]


@dataclass(frozen=True)
class StudentGrade:
    """One student's grade; `status` is graded, rejected, failed or missing.

    ``unread`` names the written answers that wait for a person; their points are still to come.
    ``name`` is the person's, empty where no roster tells it. ``is_graded`` is false as long as the
    score stands for nothing.
    """

    student: str
    status: str
    score: float
    max_score: float
    cells: list[CellVerdict] = field(default_factory=list)
    late_penalty: float = 0.0
    message: str = ""
    unread: tuple[str, ...] = ()
    name: str = ""
    is_graded: bool = True


@dataclass(frozen=True)
class Grades:
    """The grades of a class in one assignment."""

    course: str
    assignment: str
    max_score: float
    submissions: list[StudentGrade]


def read_grades(lesson: Lesson) -> Grades:
    """Read the grades of every student who is in the gradebook or handed something in.

    Raises
    ------
    TitoError
        If the gradebook does not know the assignment.
    """
    from nbgrader.api import MissingEntry

    with nbgrader_api(lesson.course).gradebook as gradebook:
        try:
            assignment = gradebook.find_assignment(lesson.assignment)
        except MissingEntry:
            step = "autograde" if lesson.submitted_students() else "generate"
            raise TitoError(
                f"The gradebook does not know {lesson.assignment}.",
                f"Run `tito nbgrader {step} {lesson.name}`.",
            ) from None
        points = _points(assignment)
        graded = {s.student.id: s for s in assignment.submissions}
        handed_in = set(lesson.submitted_students())
        names = {s.id: _name(s) for s in gradebook.students}
        submissions = [
            replace(
                _submission(lesson, student, graded.get(student), points, handed_in),
                name=names.get(student, ""),
            )
            for student in sorted(names.keys() | handed_in)
        ]
    return Grades(lesson.course.id, lesson.assignment, sum(points.values()), submissions)


def count_unread(lesson: Lesson) -> int:
    """Return how many written answers of the class wait for a person."""
    from nbgrader.api import Grade, SubmittedAssignment, SubmittedNotebook

    with nbgrader_api(lesson.course).gradebook as gradebook:
        grades = gradebook.db.query(Grade).join(SubmittedNotebook).join(SubmittedAssignment)
        waiting = (Grade.needs_manual_grade, Grade.auto_score.is_(None))
        unread: int = of_lesson(grades, lesson).filter(*waiting).count()
    return unread


def is_unread(grade: Any) -> bool:
    """Whether a written answer waits for a person, given its entry in the gradebook.

    What was not written, nbgrader scores itself; a check with an override waits for another reason.
    """
    return bool(grade.needs_manual_grade and grade.auto_score is None)


def was_graded(entry: Any) -> bool:
    """Whether a submission in the gradebook has points; one with an extension alone has none."""
    grades = [grade for notebook in entry.notebooks for grade in notebook.grades]
    return any(g.auto_score is not None or g.manual_score is not None for g in grades)


def _points(assignment: Any) -> dict[str, float]:
    cells = [cell for notebook in assignment.notebooks for cell in notebook.grade_cells]
    return {cell.name: float(cell.max_score) for cell in cells}


def _name(student: Any) -> str:
    return f"{student.first_name or ''} {student.last_name or ''}".strip()


def _submission(
    lesson: Lesson, student: str, entry: Any, points: dict[str, float], handed_in: set[str]
) -> StudentGrade:
    most = sum(points.values())
    if entry is None or not (student in handed_in or was_graded(entry)):
        if student not in handed_in:
            return _ungraded(student, "missing", "Nothing was handed in.", points)
        remedy = f"Run `tito nbgrader autograde {lesson.name}`."
        return _ungraded(student, "failed", f"It is not graded yet. {remedy}", points)
    verdicts, status, message = _recorded(lesson, student)
    cells = list(_cells(entry, points, {v.grade_id: v for v in verdicts}, message))
    penalty = sum(n.late_submission_penalty or 0.0 for n in entry.notebooks)
    score = max(0.0, float(entry.score or 0.0) - penalty)
    unread = tuple(g.name for n in entry.notebooks for g in n.grades if is_unread(g))
    return StudentGrade(student, status, score, most, cells, penalty, message, unread)


def _ungraded(student: str, status: str, why: str, points: dict[str, float]) -> StudentGrade:
    cells = [CellVerdict(name, 0.0, most, "not-run", why) for name, most in points.items()]
    most = sum(points.values())
    return StudentGrade(student, status, 0.0, most, cells, message=why, is_graded=False)


def _recorded(lesson: Lesson, student: str) -> tuple[list[CellVerdict], str, str]:
    """The verdicts, the status and the reason that the autograded notebook carries."""
    path = lesson.handed_in(student, "autograded")
    try:
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.lexists(lesson.handed_in(student)):
            return [], "rejected", f"The submission holds no {lesson.notebook_name}."
        remedy = f"Run `tito nbgrader autograde {lesson.name}`."
        return [], "failed", f"Its autograded notebook is missing. {remedy}"
    except OSError as error:
        fact = f"Its autograded notebook cannot be read: {error.strerror}."
        return [], "failed", f"{fact} Change the rights of it and of its folder."
    try:
        notebook = read_autograded(lesson, student)
        mark = notebook.metadata.get(METADATA_KEY, {})
        return read_verdicts(notebook), mark.get("status", "graded"), mark.get("reason", "")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        remedy = f"Run `tito nbgrader autograde {lesson.name} --student {student} --force`."
        return [], "failed", f"Its autograded notebook is damaged. {remedy}"


def _cells(
    entry: Any, points: dict[str, float], verdicts: dict[str, CellVerdict], message: str
) -> Iterator[CellVerdict]:
    """Each cell's verdict with the gradebook's score, which a person may have changed since."""
    grades = {g.name: g for n in entry.notebooks for g in n.grades}
    for name, most in points.items():
        found = verdicts.get(name, CellVerdict(name, 0.0, most, "not-run", message))
        grade = grades.get(name)
        score = float(grade.score or 0.0) if grade is not None else 0.0
        if grade is not None and grade.auto_score is None and grade.manual_score is not None:
            yield _of_a_person(name, score, most, confirmed=not grade.needs_manual_grade)
        else:
            yield replace(found, score=score, max_score=most)


def _of_a_person(name: str, score: float, most: float, *, confirmed: bool) -> CellVerdict:
    """The verdict on an answer that a person has read, perhaps before it was graded once more."""
    if not confirmed:
        message = f"A person gave {score:g} of {most:g} points; it was graded again since."
        return CellVerdict(name, score, most, "review", message)
    if score >= most:
        return CellVerdict(name, score, most, "passed")
    return CellVerdict(name, score, most, "failed", f"A person gave {score:g} of {most:g} points.")
