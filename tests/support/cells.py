"""Notebooks of a few cells, for tests that run them."""

from typing import Any

from nbformat.v4 import new_code_cell, new_notebook

from tito.grading.verdicts import Execution

__all__ = ["notebook_of", "statuses"]


def notebook_of(*cells: tuple[str, str]) -> Any:
    """A notebook of cells given as id and source; ids that begin with ``test`` are graded."""
    notebook = new_notebook()
    for name, source in cells:
        graded = name.startswith("test")
        nbgrader = {"grade_id": name, "grade": graded, "solution": False, "locked": graded}
        cell = new_code_cell(source, metadata={"nbgrader": nbgrader})
        cell["id"] = name
        notebook.cells.append(cell)
    return notebook


def statuses(execution: Execution) -> dict[str, str]:
    """The status of each cell that has one."""
    return {name: outcome.status for name, outcome in execution.outcomes.items()}
