"""The place where student code runs: inside the sandbox or, for trusted files, outside."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from tito.course import Course, Limits
from tito.errors import TitoError
from tito.grading.execution import Execution, run_notebook
from tito.grading.line import Launch, Process, launch_plain
from tito.lesson import Notebook

__all__ = ["CHOICES", "Place", "current_place", "place_of", "using_place"]

CHOICES = ("auto", "bwrap", "off")


@dataclass(frozen=True)
class Place:
    """How a notebook and a judge's worker are run.

    Parameters
    ----------
    name : str
        ``bwrap`` for the sandbox, ``off`` for the grader's own rights.
    run : callable
        Runs a rebuilt notebook, given its limits and the folder it lies in.
    launcher : callable
        Returns what starts a judge's worker, given its limits.
    """

    name: str
    run: Callable[[Notebook, Limits, Path], Execution]
    launcher: Callable[[Limits], Launch]


_place: ContextVar[Place | None] = ContextVar("place", default=None)


def place_of(choice: str) -> Place:
    """Return the place that `choice` names: ``auto`` is the sandbox, as there is only one.

    Raises
    ------
    TitoError
        If the choice is unknown, or the sandbox does not hold on this machine.
    """
    if choice not in CHOICES:
        legal = ", ".join(CHOICES)
        raise TitoError(f"There is no sandbox {choice!r}.", f"Name one of: {legal}.", exit_code=2)
    if choice == "off":
        return Place("off", run_notebook, lambda limits: launch_plain)
    from tito.grading.sandbox import require_sandbox

    require_sandbox()
    return Place("bwrap", _run_in_sandbox, _sandbox_launcher)


def current_place(course: Course) -> Place:
    """Return the place in force: the one that `using_place` names, else that of settings.ini."""
    return _place.get() or place_of(course.sandbox)


@contextmanager
def using_place(place: Place) -> Iterator[None]:
    """Run student code in `place` inside the with block."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def _run_in_sandbox(notebook: Notebook, limits: Limits, folder: Path) -> Execution:
    from tito.grading.sandbox import SandboxLimits
    from tito.grading.sandbox.kernel import sandboxed_kernel_manager

    manager = sandboxed_kernel_manager(SandboxLimits.of(limits))
    return run_notebook(notebook, limits, folder, kernel_manager_class=manager)


def _sandbox_launcher(limits: Limits) -> Launch:
    from tito.grading.sandbox import SandboxLimits, run_in_sandbox

    sandbox_limits = SandboxLimits.of(limits)

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        inside = [*command, "3", "4"]  # what the two descriptors are called in the sandbox
        return run_in_sandbox(inside, limits=sandbox_limits, pass_fds=descriptors)

    return launch
