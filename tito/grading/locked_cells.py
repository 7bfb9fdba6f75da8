"""Running the locked cells of a student's own file, as the grader does: on what it would load.

A locked cell is run beside the lesson's exported cells and the solution cells that it needs, and
nothing else of the file. One process runs all of them, with the user's own rights; one that does
not end in time, or ends its process, costs only itself.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from tito.conditions.results import ConditionResult
from tito.course import Limits
from tito.grading.execution import Outcome

__all__ = ["Found", "LockedCell", "run_locked_cells"]

Found: TypeAlias = tuple[Outcome, list[ConditionResult]]

START_SECONDS = 60.0  # to import what the lesson's locked cells need, on a machine that is busy


@dataclass(frozen=True)
class LockedCell:
    """A locked cell, and the cells that it needs: their names and sources, in order."""

    source: str
    needs: tuple[tuple[str, str], ...]


def run_locked_cells(
    cells: Sequence[LockedCell], tools: Sequence[str], limits: Limits, folder: Path
) -> Iterator[Found]:
    """Run locked cells one after the other; yield how each ended and what it found.

    Parameters
    ----------
    cells : sequence of LockedCell
        What to run.
    tools : sequence of str
        Sources of the locked cells that are run before all, for their names.
    limits : Limits
        Seconds for a cell and for all of them.
    folder : Path
        The working folder.
    """
    until = time.monotonic() + limits.notebook_seconds
    child = None
    try:
        for cell in cells:
            seconds = min(float(limits.cell_seconds), until - time.monotonic())
            if seconds <= 0:
                yield Outcome("skipped", evalue="the notebook's time was used up"), []
                continue
            child = child or _Child(tools, folder)
            found = child.run(cell, seconds)
            if found[0].status in ("died", "timeout"):
                child.end()
                child = None
            yield found
    finally:
        if child is not None:
            child.end()


class _Child:
    """The process that runs locked cells."""

    def __init__(self, tools: Sequence[str], folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, list(tools), str(folder)))
        self._process.start()
        theirs.close()
        self._is_ready = False

    def run(self, cell: LockedCell, seconds: float) -> Found:
        try:
            if not self._is_ready and self._line.poll(START_SECONDS):
                self._is_ready = self._line.recv()
            self._line.send(cell)
            if not self._line.poll(seconds):
                return Outcome("timeout", evalue=f"it ran longer than {seconds:.3g} seconds"), []
            found: Found = self._line.recv()
        except (EOFError, OSError):
            return Outcome("died", evalue="the process ended while the cell ran"), []
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._line.close()


def _serve(line: Connection, tools: list[str], folder: str) -> None:
    """Run the locked cells that come in; runs in a process of its own."""
    from tito.tools.testing import run_locked

    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for shown in (1, 2):
        os.dup2(nowhere, shown)
    names: dict[str, Any] = {"__name__": "locked"}
    for source in tools:
        run_locked(source, names)
    line.send(True)
    while True:
        try:
            cell = line.recv()
        except EOFError:
            return
        line.send(_run(cell, names))


def _run(cell: LockedCell, tools: dict[str, Any]) -> Found:
    """Load the cells in a fresh ``__main__``, and run the locked one beside the lesson's tools."""
    from tito.grading.judge.child import load, notebook_namespace
    from tito.tools.testing import run_locked

    own = sys.modules["__main__"]
    try:
        loaded = notebook_namespace()
        errors = load([list(each) for each in cell.needs], loaded)
        outcome, results = run_locked(cell.source, tools | loaded)
    finally:
        sys.modules["__main__"] = own
    if outcome.ename == "NameError" and errors:  # the cause, not what follows from it
        name, kind, message = errors[-1]
        outcome = Outcome("error", "AssertionError", f"Cell {name} stopped with {kind}: {message}.")
    return outcome, results
