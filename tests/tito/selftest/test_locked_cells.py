"""Running locked cells: each on what it needs, in one process that may end."""

from pathlib import Path

from tito.course import Limits
from tito.selftest.locked_cells import LockedCell, run_locked_cells

TOOLS = [
    "from tito.tools import conditions as c\nfrom tito.tools.testing import check",
    "from numbers import Number",
]
LIMITS = Limits(cell_seconds=5, notebook_seconds=60)
SQUARE = "import numpy as np\ndef product(A, B):\n    return A @ B"


def cell(source: str, solution: str = "") -> LockedCell:
    return LockedCell(source, (("solve", solution),))


def statuses(folder: Path, *cells: LockedCell, limits: Limits = LIMITS) -> list[str]:
    return [outcome.status for outcome, _ in run_locked_cells(cells, TOOLS, limits, folder)]


def test_run_locked_cells_returns_what_conditions_found(tmp_path: Path) -> None:
    cells = [cell("check(product, {c.square: 2})", SQUARE)]
    ((outcome, (result,)),) = run_locked_cells(cells, TOOLS, LIMITS, tmp_path)
    assert (outcome.status, result.condition, result.points) == ("ok", "square", 2)


def test_run_locked_cells_goes_on_after_what_ends_the_process(tmp_path: Path) -> None:
    ends = cell("solve()", "import os\ndef solve():\n    os._exit(3)")
    assert statuses(tmp_path, ends, cell("1 + 1")) == ["died", "ok"]


def test_run_locked_cells_ends_what_takes_too_long(tmp_path: Path) -> None:
    limits = Limits(cell_seconds=1, notebook_seconds=60)
    endless = cell("solve()", "def solve():\n    while True:\n        pass")
    assert statuses(tmp_path, endless, cell("1 + 1"), limits=limits) == ["timeout", "ok"]


def test_run_locked_cells_hides_tools_and_other_cells_from_solutions(tmp_path: Path) -> None:
    uses = cell("solve()", "def solve():\n    return Number")
    leaves = cell("1 + 1", "left = 1")
    takes = cell("solve()", "def solve():\n    return left")
    assert statuses(tmp_path, uses, leaves, takes) == ["error", "ok", "error"]


def test_run_locked_cells_names_the_cell_that_stopped(tmp_path: Path) -> None:
    stopped = cell("solve()", "1 / 0\ndef solve():\n    pass")
    ((outcome, _),) = run_locked_cells([stopped], TOOLS, LIMITS, tmp_path)
    assert outcome.evalue == "Cell solve stopped with ZeroDivisionError: division by zero."


def test_run_locked_cells_skips_what_its_time_does_not_reach(tmp_path: Path) -> None:
    limits = Limits(cell_seconds=5, notebook_seconds=0)
    assert statuses(tmp_path, cell("1 + 1"), limits=limits) == ["skipped"]
