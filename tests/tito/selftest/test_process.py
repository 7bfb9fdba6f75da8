"""The process that runs locked cells: it is shut off from what cells print, read and import."""

from pathlib import Path

import pytest

from tito.course import Limits
from tito.selftest.locked_cells import Found, LockedCell, run_locked_cells

NUMPY = ("given-0", "import numpy as np")


def run(folder: Path, *cells: tuple[str, str], seconds: int = 20) -> list[Found]:
    """Run locked cells, each with the source of a solution."""
    limits = Limits(cell_seconds=seconds, notebook_seconds=100)
    locked = [LockedCell(text, (NUMPY, ("solution", solution))) for text, solution in cells]
    return list(run_locked_cells(locked, [], limits, folder))


def test_selfcheck_reads_no_request_and_writes_no_answer_for_a_cell(tmp_path: Path) -> None:
    solution = """
import os, sys
def f():
    print("{}")
    os.write(1, b"{}")
    os.write(2, b"{}")
    return sys.stdin.read()
"""
    ((outcome, _),) = run(tmp_path, ("assert f() == ''", solution))
    assert outcome.status == "ok"


def test_selfcheck_imports_nothing_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('not the real one')")
    ((outcome, _),) = run(tmp_path, ("assert np.ones(2).sum() == 2", ""))
    assert outcome.status == "ok"


def test_selfcheck_names_the_cell_that_could_not_be_loaded(tmp_path: Path) -> None:
    ((outcome, _),) = run(tmp_path, ("f()", "1 / 0\ndef f(): pass"))
    assert outcome.evalue == "Cell solution stopped with ZeroDivisionError: division by zero."


def test_selfcheck_hands_over_results_and_not_what_is_printed(tmp_path: Path) -> None:
    locked = """
from tito.tools import conditions as c
from tito.tools.testing import check
check(matmul, {c.square: 3, c.ragged_blocks: 2}, cut="block_size")
"""
    solution = "def matmul(A, B, block_size=8):\n    print('noise' * 1000)\n    return A @ B"
    ((outcome, results),) = run(tmp_path, (locked, solution))
    assert outcome.status == "ok"
    assert [(r.condition, r.points) for r in results] == [("square", 3), ("ragged_blocks", 2)]


@pytest.mark.parametrize(
    ("solution", "status"),
    [
        ("import os\ndef f(): os._exit(0)", "died"),
        ("def f(): raise SystemExit", "died"),
        ("def f():\n    while True: pass", "timeout"),
    ],
)
def test_selfcheck_that_ends_or_hangs_costs_one_cell(
    solution: str, status: str, tmp_path: Path
) -> None:
    (one, _), (other, _) = run(
        tmp_path, ("f()", solution), ("assert two() == 2", "def two(): return 2"), seconds=2
    )
    assert (one.status, other.status) == (status, "ok")
