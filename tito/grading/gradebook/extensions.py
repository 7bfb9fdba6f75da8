"""Extensions: more time for one student, kept where nbgrader keeps it."""

import re
from datetime import timedelta

from tito.course import YEARS
from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.database import retried
from tito.grading.gradebook.lateness import deadline_of
from tito.lesson import Lesson

__all__ = ["duration_text", "extend", "parse_duration"]

PARTS = re.compile(r"(?:(\d{1,3})w)?(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?")
UNITS = {"week": 7 * 24 * 60, "day": 24 * 60, "hour": 60, "minute": 1}


def parse_duration(text: str) -> timedelta:
    """Return the time in a text such as ``3d``, ``12h``, ``1w2d`` or ``90m``; ``0`` is none.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if text.strip() == "0":
        return timedelta()
    found = PARTS.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no time like 3d, 12h or 1w2d; 0 takes an extension back")
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def duration_text(time: timedelta) -> str:
    """Return a time in words: ``3 days``, ``1 week 2 days``, ``none``."""
    left, words = int(time / timedelta(minutes=1)), []
    for name, minutes in UNITS.items():
        count, left = divmod(left, minutes)
        if count:
            words.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(words) or "none"


def extend(lesson: Lesson, student: str, given: timedelta) -> timedelta:
    """Give a student `given` more time instead of what was given before, which is returned.

    It holds for what was handed in already, too: `autograde` then computes the penalty anew.

    Raises
    ------
    TitoError
        If the lesson has no deadline, the extended one is too far away, or nobody of that name is
        known.
    """
    from tito.grading.gradebook.cells import enter_assignment

    until = deadline_of(lesson, given)
    if until is None:
        remedy = f"Set `due` in [lesson {lesson.assignment}] of settings.ini first."
        raise TitoError(f"{lesson.assignment} has no deadline.", remedy)
    if until.year not in YEARS:
        fact = f"{student} would have time until the year {until.year}."
        raise TitoError(fact, f"The last year is {YEARS[-1]}: give less time.")
    api = nbgrader_api(lesson.course)
    retried(lambda: enter_assignment(lesson, api))
    with api.gradebook as gradebook:
        known = {each.id for each in gradebook.students} | set(lesson.submitted_students())
        if student not in known:
            raise _unknown(student, known)
        gradebook.update_or_create_student(student)
        # nbgrader keeps it in the submission: one is entered, without points, if need be.
        submission = gradebook.update_or_create_submission(lesson.assignment, student)
        before: timedelta = submission.extension or timedelta()
        gradebook.grant_extension(lesson.assignment, student, minutes=given / timedelta(minutes=1))
    return before


def _unknown(student: str, known: set[str]) -> TitoError:
    from difflib import get_close_matches

    close = get_close_matches(student, sorted(known), 1)
    remedy = f"Did you mean {close[0]}?" if close else "Read the roster or collect first."
    return TitoError(f"Nobody is known as {student}.", remedy)
