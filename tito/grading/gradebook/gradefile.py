"""The grade file of a learning-management system, from the gradebook."""

from dataclasses import replace
from pathlib import Path

from tito.errors import TitoError
from tito.grading.gradebook.grades import StudentGrade, read_grades
from tito.grading.gradebook.roster import read_roster
from tito.grading.intake.shelf import Receipt, read_receipts
from tito.lesson import Lesson
from tito.lms import SYSTEMS
from tito.lms.gradefiles import Column, Filled, Grade, fill
from tito.lms.people import Person
from tito.lms.tables import read_table

__all__ = ["make_grade_file"]


def make_grade_file(
    lesson: Lesson, system: str, download: Path | None = None, column: str = ""
) -> tuple[Filled, list[StudentGrade]]:
    """Make the file that a system takes; also return who has answers that nobody has read.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    system : str
        The system, as in ``canvas``.
    download : Path, optional
        The file that the system let somebody download; its other columns stay.
    column : str
        What the assignment is called there; default: as the lesson.

    Raises
    ------
    TitoError
        If the system takes only a file of its own, or the file does not fit.
    """
    taker = SYSTEMS[system]
    grades = read_grades(lesson)
    people = {person.id: person for person in read_roster(lesson.course)}
    receipts = {s: r for s, r in read_receipts(lesson).items() if r.system == system}
    scores = [
        Grade(
            _told(people.get(s.student, Person(s.student)), receipts.get(s.student)),
            s.score if s.is_graded else None,
        )
        for s in grades.submissions
    ]
    titles = (lesson.title, lesson.name, lesson.assignment)
    wanted = Column(titles, grades.max_score, column)
    unread = [submission for submission in grades.submissions if submission.unread]
    if download is not None:
        table = read_table(download.read_bytes(), str(download))
        return fill(table, taker.layout(table, wanted), scores), unread
    if taker.new_file is None:
        raise TitoError(
            f"{taker.title} takes back its own file only.",
            "Download it there, and name it with --fill.",
            exit_code=2,
        )
    made = taker.new_file(scores, wanted)
    ungraded = tuple(grade.person.shown for grade in scores if grade.score is None)
    return Filled(made.encoded(), ungraded=ungraded), unread


def _told(person: Person, receipt: Receipt | None) -> Person:
    """A person with what the system told as the work was collected: Moodle numbers them anew."""
    if receipt is None:
        return person
    named = person if person.name else replace(person, last_name=receipt.name)
    return replace(named, lms_user_id=receipt.user_id or person.lms_user_id)
