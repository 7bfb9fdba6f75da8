"""The lesson on layers: a given baseline, locked, with a check that runs."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "03_layers" / "layers_dev.py"
CELLS = ["layers-imports", "layers-operands", "layers-matmul-naive", "layers-check"]


@pytest.fixture(scope="module")
def notebook():
    return jupytext.read(SOURCE, fmt="py:percent")


@pytest.fixture(scope="module")
def cells(notebook):
    """The source of each cell that has a grade id."""
    found = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def test_lesson_cells_are_given_and_locked(notebook, cells):
    assert list(cells) == CELLS
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == len(CELLS)
    for cell in code:
        flags = cell.metadata["nbgrader"]
        assert flags["locked"]
        assert not any(flags[name] for name in ("grade", "solution", "task"))
        assert flags["schema_version"] == 3
        assert "###" not in cell.source


def test_lesson_exports_the_baseline(cells):
    assert cells["layers-imports"].startswith("#| default_exp core.layers\n#| export\nimport ")
    assert cells["layers-operands"].startswith("#| export\ndef check_operands(")
    assert cells["layers-matmul-naive"].startswith("#| export\ndef matmul_naive(")
    assert "#| export" not in cells["layers-check"]


def test_lesson_baseline_is_a_triple_loop(cells):
    nodes = list(ast.walk(ast.parse(cells["layers-matmul-naive"])))
    assert sum(isinstance(node, ast.For) for node in nodes) == 3
    assert not any(isinstance(node, ast.MatMult) for node in nodes)
    called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert called == {"check_operands", "np.errstate", "np.result_type", "np.zeros", "range"}


def test_lesson_runs_as_a_script(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(SOURCE)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"matmul_naive: .* are right\n", done.stdout)


def test_lesson_check_never_fails_for_rounding_and_fails_a_wrong_baseline(cells):
    names = {}
    for name in CELLS[:3]:
        exec(cells[name], names)
    for seed in range(50):
        source, found = re.subn(
            r"default_rng\(\d+\)", f"default_rng({seed})", cells["layers-check"]
        )
        assert found == 1
        exec(source, dict(names))
    names["matmul_naive"] = lambda A, B: np.zeros((A.shape[0], B.shape[1]))
    with pytest.raises(AssertionError, match="every value is zero\nHint: "):
        exec(cells["layers-check"], names)
