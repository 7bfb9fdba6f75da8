"""Running locked cells: each on what it needs, in one process that may end."""

import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tito.course import Limits
from tito.selftest.locked_cells import LockedCell, run_locked_cells

TOOLS = [
    "from tito.tools import conditions as c\nfrom tito.tools.testing import check",
    "from numbers import Number",
]
LIMITS = Limits(cell_seconds=5, notebook_seconds=60)


def cell(source: str, solution: str = "") -> LockedCell:
    return LockedCell(source, (("solve", solution),))


def statuses(folder: Path, *cells: LockedCell, limits: Limits = LIMITS) -> list[str]:
    return [outcome.status for outcome, _ in run_locked_cells(cells, TOOLS, limits, folder)]


def test_run_locked_cells_says_that_the_process_never_came_to_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = run_locked_cells([cell("1 + 1")], ["import os; os._exit(3)"], LIMITS, tmp_path)
    assert [outcome.evalue for outcome, _ in ends] == ["the process ended before the cell ran"]
    monkeypatch.setattr("tito.selftest.locked_cells.START_SECONDS", 0.0)
    late = run_locked_cells([cell("1 + 1")], TOOLS, LIMITS, tmp_path)
    assert [outcome.status for outcome, _ in late] == ["timeout"]


def test_run_locked_cells_hides_tools_and_other_cells_from_solutions(tmp_path: Path) -> None:
    uses = cell("solve()", "def solve():\n    return Number")
    leaves = cell("1 + 1", "left = 1")
    takes = cell("solve()", "def solve():\n    return left")
    assert statuses(tmp_path, uses, leaves, takes) == ["error", "ok", "error"]


def test_run_locked_cells_skips_what_its_time_does_not_reach(tmp_path: Path) -> None:
    limits = Limits(cell_seconds=5, notebook_seconds=0)
    assert statuses(tmp_path, cell("1 + 1"), limits=limits) == ["skipped"]


CONDITIONS = "check(product, {c.square: 2, c.tall_and_wide: 3, c.empty_sides: 1})"
SLOW_ONCE_TALL = """
import numpy as np
def product(A, B):
    if A.shape[0] != A.shape[1]:
        {}
    return A @ B
"""


@pytest.mark.parametrize(
    ("what", "fact", "hint"),
    [
        ("while True: pass", "a call took longer than 0.5 s", "loop that does not end"),
        ("import os; os._exit(3)", "ended during a call with exit code 3", "Look for exit()"),
        ("import os; os.kill(os.getpid(), 11)", "during a call by signal 11", "recursion"),
        (
            "import multiprocessing, time; multiprocessing.Pool(2).map(time.sleep, [99, 99])",
            "a call took longer than 0.5 s",
            "loop that does not end",
        ),
    ],
    ids=["loop", "exit", "signal", "pool"],
)
def test_a_call_that_does_not_end_costs_its_condition_and_says_what_the_judge_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, fact: str, hint: str
) -> None:
    seconds = 0.5 if "0.5" in fact else 60.0
    monkeypatch.setattr("tito.selftest.locked_cells.CALL_SECONDS", seconds)
    cells = [cell(CONDITIONS, SLOW_ONCE_TALL.format(what)), cell("1 + 1")]
    (first, results), (second, _) = run_locked_cells(cells, TOOLS, LIMITS, tmp_path)
    assert [r.verdict for r in results] == ["passed", "failed", "not-run"]
    assert [r.points for r in results] == [2, 0, 0]
    assert fact in results[1].fact
    assert results[1].fact.startswith("product: the" if "ended" in results[1].fact else "product:")
    assert hint in results[1].hint
    assert results[2].fact == "product took too long before it came to this condition"
    assert (first.status, second.status) == ("error", "ok")


START = """
import subprocess, sys
command = [sys.executable, "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid)
"""


def test_what_a_hanging_call_has_started_is_ended_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tito.selftest.locked_cells.CALL_SECONDS", 5.0)
    tmp_path.joinpath("start.py").write_text(START)  # its child outlives it, without a parent
    hangs = "import subprocess, sys, time; subprocess.run([sys.executable, 'start.py'], "
    hangs += "stdout=open('pid', 'w')); time.sleep(99)"
    cells = [cell(CONDITIONS, SLOW_ONCE_TALL.format(hangs))]
    list(run_locked_cells(cells, TOOLS, Limits(cell_seconds=30), tmp_path))
    pid = int(tmp_path.joinpath("pid").read_text())
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid)
        until = time.monotonic() + 60.0
        while started.status() != psutil.STATUS_ZOMBIE:  # a busy machine ends it a little later
            assert time.monotonic() < until, f"{pid} still runs"
            time.sleep(0.05)
