"""Autograding a class: each submission on its own, none stops another, none is graded twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from traceback import format_exc
from typing import Protocol

from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.basis import (
    Basis,
    basis_of,
    common_basis,
    forced_marks,
    record_marks,
    recorded_basis,
)
from tito.grading.gradebook.course_tree import (
    NotStored,
    assignment_lock,
    handed_in_at,
    has_notebook,
)
from tito.grading.gradebook.writer import Writer
from tito.grading.intake.read import TIMESTAMP, Rejected, read_bytes
from tito.grading.pipeline.grade import GradingContext, GradingResult, Submission
from tito.grading.pipeline.schedule import grade_all
from tito.grading.pipeline.solved import require_solved
from tito.grading.sandbox.mode import choose_sandbox
from tito.grading.workers import Workers
from tito.grading.workers.pool import LocalPool
from tito.lesson import Lesson, read_generated

__all__ = [
    "TIMESTAMP",
    "GradingResult",
    "How",
    "Reader",
    "Watch",
    "autograde",
    "chosen",
    "grade_due",
]

MISSING = "The submission holds no {}."
MOST_ID = 128
"""The longest id of a student, in bytes; nbgrader's column takes as many."""

UNCHANGED = GradingResult("", "kept")
"""Stands for a submission whose points depend on nothing that changed."""


class Watch(Protocol):
    """Receives the progress of a run."""

    def started(self, lesson: Lesson, total: int) -> None:
        """Take note that a run begins, and of how many submissions."""

    def done(self, graded: GradingResult) -> None:
        """Take note of the result of one submission."""


def autograde(
    lesson: Lesson,
    students: Iterable[str] = (),
    *,
    force: bool = False,
    sandbox: str = "",
    jobs: int = 1,
    scheduler: str = "",
    watch: Watch | None = None,
    dry_run: bool = False,
) -> list[GradingResult]:
    """Grade the submissions whose points depend on something that changed since they were graded.

    What needs no code to run is entered without: a new deadline, another gradebook.

    Parameters
    ----------
    lesson : Lesson
        The lesson whose submissions lie under ``assignments/submitted``.
    students : iterable of str
        Whose; default: everybody who handed something in.
    force : bool
        Grade also what is graded already.
    sandbox : str
        One of `tito.course.SANDBOXES`; default: as in settings.ini.
    jobs : int
        How many processes grade submissions; this one alone writes the gradebook.
    scheduler : str
        The address of a Dask scheduler whose workers grade them instead.
    watch : Watch, optional
        Told how many submissions there are, and the result of each as soon as it is known.
    dry_run : bool
        Change nothing; say what would be graded or entered, and why.

    Raises
    ------
    TitoError
        If the lesson is not released, a named student handed in nothing, the checks refuse the
        lesson's own solutions, the sandbox does not hold
        on this machine, the gradebook or the folder cannot be written, another grader is at work,
        or the scheduler does not answer. What was graded before is kept.
    """
    names = chosen(lesson, students)
    marks = forced_marks(names) if force else {}
    with assignment_lock(lesson):
        if not dry_run:
            record_marks(lesson, marks)
        with Writer(lesson, dry_run=dry_run) as writer:
            reader = Reader(writer, marks, only_foretell=dry_run)
            return grade_due(reader, names, How(sandbox, jobs, scheduler), watch)


@dataclass(frozen=True)
class How:
    """How submissions are judged: in which sandbox, by how many processes, on whose cluster."""

    sandbox: str = ""
    jobs: int = 1
    scheduler: str = ""


@dataclass(frozen=True)
class Reader:
    """What it takes to look at submissions.

    Parameters
    ----------
    writer : Writer
        Takes their results.
    marks : mapping of str to str
        Of those that are to be graded again whatever they are.
    only_foretell : bool
        Whether to say what is due, and to judge nothing.
    handed_in : dict of str to datetime or None
        Receives when they were handed in.
    """

    writer: Writer
    marks: Mapping[str, str] = field(default_factory=dict)
    only_foretell: bool = False
    handed_in: dict[str, datetime | None] = field(default_factory=dict)


def grade_due(
    reader: Reader,
    names: Sequence[str],
    how: How,
    watch: Watch | None = None,
    keep: Callable[[GradingResult], None] = lambda result: None,
) -> list[GradingResult]:
    """Judge what is due of these students, and write the results; return one for everyone.

    ``keep`` receives each notebook that was judged. Raises as `autograde` does.
    """
    results: list[GradingResult] = []

    def note(graded: GradingResult) -> None:
        results.append(graded)
        if watch is not None:
            watch.done(graded)

    writer, lesson = reader.writer, reader.writer.lesson
    if watch is not None:
        watch.started(lesson, len(names))
    due = _due(reader, names, note)
    first = next(due, None)
    if reader.only_foretell and any(result.status == "due" for result in results):
        try_checks(lesson, How(how.sandbox, 1, how.scheduler), note=False, db_url=writer.db_url)
    if first is None:  # then there is no need for workers, nor for a sandbox
        return results
    with closing(_workers(how.jobs, how.scheduler)) as workers:
        workers.warm_up()
        context = _context(lesson, how, writer.db_url)
        require_solved(lesson, context, workers)
        for result in grade_all(workers, context, chain([first], due)):
            keep(result)
            note(_entered(writer, result, reader.handed_in[result.student]))
    return results


def try_checks(lesson: Lesson, how: How = How(), *, note: bool = True, db_url: str = "") -> None:
    """Grade the lesson's own solutions, as before a class is graded; see `require_solved`.

    `db_url` is the gradebook with the cells of the release, if it is not the course's.
    """
    with closing(_workers(how.jobs, how.scheduler)) as workers:
        context = _context(lesson, how, db_url or lesson.course.gradebook_url)
        require_solved(lesson, context, workers, note=note)


def _workers(jobs: int, scheduler: str) -> Workers:
    if not scheduler:
        return LocalPool(jobs)
    from tito.grading.workers.dask import Cluster

    return Cluster(scheduler)


def _context(lesson: Lesson, how: How, db_url: str) -> GradingContext:
    """What grading needs beside submissions; the sandbox is tried where it is used."""
    sandbox, elsewhere = how.sandbox or lesson.course.sandbox, bool(how.scheduler)
    return GradingContext(
        release=_graded_release(lesson, db_url),
        checks=lesson.read_checks(),
        limits=lesson.course.limits,
        sandbox=sandbox if elsewhere else choose_sandbox(sandbox, course=lesson.course).name,
        probed=not elsewhere,
        files=tuple((name, path.read_bytes()) for name, path in lesson.released_files().items()),
    )


def _graded_release(lesson: Lesson, db_url: str) -> str:
    """The release as nbgrader grades it: with the hidden tests that students do not get."""
    import nbformat
    from nbgrader.preprocessors import OverwriteCells, OverwriteKernelspec

    api = nbgrader_api(lesson.course)
    facts = {"notebook": lesson.name, "assignment": lesson.assignment}
    resources = {"nbgrader": {**facts, "db_url": db_url}}
    notebook = read_generated(lesson, lesson.released)
    for step in (OverwriteKernelspec, OverwriteCells):
        notebook, _ = step(config=api.config).preprocess(notebook, resources)
    text: str = nbformat.writes(notebook)
    return text


def chosen(lesson: Lesson, students: Iterable[str]) -> list[str]:
    """Return whose submissions are meant: those named, else everybody's.

    Raises
    ------
    TitoError
        If the lesson is not released, or one of them handed in nothing.
    """
    students = list(dict.fromkeys(students))
    if not lesson.released.exists():
        remedy = f"Run `tito nbgrader generate {lesson.name}` first."
        raise TitoError(f"There is no release of {lesson.assignment}.", remedy)
    there = lesson.submitted_students()
    for name in students:
        if name not in there:
            raise TitoError(
                f"{name} has handed in nothing for {lesson.assignment}.",
                "Collect the submission first, or check the name.",
            )
    if not there:
        remedy = f"or put submissions into {lesson.course.submitted}."
        raise TitoError(
            f"Nobody has handed in anything for {lesson.assignment}.",
            f"Run `tito nbgrader collect {lesson.name}`, {remedy}",
        )
    return students or there


def _due(
    reader: Reader, students: Iterable[str], note: Callable[[GradingResult], None]
) -> Iterator[Submission]:
    """Yield what is to be judged, read when it is asked for; note the rest."""
    common = common_basis(reader.writer.lesson)
    for student in students:
        found = _looked_at(reader, student, common)
        if isinstance(found, Submission):
            yield found
        else:
            note(found)


def _looked_at(reader: Reader, student: str, common: Basis) -> Submission | GradingResult:
    """What a student handed in, or its result where no code has to run."""
    found = _read(reader, student, common)
    if found is None:
        return _missing(reader, student)
    if found is UNCHANGED:
        written = reader.writer.settle(student, reader.handed_in[student])
        if written is None:
            return GradingResult(student, "kept")
        return GradingResult(student, "entered", written.reason, written.after, written.before)
    return found


def _read(reader: Reader, student: str, common: Basis) -> Submission | GradingResult | None:
    """What a student handed in, or why it is not graded; None if there is no notebook.

    Whatever goes wrong here is the matter of this one student.
    """
    lesson = reader.writer.lesson
    try:
        path = lesson.handed_in(student)
        if not student.isprintable() or len(student.encode(errors="replace")) > MOST_ID:
            raise TitoError(f"{student!r} cannot be a student's id.", "Rename the folder.")
        if not has_notebook(lesson, student):
            return None
        basis = basis_of(path, lesson.course, common)
        basis = replace(basis, forced=reader.marks.get(student, basis.forced))
        reader.handed_in[student] = handed_in_at(lesson, student)
        before = recorded_basis(lesson, student)
        if not basis.changes(before):
            return UNCHANGED
        if reader.only_foretell:
            graded = reader.writer.grade(student) is not None
            return GradingResult(student, "due", basis.changes(before, graded=graded))
        return Submission(student, basis, data=read_bytes(path, lesson.course.limits))
    except Rejected as rejected:
        return Submission(student, basis, rejected=rejected.fact)
    except TitoError as error:
        return GradingResult(student, "failed", str(error))
    except Exception as error:
        reason = f"It cannot be read: {type(error).__name__}: {error}"
        return GradingResult(student, "failed", reason, error=format_exc())


def _missing(reader: Reader, student: str) -> GradingResult:
    """Enter a submission that holds no notebook."""
    try:
        written = reader.writer.write_missing(student)
    except NotStored as error:
        return GradingResult(student, "failed", str(error))
    if written is None:
        return GradingResult(student, "kept")
    reason = MISSING.format(reader.writer.lesson.notebook_name)
    return GradingResult(student, "rejected", reason, written.after, written.before)


def _entered(writer: Writer, result: GradingResult, handed_in: datetime | None) -> GradingResult:
    """Write what a submission got, and return it with the grade that counts."""
    done = replace(result, notebook="", notes=())
    if result.status == "failed":
        return done
    try:
        written = writer.write(result.student, result.notebook, handed_in)
    except NotStored as error:
        return replace(done, status="failed", reason=str(error), score=None, seed=0)
    reason = result.reason or " ".join([*result.notes, *written.notes])
    return replace(done, reason=reason, score=written.after, before=written.before)
