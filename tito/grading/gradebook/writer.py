"""The writer: puts judged submissions into nbgrader's gradebook and tree, as nbgrader would.

nbgrader opens the database a dozen times for each submission and commits after every cell. Here
one connection serves the whole run, and a submission is one transaction; nbgrader's own classes
enter scores, comments and penalties, so what is entered is what it would have entered.

The order makes every moment safe to be killed at. First the database commits; then the files are
put in place one by one, each complete, and the autograded notebook comes last. It says what it was
made from, by which the next run knows that a submission is done. A run that dies in between leaves
a submission that counts as not graded: it is graded again, and what is entered then takes the place
of what was there. A gradebook that does not hold what such a notebook says, because it was deleted
or restored or a deadline moved, is made to hold it, without running any code.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from tito.grading.gradebook.assignment import has_gradebook, nbgrader_api
from tito.grading.gradebook.cells import complete, enter_assignment
from tito.grading.gradebook.course_tree import made_of, put_in_place, read_autograded, remove_made
from tito.grading.gradebook.database import OneTransaction, copy_database, retried
from tito.grading.gradebook.lateness import enter_deadline, enter_lateness
from tito.grading.gradebook.standing import Standing, difference, read_standing
from tito.lesson import Lesson, Notebook

__all__ = ["Writer", "Written"]

SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Written:
    """What entering a submission changed: the grade that counts, before and after.

    ``before`` is None where there was no grade, ``reason`` says why it was entered anew, and
    ``left_out`` names the files beside it that were not copied, each with the reason.
    """

    before: float | None
    after: float
    reason: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What there is to say of how it was written."""
        return [f"Left out: {'; '.join(self.left_out)}."] if self.left_out else []


class Writer:
    """Writes one submission after the other; a context manager, open for a whole run.

    Parameters
    ----------
    lesson : Lesson
        The lesson whose submissions are graded.
    dry_run : bool
        Whether nothing is to stay: all is then entered into a copy of the gradebook; a database
        of a server has to have the cells of the release.

    Raises
    ------
    TitoError
        If the gradebook cannot be opened or cannot have the cells of the release; from its methods,
        if the gradebook or the folder cannot be written. What came before is kept.
    """

    def __init__(self, lesson: Lesson, *, dry_run: bool = False) -> None:
        self.lesson = lesson
        self.dry_run = dry_run
        self._open = ExitStack()

    def __enter__(self) -> "Writer":
        from nbgrader.preprocessors import SaveAutoGrades

        with self._open:  # which closes what is open by then if anything fails
            api = nbgrader_api(self.lesson.course)
            is_file = api.coursedir.db_url.startswith(SQLITE)
            if self.dry_run and is_file:
                api.coursedir.db_url = self._copied(api.coursedir.db_url)
            self.db_url = api.coursedir.db_url
            refuse = self.dry_run and not is_file
            retried(lambda: enter_assignment(self.lesson, api, refuse=refuse))
            self.gradebook = retried(lambda: api.gradebook)
            self._open.enter_context(self.gradebook)
            self._session = self.gradebook.db
            self.gradebook.db = OneTransaction(self._session)
            self._scores = SaveAutoGrades(config=api.config)
            self._scores.assignment_id = self.lesson.assignment
            self._ignored = list(api.coursedir.ignore)
            if not self.dry_run:
                self._in_one_transaction(self._enter_deadline)
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, student: str, text: str, handed_in: datetime | None) -> Written:
        """Enter a judged notebook and put its file, with this text, in place.

        A dry run does neither, and tells what would change.

        Parameters
        ----------
        student : str
            Whose it is.
        text : str
            The notebook, as JSON.
        handed_in : datetime or None
            When it was handed in, in UTC; None if that is not known.
        """
        from nbformat.v4 import reads_json

        notebook, before = reads_json(text), self._standing(student)
        if self.dry_run:
            return self._foretold(student, before, notebook, handed_in)
        self._in_one_transaction(lambda: self._enter(student, notebook, handed_in))
        left_out = put_in_place(self.lesson, student, text, self._ignored)
        return self._written(student, before, left_out=left_out)

    def settle(self, student: str, handed_in: datetime | None) -> Written | None:
        """Make the gradebook hold what the autograded notebook says, at the deadline of now.

        Returns
        -------
        Written or None
            What changed, with the reason; None if the gradebook held it all.
        """
        notebook = read_autograded(self.lesson, student)
        before = self._standing(student)
        reason = difference(self.lesson, before, notebook, handed_in)
        if not reason:
            return None
        if self.dry_run:
            return self._foretold(student, before, notebook, handed_in, reason)
        self._in_one_transaction(lambda: self._enter(student, notebook, handed_in))
        return self._written(student, before, reason)

    def write_missing(self, student: str) -> Written | None:
        """Enter a submission that holds no notebook, and remove what was made of one before.

        Returns as `settle` does.
        """
        before = self._standing(student)
        if not difference(self.lesson, before, None, None) and not made_of(self.lesson, student):
            return None
        if self.dry_run:
            return self._foretold(student, before, None, None)
        self._in_one_transaction(lambda: self._enter(student, None, None))
        remove_made(self.lesson, student)
        return self._written(student, before)

    def grade(self, student: str) -> float | None:
        """Return the points that count for a student now; None if there are none."""
        standing = self._standing(student)
        return standing.grade if standing else None

    def _copied(self, url: str) -> str:
        folder = self._open.enter_context(TemporaryDirectory(prefix="tito-"))
        copy = Path(folder, self.lesson.course.gradebook.name)
        if has_gradebook(self.lesson.course):
            retried(lambda: copy_database(url, copy))
        return f"{SQLITE}{copy}"

    def _enter_deadline(self) -> None:
        enter_deadline(self.lesson, self.gradebook.find_assignment(self.lesson.assignment))

    def _standing(self, student: str) -> Standing | None:
        return retried(
            lambda: read_standing(self._session, self.lesson, student), undo=self._session.remove
        )

    def _foretold(
        self,
        student: str,
        before: Standing | None,
        notebook: Notebook | None,
        handed_in: datetime | None,
        reason: str = "",
    ) -> Written:
        """What entering would change; nothing of it stays."""
        try:
            self._enter(student, notebook, handed_in)
            self._session.flush()
            return self._written(student, before, reason)
        finally:
            self._session.remove()  # which rolls back

    def _written(
        self, student: str, before: Standing | None, reason: str = "", left_out: Sequence[str] = ()
    ) -> Written:
        after = self._standing(student)
        return Written(
            before=before.grade if before else None,
            after=(after.grade if after else None) or 0.0,
            reason=reason,
            left_out=tuple(left_out),
        )

    def _graded_texts(self, student: str) -> dict[str, str]:
        """What was graded last, for a gradebook that does not know it."""
        from tito.grading.gradebook.readings import texts_of

        try:
            return texts_of(read_autograded(self.lesson, student))
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return {}

    def _in_one_transaction(self, work: Callable[[], None]) -> None:
        def transaction() -> None:
            work()
            self._session.commit()
            self._session.remove()  # what it has loaded would stay, and grow with the class

        retried(transaction, undo=self._session.remove)

    def _enter(self, student: str, notebook: Notebook | None, handed_in: datetime | None) -> None:
        """Do as nbgrader's SaveAutoGrades, on entries that are loaded; None: there is no notebook.

        What a person has read stays read while it is what it was.
        """
        from tito.grading.gradebook.readings import apply_readings, noted_readings, texts_of

        submission, before = self._submission(student), self._graded_texts(student)
        for entry in submission.notebooks:
            readings, texts = noted_readings(self.gradebook.db, entry.grades, before), {}
            if notebook is None or entry.name != self.lesson.name:
                _score_nothing(entry)
            else:
                self._save_scores(entry, student, notebook)
                texts = texts_of(notebook)
            apply_readings(readings, entry.grades, texts)
        enter_lateness(self.lesson, submission, handed_in)

    def _save_scores(self, entry: Any, student: str, notebook: Notebook) -> None:
        self._scores.gradebook = _loaded(entry, self.gradebook.db)
        self._scores.notebook_id, self._scores.student_id = entry.name, student
        for index, cell in enumerate(notebook.cells):
            self._scores.preprocess_cell(cell, {}, index)

    def _submission(self, student: str) -> Any:
        self.gradebook.update_or_create_student(student)
        submission = self.gradebook.update_or_create_submission(self.lesson.assignment, student)
        complete(submission)
        return submission


def _loaded(entry: Any, session: Any) -> SimpleNamespace:
    """A gradebook that finds the grades and comments of one notebook, without asking for each."""
    from nbgrader.api import MissingEntry

    grades = {grade.name: grade for grade in entry.grades}
    comments = {comment.name: comment for comment in entry.comments}

    def found(entries: dict[str, Any], name: str) -> Any:
        if name not in entries:
            raise MissingEntry(f"the cell {name}")
        return entries[name]

    return SimpleNamespace(
        find_grade=lambda name, *_: found(grades, name),
        find_comment=lambda name, *_: found(comments, name),
        db=session,
    )


def _score_nothing(entry: Any) -> None:
    for grade in entry.grades:
        grade.auto_score = 0
        grade.needs_manual_grade = False
