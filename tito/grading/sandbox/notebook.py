"""A notebook in the sandbox, seen from outside: the whole notebook in, a line for each cell out.

These lines are not trusted. They are read with limits, and only an outcome and valid outputs for a
cell that was requested are taken from them.
"""

import base64
import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import closing, suppress
from dataclasses import asdict, replace
from typing import Any

from tito.course import Limits
from tito.grading.judge.connection import Launch
from tito.grading.sandbox.execution import OVERRUN, needed_cells
from tito.grading.sandbox.outputs import valid_outputs
from tito.grading.verdicts import Execution, Outcome
from tito.lesson import Cell, Notebook

__all__ = ["run_notebook"]

COMMAND = (sys.executable, "-P", "-m", "tito.grading.sandbox.run_notebook")
STATUSES = ("ok", "error", "died", "timeout", "skipped")
SECONDS_TO_REPORT = 10.0  # for what the last cell printed, after the notebook's time is over
AT_ONCE = 1 << 16
ENVELOPE = 1 << 10  # bytes of a reply beside the outputs
MOST_TEXT = 4000


def run_notebook(
    notebook: Notebook,
    limits: Limits,
    leave_out: Set[str],
    launcher: Callable[[Limits], Launch],
    files: Mapping[str, bytes] | None = None,
) -> Execution:
    """Run the cells that nbgrader knows, up to the last graded one; they receive outputs.

    A sandbox that ends early costs the cell that ran; another one goes on with the next cell. If no
    limit ended it, it may have been killed from outside: then the cell is run once more.

    Parameters
    ----------
    notebook : Notebook
        The notebook; its cells receive outputs.
    limits : Limits
        What it may use.
    leave_out : set of str
        Grade ids of cells that are not run.
    launcher : Callable[[Limits], Launch]
        Returns what starts a sandbox with these limits.
    files : mapping of str to bytes, optional
        What lies in the kernel's folder, by relative names.
    """
    execution = Execution(notebook)
    packed = {name: base64.b64encode(data).decode() for name, data in (files or {}).items()}
    cells = needed_cells(notebook, leave_out)
    budget, lost = _Budget(limits, len(cells)), set[str]()
    while waiting := [cell for cell in cells if cell.id not in execution.outcomes]:
        if budget.spent:
            fact = Outcome("skipped", evalue=budget.spent)
            execution.outcomes |= {cell.id: fact for cell in waiting}
            break
        overrun = _run(execution, waiting, leave_out, launcher, budget, packed)
        left = [cell for cell in waiting if cell.id not in execution.outcomes]
        if left and not overrun and left[0].id not in lost:
            lost.add(left[0].id)
        elif left:
            reason = OVERRUN.get(overrun, "the kernel died while the cell ran")
            execution.outcomes[left[0].id] = Outcome("died", evalue=reason)
    return execution


class _Budget:
    """The seconds and the bytes that are left for a notebook, all its sandboxes together."""

    def __init__(self, limits: Limits, cells: int) -> None:
        self.limits = limits
        self.deadline = time.monotonic() + limits.notebook_seconds
        # A character may take six bytes as JSON, and the outputs of a repeated cell come once.
        self.bytes = 6 * 1024 * limits.output_kib + cells * (ENVELOPE + 2 * 6 * MOST_TEXT)

    @property
    def seconds(self) -> int:
        return max(0, round(self.deadline - time.monotonic()))

    @property
    def spent(self) -> str:
        """Why nothing more can be run; empty if there is enough left."""
        if self.bytes <= 0:
            return OVERRUN["output_kib"]
        return "" if self.seconds else "the notebook's time was used up"


def _run(
    execution: Execution,
    waiting: list[Cell],
    leave_out: Set[str],
    launcher: Callable[[Limits], Launch],
    budget: _Budget,
    files: Mapping[str, str],
) -> str:
    """Run cells in one sandbox until none is left or it ends; return the limit that ended it."""
    limits = replace(budget.limits, notebook_seconds=budget.seconds)
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with open(ours_out, "wb") as requests, open(ours_in, "rb", buffering=0) as replies:
        try:
            process = launcher(limits)(COMMAND, (theirs_in, theirs_out))
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        try:
            with suppress(BrokenPipeError), closing(requests):
                requests.write(_request(execution, limits, leave_out, files))
            until = time.monotonic() + limits.notebook_seconds + SECONDS_TO_REPORT
            by_id = {cell.id: cell for cell in waiting}
            for line in _lines(replies.fileno(), until, budget):
                _take(line, by_id, execution)
        finally:
            process.kill()
            process.wait()
    return "output_kib" if budget.bytes <= 0 else process.overrun


def _request(
    execution: Execution, limits: Limits, leave_out: Set[str], files: Mapping[str, str]
) -> bytes:
    import nbformat

    request = {
        "notebook": nbformat.writes(execution.notebook),
        "limits": asdict(limits),
        "leave_out": sorted(leave_out),
        "files": files,
        "outcomes": {name: asdict(outcome) for name, outcome in execution.outcomes.items()},
    }
    return json.dumps(request).encode()


def _lines(descriptor: int, until: float, budget: _Budget) -> Iterator[bytes]:
    """Yield complete lines until the end, the time or the budget is over."""
    ready, rest = select.poll(), bytearray()
    ready.register(descriptor, select.POLLIN)
    while ready.poll(max(0.0, until - time.monotonic()) * 1000):
        piece = os.read(descriptor, AT_ONCE)
        budget.bytes -= len(piece)
        if not piece or budget.bytes <= 0:
            return
        *lines, last = piece.split(b"\n")
        for line in lines:
            yield bytes(rest) + line
            rest.clear()
        rest += last


def _take(line: bytes, waiting: dict[str, Cell], execution: Execution) -> None:
    """Take over the report on a cell, if the line is one; the first one counts."""
    from nbformat import from_dict

    try:
        found = json.loads(line)
        cell = waiting[found["cell"]]
        outcome, count = _outcome(found["outcome"]), found["execution_count"]
        outputs = valid_outputs(from_dict([_texts_only(one) for one in found["outputs"]]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    if cell.id not in execution.outcomes and outcome.status in STATUSES:
        execution.outcomes[cell.id] = outcome
        cell.outputs = outputs
        cell.execution_count = count if type(count) is int else None


def _texts_only(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output without data other than text, which may be nested too deep to write."""
    texts = {name: value for name, value in output.items() if name != "metadata"}
    if "metadata" in output:
        texts["metadata"] = {}
    if "data" in output:
        data = output["data"].items()
        texts["data"] = {kind: value for kind, value in data if isinstance(value, str)}
    return texts


def _outcome(found: dict[str, Any]) -> Outcome:
    texts = (str(found[name])[:MOST_TEXT] for name in ("status", "ename", "evalue"))
    return Outcome(*texts)
