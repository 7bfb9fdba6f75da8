"""How far an assignment is, read from nbgrader's course tree and its gradebook."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tito.errors import TitoError
from tito.grading.gradebook.assignment import has_gradebook, nbgrader_api, release_state
from tito.grading.gradebook.basis import Basis, basis_of, common_basis, recorded_basis
from tito.grading.gradebook.cells import is_entered
from tito.grading.gradebook.course_tree import (
    handed_in_at,
    has_notebook,
    made_of,
    read_autograded,
)
from tito.grading.gradebook.feedback import is_fresh
from tito.grading.gradebook.grades import count_unread, was_graded
from tito.grading.gradebook.lateness import deadline_of
from tito.grading.gradebook.roster import read_roster
from tito.grading.gradebook.standing import difference, of_lesson, read_standing
from tito.lesson import Lesson
from tito.lms.people import Person

__all__ = ["Progress", "read_due", "read_progress"]


OTHERS = "the gradebook does not have the cells of the release"


@dataclass(frozen=True)
class Progress:
    """The state of one assignment: counts of students at each stage, and the next step.

    ``autograded`` counts those whose grade is up to date; ``due`` says of each other student who
    handed something in why it is not. ``gone`` names those with a grade and no submission,
    ``missing`` those of the roster who handed in nothing, ``unread`` counts written answers that
    wait for a person, and ``feedback`` the pages that show the grade of now. ``deadline`` is on the
    course's clock, and ``extensions`` says who has more time, and until when.
    """

    assignment: str
    release: str
    submitted: int
    autograded: int
    due: dict[str, str]
    gone: tuple[str, ...]
    unread: int
    feedback: int
    next_step: str
    deadline: datetime | None = None
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def read_progress(lesson: Lesson) -> Progress:
    """Read how far `lesson` is; the release is missing, stale or current."""
    release = release_state(lesson)
    students = lesson.submitted_students()
    with _session(lesson) as session:
        due = _due(lesson, session, students)
        gone = tuple(sorted(set(_graded_students(lesson, session)) - set(students)))
        done = [s for s in students if s not in due]
        pages = [s for s in done if lesson.handed_in(s, "autograded").exists()]
        fresh = sum(is_fresh(lesson, session, student) for student in pages)
        more_time = _extensions(lesson, session)
    unread = count_unread(lesson) if has_gradebook(lesson.course) else 0
    there = {*students, *gone}
    step = _next_step(lesson, release, len(students), len(due), unread, len(pages) - fresh)
    return Progress(
        *(lesson.assignment, release, len(students), len(done), due, gone, unread, fresh, step),
        deadline=deadline_of(lesson),
        extensions=more_time,
        missing=tuple(_shown(p) for p in read_roster(lesson.course) if p.id not in there),
    )


def read_due(lesson: Lesson, student: str | None = None) -> dict[str, str]:
    """Return whose grade is not up to date, and why: of those who handed in, or of one student."""
    students = [name for name in lesson.submitted_students() if name == (student or name)]
    with _session(lesson) as session:
        return _due(lesson, session, students)


def _due(lesson: Lesson, session: Any, students: list[str]) -> dict[str, str]:
    common = common_basis(lesson)
    if session is not None and not is_entered(lesson, session):
        return dict.fromkeys(students, OTHERS)
    return {s: why for s in students if (why := _why_due(lesson, session, s, common))}


def _shown(person: Person) -> str:
    return f"{person.id} ({person.name})" if person.name else person.id


@contextmanager
def _session(lesson: Lesson) -> Iterator[Any]:
    """Yield a session of the gradebook; None where there is none, which then is not made."""
    if not has_gradebook(lesson.course):
        yield None
        return
    with nbgrader_api(lesson.course).gradebook as gradebook:
        yield gradebook.db


def _why_due(lesson: Lesson, session: Any, student: str, common: Basis) -> str:
    """Say why `autograde` has something to do for a student; empty if it has not."""
    if session is None:
        return "there is no gradebook"
    standing = read_standing(session, lesson, student)
    try:
        if not has_notebook(lesson, student):
            if standing is None:
                return "it is not graded yet"
            left = made_of(lesson, student) or difference(lesson, standing, None, None)
            return "its notebook is gone" if left else ""
        basis = basis_of(lesson.handed_in(student), lesson.course, common)
        graded = standing is not None and standing.grade is not None
        changes = basis.changes(recorded_basis(lesson, student), graded=graded)
        if changes:
            return changes
        notebook = read_autograded(lesson, student)
        return difference(lesson, standing, notebook, handed_in_at(lesson, student))
    except TitoError as error:
        return error.fact


def _graded_students(lesson: Lesson, session: Any) -> list[str]:
    from nbgrader.api import SubmittedAssignment

    if session is None:
        return []
    found = of_lesson(session.query(SubmittedAssignment), lesson)
    return [entry.student_id for entry in found if was_graded(entry)]


def _extensions(lesson: Lesson, session: Any) -> dict[str, datetime]:
    from nbgrader.api import SubmittedAssignment

    if session is None:
        return {}
    rows = session.query(SubmittedAssignment.student_id, SubmittedAssignment.extension)
    found = of_lesson(rows, lesson)
    given = {row.student_id: deadline_of(lesson, row.extension) for row in found if row.extension}
    return {student: until for student, until in sorted(given.items()) if until is not None}


def _next_step(
    lesson: Lesson, release: str, submitted: int, due: int, unread: int, stale_pages: int
) -> str:
    if release != "current":
        step = "release"
    elif not submitted:
        step = "collect"
    elif due:
        step = "autograde"
    elif unread:
        return "jupyter lab, and there formgrader: answers wait for you"
    elif stale_pages:
        step = "feedback"
    else:
        step = "report"
    return f"tito nbgrader {step} {lesson.name}"
