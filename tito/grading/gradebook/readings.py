"""What a person gave points for: a table of ours in nbgrader's gradebook.

nbgrader keeps the points that a person gave and not the text that they were given for. The table
has it for each of nbgrader's grades. So points count as read for that text alone, whichever
gradebook or hand-in is put back, and points for a text that is gone count again with the text.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from nbgrader.api import Base
from nbgrader.utils import determine_grade
from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from tito.grading.gradebook.cell_metadata import METADATA_KEY
from tito.lesson import Cell, Notebook, grade_id, is_answer, is_graded

__all__ = ["NOTHING", "Reading", "apply_readings", "noted_readings", "texts_of"]

NOTHING = ""
"""The text of an answer that is not written, and of all cells where no notebook can be read."""


class Reading(Base):  # type: ignore[misc]
    """What belongs to a grade of nbgrader's that has the same id.

    ``text`` is a digest of what the grade is entered for, ``points`` and ``extra_credit`` what a
    person gave, and ``read`` the digest of what they gave it for. nbgrader makes the table.
    """

    __tablename__ = "tito_reading"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    text: Mapped[str | None] = mapped_column(String(64))
    read: Mapped[str | None] = mapped_column(String(64))
    points: Mapped[float | None] = mapped_column(Float())
    extra_credit: Mapped[float | None] = mapped_column(Float())


def texts_of(notebook: Notebook) -> dict[str, str]:
    """Return for each graded cell a digest of what a person sees of it, or `NOTHING`."""
    rejected = notebook.metadata.get(METADATA_KEY, {}).get("status") == "rejected"
    graded = (cell for cell in notebook.cells if is_graded(cell))
    return {grade_id(cell): NOTHING if rejected else _digest(cell) for cell in graded}


def noted_readings(
    session: Any, grades: Iterable[Any], texts: Mapping[str, str]
) -> dict[str, Reading]:
    """Note what a person gave by now for each grade of a submission, before it is entered anew.

    Parameters
    ----------
    session : Session
        The gradebook's.
    grades : iterable of Grade
        nbgrader's entries.
    texts : mapping of grade id to digest
        What they are entered for, where the gradebook does not know that.

    Returns
    -------
    dict of str to Reading
        By the entries' ids.
    """
    ids = [grade.id for grade in grades]
    found = {each.id: each for each in session.query(Reading).filter(Reading.id.in_(ids))}
    for grade in grades:
        if grade.id not in found:
            found[grade.id] = Reading(
                id=grade.id,
                text=texts.get(grade.name),
                points=grade.manual_score,
                extra_credit=grade.extra_credit,
            )
            session.add(found[grade.id])
        _note(found[grade.id], grade)
    return found


def apply_readings(
    readings: Mapping[str, Reading], grades: Iterable[Any], texts: Mapping[str, str]
) -> None:
    """Let points of a person count in grades that were entered for these texts.

    Points stay read for the text they were given for. For another text they stand until a person
    reads it, and where there is nothing they do not count.
    """
    for grade in grades:
        reading = readings[grade.id]
        reading.text = texts.get(grade.name, NOTHING)
        if reading.points is None and reading.extra_credit is None:
            continue
        gone = reading.text == NOTHING and reading.read != NOTHING
        grade.manual_score = None if gone else reading.points
        grade.extra_credit = None if gone else reading.extra_credit
        if grade.manual_score is None:
            grade.needs_manual_grade = grade.auto_score is None
        else:
            grade.needs_manual_grade = reading.text != reading.read


def _note(reading: Reading, grade: Any) -> None:
    given = (grade.manual_score, grade.extra_credit)
    if given == (None, None) and reading.text == NOTHING:
        return  # what was given for a text that is gone is kept for its return
    is_read = grade.manual_score is not None and not grade.needs_manual_grade
    if is_read or given != (reading.points, reading.extra_credit):
        reading.read = reading.text
    reading.points, reading.extra_credit = given


def _digest(cell: Cell) -> str:
    score = determine_grade(cell)[0]
    if is_answer(cell) and score == 0:
        return NOTHING
    seen = (None if score is None else float(score), cell.source, cell.get("attachments") or None)
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
