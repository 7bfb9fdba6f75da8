"""The lesson on kernels: its cells and its prose, as a source and as a script."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "11_kernels" / "kernels_dev.py"

SEED_CELLS = [
    "kernels-imports",
    "matmul-vectorized",
    "test-vectorized-immediate",
    "matmul-cache",
    "test-cache-immediate",
    "matmul-parallel",
    "test-parallel-immediate",
    "standardized-testing",
]
SOLUTIONS = {
    "matmul-vectorized": "matmul_vectorized",
    "matmul-cache": "matmul_cache_optimized",
    "matmul-parallel": "matmul_parallel",
}
POINTS = {
    "test-vectorized-immediate": 10,
    "test-cache-immediate": 15,
    "test-parallel-immediate": 15,
    "test-parallel-concurrent": 5,
}


@pytest.fixture(scope="module")
def text():
    return SOURCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook(text):
    return jupytext.reads(text, fmt="py:percent")


@pytest.fixture(scope="module")
def cells(notebook):
    """The source of each cell that has a grade id."""
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def metadata(notebook):
    return [cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_lesson_header_is_percent_1_3_without_pairing(notebook, text):
    representation = notebook.metadata["jupytext"]["text_representation"]
    assert representation["format_name"] == "percent"
    assert representation["format_version"] == "1.3"
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "formats" not in notebook.metadata["jupytext"]
    assert len(text.splitlines()) < 700


def test_lesson_keeps_the_seeds_cells_in_order(cells):
    assert [name for name in cells if name in SEED_CELLS] == SEED_CELLS


def test_lesson_keeps_the_seeds_points_and_adds_five(notebook):
    graded = {each["grade_id"]: each["points"] for each in metadata(notebook) if each["grade"]}
    assert list(graded.items()) == list(POINTS.items())


def test_lesson_keeps_the_seeds_flags(notebook):
    flags = {each["grade_id"]: each for each in metadata(notebook)}
    keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    for name in dict.fromkeys([*SEED_CELLS, *POINTS]):
        assert set(flags[name]) == keys | ({"points"} if name in POINTS else set())
        assert flags[name]["grade"] == (name in POINTS)
        assert flags[name]["solution"] == (name in SOLUTIONS)
        assert flags[name]["locked"] == (name in POINTS or name == "standardized-testing")


def test_lesson_metadata_is_valid_for_nbgrader(notebook):
    from nbgrader.nbgraderformat import MetadataValidator

    MetadataValidator().validate_nb(notebook)


def test_lesson_keeps_the_seeds_names(text):
    for name in [
        "def matmul_custom(A: np.ndarray, B: np.ndarray)",
        "def matmul_vectorized(A: np.ndarray, B: np.ndarray)",
        "def matmul_cache_optimized(A: np.ndarray, B: np.ndarray, block_size: int = 64)",
        "def matmul_parallel(A: np.ndarray, B: np.ndarray, num_processes: ",
        "def test_vectorized_matrix_multiplication()",
        "def test_cache_optimized_matrix_multiplication()",
        "def test_parallel_matrix_multiplication()",
        "#| default_exp core.kernels",
        "from tinytorch.core.layers import check_operands, matmul_naive",
        "from tinytorch.utils.profiler import SimpleProfiler, profile_function",
        "from tito.tools.testing import run_module_tests_auto",
        'success = run_module_tests_auto("Kernels")',
    ]:
        assert name in text


def test_lesson_needs_no_path_and_no_emoji(text):
    assert "__file__" not in text
    assert "sys.path" not in text
    assert text.isascii()


def test_lesson_prose_is_short_between_code(notebook):
    lines = 0
    for cell in notebook.cells:
        lines = lines + len(cell.source.splitlines()) if cell.cell_type == "markdown" else 0
        assert lines <= 25, cell.source


def test_lesson_exports_functions_and_imports_only(notebook):
    exported = [cell.source for cell in notebook.cells if "#| export" in cell.source]
    exported = [source for source in exported if not source.startswith("## ")]
    assert len(exported) == 6
    for source in exported:
        assert re.match(r"(#\| .*\n)+(def|import) ", source), source


def test_lesson_kernel_is_one_function_with_a_docstring_and_a_task(cells):
    for name, function in SOLUTIONS.items():
        assert re.findall(r"^def (\w+)", cells[name], re.MULTILINE) == [function]
        before, _, _ = cells[name].partition("### BEGIN SOLUTION")
        for part in ("Parameters", "Returns", "Raises", "ValueError", "# TODO: "):
            assert part in before
        task = [line for line in before.splitlines() if line.lstrip().startswith("# ")]
        assert len(task) == 1


def test_lesson_has_three_collapsed_hints_before_each_solution(notebook):
    hints, seen = 0, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            hints += len(re.findall(r"<details><summary>Hint \d", cell.source))
            assert cell.source.count("<details>") == cell.source.count("</details>")
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            seen.append(hints)
            hints = 0
    assert seen == [3, 3, 3]


def test_lesson_markers_are_balanced_and_only_in_solutions(cells):
    for name, source in cells.items():
        found = re.findall(r"^ +### (.*)$", source, re.MULTILINE)
        assert found == (["BEGIN SOLUTION", "END SOLUTION"] if name in SOLUTIONS else [])


def test_lesson_runs_as_a_script(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(SOURCE)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    points = re.findall(r"^passed +(\d+)/\1  ", done.stdout, re.MULTILINE)
    assert sum(map(int, points)) == sum(POINTS.values())
