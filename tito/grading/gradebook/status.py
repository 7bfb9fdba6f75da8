"""How far an assignment is, read from nbgrader's course tree."""

from dataclasses import dataclass

from tito.grading.gradebook.assignment import is_current
from tito.grading.gradebook.grades import count_unread
from tito.lesson import Lesson

__all__ = ["Progress", "read_progress"]


@dataclass(frozen=True)
class Progress:
    """The state of one assignment: counts of students at each stage, and the next step.

    ``unread`` counts written answers that wait for a person.
    """

    assignment: str
    release: str
    submitted: int
    autograded: int
    unread: int
    feedback: int
    next_step: str


def read_progress(lesson: Lesson) -> Progress:
    """Read how far `lesson` is; the release is missing, stale or current."""
    release = "missing"
    if lesson.released.exists():
        release = "current" if not lesson.source.exists() or is_current(lesson) else "stale"
    students = lesson.submitted_students()
    autograded = [s for s in students if lesson.handed_in(s, "autograded").exists()]
    answered = [
        s for s in autograded if lesson.handed_in(s, "feedback").with_suffix(".html").exists()
    ]
    unread = count_unread(lesson) if autograded else 0
    counts = len(students), len(autograded), unread, len(answered)
    return Progress(lesson.assignment, release, *counts, _next_step(lesson, release, *counts))


def _next_step(
    lesson: Lesson, release: str, submitted: int, autograded: int, unread: int, answered: int
) -> str:
    if release != "current":
        step = "release"
    elif not submitted:
        step = "collect"
    elif autograded < submitted:
        step = "autograde"
    elif unread:
        return "jupyter lab, and there formgrader: answers wait for you"
    elif answered < autograded:
        step = "feedback"
    else:
        step = "report"
    return f"tito nbgrader {step} {lesson.name}"
