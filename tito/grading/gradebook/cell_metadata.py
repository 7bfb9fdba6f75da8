"""Verdicts in a graded notebook: as metadata of cells, and as outputs that nbgrader reads."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tito.conditions.results import CellVerdict, known_facts, restore
from tito.grading.sandbox.outputs import outputs_for, valid_outputs
from tito.lesson import Notebook, grade_id, is_answer, is_graded, points_of

__all__ = ["METADATA_KEY", "read_verdicts", "record_verdicts", "reject", "rejected_verdicts"]

METADATA_KEY = "tito"


def reject(notebook: Notebook, reason: str) -> None:
    """Mark a notebook as one whose submission could not be read."""
    notebook.metadata[METADATA_KEY] = {"status": "rejected", "reason": reason}


def rejected_verdicts(notebook: Notebook) -> list[CellVerdict]:
    """Return the verdicts on a submission that could not be read: no points, and the reason."""
    reason = notebook.metadata[METADATA_KEY]["reason"]
    hint = "Save the notebook again from Jupyter and hand it in anew."
    return [
        CellVerdict(grade_id(cell), 0.0, points_of(cell), "not-run", reason, hint)
        for cell in notebook.cells
        if is_graded(cell)
    ]


def record_verdicts(notebook: Notebook, verdicts: list[CellVerdict]) -> None:
    """Write the verdicts into the notebook: as metadata, and as the outputs nbgrader reads.

    nbgrader scores a cell 0 for any error or output on stderr, else by its last value, else full.
    So the outputs of a graded cell are made to say what the verdict says.
    """
    by_name = {verdict.grade_id: verdict for verdict in verdicts}
    for cell in notebook.cells:
        verdict = by_name.get(grade_id(cell)) if is_graded(cell) else None
        if verdict is not None:
            cell.metadata[METADATA_KEY] = asdict(verdict)
        if cell.cell_type == "code":
            cell.outputs = valid_outputs(cell.outputs)
            if verdict is not None and not is_answer(cell):
                cell.outputs = outputs_for(verdict, cell.outputs)


def read_verdicts(notebook: Notebook) -> list[CellVerdict]:
    """Return the verdicts that `record_verdicts` wrote into the notebook."""
    recorded = (cell.metadata.get(METADATA_KEY) for cell in notebook.cells if is_graded(cell))
    return [_restored(found) for found in recorded if isinstance(found, dict)]


def _restored(found: Mapping[str, Any]) -> CellVerdict:
    """A verdict that `dataclasses.asdict` made a mapping of, by whatever version."""
    conditions = restore(found.get("conditions", ()))
    return CellVerdict(**{**known_facts(CellVerdict, found), "conditions": conditions})
