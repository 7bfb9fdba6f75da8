"""What `tito test` runs: the released checks on the solutions in a student's own file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tito.conditions.results import MIME_TYPE, CellVerdict
from tito.course import Limits
from tito.errors import TitoError
from tito.grading.intake.read import SubmittedCell, read_submission
from tito.grading.intake.rebuild import rebuild
from tito.grading.judge.source_cells import SolutionCell, needed_cells, read_cell
from tito.grading.verdicts import Execution, answer_verdict, verdicts_of
from tito.lesson import (
    Cell,
    Lesson,
    Notebook,
    answers_in,
    code_cells,
    grade_id,
    is_exported,
    is_graded,
    is_locked,
    is_solution,
)
from tito.notebooks import student_notebook
from tito.selftest.elsewhere import elsewhere, magic_values
from tito.selftest.locked_cells import LockedCell, run_locked_cells

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


def choose_file(lesson: Lesson, file: Path | None, *, source: bool = False) -> Path:
    """Return the file to test: the lesson's `source`, the one named, or the working copy.

    Raises
    ------
    TitoError
        If there is no such file.
    """
    if source or file is not None:
        chosen = lesson.source if source else file
        if chosen is None or not chosen.is_file():
            raise TitoError(f"There is no file {chosen}.", "Check the name.", exit_code=2)
        return chosen
    if not lesson.working_copy.is_file():
        raise TitoError(
            f"There is no {lesson.course.shown(lesson.working_copy)}.",
            f"Make it with `tito notebook {lesson.name}`, or name your file.",
            exit_code=2,
        )
    return lesson.working_copy


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
    plan = _Plan(notebook)
    execution = _run(plan, lesson.course.limits, file.resolve().parent)
    verdicts = verdicts_of(execution, believe_outputs=True)
    notes += _missing(plan, verdicts, cells)
    return CheckResult(
        assignment=lesson.assignment,
        score=sum(v.score for v in verdicts),
        max_score=sum(v.max_score for v in verdicts),
        notes=notes,
        cells=verdicts,
        answers=answers,
    )


class _Plan:
    """What to run: the locked checks, each with the cells that the grader would load."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        cells = list(code_cells(notebook))
        plain = [cell for cell in cells if not is_graded(cell) and not is_solution(cell)]
        self.given = [cell.source for cell in plain if is_exported(cell)]
        self.tools = [c.source for c in plain if is_locked(c) and not is_exported(c)]
        self.solutions = {
            grade_id(c): read_cell(grade_id(c), c.source) for c in cells if is_solution(c)
        }
        self.checks = self._checks(cells)
        self.needed: Mapping[str, Sequence[SolutionCell]] = {
            name: self._needed(cell) for name, cell in self.solutions.items()
        }

    def locked(self, solution: SolutionCell, cell: Cell) -> LockedCell:
        """Return a locked cell with what it needs."""
        loaded = [(f"given-{i}", source) for i, source in enumerate(self.given)]
        loaded += [(each.name, each.source) for each in self.needed[solution.name]]
        return LockedCell(cell.source, tuple(loaded))

    def _needed(self, cell: SolutionCell) -> list[SolutionCell]:
        needed = needed_cells(cell, self.solutions, self.given)
        return [each for each in needed if each.tree is not None]

    def _checks(self, cells: Sequence[Cell]) -> list[tuple[SolutionCell, Cell]]:
        """Return each check with the cell that defines its function: by place, else by name."""
        checks, before = [], None
        for cell in cells:
            if is_solution(cell):
                before = self.solutions[grade_id(cell)]
            elif is_graded(cell) and before is not None:
                checks.append((self._definer(read_cell("", cell.source), before), cell))
        return checks

    def _definer(self, check: SolutionCell, before: SolutionCell) -> SolutionCell:
        if before.tree is None or check.uses & before.defines:
            return before
        others = (cell for cell in self.solutions.values() if check.uses & cell.defines)
        return next(others, before)


def _run(plan: _Plan, limits: Limits, folder: Path) -> Execution:
    """Run the checks; return how they ended, with what they found as their cells' outputs."""
    from nbformat.v4 import new_output

    execution = Execution(plan.notebook)
    cells = [plan.locked(solution, cell) for solution, cell in plan.checks]
    found = run_locked_cells(cells, _tools_needed(plan), limits, folder)
    for (_, cell), (outcome, results) in zip(plan.checks, found, strict=True):
        execution.outcomes[cell.id] = outcome
        data = {MIME_TYPE: [asdict(result) for result in results]}
        cell.outputs = [new_output("display_data", data)] if results else []
    return execution


def _missing(
    plan: _Plan, verdicts: Sequence[CellVerdict], submitted: Sequence[SubmittedCell]
) -> list[str]:
    """Say what the grader will not have of that which the cells of failed checks use."""
    failed = {verdict.grade_id for verdict in verdicts if verdict.verdict != "passed"}
    asked = {solution.name: None for solution, cell in plan.checks if grade_id(cell) in failed}
    needed = {name: plan.needed[name] for name in asked}
    sources = {grade_id(cell): cell.source for cell in plan.notebook.cells if is_solution(cell)}
    values = {note for name in needed for note in magic_values(name, sources[name])}
    return elsewhere(needed, plan.given, submitted, set(plan.solutions)) + sorted(values)


def _tools_needed(plan: _Plan) -> list[str]:
    """Return the lesson's own cells and those of its locked cells that define what checks use."""
    used = {name for _, cell in plan.checks for name in read_cell("", cell.source).uses}
    return [*plan.given, *(s for s in plan.tools if read_cell("", s).defines & used)]


def _answers(notebook: Notebook, released: Notebook) -> list[CellVerdict]:
    given = {grade_id(cell): cell.source for cell in answers_in(released)}
    return [
        answer_verdict(cell, written=cell.source != given[grade_id(cell)])
        for cell in answers_in(notebook)
    ]
