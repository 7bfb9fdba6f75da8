"""Collecting from nbgrader's exchange."""

from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api, run_step
from tito.lesson import Lesson

__all__ = ["collect_exchange"]


def collect_exchange(lesson: Lesson) -> int:
    """Collect from nbgrader's exchange; return how many submissions there are now.

    Raises
    ------
    TitoError
        If settings.ini names no exchange, or nbgrader cannot read it.
    """
    if lesson.course.exchange is None:
        raise TitoError(
            "settings.ini names no exchange to collect from.",
            f"Name folders or zip files: `tito nbgrader collect {lesson.name} PATH`.",
            exit_code=2,
        )
    api = nbgrader_api(lesson.course)
    run_step(lambda: api.collect(lesson.assignment), f"collect {lesson.name}")
    return len(lesson.submitted_students())
