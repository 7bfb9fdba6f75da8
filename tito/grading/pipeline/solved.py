"""Before a class is graded: the lesson's own solutions must get full points from its checks."""

import hashlib
from dataclasses import asdict
from pathlib import Path

from tito.conditions.results import CellVerdict
from tito.course import SETTINGS
from tito.errors import TitoError
from tito.files import write_whole
from tito.grading.gradebook.basis import Basis
from tito.grading.gradebook.cell_metadata import read_verdicts
from tito.grading.gradebook.course_tree import unwritable
from tito.grading.pipeline.grade import GradingContext, Submission
from tito.grading.pipeline.schedule import grade_all
from tito.grading.workers import Workers
from tito.lesson import Lesson

__all__ = ["require_solved"]

TRIES = 2  # a machine may be too busy once to tell the speed of a kernel


def require_solved(
    lesson: Lesson, context: GradingContext, workers: Workers, *, note: bool = True
) -> None:
    """Grade the solutions in the source notebook, unless these very checks were tried before.

    With `note` it is noted for the next time that they were tried.

    Raises
    ------
    TitoError
        If one does not get its points: then a check is wrong, or a limit, and nobody may pay for
        it.
    """
    if not context.checks or not lesson.generated.is_file():
        return
    data = lesson.generated.read_bytes()
    facts = (data, context.release, context.checks, asdict(context.limits), context.engine)
    mark = hashlib.sha256(repr(facts).encode()).hexdigest()
    tried = lesson.course.assignments / f".{lesson.assignment}.tried"
    if tried.is_file() and tried.read_bytes() == mark.encode():
        return
    for _ in range(TRIES):
        problem = _problem(context, workers, data)
        if not problem:
            if note:
                _note(lesson, tried, mark)
            return
    fact = f"The checks of {lesson.name} refuse the lesson's own solutions: {problem}."
    checks = lesson.course.shown(lesson.checks)
    remedy = f"Fix {checks}, or the limits in {SETTINGS}; nobody was graded."
    raise TitoError(fact, remedy)


def _note(lesson: Lesson, path: Path, mark: str) -> None:
    try:
        write_whole(path, mark.encode())
    except OSError as error:
        raise unwritable(error, lesson) from error


def _problem(context: GradingContext, workers: Workers, data: bytes) -> str:
    """Say what is wrong with the grade of the solutions; empty if nothing is."""
    from nbformat.v4 import reads_json

    (result,) = grade_all(workers, context, [Submission("", Basis(), data=data)])
    if result.status != "graded":
        return result.reason.rstrip(".")
    verdicts = read_verdicts(reads_json(result.notebook))
    wrong = [v for v in verdicts if v.conditions and v.verdict != "passed"]
    return "; ".join(map(_told, wrong))


def _told(verdict: CellVerdict) -> str:
    details = [r.detail for r in verdict.conditions if r.verdict == verdict.verdict and r.detail]
    return f"{verdict.grade_id}: {(details or [verdict.message])[0]}".rstrip(".")
