"""The warning of commands that tell of grades, where some of them are out of date."""

from typing import TYPE_CHECKING

from tito.errors import TitoError

if TYPE_CHECKING:
    from tito.lesson import Lesson

__all__ = ["outdated_warning"]


def outdated_warning(lesson: "Lesson", student: str | None = None) -> str:
    """Return a line that says whose grade is out of date, of the class or of one student.

    It is empty if nobody's is.
    """
    from tito.grading.gradebook.status import read_due  # which imports nbgrader
    from tito.reports.progress import out_of_date

    try:
        due = read_due(lesson, student)
    except TitoError as error:
        return f"Whether these grades are out of date is not known. {error}"
    return out_of_date(due, lesson.name) if due else ""
