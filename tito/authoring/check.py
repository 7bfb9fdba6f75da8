"""What is wrong with a lesson, found before a student finds it: cell by cell, with its line.

The static part reads the source; the other one grades the lesson's own solutions, which have to
get full points, and the released stubs, which have to get none.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tito.authoring.conversion import BEGIN, END
from tito.conditions.results import CellVerdict, Check
from tito.errors import TitoError
from tito.files import files_below
from tito.grading.gradebook.basis import Basis
from tito.grading.gradebook.cell_metadata import read_verdicts
from tito.grading.judge.notebook import load_checks
from tito.grading.pipeline.grade import GradingContext, Submission, grade_submission
from tito.grading.sandbox.mode import choose_sandbox
from tito.lesson import (
    Cell,
    Lesson,
    Notebook,
    answers_in,
    code_cells,
    grade_id,
    is_answer,
    is_graded,
    is_locked,
    is_solution,
    points_of,
)
from tito.notebooks import (
    broken_cells,
    cell_lines,
    instructor_notebook,
    notebook_text,
    released_notebook,
)
from tito.selftest.missing_names import free_names
from tito.source_cells import read_cell

__all__ = ["Finding", "check_lesson"]

NAME = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Finding:
    """A fault of a lesson: the line of its source, the cell, what is wrong and what to do.

    With a `warning` the lesson can be graded all the same.
    """

    line: int
    cell: str
    fact: str
    remedy: str
    warning: bool = False


def check_lesson(lesson: Lesson, *, run: bool = True) -> list[Finding]:
    """Return what is wrong with a lesson, in the order of its source; empty if nothing is.

    Parameters
    ----------
    lesson : Lesson
        The lesson: its source and its checks.py are read.
    run : bool
        Whether solutions and stubs are graded, in the sandbox of settings.ini.

    Raises
    ------
    TitoError
        If the source cannot be read, or the sandbox does not hold on this machine.
    """
    notebook = instructor_notebook(lesson)
    places = cell_lines(lesson, notebook)
    found = [
        Finding(line, grade_id(cell), f"It is not Python: {reason}.", "Correct it.")
        for cell, line, reason in broken_cells(notebook, places)
    ]
    found += [*_of_cells(notebook, places), *_of_graded(notebook, places)]
    try:
        checks = load_checks(lesson.course, lesson.assignment)
    except TitoError as error:
        return [*found, Finding(1, lesson.checks.name, error.fact, error.remedy)]
    except Exception as error:  # whatever its author wrote
        fact = f"checks.py raises {type(error).__name__}: {error}"
        return [*found, Finding(1, lesson.checks.name, fact, "Correct it.")]
    if not found:
        found += _of_checks(notebook, places, checks)
    if run and all(finding.warning for finding in found):
        found += _of_grading(lesson, notebook, places)
    return sorted(found, key=lambda finding: finding.line)


def _of_cells(notebook: Notebook, places: Mapping[str, int]) -> Iterator[Finding]:
    """Yield faults of single cells: ids, metadata, markers."""
    names = Counter(grade_id(cell) for cell in notebook.cells if grade_id(cell))
    seen: set[str] = set()
    for cell in notebook.cells:
        name, line = grade_id(cell), places.get(cell["id"], 1)
        meta: dict[str, Any] = cell.metadata.get("nbgrader", {})
        if meta and not name:
            yield Finding(line, "", "The cell has no grade_id.", "Give it one, as in matmul-cache.")
            continue
        if not meta:
            if cell.cell_type == "code" and BEGIN in cell.source:
                remedy = 'Give the cell nbgrader metadata with "solution": true, or remove it.'
                yield Finding(line, "", "A solution in a cell that is none.", remedy)
            continue
        if names[name] > 1 and name in seen:
            yield Finding(line, name, "Its grade_id is used twice.", "Rename one of them.")
        seen.add(name)
        if not NAME.fullmatch(name):
            fact = "Its grade_id has characters other than letters, digits, _ and -."
            yield Finding(line, name, fact, "Rename it.")
        yield from _of_metadata(cell, name, line, meta)
        if is_solution(cell) and cell.cell_type == "code":
            yield from _of_solution(cell, name, line)


def _of_metadata(cell: Cell, name: str, line: int, meta: Mapping[str, Any]) -> Iterator[Finding]:
    missing = [key for key in ("grade", "locked", "solution", "schema_version") if key not in meta]
    if missing:
        yield Finding(line, name, f"Its metadata lack {', '.join(missing)}.", "Add them.")
        return
    points = meta.get("points")
    if meta["grade"] and (not isinstance(points, int | float) or points < 0):
        yield Finding(line, name, f"Its points are {points!r}.", "Give a number of 0 or more.")
    if meta["grade"] and not meta["solution"] and not meta["locked"]:
        yield Finding(line, name, "A graded cell that students may change.", "Lock it.")
    if cell.cell_type == "markdown" and meta["grade"] != meta["solution"] and not meta["locked"]:
        fact = "A Markdown cell is graded, or a solution, but not both."
        yield Finding(line, name, fact, "A written answer is both.")


def _of_solution(cell: Cell, name: str, line: int) -> Iterator[Finding]:
    begins, ends = cell.source.count(BEGIN), cell.source.count(END)
    if begins != ends:
        fact = f"{begins} times {BEGIN} and {ends} times {END}."
        yield Finding(line, name, fact, "Close each region.")
    if not begins and not is_answer(cell):
        fact = "Nothing is marked as solution, so students get all of it replaced by a stub."
        yield Finding(line, name, fact, f"Put the solution between {BEGIN} and {END}.")


def _of_graded(notebook: Notebook, places: Mapping[str, int]) -> Iterator[Finding]:
    if any(map(is_solution, notebook.cells)) and not any(map(is_graded, notebook.cells)):
        yield Finding(1, "", "The lesson has no graded cell.", "Give a cell grade and points.")
    defined: set[str] = set()
    later = {
        name: grade_id(cell) or "another cell"
        for cell in reversed(list(code_cells(notebook)))
        for name in read_cell("", cell.source).defines
    }
    for cell in code_cells(notebook):
        read = read_cell(grade_id(cell), cell.source)
        if is_graded(cell) and not is_answer(cell):
            for name in sorted(free_names(cell.source) & later.keys() - defined):
                fact = f"It uses {name}, which is defined below it, in {later[name]}."
                yield Finding(places.get(cell["id"], 1), grade_id(cell), fact, "Move it up.")
        defined |= read.defines


def _of_checks(
    notebook: Notebook, places: Mapping[str, int], checks: Mapping[str, Check]
) -> Iterator[Finding]:
    """Yield what checks.py and the cells do not agree on."""
    graded = {grade_id(c): c for c in code_cells(notebook) if is_graded(c) and not is_answer(c)}
    solutions = {grade_id(c): c for c in code_cells(notebook) if is_solution(c)}
    for name, check in checks.items():
        if name not in graded:
            yield Finding(1, name, "checks.py has it, the lesson does not.", "Remove or rename it.")
            continue
        cell, line = graded[name], places.get(graded[name]["id"], 1)
        if abs(check.points - points_of(cell)) > 1e-9:
            worth = f"{check.points:g} points, the cell has {points_of(cell):g}"
            fact = f"Its conditions add up to {worth}."
            yield Finding(line, name, fact, "Make both the same.")
        for share in check.shares:
            if share.points <= 0:
                fact = f"The condition {share.condition.__name__} is worth nothing."
                yield Finding(line, name, fact, "Give it points, or remove it.")
        if check.solution not in solutions:
            fact = f"checks.py names the solution cell {check.solution}, which is not there."
            yield Finding(line, name, fact, "Name the cell that defines the function.")
        elif check.function not in read_cell("", solutions[check.solution].source).defines:
            fact = f"The cell {check.solution} does not define {check.function}."
            yield Finding(line, name, fact, "Name the function that the cell defines.")
    for name, cell in graded.items():
        if name not in checks and is_locked(cell):
            fact = "No entry in checks.py: its asserts run in the student's own process."
            remedy = "A student can fool them: give it conditions in checks.py."
            yield Finding(places.get(cell["id"], 1), name, fact, remedy, warning=True)


def _of_grading(lesson: Lesson, notebook: Notebook, places: Mapping[str, int]) -> Iterator[Finding]:
    """Yield solutions that do not get full points, and stubs that get some."""
    released = released_notebook(lesson)
    context = GradingContext(
        release=notebook_text(released_notebook(lesson, hidden=True)),
        checks=lesson.read_checks(),
        limits=lesson.course.limits,
        sandbox=choose_sandbox(lesson.course.sandbox, course=lesson.course).name,
        probed=True,
        files=tuple((name, path.read_bytes()) for name, path in files_below(lesson.files).items()),
    )
    lines = {grade_id(c): places.get(c["id"], 1) for c in notebook.cells if grade_id(c)}
    for verdict in _verdicts(context, notebook):
        if verdict.verdict != "review" and verdict.score < verdict.max_score:
            score = f"{verdict.score:g} of {verdict.max_score:g}"
            fact = f"The lesson's own solution gets {score} points: {verdict.message}"
            yield Finding(lines[verdict.grade_id], verdict.grade_id, fact, "Correct one of both.")
    for verdict in _verdicts(context, released):
        if verdict.score > 0:
            fact = f"What is released gets {verdict.score:g} of {verdict.max_score:g} points."
            remedy = "A check has to fail on the stub."
            yield Finding(lines[verdict.grade_id], verdict.grade_id, fact, remedy)


def _verdicts(context: GradingContext, notebook: Notebook) -> list[CellVerdict]:
    """Grade a notebook as a submission; answers, which a person reads, are left out."""
    from nbformat.v4 import reads_json

    data = notebook_text(notebook).encode()
    result = grade_submission(context, Submission("", Basis(), data=data))
    if result.status != "graded":
        raise TitoError(
            f"The lesson cannot be graded: {result.reason.rstrip('.')}.", "Look at its cells."
        )
    answers = {grade_id(cell) for cell in answers_in(notebook)}
    graded = reads_json(result.notebook)
    return [verdict for verdict in read_verdicts(graded) if verdict.grade_id not in answers]
