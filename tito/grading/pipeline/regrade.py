"""Grading again with the result in view: who changes is shown before anything is written."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tito.grading.gradebook.basis import forced_marks, record_marks
from tito.grading.gradebook.course_tree import NotStored, assignment_lock
from tito.grading.gradebook.regrades import Regrade, record_regrade
from tito.grading.gradebook.writer import Writer
from tito.grading.pipeline.autograde import How, Reader, Watch, chosen, grade_due
from tito.grading.pipeline.grade import GradingResult
from tito.lesson import Lesson

__all__ = ["regrade"]


def regrade(
    lesson: Lesson,
    students: Iterable[str] = (),
    *,
    reason: str,
    agree: Callable[[list[GradingResult]], bool],
    how: How | None = None,
    watch: Watch | None = None,
) -> list[GradingResult]:
    """Judge, ask whether the results are to count, and only then write and record them.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    students : iterable of str
        Who is graded again in any case; default: everybody whose grade depends on what changed.
    reason : str
        Why; it is recorded with each grade that changes, and with that of each named student.
    agree : callable
        Receives the result of each submission; nothing is written unless it returns True.
    how : How, optional
        How they are judged.
    watch : Watch, optional
        Told the result of each submission.

    Returns
    -------
    list of GradingResult
        What was written; empty if it was not agreed to.

    Raises
    ------
    TitoError
        As `autograde` does. What was not written yet stays due for `autograde`.
    """
    named = list(students)
    names = chosen(lesson, named)
    marks = forced_marks(names) if named else {}
    with assignment_lock(lesson), TemporaryDirectory(prefix="tito-") as folder:
        judged = _Judged(Path(folder))
        with Writer(lesson, dry_run=True) as rehearsal:
            reader = Reader(rehearsal, marks)
            found = grade_due(reader, names, how or How(), watch, judged.keep)
        if not agree(found):
            return []
        record_marks(lesson, marks)
        with Writer(lesson) as writer:
            return [_written(writer, graded, judged, reader, reason) for graded in found]


class _Judged:
    """The notebooks that were judged, in a folder: a class does not fit into memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}

    def keep(self, result: GradingResult) -> None:
        """Keep a notebook until it is written."""
        if result.status != "failed":
            path = self.files[result.student] = self.folder / str(len(self.files))
            path.write_text(result.notebook, encoding="utf-8")


def _written(
    writer: Writer, graded: GradingResult, judged: _Judged, reader: Reader, reason: str
) -> GradingResult:
    student = graded.student
    try:
        if student in judged.files:
            text = judged.files[student].read_text(encoding="utf-8")
            written = writer.write(student, text, reader.handed_in[student])
            graded = replace(graded, notes=tuple(written.notes))
        elif graded.status == "entered":
            writer.settle(student, reader.handed_in[student])
        elif graded.status == "rejected":
            writer.write_missing(student)
    except NotStored as error:
        return GradingResult(student, "failed", str(error), before=graded.before)
    named, before, after = student in reader.marks, graded.before, graded.score
    if named and graded.status == "kept":
        before = after = writer.grade(student)
    if after is not None and (named or after != before):
        record_regrade(writer.lesson, Regrade.now(student, before, after, reason))
    return graded
