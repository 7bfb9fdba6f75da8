"""The record of what was graded again, and why: a CSV file in the course tree, only added to."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tito.course import TIME_FORMAT
from tito.lesson import Lesson

__all__ = ["Regrade", "read_regrades", "record_regrade"]

COLUMNS = ("time", "student", "before", "after", "reason")


@dataclass(frozen=True)
class Regrade:
    """What was graded again: when, whose, from what to what, and the instructor's reason.

    ``before`` is empty where there was no grade, and equals ``after`` where the grade stayed.
    """

    time: str
    student: str
    before: str
    after: str
    reason: str

    @classmethod
    def now(cls, student: str, before: float | None, after: float, reason: str) -> "Regrade":
        """Return what happened at this moment."""
        time = datetime.now().astimezone().strftime(TIME_FORMAT)
        return cls(
            time, student, "" if before is None else f"{before:.10g}", f"{after:.10g}", reason
        )


def record_regrade(lesson: Lesson, regrade: Regrade) -> None:
    """Add a line to the record.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = _record(lesson)
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    if not path.exists():
        writer.writerow(COLUMNS)
    writer.writerow(getattr(regrade, column) for column in COLUMNS)
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(line.getvalue())


def read_regrades(lesson: Lesson) -> list[Regrade]:
    """Return what was graded again, oldest first."""
    try:
        with _record(lesson).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    return [Regrade(*(row.get(column) or "" for column in COLUMNS)) for row in rows]


def _record(lesson: Lesson) -> Path:
    return lesson.course.assignments / f"{lesson.assignment}.regrades.csv"
