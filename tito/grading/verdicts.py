"""Verdicts: what the outcome of each graded cell is worth, and why, in words for a student."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from tito.conditions.results import CellVerdict, ConditionResult, overall
from tito.lesson import (
    Cell,
    Notebook,
    answers_in,
    grade_id,
    is_answer,
    is_graded,
    is_solution,
    points_of,
)
from tito.source_cells import read_cell

__all__ = [
    "Execution",
    "Outcome",
    "answer_verdict",
    "answer_verdicts",
    "verdict_without_points",
    "verdicts_of",
]

HINT = "\nHint: "
UNDEFINED = re.compile(r"name '(\w+)' is not defined.*")


@dataclass(frozen=True)
class Outcome:
    """How one cell ended: ``ok``, ``error``, ``died``, ``timeout`` or ``skipped``."""

    status: str
    ename: str = ""
    evalue: str = ""


@dataclass
class Execution:
    """An executed notebook, and the outcome of each code cell by its cell id.

    ``results`` are those of a locked cell's conditions, where students test their own work: what
    another process shows is for its owner to change.
    """

    notebook: Notebook
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: dict[str, tuple[ConditionResult, ...]] = field(default_factory=dict)


def verdicts_of(execution: Execution) -> list[CellVerdict]:
    """Return the verdict on each check of an executed notebook, in order."""
    verdicts = []
    solution: Cell | None = None
    for cell in execution.notebook.cells:
        if is_graded(cell) and not is_answer(cell):
            results = execution.results.get(cell.id, ())
            verdicts.append(_verdict(cell, solution, execution.outcomes, results))
        elif is_solution(cell):
            solution = cell
    return verdicts


def answer_verdicts(notebook: Notebook) -> list[CellVerdict]:
    """Return the verdict on each written answer: a person reads it, or there is nothing to read.

    It is nbgrader that says which, so that the gradebook and the verdict agree.
    """
    from nbgrader.utils import determine_grade

    return [
        answer_verdict(cell, written=determine_grade(cell)[0] is None)
        for cell in answers_in(notebook)
    ]


def answer_verdict(cell: Cell, *, written: bool) -> CellVerdict:
    """Return the verdict on one answer; its points are a person's to give."""
    name, points = grade_id(cell), points_of(cell)
    if written:
        return CellVerdict(name, 0.0, points, "review", "A person reads this answer.")
    hint = f"Write your answer into cell {name}."
    return CellVerdict(name, 0.0, points, "failed", "Nothing is written here.", hint)


def verdict_without_points(name: str, outcome: Outcome) -> CellVerdict:
    """Return the verdict on a check that is known by its name only."""
    if outcome.status == "ok":
        return CellVerdict(name, 0.0, 0.0, "passed")
    return _from_failure(outcome, None, None, name, 0.0)


def _verdict(
    cell: Cell,
    solution: Cell | None,
    outcomes: Mapping[str, Outcome],
    results: tuple[ConditionResult, ...],
) -> CellVerdict:
    name, points = grade_id(cell), points_of(cell)
    outcome = outcomes.get(cell.id, Outcome("skipped"))
    told = results and overall(results).verdict != "passed"
    if results and (outcome.status == "ok" or (outcome.status == "error" and told)):
        return _from_results(results, name, points)
    if outcome.status == "ok":
        return _from_value(cell, name, points)
    broken = _broken(solution, outcomes)
    if broken and outcome.status == "error":
        return CellVerdict(
            name, 0.0, points, "not-run", broken, f"Correct {_place(solution)} first."
        )
    return _from_failure(outcome, cell, solution, name, points)


def _from_results(results: tuple[ConditionResult, ...], name: str, points: float) -> CellVerdict:
    worst, score = overall(results), float(sum(result.points for result in results))
    return CellVerdict(name, score, points, worst.verdict, worst.fact, worst.hint, results)


def _from_value(cell: Cell, name: str, points: float) -> CellVerdict:
    """A cell that ran through earns full points, or the part that its value names."""
    value = _last_value(cell)
    if value is None or value == points:
        return CellVerdict(name, points, points, "passed")
    if not 0 <= value <= points:  # NaN fails the comparison too
        message = f"The check ended with {value}, which is no number of points."
        return CellVerdict(name, 0.0, points, "failed", message)
    return CellVerdict(
        name, value, points, "failed", f"The check gave {value:g} of {points:g} points."
    )


def _from_failure(
    outcome: Outcome, cell: Cell | None, solution: Cell | None, name: str, points: float
) -> CellVerdict:
    if outcome.status in ("died", "timeout", "skipped"):
        message = f"The check could not finish: {outcome.evalue or 'it was not reached'}."
        hint = "Look for an endless loop, or a call that ends the process."
        return CellVerdict(name, 0.0, points, "not-run", message, hint)
    if outcome.ename == "NotImplementedError":
        message = "The solution is not written yet."
        return CellVerdict(name, 0.0, points, "failed", message, f"Fill in {_place(solution)}.")
    fact, _, hint = outcome.evalue.partition(HINT)
    missing = UNDEFINED.fullmatch(fact) if outcome.ename == "NameError" else None
    if missing and cell and solution and missing[1] in read_cell("", cell.source).uses:
        defined = get_close_matches(missing[1], read_cell("", solution.source).defines, n=1)
        fact = f"Cell {grade_id(solution)} does not define {missing[1]}"
        fact += f": it defines {defined[0]}." if defined else "."
        hint = "Keep the name that the cell was released with."
    elif not _speaks_for_itself(outcome.ename):
        fact = f"{outcome.ename}: {fact}" if fact else outcome.ename
        hint = hint or f"The error arose while the check called the code of {_place(solution)}."
    return CellVerdict(name, 0.0, points, "failed", fact or "The check failed.", hint)


def _speaks_for_itself(ename: str) -> bool:
    """Whether the error is one that a check raises to say what is wrong."""
    return ename in ("AssertionError", "CheckFailure")


def _broken(solution: Cell | None, outcomes: Mapping[str, Outcome]) -> str:
    """Why the solution cell that a check builds on does not define what it should, if so."""
    if solution is None or solution.cell_type != "code":
        return ""
    cell = read_cell(grade_id(solution), solution.source)
    if cell.tree is None:
        return f"Cell {cell.name} is not Python: {cell.problem}."
    outcome = outcomes.get(solution.id, Outcome("ok"))
    if outcome.status == "error":
        return f"Cell {grade_id(solution)} stopped with {outcome.ename}: {outcome.evalue}."
    if outcome.status != "ok":
        return f"Cell {grade_id(solution)} did not finish: {outcome.evalue}."
    return ""


def _place(solution: Cell | None) -> str:
    return f"cell {grade_id(solution)}" if solution is not None else "the solution cell"


def _last_value(cell: Cell) -> float | None:
    for output in cell.outputs:
        if output.output_type == "execute_result":
            try:
                return float("".join(output.data.get("text/plain", "")))
            except (ValueError, TypeError, AttributeError):
                return None
    return None
