"""Notebooks as editors leave them: `tito test` and grading read the same solution in each."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from classroom import read_samples

from tito.grading.intake.read import read_submission
from tito.grading.intake.rebuild import rebuild
from tito.lesson import Lesson, grade_id, read_notebook
from tito.selftest.run import run_checks

(COMPLETE,) = (sample for sample in read_samples() if sample.name == "complete")


def colab(cell: dict[str, Any]) -> None:
    cell["metadata"] |= {"id": "x1", "colab": {"base_uri": "https://localhost:8080/"}}
    cell["source"] = cell["source"].splitlines(keepends=True)


def vscode(cell: dict[str, Any]) -> None:
    cell["metadata"]["vscode"] = {"languageId": "python"}


def deepnote(cell: dict[str, Any]) -> None:
    cell["metadata"] |= {"cell_id": "a" * 32, "deepnote_cell_type": "code"}
    cell["id"] = "a" * 32


def stripped(cell: dict[str, Any]) -> None:
    cell["metadata"] = {}


def crlf(cell: dict[str, Any]) -> None:
    cell["source"] = cell["source"].replace("\n", "\r\n")


def save(lesson: Lesson, edit: Callable[[dict[str, Any]], None], start: bytes = b"") -> str:
    """Save a complete notebook as an editor leaves it; return its solution for one check."""
    notebook: Any = COMPLETE.edit(read_notebook(lesson.released))
    cells = {grade_id(cell): cell.source for cell in notebook.cells}
    for cell in notebook.cells:
        edit(cell)
    lesson.working_copy.write_bytes(start + json.dumps(notebook).encode())
    return cells["amdahl"]


def graded(lesson: Lesson) -> str:
    """Return what the grader reads of that solution."""
    submitted = read_submission(lesson.working_copy, lesson.course.limits)
    notebook, _ = rebuild(read_notebook(lesson.released), submitted)
    return next(cell.source for cell in notebook.cells if grade_id(cell) == "amdahl")


@pytest.mark.parametrize("edit", [colab, vscode, deepnote, stripped, crlf])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_solution_of_every_editor_is_graded_and_tested(
    lesson: Lesson, edit: Callable[[dict[str, Any]], None], start: bytes
) -> None:
    solution = save(lesson, edit, start)
    assert graded(lesson) == solution
    tested = run_checks(lesson, lesson.working_copy, check="amdahl")
    assert tested.score == tested.max_score > 0
    assert not any("missing" in note and "solution" in note for note in tested.notes)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_solution_that_became_text_counts_as_code_and_it_is_said(lesson: Lesson, kind: str) -> None:
    def turned(cell: dict[str, Any]) -> None:
        if cell["id"] == "amdahl":
            cell["cell_type"] = kind

    solution = save(lesson, turned)
    assert graded(lesson) == solution
    tested = run_checks(lesson, lesson.working_copy, check="amdahl")
    assert tested.score == tested.max_score > 0
    assert "The solution cell amdahl: This cell was a text cell: its text counts as code." in (
        tested.notes
    )
