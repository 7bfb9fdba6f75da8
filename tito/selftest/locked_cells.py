"""Running the locked cells of a student's own file, as the grader does: on what it would load.

A locked cell is run beside the lesson's exported cells and the solution cells that it needs, and
nothing else of the file. One process runs all of them, with the user's own rights; one that does
not end in time, or ends its process, costs only itself.
"""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any, TypeAlias

import psutil

from tito.conditions.call import NoAnswer
from tito.conditions.call_failures import CALL_SECONDS, not_reached, process_ended, took_too_long
from tito.conditions.results import ConditionResult, restore, without_repeats
from tito.course import Limits
from tito.grading.verdicts import Outcome

__all__ = ["Found", "LockedCell", "run_locked_cells"]

Found: TypeAlias = tuple[Outcome, list[ConditionResult]]

COMMAND = (sys.executable, "-P", "-m", "tito.selftest.process")
START_SECONDS = 60.0  # to import what the lesson's locked cells need, on a machine that is busy


@dataclass(frozen=True)
class LockedCell:
    """A locked cell, and the cells that it needs: their names and sources, in order.

    ``in_order`` says that all of them are one notebook: they share their names, and import what
    lies beside it.
    """

    source: str
    needs: tuple[tuple[str, str], ...]
    in_order: bool = False


def run_locked_cells(
    cells: Iterable[LockedCell], tools: Sequence[str], limits: Limits, folder: Path
) -> Iterator[Found]:
    """Run locked cells one after the other; yield how each ended and what it found.

    Parameters
    ----------
    cells : iterable of LockedCell
        What to run; each is asked for when the one before has ended.
    tools : sequence of str
        Sources of the locked cells that are run first, for their names.
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
            if child.is_over:
                child.end()
                child = None
            yield found
    finally:
        if child is not None:
            child.end()


class _Child:
    """The process that runs locked cells, and the thread that reads its answers.

    A pipe has no time limit on every platform; a queue has.
    """

    def __init__(self, tools: Sequence[str], folder: Path) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            COMMAND,
            stdin=pipe,
            stdout=pipe,
            cwd=folder,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # to find what it has started, even if that lost its parent
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(
            target=_read, args=(self._process.stdout, self._lines), daemon=True
        ).start()
        self._send({"tools": list(tools)})
        self._is_ready = False
        self.is_over = False

    def run(self, cell: LockedCell, seconds: float) -> Found:
        check = _Check()
        try:
            if not self._is_ready:
                self._receive(START_SECONDS)
                self._is_ready = True
            self._send(asdict(cell))
            answer = self._answer(check, seconds)
        except Empty:
            self.is_over = True
            if check.conditions:
                return check.stopped(took_too_long(check.name, *check.limit(seconds)))
            what = f"it ran longer than {seconds:.3g} seconds"
            late = f"its process took longer than {START_SECONDS:.3g} seconds to start"
            return Outcome("timeout", evalue=what if self._is_ready else late), []
        except (EOFError, OSError):
            self.is_over = True
            if check.conditions:
                return check.stopped(process_ended(check.name, "a call", self._process.wait()))
            when = "while" if self._is_ready else "before"
            return Outcome("died", evalue=f"the process ended {when} the cell ran"), []
        return Outcome(**answer["outcome"]), list(restore(answer["results"]))

    def _answer(self, check: "_Check", seconds: float) -> dict[str, Any]:
        """Return the answer to a locked cell; `check` receives the lines before it."""
        until = time.monotonic() + seconds
        while True:
            left = min(until, check.call_until) - time.monotonic()
            line = self._receive(max(0.0, left))
            if "outcome" in line:
                return line
            check.update(line)

    def end(self) -> None:
        """End the process and those that it started."""
        family = []
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid).children(recursive=True)
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()
        with suppress(OSError):  # bytes that it did not read
            self._requests.close()

    def _send(self, what: Mapping[str, Any]) -> None:
        self._requests.write(json.dumps(what) + "\n")
        self._requests.flush()

    def _receive(self, seconds: float) -> dict[str, Any]:
        line = self._lines.get(timeout=seconds)
        if not line.endswith("\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(line)
        return answer


class _Check:
    """The state of a check that may never end: its conditions, and which of them were tried."""

    def __init__(self) -> None:
        self.name = ""
        self.conditions: list[ConditionResult] = []
        self.tried: list[ConditionResult] = []
        self.call_until = math.inf

    def update(self, line: Mapping[str, Any]) -> None:
        """Take over what a line of the process says."""
        self.call_until = math.inf
        if "checking" in line:
            self.name, self.conditions = line["checking"], list(restore(line["conditions"]))
        elif "tried" in line:
            self.tried += restore([line["tried"]])
        else:
            self.call_until = time.monotonic() + CALL_SECONDS

    def limit(self, seconds: float) -> tuple[str, float]:
        """Return what took too long, and how long it may take."""
        in_call = self.call_until < math.inf
        return ("a call", min(CALL_SECONDS, seconds)) if in_call else ("the check", seconds)

    def stopped(self, failure: NoAnswer) -> Found:
        """Return the results of a check that a call ended, the same as the judge's."""
        place = len(self.tried)
        results = [*self.tried, *self.conditions[place:]]
        if place < len(results):
            results[place] = replace(
                results[place], verdict="failed", fact=failure.fact, hint=failure.hint
            )
        rest = not_reached(self.name)
        results[place + 1 :] = [
            replace(result, fact=rest.fact, hint=rest.hint) for result in results[place + 1 :]
        ]
        return Outcome("error", "CheckFailure", failure.fact), list(without_repeats(results))


def _read(pipe: IO[str], lines: "SimpleQueue[str]") -> None:
    """Put each line of a process into the queue, and an empty one when it has ended."""
    with pipe:
        for line in pipe:
            lines.put(line)
    lines.put("")
