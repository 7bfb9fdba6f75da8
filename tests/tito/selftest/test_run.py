"""`tito test` on a file, as a library: what the grader will not have, and what hangs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from corpora import reference
from nbformat.v4 import new_code_cell

from tito.course import Course
from tito.lesson import Lesson, find_lesson, grade_id
from tito.notebooks import student_notebook
from tito.selftest.run import CheckResult, run_checks

SOLVED: Mapping[str, str] = reference()["cells"]
HALF = "half = lambda x: x / 2"
CELLS = {
    "memory-trace": "def memory_trace(order, n):\n    while True:\n        print('endless')",
    "arithmetic-intensity": "cores = %timeit -o 1\n\ndef arithmetic_intensity(m, n, p, itemsize):\n"
    "    return 0.0 * cores",
    "chunk-edges": SOLVED["chunk-edges"],
    "amdahl": "def amdahl_speedup(serial, workers):\n"
    "    return 1 / math.fsum([half(2 * serial), (1 - serial) / workers])",
}


@pytest.fixture(scope="module")
def tested(root: Path, tmp_path_factory: pytest.TempPathFactory) -> CheckResult:
    """Return what is found on a file with one cell that hangs, and one of each usual mistake."""
    course = Course.read(root)
    brief = replace(course, limits=replace(course.limits, cell_seconds=3))
    lesson: Lesson = replace(find_lesson(course, "kernels"), course=brief)
    notebook = student_notebook(lesson)
    for cell in notebook.cells:
        cell.source = CELLS.get(grade_id(cell), cell.source)
    notebook.cells[1:1] = [new_code_cell("import math"), new_code_cell(HALF)]
    file = tmp_path_factory.mktemp("own") / "kernels.ipynb"
    nbformat.write(notebook, file)
    return run_checks(lesson, file)


def test_run_checks_names_a_check_that_hangs_and_goes_on(tested: CheckResult) -> None:
    found = {cell.grade_id: cell for cell in tested.cells}
    assert found["test-memory-trace"].message == "memory_trace: a call took longer than 3 s"
    assert found["test-memory-trace"].verdict == "failed"
    assert found["test-chunk-edges"].verdict == "passed"
    assert tested.score == found["test-chunk-edges"].max_score


def test_run_checks_does_not_take_names_from_cells_that_are_not_graded(tested: CheckResult) -> None:
    (found,) = (cell for cell in tested.cells if cell.grade_id == "test-amdahl")
    assert (found.verdict, found.score) == ("failed", 0)
    assert "NameError" in found.message


def test_run_checks_says_where_such_names_are_and_what_to_do(tested: CheckResult) -> None:
    notes = [note for note in tested.notes if note.startswith("`")]
    assert notes == [
        "`half` is defined in cell 3, which the grader does not run: it runs solution cells only. "
        "Move it into cell amdahl.",
        "`math` is imported in cell 2, which the grader does not run: it runs solution cells only. "
        "Move it into cell amdahl.",
        "`cores` in cell arithmetic-intensity is the value of a magic command, which the grader "
        "does not run: it is None there. Compute it in Python.",
    ]
