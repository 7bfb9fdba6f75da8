"""The writer: puts examined submissions into nbgrader's gradebook and tree, as nbgrader would.

nbgrader opens the database a dozen times for each submission and commits after every cell. Here
one connection serves the whole run, and a submission is one transaction; nbgrader's own classes
enter scores, comments and penalties, so what is entered is what it would have entered.

The order makes every moment safe to be killed at. First the database commits; then the files are
put in place one by one, each complete, and the autograded notebook comes last. It carries the
fingerprint of what it was made from, by which the next run knows that a submission is done. A run
that dies in between leaves a submission that counts as not graded: it is graded again, and what is
entered then takes the place of what was there.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.course_tree import put_in_place
from tito.grading.gradebook.database import OneTransaction, retried
from tito.lesson import Lesson, Notebook

__all__ = ["Writer"]


class Writer:
    """Writes one submission after the other; a context manager, open for a whole run.

    Parameters
    ----------
    lesson : Lesson
        The lesson whose submissions are graded.

    Raises
    ------
    TitoError
        If the gradebook cannot be opened or does not know the assignment; from its methods, if
        the gradebook or the folder cannot be written. What came before is kept.
    """

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._open = ExitStack()

    def __enter__(self) -> "Writer":
        from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

        # What nbgrader logs before it raises would stand on the terminal, with a traceback.
        for name in ("traitlets", "tornado.application"):
            logging.getLogger(name).addHandler(logging.NullHandler())
        api = nbgrader_api(self.lesson.course)
        self.gradebook = retried(lambda: api.gradebook)
        self._open.enter_context(self.gradebook)
        self._session = self.gradebook.db
        self.gradebook.db = OneTransaction(self._session)
        self._scores = SaveAutoGrades(config=api.config)
        self._scores.assignment_id = self.lesson.assignment
        self._penalties = AssignLatePenalties(config=api.config)
        self._penalties.init_plugin()
        self._ignored = list(api.coursedir.ignore)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, student: str, text: str, handed_in: datetime | None) -> list[str]:
        """Enter an examined notebook and put its file, with this text, in place.

        Parameters
        ----------
        student : str
            Whose it is.
        text : str
            The notebook, as JSON.
        handed_in : datetime or None
            When it was handed in, in UTC; None if that is not known.

        Returns
        -------
        list of str
            What was left out of the files beside it, each with the reason.
        """
        from nbformat.v4 import reads_json  # without the schema's validation: we wrote it ourselves

        notebook = reads_json(text)
        self._in_one_transaction(lambda: self._enter(student, notebook, handed_in))
        return put_in_place(self.lesson, student, text, self._ignored)

    def write_missing(self, student: str) -> None:
        """Enter a submission that holds no notebook as 0, so that it is there like any other."""
        self._in_one_transaction(lambda: self._enter_nothing(student))

    def _in_one_transaction(self, work: Callable[[], None]) -> None:
        def transaction() -> None:
            work()
            self._session.commit()
            self._session.remove()  # what it has loaded would stay, and grow with the class

        retried(transaction, undo=self._session.remove)

    def _enter(self, student: str, notebook: Notebook, handed_in: datetime | None) -> None:
        """Do as nbgrader's SaveAutoGrades and AssignLatePenalties, on entries that are loaded."""
        submission = self._submission(student, handed_in)
        for entry in submission.notebooks:
            if entry.name == self.lesson.name:
                self._scores.gradebook = _loaded(entry, self.gradebook.db)
                self._scores.notebook_id, self._scores.student_id = entry.name, student
                for index, cell in enumerate(notebook.cells):
                    self._scores.preprocess_cell(cell, {}, index)
                self._penalize(student, submission, entry)
            else:
                _score_nothing(entry)

    def _enter_nothing(self, student: str) -> None:
        for entry in self._submission(student, None).notebooks:
            _score_nothing(entry)

    def _submission(self, student: str, handed_in: datetime | None) -> Any:
        self.gradebook.update_or_create_student(student)
        known = {} if handed_in is None else {"timestamp": handed_in}
        return self.gradebook.update_or_create_submission(self.lesson.assignment, student, **known)

    def _penalize(self, student: str, submission: Any, entry: Any) -> None:
        entry.late_submission_penalty = None
        seconds = submission.total_seconds_late
        if seconds > 0:
            self._session.flush()
            self._session.expire(entry)  # its score is a sum that the database makes
            plugin = self._penalties.plugin_inst
            penalty = plugin.late_submission_penalty(student, entry.score, seconds)
            if penalty is not None:
                checked = self._penalties._check_late_penalty(entry, penalty)
                entry.late_submission_penalty = checked


def _loaded(entry: Any, session: Any) -> SimpleNamespace:
    """A gradebook that finds the grades and comments of one notebook, without asking for each."""
    grades = {grade.name: grade for grade in entry.grades}
    comments = {comment.name: comment for comment in entry.comments}
    return SimpleNamespace(
        find_grade=lambda name, *_: grades[name],
        find_comment=lambda name, *_: comments[name],
        db=session,
    )


def _score_nothing(entry: Any) -> None:
    for grade in entry.grades:
        grade.auto_score = 0
        grade.needs_manual_grade = False
