"""Execution: run a notebook's cells in a kernel, and go on when the kernel dies.

A dead kernel costs the cell that killed it and no other: a fresh kernel runs the definitions
above again and then continues with the next cell.

Only cells that nbgrader knows are run, up to the last graded one. The others measure and
demonstrate: that takes longer than all checks, and says nothing on a machine that grades a class.
So nothing graded may depend on a cell without nbgrader's metadata. Nor is a cell run that the judge
judges: the verdict would replace its output.
"""

import time
from collections.abc import Callable, Mapping, Set
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tito.course import Limits
from tito.grading.verdicts import Execution, Outcome
from tito.lesson import Cell, Notebook, code_cells, grade_id, is_graded

__all__ = ["OVERRUN", "needed_cells", "run_notebook"]

OVERRUN = {
    "cpu_seconds": "the notebook used more CPU time than it may",
    "files": "the notebook made more files than it may",
    "memory_mib": "the notebook used more memory than it may",
    "notebook_seconds": "the notebook ran longer than it may",
    "output_kib": "the notebook printed more than it may",
}
"""The fact about a notebook that reached a limit, by the field of `Limits`."""

# The kernel's warnings do not apply here: it listens on the loopback only.
QUIET = ["--IPKernelApp.log_level=ERROR", "--HistoryManager.enabled=False"]
# Modules beside the notebook can be imported, after all others: Python itself looks in no folder
# that code under test can write to.
MODULES = ["--IPKernelApp.exec_lines=import sys; sys.path.append('')"]


def run_notebook(
    notebook: Notebook,
    limits: Limits,
    folder: Path,
    leave_out: Set[str] = frozenset(),
    *,
    outcomes: Mapping[str, Outcome] | None = None,
    report: Callable[[Cell, Outcome], None] = lambda cell, outcome: None,
) -> Execution:
    """Run the cells that nbgrader knows, up to the last graded one, with the user's own rights.

    Parameters
    ----------
    notebook : Notebook
        The notebook; its cells receive outputs.
    limits : Limits
        Seconds per cell and for the whole, and bytes of output.
    folder : Path
        The kernel's working folder.
    leave_out : set of str
        Grade ids of cells that are not run.
    outcomes : mapping of cell id to Outcome, optional
        The cells that have been run already: they are not run again, except for definitions.
    report : Callable, optional
        Called with each cell and its outcome as soon as the cell has ended.
    """
    run = _Run(Execution(notebook, dict(outcomes or {})), limits, folder, report)
    cells = needed_cells(notebook, leave_out)
    run.finish([cell for cell in cells if cell.id not in run.execution.outcomes])
    return run.execution


def needed_cells(notebook: Notebook, leave_out: Set[str]) -> list[Cell]:
    """Return the code cells that can change a grade; nbgrader drops the grade ids of some."""
    known = [cell for cell in code_cells(notebook) if "nbgrader" in cell.metadata]
    cells = [cell for cell in known if grade_id(cell) not in leave_out]
    while cells and not is_graded(cells[-1]):
        cells.pop()
    return cells


class _Run:
    def __init__(
        self,
        execution: Execution,
        limits: Limits,
        folder: Path,
        report: Callable[[Cell, Outcome], None],
    ) -> None:
        self.execution = execution
        self.limits = limits
        self.folder = folder
        self.report = report
        self.deadline = time.monotonic() + limits.notebook_seconds

    def finish(self, waiting: list[Cell]) -> None:
        while waiting:
            with ExitStack() as stack:
                kernel = _Kernel(self.execution.notebook, self.folder, self.limits, stack)
                self._repeat_definitions(kernel)
                waiting = self._run_until_death(kernel, waiting)

    def _run_until_death(self, kernel: "_Kernel", waiting: list[Cell]) -> list[Cell]:
        """Run cells until none is left or the kernel is lost; return those that still wait."""
        for place, cell in enumerate(waiting):
            outcome = self._run_cell(kernel, cell)
            self.execution.outcomes[cell.id] = outcome
            self.report(cell, outcome)
            if outcome.status in ("died", "timeout"):
                return waiting[place + 1 :]
        return []

    def _run_cell(self, kernel: "_Kernel", cell: Cell) -> Outcome:
        left = self.deadline - time.monotonic()
        if left <= 0:
            cell.outputs = []
            return Outcome("skipped", evalue="the notebook's time was used up")
        return kernel.run(cell, min(left, self.limits.cell_seconds))

    def _repeat_definitions(self, kernel: "_Kernel") -> None:
        """Run again what later cells depend on; the outputs stay those of the first run."""
        for cell in code_cells(self.execution.notebook):
            outcome = self.execution.outcomes.get(cell.id)
            if outcome is not None and outcome.status == "ok" and not is_graded(cell):
                kept = cell.outputs
                self._run_cell(kernel, cell)
                cell.outputs = kept


class _Kernel:
    """One living kernel, the client that talks to it, and the bytes that it may still print."""

    def __init__(self, notebook: Notebook, folder: Path, limits: Limits, stack: ExitStack) -> None:
        from nbclient import NotebookClient

        self.notebook = notebook
        self.reply: Mapping[str, Any] = {}
        self.left = limits.output_kib * 1024
        self.client = NotebookClient(
            notebook,
            kernel_name="python3",
            allow_errors=True,
            record_timing=False,
            shutdown_kernel="immediate",
            extra_arguments=[*QUIET, *(MODULES if any(folder.glob("*.py")) else [])],
            on_cell_executed=self._keep_reply,
            resources={"metadata": {"path": str(folder)}},
        )
        self._process_message = self.client.process_message
        self.client.process_message = self._count_and_process  # type: ignore[method-assign]
        stack.enter_context(self.client.setup_kernel())

    def run(self, cell: Cell, seconds: float) -> Outcome:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        self.reply = {}
        self.client.timeout = max(1, round(seconds))
        try:
            self.client.execute_cell(cell, self.notebook.cells.index(cell))
        except DeadKernelError:
            if self.left >= 0:
                return Outcome("died", evalue="the kernel died while the cell ran")
            cell.outputs = []
            return Outcome("died", evalue=OVERRUN["output_kib"])
        except CellTimeoutError:
            return Outcome("timeout", evalue=f"it ran longer than {self.client.timeout} seconds")
        if self.reply.get("status") == "error":
            return Outcome("error", self.reply.get("ename", ""), self.reply.get("evalue", ""))
        return Outcome("ok")

    def _keep_reply(self, *, execute_reply: Mapping[str, Any], **_: object) -> None:
        self.reply = execute_reply["content"]

    def _count_and_process(self, msg: dict[str, Any], cell: Cell, cell_index: int) -> Any:
        """Process a message, or end the kernel once it has printed more than it may."""
        self.left -= len(repr(msg["content"]))
        if self.left >= 0:
            return self._process_message(msg, cell, cell_index)
        if self.client.task_poll_for_reply is not None:
            self.client.task_poll_for_reply.cancel()  # nbclient then takes the kernel for dead
        return None
