"""How late a submission is and what that costs, by the course's clock with daylight saving."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from tito.course import Course
from tito.lesson import Lesson

__all__ = ["deadline_of", "enter_deadline", "enter_lateness", "penalty_for", "started_days"]

DAY = timedelta(days=1)


def enter_lateness(lesson: Lesson, submission: Any, handed_in: datetime | None) -> None:
    """Enter time, deadline and penalty of nbgrader's `submission`, whose scores are entered."""
    from sqlalchemy.orm import object_session

    submission.timestamp = handed_in
    enter_deadline(lesson, submission.assignment)
    session = object_session(submission)
    assert session is not None
    for entry in submission.notebooks:
        session.flush()
        session.expire(entry)  # its score is a sum that the database makes
        score = float(entry.score)
        points = penalty_for(lesson, score, handed_in, submission.extension)
        entry.late_submission_penalty = points or None


def enter_deadline(lesson: Lesson, assignment: Any) -> None:
    """Enter the deadline of now into nbgrader's `assignment`, which its own commands show."""
    due = lesson.course.lessons[lesson.assignment].due
    assignment.duedate = due and due.astimezone(UTC).replace(tzinfo=None)


def penalty_for(
    lesson: Lesson, score: float, handed_in: datetime | None, extension: timedelta | None
) -> float:
    """Return the points that a submission's lateness costs it.

    Parameters
    ----------
    lesson : Lesson
        Whose deadline counts.
    score : float
        The points without a penalty.
    handed_in : datetime or None
        In UTC, without zone; None means on time.
    extension : timedelta or None
        What the student was given, by the clock.
    """
    due = lesson.course.lessons[lesson.assignment].due
    if handed_in is None or due is None:
        return 0.0
    days = started_days(lesson.course, handed_in, due, extension or timedelta())
    share = min(lesson.course.late_penalty_at_most, lesson.course.late_penalty_per_day * days)
    return score * min(1.0, share)


def started_days(course: Course, handed_in: datetime, due: datetime, extension: timedelta) -> int:
    """Return the days after a deadline that have begun; a day has 23 or 25 hours now and then.

    Within the course's grace it is on time; after it the days count from the deadline. The instant
    decides whether it is late, as an hour comes twice in autumn; the clock counts the days.
    """
    deadline, time = _extended(course, due, extension), handed_in.replace(tzinfo=UTC)
    if time - deadline.astimezone(UTC) <= course.late_grace:
        return 0
    local = time.astimezone(deadline.tzinfo)
    return max(1, ceil((local.replace(tzinfo=None) - deadline.replace(tzinfo=None)) / DAY))


def deadline_of(lesson: Lesson, extension: timedelta | None = None) -> datetime | None:
    """Return when a student's work is due, on the course's clock; None without a deadline."""
    due = lesson.course.lessons[lesson.assignment].due
    return None if due is None else _extended(lesson.course, due, extension or timedelta())


def _extended(course: Course, due: datetime, extension: timedelta) -> datetime:
    """The deadline so much later by the clock on the wall, which daylight saving may move."""
    local = due.astimezone(course.time_zone or due.tzinfo)
    return (local + extension).replace(fold=local.fold)  # which of two equal hours in autumn
