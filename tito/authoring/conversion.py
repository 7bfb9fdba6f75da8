"""Conversion of an nbgrader notebook's cells to those of a lesson of this project.

Grade ids, points and texts stay. What differs is what this project asks of a lesson: tests are
locked, code that others depend on is known to nbgrader, and a task has a cell for the answer.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tito.errors import TitoError
from tito.lesson import (
    Cell,
    Notebook,
    cell_name,
    code_cells,
    grade_id,
    is_answer,
    is_graded,
    is_solution,
    parse_percent,
)
from tito.notebooks import KERNELSPEC, has_autotests, percent_text
from tito.source_cells import read_cell

__all__ = ["BEGIN", "END", "convert"]

KEPT = ("grade", "grade_id", "locked", "points", "schema_version", "solution", "task")
MOST_NAMED, MOST_QUOTED = 5, 40
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
GIVEN = {"grade": False, "schema_version": 3, "solution": False, "task": False}
NO_ANSWER = f"{BEGIN}\nA person reads what is written here.\n{END}"


def convert(notebook: Notebook, name: str) -> tuple[Notebook, list[str]]:
    """Return an nbgrader notebook as the notebook of a lesson, and what was changed, in sentences.

    Parameters
    ----------
    notebook : Notebook
        As its author has it, solutions included.
    name : str
        The name of the lesson.

    Raises
    ------
    TitoError
        If something cannot be kept; names the cell and what to do.
    """
    from nbformat import from_dict

    _require_python(notebook)
    for cell in notebook.cells:
        _upgrade(notebook, cell)
    _require_fit(notebook)
    notes: list[str] = []
    notebook.cells = [new for cell in notebook.cells for new in _converted(notebook, cell, notes)]
    _give(notebook, name, notes)
    notebook.metadata = from_dict({"kernelspec": KERNELSPEC})
    _require_kept(notebook)
    return notebook, notes


def _require_python(notebook: Notebook) -> None:
    spec = notebook.metadata.get("kernelspec", {})
    language = spec.get("language") or notebook.metadata.get("language_info", {}).get("name")
    if str(language or "python").lower() not in ("python", "python3", "ipython"):
        fact = f"The notebook is written in {language}."
        raise TitoError(fact, "Only Python is graded here: keep it in nbgrader's own course.")


def _upgrade(notebook: Notebook, cell: Cell) -> None:
    """Upgrade a cell's metadata to nbgrader's newest schema, and remove what is not used here."""
    from nbgrader.nbgraderformat import MetadataValidator, SchemaTooNewError, ValidationError

    where = f"Cell {cell_name(notebook, cell)}"
    if cell.get("attachments"):
        remedy = "Save it as a file beside the notebook, and name the file in the cell."
        raise TitoError(f"{where} holds a pasted picture.", remedy)
    cell.metadata = {
        key: cell.metadata[key] for key in ("nbgrader", "tags") if key in cell.metadata
    }
    cell.source = re.sub(r"\A(\s*\n)+|\s+\Z", "", cell.source.replace("\r\n", "\n"))
    meta = cell.metadata.get("nbgrader")
    if meta is None:
        return
    validator = MetadataValidator()
    validator.log.disabled = True  # it logs the keys that it leaves out
    try:
        if not isinstance(meta, dict):
            raise ValidationError("they are no table")
        validator.upgrade_cell_metadata(cell)
        validator.validate_cell(cell)
    except (ValidationError, SchemaTooNewError, TypeError, KeyError, ValueError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0].rstrip(".")
        fact = f"{where} has nbgrader metadata that nbgrader refuses: {reason}."
        raise TitoError(fact, "Correct the cell in Jupyter's nbgrader toolbar.") from None
    finally:
        validator.log.disabled = False
    meta = {key: cell.metadata.get("nbgrader", {}).get(key) for key in KEPT}
    used = meta["grade"] or meta["solution"] or meta["locked"] or meta["task"]
    if not used:
        cell.metadata.pop("nbgrader", None)
    else:
        meta["task"] = bool(meta["task"])
        cell.metadata["nbgrader"] = {k: v for k, v in meta.items() if v is not None}


def _require_fit(notebook: Notebook) -> None:
    names = Counter(grade_id(cell) for cell in notebook.cells if grade_id(cell))
    for name, times in names.items():
        if times > 1:
            fact = f"{times} cells have the grade_id {name}."
            raise TitoError(fact, "Give each its own in Jupyter's nbgrader toolbar.")
    for cell in filter(has_autotests, notebook.cells):
        if not is_graded(cell) or is_solution(cell):
            fact = f"Cell {cell_name(notebook, cell)} has AUTOTEST lines, but is no graded test."
            raise TitoError(fact, "Make it one in Jupyter's nbgrader toolbar, or remove the lines.")
    if not any(is_graded(cell) or _is_task(cell) for cell in notebook.cells):
        fact = "The notebook has no graded cell."
        raise TitoError(fact, "Give cells points in Jupyter's nbgrader toolbar.")


def _is_task(cell: Cell) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("task"))


def _converted(notebook: Notebook, cell: Cell, notes: list[str]) -> Iterator[Cell]:
    """Yield the cells that replace a cell, and note what is new."""
    from nbformat.v4 import new_markdown_cell

    name = grade_id(cell)
    if _is_task(cell):
        meta = cell.metadata["nbgrader"]
        answer = {**meta, "grade": True, "locked": False, "solution": True, "task": False}
        question = _free_name(notebook, f"question-{name}")
        cell.metadata["nbgrader"] = {**GIVEN, "grade_id": question, "locked": True}
        notes.append(f"{name}: the task is a question now, with a cell below it for the answer.")
        yield cell
        yield new_markdown_cell(NO_ANSWER, metadata={"nbgrader": answer})
        return
    if is_graded(cell) and not is_answer(cell):
        cell.metadata["nbgrader"]["locked"] = True
    elif is_solution(cell) and not is_answer(cell) and BEGIN not in cell.source:
        cell.source = f"{BEGIN}\n{cell.source}\n{END}"
    yield cell


def _give(notebook: Notebook, name: str, notes: list[str]) -> None:
    """Give metadata to the cells that graded cells may depend on: grading runs no others."""
    cells = list(code_cells(notebook))
    while cells and not is_graded(cells[-1]):
        cells.pop()
    solved = {n for c in cells if is_solution(c) for n in read_cell("", c.source).defines}
    plain, exported = [cell for cell in cells if not grade_id(cell)], False
    for number, cell in enumerate(plain, 1):
        read = read_cell("", cell.source)
        given = {**GIVEN, "grade_id": _free_name(notebook, f"given-{number}")}
        cell.metadata["nbgrader"] = {**given, "locked": bool(read.defines)}
        if read.defines and not read.uses & solved and not cell.source.lstrip().startswith("%%"):
            first = "" if exported else f"#| default_exp core.{name}\n"
            cell.source, exported = f"{first}#| export\n{cell.source}", True
    locked = [grade_id(cell) for cell in plain if cell.metadata["nbgrader"]["locked"]]
    if locked:
        names = ", ".join(locked[:MOST_NAMED]) + (" and others" if locked[MOST_NAMED:] else "")
        one = "it defines" if len(locked) == 1 else "they define"
        notes.append(f"{names}: locked, as {one} names for the graded cells.")


def _free_name(notebook: Notebook, name: str) -> str:
    taken = {grade_id(cell) for cell in notebook.cells}
    while name in taken:
        name += "-"
    return name


def _require_kept(notebook: Notebook) -> None:
    """Require that a percent file keeps every cell as it is."""
    again = parse_percent(Path("lesson.py"), percent_text(notebook)).cells
    for cell, other in zip_longest(notebook.cells, again):
        if cell is None or other is None or _facts(cell) != _facts(other):
            lines = (cell or other).source.split("\n")
            first = next((line for line in lines if not line.startswith("#|")), "")[:MOST_QUOTED]
            fact = f"A percent file cannot keep the cell that begins with {first!r}."
            remedy = "Look for a line like `# %%` in it, or an odd line break; write it otherwise."
            raise TitoError(fact, remedy)


def _facts(cell: Cell) -> tuple[str, str, Any]:
    return cell.cell_type, cell.source, cell.metadata.get("nbgrader")
