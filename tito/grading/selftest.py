"""What `tito test` runs: the released checks on the solutions in a student's own file."""

from dataclasses import dataclass
from pathlib import Path

from tito.conditions.results import CellVerdict
from tito.errors import TitoError
from tito.grading.assignment import student_notebook
from tito.grading.execution import run_notebook
from tito.grading.intake.read import read_submission
from tito.grading.intake.rebuild import rebuild
from tito.grading.verdicts import answer_verdict, verdicts_of
from tito.lesson import Lesson, Notebook, answers_in, grade_id, is_graded

__all__ = ["CheckResult", "choose_file", "run_checks"]


@dataclass(frozen=True)
class CheckResult:
    """The verdicts on a file, the points they add up to, and what was noticed while reading it.

    ``cells`` are the checks; ``answers``, which a person reads, count for neither sum.
    """

    assignment: str
    score: float
    max_score: float
    notes: list[str]
    cells: list[CellVerdict]
    answers: list[CellVerdict]


def choose_file(lesson: Lesson, file: Path | None) -> tuple[Path, str]:
    """Return the file to test and a remark on it: the one named, else the working copy.

    Raises
    ------
    TitoError
        If there is no such file.
    """
    if file is not None:
        if not file.is_file():
            raise TitoError(f"There is no file {file}.", "Check the name.", exit_code=2)
        return file, _remark(lesson, file)
    for candidate in (lesson.working_copy, lesson.source):
        if candidate.is_file():
            return candidate, _remark(lesson, candidate)
    raise TitoError(
        f"There is no working copy of {lesson.name} here.",
        f"Make one with `tito notebook {lesson.name}`, or name your file.",
        exit_code=2,
    )


def _remark(lesson: Lesson, file: Path) -> str:
    if file.resolve() != lesson.source.resolve():
        return ""
    return (
        f", the lesson's own source, solutions included"
        f" (a working copy of your own: `tito notebook {lesson.name}`)"
    )


def run_checks(lesson: Lesson, file: Path) -> CheckResult:
    """Run the released checks of `lesson` on the solutions in `file`, with the user's own rights.

    Raises
    ------
    TitoError
        If the file is no notebook, or the lesson has nothing to check.
    """
    cells = read_submission(file, lesson.course.limits)
    released = student_notebook(lesson)
    notebook, notes = rebuild(released, cells)
    if not any(is_graded(cell) for cell in notebook.cells):
        raise TitoError(f"The lesson {lesson.name} has no checks.", "Name one that has.")
    if file.resolve() == lesson.source.resolve():
        notes = []  # its locked cells differ by what students do not get, and rightly so
    answers = _answers(notebook, released)
    notes += [f"{a.grade_id}: {a.message}" for a in answers if a.verdict == "failed"]
    execution = run_notebook(notebook, lesson.course.limits, file.resolve().parent)
    verdicts = verdicts_of(execution, believe_outputs=True)
    return CheckResult(
        assignment=lesson.assignment,
        score=sum(v.score for v in verdicts),
        max_score=sum(v.max_score for v in verdicts),
        notes=notes,
        cells=verdicts,
        answers=answers,
    )


def _answers(notebook: Notebook, released: Notebook) -> list[CellVerdict]:
    given = {grade_id(cell): cell.source for cell in answers_in(released)}
    return [
        answer_verdict(cell, written=cell.source != given[grade_id(cell)])
        for cell in answers_in(notebook)
    ]
