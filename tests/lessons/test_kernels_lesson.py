"""The lesson on kernels: its cells and its prose, as a source and as a script."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest
from classroom import ANSWERS
from corpora import checks

from tito.course import Course
from tito.lesson import find_lesson
from tito.notebooks import student_notebook

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
SOLUTIONS = {check.solution: check.function for check in checks().values()}
SEED_POINTS = {
    "test-vectorized-immediate": 10,
    "test-cache-immediate": 15,
    "test-parallel-immediate": 15,
}
CHECKED = {name: check.points for name, check in checks().items()}
POINTS = CHECKED | ANSWERS
SITTINGS = [(0, 1, 2), (3, 4), (5, 6)]


@pytest.fixture(scope="module")
def text():
    return SOURCE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook(text):
    return jupytext.reads(text, fmt="py:percent")


@pytest.fixture(scope="module")
def released():
    """The notebook as students get it."""
    return student_notebook(find_lesson(Course.read(ROOT), "kernels"))


@pytest.fixture(scope="module")
def cells(notebook):
    """The source of each cell that has a grade id."""
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def metadata(notebook):
    return [cell.metadata["nbgrader"] for cell in notebook.cells if "nbgrader" in cell.metadata]


def test_lesson_keeps_the_seeds_cells_in_order(cells):
    assert [name for name in cells if name in SEED_CELLS] == SEED_CELLS


def test_lesson_keeps_the_seeds_points_and_has_a_hundred_in_all(notebook):
    graded = {each["grade_id"]: each["points"] for each in metadata(notebook) if each["grade"]}
    assert graded == POINTS
    assert {name: graded[name] for name in SEED_POINTS} == SEED_POINTS
    assert sum(graded.values()) == 100


def test_lesson_table_of_points_and_minutes_adds_up(text):
    rows = re.findall(r"\| (\d) [\w ]+ \| ([\d-]+) \| (\d+) \| ([\d-]+) (?=\|)", text)
    minutes = {int(step): int(spent) for step, _, spent, _ in rows}
    assert sum(int(points) for _, points, _, _ in rows if points != "-") == 100
    assert [sum(minutes[step] for step in steps) for steps in SITTINGS] == [90, 90, 90]
    assert sum(int(core) for *_, core in rows if core != "-") == 90


def test_lesson_keeps_the_seeds_flags(notebook):
    flags = {each["grade_id"]: each for each in metadata(notebook)}
    keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    for name in dict.fromkeys([*SEED_CELLS, *POINTS]):
        assert set(flags[name]) == keys | ({"points"} if name in POINTS else set())
        assert flags[name]["grade"] == (name in POINTS)
        assert flags[name]["solution"] == (name in SOLUTIONS or name in ANSWERS)
        assert flags[name]["locked"] == (name in CHECKED or name == "standardized-testing")


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


def test_lesson_exports_functions_and_imports_only(notebook):
    exported = [cell.source for cell in notebook.cells if "#| export" in cell.source]
    exported = [source for source in exported if not source.startswith("## ")]
    assert len(exported) == 4 + len(SOLUTIONS)
    for source in exported:
        assert re.match(r"(#\| .*\n)+(def|import) ", source), source


def test_lesson_kernel_is_one_function_with_a_docstring_and_a_task(cells):
    for name, function in SOLUTIONS.items():
        assert re.findall(r"^def (\w+)", cells[name], re.MULTILINE) == [function]
        before, _, _ = cells[name].partition("### BEGIN SOLUTION")
        for part in ("    Parameters\n", "    Returns\n", "# TODO: "):
            assert part in before
        assert before.count("# TODO: ") == 1


def test_lesson_has_three_collapsed_hints_before_each_solution(notebook):
    hints, seen = 0, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            hints += len(re.findall(r"<details><summary>Hint \d", cell.source))
            assert cell.source.count("<details>") == cell.source.count("</details>")
        elif cell.metadata.get("nbgrader", {}).get("solution"):
            seen.append(hints)
            hints = 0
    assert seen == [3] * len(SOLUTIONS)


def test_lesson_fades_from_example_over_completion_to_open_problem(notebook):
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for section in re.split(r"^## (?=Step [1-5])", prose, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^\*\*(Worked example|Completion|Open problem)", section, re.MULTILINE)
        assert {"Worked example", "Completion", "Open problem"} <= set(kinds), section[:40]
        assert kinds.index("Worked example") < kinds.index("Completion")


def test_lesson_markers_are_balanced_and_only_in_solutions(cells):
    for name, source in cells.items():
        found = re.findall(r"^ *### (\w+ (?:SOLUTION|MARK SCHEME))$", source, re.MULTILINE)
        solved = ["BEGIN SOLUTION", "END SOLUTION"] if name in SOLUTIONS | ANSWERS else []
        asked = ["BEGIN MARK SCHEME", "END MARK SCHEME"] if name.startswith("question-") else []
        assert found == solved + asked


def test_lesson_releases_no_model_answer_and_no_marking_scheme(released):
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text
    assert "SCHEME" not in text
    assert "Marking:" not in text
    for name in ANSWERS:
        (cell,) = [one for one in released.cells if one.id == name]
        assert len(cell.source.splitlines()) <= 2


@pytest.mark.full
def test_lesson_runs_as_a_script(course):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, SOURCE], cwd=course.root, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    points = re.findall(r"^passed +(\d+)/\1  ", done.stdout, re.MULTILINE)
    most = sum(CHECKED.values())
    assert sum(map(int, points)) == most
    assert f"{most:g} / {most:g}" in done.stdout
