"""Execution: run a notebook's cells in a kernel, and go on when the kernel dies.

A dead kernel costs the cell that killed it and no other: a fresh kernel runs the definitions
above again and then continues with the next cell.

Only cells that nbgrader knows are run, up to the last graded one. The others measure and
demonstrate: that takes longer than all checks, and says nothing on a machine that grades a class.
So nothing graded may depend on a cell without nbgrader's metadata. Nor are those run whose time
the judge will take: what they show would give way to its verdict.
"""

import time
from collections.abc import Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tito.course import Limits
from tito.lesson import Cell, Notebook, code_cells, grade_id, is_graded

__all__ = ["Execution", "Outcome", "run_notebook"]


# The kernel warns of what is nobody's concern here: it listens on the loopback only.
OVERRUN = {
    "cpu_seconds": "the notebook used more CPU time than it may",
    "memory_mib": "the notebook used more memory than it may",
    "output_kib": "the notebook printed more than it may",
    "wall_seconds": "the notebook ran longer than it may",
}
QUIET = ["--IPKernelApp.log_level=ERROR"]


@dataclass(frozen=True)
class Outcome:
    """How one cell ended: ``ok``, ``error``, ``died``, ``timeout`` or ``skipped``."""

    status: str
    ename: str = ""
    evalue: str = ""


@dataclass
class Execution:
    """An executed notebook, and the outcome of each code cell by its cell id."""

    notebook: Notebook
    outcomes: dict[str, Outcome] = field(default_factory=dict)


def run_notebook(
    notebook: Notebook,
    limits: Limits,
    folder: Path,
    leave_out: Set[str] = frozenset(),
    kernel_manager_class: type | None = None,
) -> Execution:
    """Run the cells that nbgrader knows, up to the last graded one; they receive outputs.

    Parameters
    ----------
    notebook : Notebook
        The notebook; its cells receive outputs.
    limits : Limits
        Seconds for a cell and for the whole.
    folder : Path
        The kernel's working folder.
    leave_out : set of str
        Grade ids of cells that are not run.
    kernel_manager_class : type, optional
        Of jupyter_client: where the kernel runs; default: here, with the user's own rights.
    """
    cells = [cell for cell in _needed_cells(notebook) if grade_id(cell) not in leave_out]
    return _Run(notebook, limits, folder, kernel_manager_class).finish(cells)


class _Run:
    def __init__(
        self, notebook: Notebook, limits: Limits, folder: Path, manager: type | None
    ) -> None:
        self.execution = Execution(notebook)
        self.manager = manager
        self.limits = limits
        self.folder = folder
        self.deadline = time.monotonic() + limits.notebook_seconds

    def finish(self, waiting: list[Cell]) -> Execution:
        while waiting:
            with ExitStack() as stack:
                kernel = _Kernel(self.execution.notebook, self.folder, self.manager, stack)
                self._repeat_definitions(kernel)
                waiting = self._run_until_death(kernel, waiting)
        return self.execution

    def _run_until_death(self, kernel: "_Kernel", waiting: list[Cell]) -> list[Cell]:
        """Run cells until none is left or the kernel is lost; return those that still wait."""
        for place, cell in enumerate(waiting):
            outcome = self._run_cell(kernel, cell)
            self.execution.outcomes[cell.id] = outcome
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
        """Run again what later cells build on; the outputs stay those of the first run."""
        for cell in code_cells(self.execution.notebook):
            outcome = self.execution.outcomes.get(cell.id)
            if outcome is not None and outcome.status == "ok" and not is_graded(cell):
                kept = cell.outputs
                self._run_cell(kernel, cell)
                cell.outputs = kept


def _needed_cells(notebook: Notebook) -> list[Cell]:
    """The code cells that can change a grade; nbgrader drops the grade ids of some."""
    cells = [cell for cell in code_cells(notebook) if "nbgrader" in cell.metadata]
    while cells and not is_graded(cells[-1]):
        cells.pop()
    return cells


class _Kernel:
    """One living kernel and the client that talks to it."""

    def __init__(
        self, notebook: Notebook, folder: Path, manager: type | None, stack: ExitStack
    ) -> None:
        from nbclient import NotebookClient

        settings: dict[str, Any] = {"kernel_manager_class": manager} if manager else {}
        self.notebook = notebook
        self.reply: Mapping[str, Any] = {}
        self.client = NotebookClient(
            notebook,
            kernel_name="python3",
            allow_errors=True,
            record_timing=False,
            shutdown_kernel="immediate",
            extra_arguments=QUIET,
            on_cell_executed=self._keep_reply,
            resources={"metadata": {"path": str(folder)}},
            **settings,
        )
        stack.enter_context(self.client.setup_kernel())

    def run(self, cell: Cell, seconds: float) -> Outcome:
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        self.reply = {}
        self.client.timeout = max(1, round(seconds))
        try:
            self.client.execute_cell(cell, self.notebook.cells.index(cell))
        except DeadKernelError:
            limit = OVERRUN.get(getattr(self.client.km, "overrun", ""), "")
            return Outcome("died", evalue=limit or "the kernel died while the cell ran")
        except CellTimeoutError:
            return Outcome("timeout", evalue=f"it ran longer than {self.client.timeout} seconds")
        if self.reply.get("status") == "error":
            return Outcome("error", self.reply.get("ename", ""), self.reply.get("evalue", ""))
        return Outcome("ok")

    def _keep_reply(self, *, execute_reply: Mapping[str, Any], **_: object) -> None:
        self.reply = execute_reply["content"]
