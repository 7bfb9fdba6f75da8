"""The sandbox mode: student code runs in bubblewrap or, if trusted, with the user's rights."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from tito.course import SANDBOXES, Course, Limits
from tito.errors import TitoError
from tito.grading.judge.connection import Launch, Process, launch_plain
from tito.grading.sandbox.notebook import run_notebook
from tito.grading.sandbox.probe import require_sandbox
from tito.grading.sandbox.process import run_in_sandbox
from tito.grading.verdicts import Execution
from tito.lesson import Notebook

__all__ = ["SandboxMode", "choose_sandbox"]


@dataclass(frozen=True)
class SandboxMode:
    """How student code is started: ``bwrap`` or ``off``."""

    name: str

    def launcher(self, limits: Limits) -> Launch:
        """Return what starts the judge's supervisor with these limits."""
        if self.name == "off":
            return launch_plain

        def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
            inside = [*command, "3", "4"]  # the numbers of the two descriptors in the sandbox
            return run_in_sandbox(inside, limits=limits, pass_fds=descriptors)

        return launch

    def run_notebook(
        self,
        notebook: Notebook,
        limits: Limits,
        leave_out: Set[str] = frozenset(),
        files: Mapping[str, bytes] | None = None,
    ) -> Execution:
        """Run a notebook's cells in a kernel; see `tito.grading.sandbox.notebook.run_notebook`."""
        return run_notebook(notebook, limits, leave_out, self.launcher, files)


def choose_sandbox(
    setting: str, *, probed: bool = False, course: Course | None = None
) -> SandboxMode:
    """Return the sandbox mode that `setting` names.

    Parameters
    ----------
    setting : str
        One of `tito.course.SANDBOXES`.
    probed : bool
        Whether the sandbox was probed on this machine already: it is not probed again.
    course : Course, optional
        What is graded, whose files no submission may reach.

    Raises
    ------
    TitoError
        If there is no such mode, or the sandbox does not hold on this machine.
    """
    if setting not in SANDBOXES:
        legal = ", ".join(SANDBOXES)
        raise TitoError(f"There is no sandbox {setting!r}.", f"Name one of: {legal}.", exit_code=2)
    if setting == "off":
        return SandboxMode("off")
    if not probed:
        require_sandbox(course)
    return SandboxMode("bwrap")
