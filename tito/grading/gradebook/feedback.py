"""Feedback: a page for each student, sent through the exchange where there is one."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from tito.conditions.results import CellVerdict
from tito.errors import TitoError
from tito.files import write_whole
from tito.grading.gradebook.assignment import nbgrader_api, run_step
from tito.grading.gradebook.cell_metadata import METADATA_KEY, read_verdicts
from tito.grading.gradebook.course_tree import has_notebook, read_autograded
from tito.grading.gradebook.grades import is_unread
from tito.grading.gradebook.lateness import deadline_of, started_days
from tito.grading.gradebook.marking import without_marking
from tito.grading.gradebook.page import Answer, Check, Page, as_html
from tito.grading.gradebook.standing import Standing, of_lesson, read_standing
from tito.grading.intake.rebuild import NOTE_KEY
from tito.grading.workers.pool import LocalPool
from tito.lesson import Lesson, Notebook, grade_id, is_answer, is_graded, is_locked, is_solution

__all__ = ["NotAllWritten", "is_fresh", "page_of", "write_feedback"]

LAYOUT = 2
"""Pages of another layout are written again."""
MARK_BYTES = 200
"""At the end of a page, in which its mark lies."""
AT_A_TIME = 20
"""So many pages a worker writes before it is asked again."""
UNGRADED = "it has no autograded notebook, but `tito nbgrader autograde` makes it"
LOST = "the gradebook does not have it, but `tito nbgrader autograde` enters it"
LEFT = "there is neither a grade nor a submission: collect it again, or remove {}"
TIME = "%A, %d %B %Y, %H:%M"


class NotAllWritten(TitoError):
    """Some students have no page of now; ``pages`` are those that the others have."""

    def __init__(self, failures: Mapping[str, str], pages: list[Path]) -> None:
        name, reason = next(iter(failures.items()))
        fact = f"The feedback of {', '.join(failures)} could not be written."
        remedy = f"Fix that and run the command again; for {name} the reason is: {reason}."
        super().__init__(fact, remedy)
        self.pages = pages


def write_feedback(
    lesson: Lesson,
    student: str | None = None,
    *,
    jobs: int = 1,
    tell: Callable[[str], None] = lambda far: None,
) -> list[Path]:
    """Write the feedback pages of a class, or of one student; return the paths of all of them.

    A page that shows the grade of now stays as it is.

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
        If nothing is autograded yet.
    NotAllWritten
        If somebody's notebook is not autograded, or a page cannot be written; all others are.
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
    failures = dict.fromkeys(_ungraded(lesson, student, students), UNGRADED)
    failures |= _write_pages(lesson, _stale(lesson, students), jobs, tell)
    if lesson.course.exchange is not None:
        api = nbgrader_api(lesson.course)
        run_step(
            lambda: api.release_feedback(lesson.assignment, student_id=student),
            f"send the feedback of {lesson.name}",
        )
    pages = [_path(lesson, name) for name in students if name not in failures]
    if failures:
        raise NotAllWritten(failures, pages)
    return pages


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
        with _path(lesson, student).open("rb") as file:
            file.seek(-min(MARK_BYTES, file.seek(0, 2)), 2)
            return _mark(lesson, session, student).encode() in file.read()
    except OSError:
        return False


def page_of(lesson: Lesson, session: Any, student: str) -> Page | None:
    """Return what a student's page shows now; None if the gradebook does not have the student."""
    standing = read_standing(session, lesson, student)
    if standing is None:
        return None
    notebook = read_autograded(lesson, student)
    entries = {each.name: each for each in _grades(session, lesson, student)}
    comments = dict(_comments(session, lesson, student))
    return Page(
        course=lesson.course.title,
        lesson=lesson.title,
        student=student,
        name=_name(session, student),
        score=standing.grade or 0.0,
        max_score=sum(float(each.max_score) for each in entries.values()),
        notes=tuple(_notes(lesson, notebook, standing, entries)),
        checks=tuple(_checks(lesson, notebook, entries, comments)),
        answers=tuple(_answers(lesson, notebook, entries, comments)),
    )


def _notes(
    lesson: Lesson, notebook: Notebook, standing: Standing, entries: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what a student should know of the grade as a whole."""
    mark = notebook.metadata.get(METADATA_KEY, {})
    if _is_rejected(notebook):
        yield f"The submission could not be read: {mark.get('reason', '')}"
        yield "Save the notebook again from Jupyter and hand it in anew."
    due = deadline_of(lesson, standing.extension)
    if standing.timestamp is not None and due is not None:
        handed_in = standing.timestamp.replace(tzinfo=UTC).astimezone(due.tzinfo)
        yield f"Handed in: {handed_in.strftime(TIME)}. Deadline: {due.strftime(TIME)}."
    if standing.penalty and due is not None and standing.timestamp is not None:
        first = lesson.course.lessons[lesson.assignment].due
        assert first is not None
        given = standing.extension or timedelta()
        days = started_days(lesson.course, standing.timestamp, first, given)
        late = f"{days} started day{'s' if days > 1 else ''} after the deadline"
        yield f"That is {late}: {standing.penalty:g} of {standing.score:g} points are taken off."
    unread = sum(is_unread(entry) for entry in entries.values())
    if unread:
        wait = "1 answer waits" if unread == 1 else f"{unread} answers wait"
        yield f"{wait} for a person: more points may come."


def _is_rejected(notebook: Notebook) -> bool:
    """Whether the notebook is the release, in the place of a file that could not be read."""
    return bool(notebook.metadata.get(METADATA_KEY, {}).get("status") == "rejected")


def _checks(
    lesson: Lesson,
    notebook: Notebook,
    entries: Mapping[str, Any],
    comments: Mapping[str, str],
) -> Iterator[Check]:
    verdicts = {verdict.grade_id: verdict for verdict in read_verdicts(notebook)}
    solution, shown = None, ""
    for cell in notebook.cells:
        name = grade_id(cell)
        if is_solution(cell) and not is_answer(cell):
            solution = cell
        elif is_graded(cell) and not is_answer(cell) and name in entries:
            entry = entries[name]
            score, most = float(entry.score or 0.0), float(entry.max_score)
            found = verdicts.get(name) or CellVerdict(name, score, most, "not-run")
            code = ""
            if solution is not None and grade_id(solution) != shown and not _is_rejected(notebook):
                code = solution.source
            shown = grade_id(solution) if solution is not None else ""
            note = solution.metadata.get(NOTE_KEY, "") if solution is not None else ""
            yield Check(
                replace(found, score=score, max_score=most),
                *(shown, code, note, comments.get(name, "")),
                test=cell.source if lesson.course.show_marking else "",
                changed=entry.manual_score is not None,
            )


def _answers(
    lesson: Lesson,
    notebook: Notebook,
    entries: Mapping[str, Any],
    comments: Mapping[str, str],
) -> Iterator[Answer]:
    question = ""
    for cell in notebook.cells:
        if is_answer(cell) and grade_id(cell) in entries:
            entry = entries[grade_id(cell)]
            said = comments.get(grade_id(cell), "")
            yield Answer(
                grade_id=grade_id(cell),
                question=question if lesson.course.show_marking else without_marking(question),
                text=cell.source,
                is_written=said != NO_RESPONSE and entry.auto_score != 0,
                score=None if is_unread(entry) else float(entry.score or 0.0),
                max_score=float(entry.max_score),
                comment="" if said == NO_RESPONSE else said,
                attachments=cell.get("attachments", {}),
            )
        question = cell.source if is_locked(cell) and cell.cell_type == "markdown" else ""


NO_RESPONSE = "No response."
"""What nbgrader comments on an answer that was not written."""


def _name(session: Any, student: str) -> str:
    from nbgrader.api import Student

    names = session.query(Student.first_name, Student.last_name).filter(Student.id == student)
    return " ".join(filter(None, names.one_or_none() or ()))


def _path(lesson: Lesson, student: str) -> Path:
    return lesson.handed_in(student, "feedback").with_suffix(".html")


def _grades(session: Any, lesson: Lesson, student: str) -> Sequence[Any]:
    from nbgrader.api import Grade, SubmittedAssignment, SubmittedNotebook

    grades = session.query(Grade).join(SubmittedNotebook).join(SubmittedAssignment)
    found: Sequence[Any] = of_lesson(grades, lesson, student).all()
    return found


def _comments(session: Any, lesson: Lesson, student: str) -> list[tuple[str, str]]:
    """Return what was said of each cell: by a person, else by nbgrader."""
    from nbgrader.api import BaseCell, Comment, SubmittedAssignment, SubmittedNotebook

    columns = session.query(BaseCell.name, Comment.manual_comment, Comment.auto_comment)
    said = columns.select_from(Comment).join(BaseCell).join(SubmittedNotebook)
    rows = of_lesson(said.join(SubmittedAssignment), lesson, student).all()
    return sorted((name, manual or auto or "") for name, manual, auto in rows)


def _ungraded(lesson: Lesson, student: str | None, graded: Sequence[str]) -> list[str]:
    """Return who of those that are meant handed in a notebook that is not graded."""
    names = set(lesson.submitted_students()).difference(graded)
    return sorted(n for n in names if n == (student or n) and has_notebook(lesson, n))


def _stale(lesson: Lesson, students: Sequence[str]) -> list[str]:
    with nbgrader_api(lesson.course).gradebook as gradebook:
        return [name for name in students if not is_fresh(lesson, gradebook.db, name)]


def _mark(lesson: Lesson, session: Any, student: str) -> str:
    """Return a comment for a page that tells which grade it shows."""
    facts = (
        *(LAYOUT, lesson.course.title, lesson.title, _name(session, student)),
        read_standing(session, lesson, student),
        _comments(session, lesson, student),
        lesson.handed_in(student, "autograded").read_bytes(),
        lesson.course.show_marking,
        deadline_of(lesson),
    )
    return f"<!-- grade {hashlib.sha256(repr(facts).encode()).hexdigest()} -->"


def _write_pages(
    lesson: Lesson, students: Sequence[str], jobs: int, tell: Callable[[str], None]
) -> dict[str, str]:
    """Write the pages, in processes if there are several to do; return why some failed."""
    parts = [students[i : i + AT_A_TIME] for i in range(0, len(students), AT_A_TIME)]
    if jobs == 1 or len(parts) <= 1:
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
        written = min(number * AT_A_TIME, total) - len(failures)
        tell(f"{written} of {total} feedback pages are written ...")
    return failures


def _lost(lesson: Lesson, student: str) -> str:
    """Say why there is no page of an autograded notebook that the gradebook does not have."""
    if student in lesson.submitted_students():
        return LOST
    folder = lesson.handed_in(student, "autograded").parent
    return LEFT.format(lesson.course.shown(folder))


def _write_some(lesson: Lesson, students: Sequence[str]) -> dict[str, str]:
    failures = {}
    with nbgrader_api(lesson.course).gradebook as gradebook:
        for student in students:
            try:
                page = page_of(lesson, gradebook.db, student)
                if page is None:
                    failures[student] = _lost(lesson, student)
                    continue
                text = f"{as_html(page)}\n{_mark(lesson, gradebook.db, student)}\n"
                write_whole(_path(lesson, student), text.encode())
            except OSError as error:
                failures[student] = error.strerror or str(error)
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                reason = f"its autograded notebook is damaged: {type(error).__name__}: {error}"
                failures[student] = reason.rstrip(".")
    return failures
