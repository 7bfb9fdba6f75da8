"""Notebooks as editors leave them: `tito test` and grading read the same solutions in each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from classroom import SAMPLES

from tito.course import Course
from tito.grading.intake.read import read_submission
from tito.grading.intake.rebuild import rebuild
from tito.lesson import Lesson, find_lesson, grade_id, is_answer, is_solution
from tito.notebooks import student_notebook
from tito.selftest.run import run_checks

BOM = b"\xef\xbb\xbf"
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def lesson(root: Path) -> Lesson:
    """The kernels lesson, of which nothing is changed."""
    return find_lesson(Course.read(root), "kernels")


def colab(cell: dict[str, Any]) -> None:
    """Save as Colab does: a cell's id in its metadata, its own keys everywhere."""
    cell["metadata"] |= {"id": cell.pop("id"), "colab": {"base_uri": "https://localhost:8080/"}}
    cell["source"] = cell["source"].splitlines(keepends=True)


def vscode(cell: dict[str, Any]) -> None:
    cell["metadata"]["vscode"] = {"languageId": "python"}


def deepnote(cell: dict[str, Any]) -> None:
    cell["metadata"] |= {"cell_id": "a" * 32, "deepnote_cell_type": "code"}
    cell["id"] = "a" * 32


def stripped(cell: dict[str, Any]) -> None:
    cell["metadata"] = {}


def nameless(cell: dict[str, Any]) -> None:
    """Save as Colab saves what came to it without nbgrader's metadata."""
    stripped(cell)
    cell["id"] = f"aB3dE{len(cell['source'])}"
    colab(cell)


def crlf(cell: dict[str, Any]) -> None:
    cell["source"] = cell["source"].replace("\n", "\r\n")


def handed_in(notebook: Any) -> dict[str, str]:
    return {grade_id(cell): cell.source.strip() for cell in notebook.cells if is_solution(cell)}


def save(lesson: Lesson, edit: Edit, file: Path, start: bytes = b"") -> dict[str, str]:
    """Save a complete notebook as an editor leaves it; return its solutions and answers."""
    notebook: Any = SAMPLES["complete"].edit(student_notebook(lesson))
    for cell in notebook.cells:
        if is_answer(cell):
            cell.source = f"An answer to {grade_id(cell)}."
    written = handed_in(notebook)
    for cell in notebook.cells:
        edit(cell)
    if "id" not in notebook.cells[0]:
        notebook.nbformat_minor = 0
    file.write_bytes(start + json.dumps(notebook).encode())
    return written


def graded(lesson: Lesson, file: Path) -> dict[str, str]:
    """Return what the grader reads of them."""
    submitted = read_submission(file, lesson.course.limits)
    return handed_in(rebuild(student_notebook(lesson), submitted)[0])


@pytest.mark.parametrize("edit", [colab, vscode, deepnote, stripped, nameless, crlf])
def test_solutions_and_answers_of_every_editor_are_graded_and_tested(
    lesson: Lesson, tmp_path: Path, edit: Edit
) -> None:
    file = tmp_path / lesson.notebook_name
    for start in (b"", BOM):
        written = save(lesson, edit, file, start)
        assert graded(lesson, file) == written
    assert len(written) == 13
    tested = run_checks(lesson, file, check="amdahl")
    assert tested.score == tested.max_score > 0
    assert not any("missing" in note and "solution" in note for note in tested.notes)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_solution_that_became_text_counts_as_code_and_it_is_said(
    lesson: Lesson, tmp_path: Path, kind: str
) -> None:
    def turned(cell: dict[str, Any]) -> None:
        if cell["id"] == "amdahl":
            cell["cell_type"] = kind

    file = tmp_path / lesson.notebook_name
    assert save(lesson, turned, file) == graded(lesson, file)
    tested = run_checks(lesson, file, check="amdahl")
    assert tested.score == tested.max_score > 0
    assert "The solution cell amdahl: This cell was a text cell: its text counts as code." in (
        tested.notes
    )
