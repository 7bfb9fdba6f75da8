"""Where a student stands in the gradebook, and whether that is what was graded."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isclose
from typing import Any

from tito.grading.gradebook.lateness import penalty_for
from tito.lesson import Lesson, Notebook, grade_id, is_graded

__all__ = ["Standing", "difference", "of_lesson", "read_standing"]


@dataclass(frozen=True)
class Standing:
    """What the gradebook holds of one submission.

    Parameters
    ----------
    timestamp : datetime or None
        When it was handed in, in UTC.
    extension : timedelta or None
        What the student was given.
    score : float
        All points, those that a person gave included, without a penalty.
    penalty : float
        The points that its lateness costs.
    auto_scores : dict of grade id to points
        What was graded by itself; None where a person grades.
    texts : dict of grade id to digest
        What the grades are entered for; None where the gradebook does not know.
    """

    timestamp: datetime | None
    extension: timedelta | None
    score: float
    penalty: float
    auto_scores: dict[str, float | None]
    texts: dict[str, str | None]

    @property
    def grade(self) -> float | None:
        """The points that count; None where there are none, but an extension perhaps."""
        if all(score is None for score in self.auto_scores.values()) and not self.score:
            return None
        return max(0.0, self.score - self.penalty)


def of_lesson(query: Any, lesson: Lesson, student: str | None = None) -> Any:
    """Return what a query on submissions finds of a lesson, and of one student if one is named."""
    from nbgrader.api import Assignment, SubmittedAssignment

    found = query.join(Assignment).filter(Assignment.name == lesson.assignment)
    return found if student is None else found.filter(SubmittedAssignment.student_id == student)


def read_standing(session: Any, lesson: Lesson, student: str) -> Standing | None:
    """Return where a student stands; None if the gradebook has no submission of theirs."""
    from nbgrader.api import BaseCell, Grade, SubmittedAssignment, SubmittedNotebook

    from tito.grading.gradebook.readings import Reading

    entries = session.query(SubmittedAssignment.timestamp, SubmittedAssignment.extension)
    entry = of_lesson(entries, lesson, student).one_or_none()
    if entry is None:
        return None
    penalties = session.query(SubmittedNotebook.late_submission_penalty)
    late = of_lesson(penalties.join(SubmittedAssignment), lesson, student).all()
    columns = (BaseCell.name, Grade.auto_score, Grade.score, Reading.text)
    cells = session.query(*columns).select_from(Grade)
    cells = cells.outerjoin(Reading, Reading.id == Grade.id)
    found = (
        cells.join(BaseCell, BaseCell.id == Grade.cell_id)
        .join(SubmittedNotebook)
        .join(SubmittedAssignment)
    )
    grades = of_lesson(found, lesson, student).all()
    return Standing(
        timestamp=entry.timestamp,
        extension=entry.extension,
        score=float(sum(grade.score or 0.0 for grade in grades)),
        penalty=float(sum(each.late_submission_penalty or 0.0 for each in late)),
        auto_scores={grade.name: grade.auto_score for grade in grades},
        texts={grade.name: grade.text for grade in grades},
    )


def difference(
    lesson: Lesson, standing: Standing | None, notebook: Notebook | None, handed_in: datetime | None
) -> str:
    """Say what the gradebook should hold and does not; empty if all is right.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    standing : Standing or None
        What the gradebook holds.
    notebook : Notebook or None
        The autograded notebook; None for a submission that holds no notebook.
    handed_in : datetime or None
        When it was handed in, in UTC.
    """
    from tito.grading.gradebook.readings import NOTHING, texts_of

    if standing is None:
        return "the gradebook did not have it"
    none = dict.fromkeys(standing.auto_scores, 0.0), dict.fromkeys(standing.texts, NOTHING)
    scores, texts = none if notebook is None else (_auto_scores(notebook), texts_of(notebook))
    if standing.auto_scores != scores:
        return "the gradebook held another grade"
    if standing.texts != texts:
        return "the gradebook held points for another text"
    if standing.timestamp != handed_in:
        return "it was handed in at another time"
    penalty = penalty_for(lesson, standing.score, handed_in, standing.extension)
    if not isclose(standing.penalty, min(penalty, standing.score), abs_tol=1e-9):
        return "its penalty for lateness changed"
    return ""


def _auto_scores(notebook: Notebook) -> dict[str, float | None]:
    from nbgrader.utils import determine_grade

    graded = (cell for cell in notebook.cells if is_graded(cell))
    return {grade_id(cell): determine_grade(cell)[0] for cell in graded}
