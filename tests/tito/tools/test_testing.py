"""`run_module_tests_auto` where students meet it: in a notebook, and in a script."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from classroom import MOST_CHECKED, SAMPLES
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tinytorch.utils.checking import CheckFailure
from tito.conditions.product import square
from tito.conditions.results import MIME_TYPE
from tito.lesson import Lesson
from tito.notebooks import student_notebook
from tito.tools.testing import check

FUNCTIONS = ("test_vectorized_matrix_multiplication", "test_cache_optimized_matrix_multiplication")


def last_output(notebook: Any, folder: Path) -> str:
    """Run a notebook's checks and return what its last locked cell printed, without colours."""
    notebook.cells = [c for c in notebook.cells if not c.id.startswith("cell-")]
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, allow_errors=True, resources=resources).execute()
    (cell,) = (c for c in notebook.cells if c.id == "standardized-testing")
    printed = "".join(o.get("text", json.dumps(o)) for o in cell.outputs)
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


REDEFINED = "a = b = __import__('numpy').ones((2, 2))\nc = a @ b\ncheck = np = PRODUCT = None"


def test_run_module_tests_auto_prints_the_table_by_the_released_text_and_names(
    lesson: Lesson,
) -> None:
    notebook = SAMPLES["partly-done"].edit(student_notebook(lesson))
    notebook.cells = [cell for cell in notebook.cells if cell.id != "test-cache-immediate"]
    ids = [cell.id for cell in notebook.cells]
    notebook.cells[ids.index("test-parallel-immediate")].source = "pass"  # the kernel is a stub
    redefined = new_code_cell(REDEFINED, id="redefined")
    notebook.cells.insert(ids.index("standardized-testing"), redefined)
    printed = last_output(notebook, lesson.folder)
    assert "test-cache-immediate       passed             15 / 15" in printed
    assert f"{SAMPLES['partly-done'].points:g} / {MOST_CHECKED:g}" in printed
    assert "20 more points: 4 written answers, for a person to read." in printed


@pytest.mark.full
def test_run_module_tests_auto_works_without_a_course(lesson: Lesson, tmp_path: Path) -> None:
    notebook = SAMPLES["complete"].edit(student_notebook(lesson))
    printed = last_output(notebook, tmp_path.parent)
    assert all(name in printed for name in FUNCTIONS)
    assert "failed" not in printed


def test_check_that_is_interrupted_is_one_fact_and_one_hint() -> None:
    def endless(A: Any, B: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(CheckFailure) as caught:
        check(endless, {square: 1})
    assert caught.value.fact.startswith("endless was interrupted. Line ")
    assert "threads that wait for one another" in caught.value.hint


def test_check_shows_a_card_and_one_line_for_a_failure(lesson: Lesson) -> None:
    notebook = student_notebook(lesson)
    cells = {cell.id: cell for cell in notebook.cells}
    cells["matmul-vectorized"].source = "def matmul_vectorized(A, B):\n    return A @ lost"
    names = ["kernels-imports", "matmul-vectorized", "redefined", "test-vectorized-immediate"]
    cells["redefined"] = new_code_cell(REDEFINED)
    notebook.cells = [cells[name] for name in names]
    resources = {"metadata": {"path": str(lesson.folder)}}
    NotebookClient(notebook, allow_errors=True, resources=resources).execute()
    shown, error = notebook.cells[-1].outputs
    line = "Line 2 of the cell that defines matmul_vectorized"
    text = " ".join(shown.data["text/plain"].split())
    assert f"{line}: `return A @ lost` raised NameError." in text
    assert "<code>return A @ lost</code>" in shown.data["text/html"]
    verdicts = [result["verdict"] for result in shown.data[MIME_TYPE]]
    assert verdicts == ["failed", *["not-tried"] * 7]
    assert (error.ename, error.traceback) == ("CheckFailure", ["This check has failed: see above."])
