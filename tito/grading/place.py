"""The place where student code runs: inside the sandbox or, for trusted files, outside."""

import os
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.execution import Execution, run_notebook
from tito.grading.line import Launch, Process, launch_plain
from tito.lesson import Notebook

if TYPE_CHECKING:
    from tito.grading.sandbox import Start

__all__ = ["CHOICES", "Place", "machine_id", "place_of"]

CHOICES = ("auto", "bwrap", "off")


@dataclass(frozen=True)
class Place:
    """How a notebook and a judge's worker are run.

    Parameters
    ----------
    name : str
        ``warm`` for sandboxes forked from a warm parent, ``bwrap`` for those that are started cold,
        ``off`` for the grader's own rights.
    run : callable
        Runs a rebuilt notebook, given its limits, the folder it lies in and the grade ids of cells
        to leave out.
    launcher : callable
        Returns what starts a judge's worker, given its limits.
    note : str
        What the instructor should know of it.
    losses : callable
        Returns a number that is another one after something was killed that no student could kill:
        what was examined meanwhile has to be examined again.
    """

    name: str
    run: Callable[[Notebook, Limits, Path, Set[str]], Execution]
    launcher: Callable[[Limits], Launch]
    note: str = ""
    losses: Callable[[], int] = int


def place_of(choice: str, probed: str = "") -> Place:
    """Return the place that `choice` names.

    ``bwrap`` is the sandbox, each one started cold; ``auto`` the same from a warm parent, where
    that holds on this machine, else cold.

    Parameters
    ----------
    choice : str
        One of `CHOICES`, or the name of a place.
    probed : str
        The `machine_id` of where the place of this name was tried already: it is not tried again.

    Raises
    ------
    TitoError
        If the choice is unknown, or the sandbox does not hold on this machine.
    """
    if choice not in (*CHOICES, "warm"):
        legal = ", ".join(CHOICES)
        raise TitoError(f"There is no sandbox {choice!r}.", f"Name one of: {legal}.", exit_code=2)
    if choice == "off":
        return Place("off", run_notebook, lambda limits: launch_plain)
    from tito.grading.sandbox import require_sandbox, run_in_sandbox, warm_start

    if probed and probed == machine_id() and choice != "auto":
        return _sandboxed(choice, warm_start if choice == "warm" else run_in_sandbox)
    if choice in ("auto", "warm"):
        try:
            require_sandbox(warm_start)
        except TitoError as refusal:
            return _sandboxed(
                "bwrap", run_in_sandbox, f"Every sandbox is started cold: {refusal.fact}"
            )
        return _sandboxed("warm", warm_start)
    require_sandbox()
    return _sandboxed("bwrap", run_in_sandbox)


def machine_id() -> str:
    """Return what tells this machine since its start, and this user on it, from others."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{boot.read_text().strip()}:{os.getuid()}" if boot.exists() else ""


def _sandboxed(name: str, start: "Start", note: str = "") -> Place:
    run, launcher = partial(_run_in_sandbox, start), partial(_sandbox_launcher, start)
    return Place(name, run, launcher, note, _losses if name == "warm" else int)


def _losses() -> int:
    from tito.grading.sandbox.forkserver import server_of_process

    return server_of_process(os.getpid()).losses


def _run_in_sandbox(
    start: "Start", notebook: Notebook, limits: Limits, folder: Path, leave_out: Set[str]
) -> Execution:
    from tito.grading.sandbox import SandboxLimits
    from tito.grading.sandbox.kernel import sandboxed_kernel_manager

    manager = sandboxed_kernel_manager(SandboxLimits.of(limits), start)
    return run_notebook(notebook, limits, folder, leave_out, manager)


def _sandbox_launcher(start: "Start", limits: Limits) -> Launch:
    from tito.grading.sandbox import SandboxLimits

    sandbox_limits = SandboxLimits.of(limits)

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        inside = [*command, "3", "4"]  # what the two descriptors are called in the sandbox
        return start(inside, limits=sandbox_limits, pass_fds=descriptors)

    return launch
