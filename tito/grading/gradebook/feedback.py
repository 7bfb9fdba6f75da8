"""Feedback: nbgrader's page for each student, sent through the exchange where there is one."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any

from tito.errors import TitoError
from tito.files import write_whole
from tito.grading.gradebook.assignment import failure_reason, nbgrader_api, run_step
from tito.grading.gradebook.standing import read_standing
from tito.grading.workers.pool import LocalPool
from tito.lesson import Lesson

__all__ = ["is_fresh", "write_feedback"]

MARK_BYTES = 200
"""At the end of a page, in which its mark lies."""
AT_A_TIME = 20
"""So many pages a worker writes before it is asked again."""
LOST = "the gradebook does not have it, but `tito nbgrader autograde` enters it"


def write_feedback(
    lesson: Lesson,
    student: str | None = None,
    *,
    jobs: int = 1,
    tell: Callable[[str], None] = lambda far: None,
) -> list[Path]:
    """Write the feedback pages of a class, or of one student; return their paths.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    student : str, optional
        Whose page; default: everybody's.
    jobs : int
        How many processes write pages.
    tell : callable
        Called now and then with how many are written.

    Raises
    ------
    TitoError
        If nothing is autograded yet, or nbgrader cannot write a page; all others are written.
    """
    pattern = f"{student or '*'}/{lesson.assignment}/{lesson.notebook_name}"
    autograded = sorted((lesson.course.assignments / "autograded").glob(pattern))
    if not autograded:
        whose = f"of {student} " if student else ""
        raise TitoError(
            f"Nothing {whose}is autograded for {lesson.assignment}.",
            f"Run `tito nbgrader autograde {lesson.name}`.",
        )
    students = [path.parents[1].name for path in autograded]
    marks = _marks(lesson, students)
    lost = [name for name in students if name not in marks]
    failures = _write_pages(lesson, list(marks), jobs, tell) | dict.fromkeys(lost, LOST)
    for name, mark in marks.items():
        if name not in failures:
            _mark_page(_page(lesson, name), mark)
    if lesson.course.exchange is not None:
        api = nbgrader_api(lesson.course)
        run_step(
            lambda: api.release_feedback(lesson.assignment, student_id=student),
            f"send the feedback of {lesson.name}",
        )
    if failures:
        name, reason = next(iter(failures.items()))
        fact = f"nbgrader could not write the feedback of {', '.join(failures)}."
        raise TitoError(
            fact, f"Fix that and run the command again; for {name} the reason is: {reason}."
        )
    return [_page(lesson, name) for name in marks]


def is_fresh(lesson: Lesson, session: Any, student: str) -> bool:
    """Whether a student's page shows the grade of now, comments included.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    session : Session
        The gradebook's.
    student : str
        Whose page.
    """
    try:
        with _page(lesson, student).open("rb") as file:
            file.seek(-min(MARK_BYTES, file.seek(0, 2)), 2)
            return _mark(lesson, session, student).encode() in file.read()
    except OSError:
        return False


def _page(lesson: Lesson, student: str) -> Path:
    return lesson.handed_in(student, "feedback").with_suffix(".html")


def _marks(lesson: Lesson, students: Sequence[str]) -> dict[str, str]:
    with nbgrader_api(lesson.course).gradebook as gradebook:
        there = [s for s in students if read_standing(gradebook.db, lesson, s) is not None]
        return {student: _mark(lesson, gradebook.db, student) for student in there}


def _mark(lesson: Lesson, session: Any, student: str) -> str:
    """Return a comment for a page that tells which grade it shows."""
    from nbgrader.api import Assignment, BaseCell, Comment, SubmittedAssignment, SubmittedNotebook

    of_this = (Assignment.name == lesson.assignment, SubmittedAssignment.student_id == student)
    comments = session.query(BaseCell.name, Comment.manual_comment, Comment.auto_comment)
    said = comments.select_from(Comment).join(BaseCell).join(SubmittedNotebook)
    rows = said.join(SubmittedAssignment).join(Assignment).filter(*of_this).all()
    facts = (
        read_standing(session, lesson, student),
        sorted(map(repr, rows)),
        lesson.handed_in(student, "autograded").read_bytes(),
        lesson.course.show_marking,
    )
    return f"<!-- grade {hashlib.sha256(repr(facts).encode()).hexdigest()} -->"


def _mark_page(page: Path, mark: str) -> None:
    text = page.read_text(encoding="utf-8")
    page.chmod(0o644)
    write_whole(page, f"{text}\n{mark}\n".encode())


def _write_pages(
    lesson: Lesson, students: Sequence[str], jobs: int, tell: Callable[[str], None]
) -> dict[str, str]:
    """Write the pages, in processes if there are several to do; return why some failed."""
    parts = [students[i : i + AT_A_TIME] for i in range(0, len(students), AT_A_TIME)]
    if jobs == 1 or len(parts) == 1:
        return _joined((_write_some(lesson, part) for part in parts), len(students), tell)
    with closing(LocalPool(min(jobs, len(parts)))) as pool:
        written = [pool.submit(_write_some, lesson, part) for part in parts]
        try:
            return _joined((part.result() for part in written), len(students), tell)
        except BrokenProcessPool:
            raise TitoError(
                "A process that wrote feedback was killed.", "Run the same command again."
            ) from None


def _joined(
    parts: Iterable[dict[str, str]], total: int, tell: Callable[[str], None]
) -> dict[str, str]:
    failures: dict[str, str] = {}
    for number, failed in enumerate(parts, 1):
        failures |= failed
        tell(f"{min(number * AT_A_TIME, total)} of {total} feedback pages are written ...")
    return failures


def _write_some(lesson: Lesson, students: Sequence[str]) -> dict[str, str]:
    api = nbgrader_api(lesson.course)
    failures = {}
    for student in students:
        result = api.generate_feedback(lesson.assignment, student_id=student, force=True)
        if not result["success"]:
            failures[student] = failure_reason(result)
    return failures
