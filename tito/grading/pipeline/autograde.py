"""Autograding a class: each submission on its own, none stops another, none is graded twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from traceback import format_exc
from typing import Protocol

from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.course_tree import (
    NotStored,
    fingerprint,
    graded_fingerprint,
    handed_in_at,
    the_only_grader,
)
from tito.grading.gradebook.writer import Writer
from tito.grading.intake.read import TIMESTAMP, Rejected, read_bytes
from tito.grading.pipeline.grade import Examined, HandedIn, Material
from tito.grading.pipeline.schedule import examine_all
from tito.grading.sandbox.mode import choose_sandbox
from tito.grading.workers import Workers
from tito.grading.workers.pool import LocalPool
from tito.lesson import Lesson, read_notebook

__all__ = ["TIMESTAMP", "Graded", "Watch", "autograde"]

MISSING = "The submission holds no {}."
MOST_ID = 128
"""The longest id of a student, in bytes; nbgrader's column takes as many."""


@dataclass(frozen=True)
class Graded:
    """How the autograding of one submission ended.

    ``status`` is ``graded``; ``rejected``, which is graded with 0 as it cannot be read; ``kept``,
    as it was graded before; or ``failed``. ``seconds`` is the wall time of each stage, and
    ``error`` the traceback of what should not have happened. ``seed`` is where the judge's hidden
    inputs come from.
    """

    student: str
    status: str
    reason: str = ""
    score: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    error: str = ""


class Watch(Protocol):
    """Who is told how a run goes."""

    def started(self, lesson: Lesson, total: int) -> None:
        """Hear of which lesson there are how many submissions."""

    def done(self, graded: Graded) -> None:
        """Hear of one submission."""


def autograde(
    lesson: Lesson,
    students: Iterable[str] = (),
    *,
    force: bool = False,
    sandbox: str = "",
    jobs: int = 1,
    scheduler: str = "",
    watch: Watch | None = None,
) -> list[Graded]:
    """Grade the submissions that are new or were changed since they were graded.

    Parameters
    ----------
    lesson : Lesson
        The lesson whose submissions lie under ``assignments/submitted``.
    students : iterable of str
        Whose; default: everybody who handed something in.
    force : bool
        Grade also what is graded already.
    sandbox : str
        One of `tito.grading.sandbox.mode.CHOICES`; default: as in settings.ini.
    jobs : int
        How many processes examine submissions; this one alone writes the gradebook.
    scheduler : str
        The address of a Dask scheduler whose workers examine them instead.
    watch : Watch, optional
        Told what is to be done, and what came of each submission as soon as it is known.

    Raises
    ------
    TitoError
        If the lesson is not released, a named student handed in nothing, the sandbox does not hold
        on this machine, the gradebook or the folder cannot be written, another grader is at work,
        or the scheduler does not answer. What was graded before is kept.
    """
    names = _chosen(lesson, list(students))
    results: list[Graded] = []

    def note(graded: Graded) -> None:
        results.append(graded)
        if watch is not None:
            watch.done(graded)

    with ExitStack() as stack:
        stack.enter_context(the_only_grader(lesson))
        writer = stack.enter_context(Writer(lesson))
        if watch is not None:
            watch.started(lesson, len(names))
        times: dict[str, datetime | None] = {}
        due = _due(writer, names, force, times, note)
        first = next(due, None)
        if first is None:  # then there is no need for workers, nor for a sandbox
            return results
        workers = _workers(jobs, scheduler)
        stack.callback(workers.close)
        workers.warm_up()
        material = _material(lesson, sandbox or lesson.course.sandbox, bool(scheduler))
        for examined in examine_all(workers, material, chain([first], due)):
            note(_entered(writer, examined, times.pop(examined.student)))
    return results


def _workers(jobs: int, scheduler: str) -> Workers:
    if not scheduler:
        return LocalPool(jobs)
    from tito.grading.workers.dask import Cluster

    return Cluster(scheduler)


def _material(lesson: Lesson, sandbox: str, elsewhere: bool) -> Material:
    """What it takes to examine; the sandbox is tried on the machine that uses it."""
    checks = lesson.folder / "checks.py"
    return Material(
        release=_graded_release(lesson),
        checks=checks.read_text(encoding="utf-8") if checks.exists() else "",
        limits=lesson.course.limits,
        sandbox=sandbox if elsewhere else choose_sandbox(sandbox).name,
        probed=not elsewhere,
    )


def _graded_release(lesson: Lesson) -> str:
    """The release as nbgrader grades it: with the hidden tests that students do not get."""
    import nbformat
    from nbgrader.preprocessors import OverwriteCells, OverwriteKernelspec

    api = nbgrader_api(lesson.course)
    facts = {"notebook": lesson.name, "assignment": lesson.assignment}
    resources = {"nbgrader": {**facts, "db_url": api.coursedir.db_url}}
    notebook = read_notebook(lesson.released)
    for step in (OverwriteKernelspec, OverwriteCells):
        notebook, _ = step(config=api.config).preprocess(notebook, resources)
    text: str = nbformat.writes(notebook)
    return text


def _chosen(lesson: Lesson, students: list[str]) -> list[str]:
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
        folder = lesson.course.assignments / "submitted"
        raise TitoError(
            f"Nobody has handed in anything for {lesson.assignment}.",
            f"Run `tito nbgrader collect {lesson.name}`, or put submissions into {folder}.",
        )
    return students or there


def _due(
    writer: Writer,
    students: Iterable[str],
    force: bool,
    times: dict[str, datetime | None],
    note: Callable[[Graded], None],
) -> Iterator[HandedIn]:
    """Yield what is to be examined, read when it is asked for; note the rest."""
    lesson = writer.lesson
    for student in students:
        found = _read(lesson, student, force, times)
        if isinstance(found, HandedIn):
            yield found
            continue
        if found is None:
            writer.write_missing(student)
        note(found or Graded(student, "graded", MISSING.format(lesson.notebook_name)))


def _read(
    lesson: Lesson, student: str, force: bool, times: dict[str, datetime | None]
) -> HandedIn | Graded | None:
    """What a student handed in, or why it is not graded; None if there is no notebook.

    Whatever goes wrong here is the matter of this one student.
    """
    try:
        path = lesson.handed_in(student)
        if not student.isprintable() or len(student.encode(errors="replace")) > MOST_ID:
            raise TitoError(f"{student!r} cannot be a student's id.", "Rename the folder.")
        if not path.exists() and not path.is_symlink():
            return None
        mark = fingerprint(path, lesson.course)
        if not force and mark == graded_fingerprint(lesson, student):
            return Graded(student, "kept")
        times[student] = handed_in_at(lesson, student)
        return HandedIn(student, mark, data=read_bytes(path, lesson.course.limits))
    except Rejected as rejected:
        return HandedIn(student, mark, rejected=rejected.fact)
    except TitoError as error:
        return Graded(student, "failed", str(error))
    except Exception as error:
        reason = f"It cannot be read: {type(error).__name__}: {error}"
        return Graded(student, "failed", reason, error=format_exc())


def _entered(writer: Writer, examined: Examined, handed_in: datetime | None) -> Graded:
    """Write what was examined, and say what came of it."""
    student, reason = examined.student, examined.reason
    if examined.status == "failed":
        return Graded(student, "failed", reason, seconds=examined.seconds, error=examined.error)
    try:
        left_out = writer.write(student, examined.notebook, handed_in)
    except NotStored as error:
        return Graded(student, "failed", str(error), seconds=examined.seconds)
    if left_out and not reason:
        reason = f"Left out: {'; '.join(left_out)}."
    score, seconds, seed = examined.score, examined.seconds, examined.seed
    return Graded(student, examined.status, reason, score, seconds, seed)
