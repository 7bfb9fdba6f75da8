"""Warm starts: sandboxes forked from a parent that has imported IPython and NumPy already.

A cold sandbox spends most of its start on a new interpreter's imports. The warm parent has done
them, in a sandbox that shows the same files, and forks a child in namespaces of its own for each
start; see `tito.grading.sandbox.parent`. What such a child may see and use is what a cold one may.
"""

import atexit
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from functools import cache

from tito.errors import TitoError
from tito.grading.sandbox.birth import Order, Parent, bear
from tito.grading.sandbox.limits import SandboxLimits
from tito.grading.sandbox.process import SandboxProcess
from tito.grading.sandbox.tools import remedy
from tito.grading.sandbox.view import View, student_view

__all__ = ["ForkServer", "server_of_process", "warm_start"]


ATTEMPTS = 3


class ForkServer:
    """Starts sandboxes from a warm parent; one that died, hangs or changed is replaced.

    As a context, the parent ends with the block. Several threads may use it.

    Parameters
    ----------
    view : View, optional
        What all its sandboxes see; default: `student_view()`.

    Attributes
    ----------
    parent : Parent or None
        The one that is running, if any.
    losses : int
        How many parents, and how many children out of their turn, somebody has killed so far.
    """

    def __init__(self, view: View | None = None) -> None:
        self.view = view or student_view()
        self._lock = threading.Lock()
        self.parent: Parent | None = None
        self._losses = 0

    @property
    def losses(self) -> int:
        """Changes when something was killed that should have lived: what ran proves nothing."""
        return self._losses + (self.parent.lost if self.parent else 0)

    def start(
        self,
        command: Sequence[str],
        *,
        limits: SandboxLimits | None = None,
        pass_fds: tuple[int, int] | None = None,
        files: Mapping[str, bytes] | None = None,
        stderr: int = subprocess.DEVNULL,
    ) -> SandboxProcess:
        """Start `command` as `run_in_sandbox` does, which see for the parameters.

        A Python command, ``python -m MODULE`` or ``python -c CODE``, runs in the forked
        interpreter; any other is executed.
        """
        limits = limits or SandboxLimits()
        order = Order(list(command), limits, pass_fds, dict(files or {}), stderr, self.view)
        for _ in range(ATTEMPTS):
            parent = self._living_parent()
            try:
                return bear(parent, order)
            except OSError:
                self._replace(parent)
        raise TitoError("The sandbox's warm parent does not start children.", remedy())

    def close(self) -> None:
        """End the parent and all that it bore."""
        with self._lock:
            if self.parent is not None:
                self.parent.end()
                self.parent = None

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _living_parent(self) -> Parent:
        with self._lock:
            if self.parent is None:
                self.parent = Parent(self.view)
            return self.parent

    def _replace(self, parent: Parent) -> None:
        """End a parent that failed, unless another thread has done so."""
        with self._lock:
            if self.parent is parent:
                parent.end()
                self._losses += 1 + parent.lost
                self.parent = None


def warm_start(
    command: Sequence[str],
    *,
    limits: SandboxLimits | None = None,
    pass_fds: tuple[int, int] | None = None,
    files: Mapping[str, bytes] | None = None,
    stderr: int = subprocess.DEVNULL,
) -> SandboxProcess:
    """Start `command` from this process's own `ForkServer`, which is made at the first use."""
    server = server_of_process(os.getpid())
    return server.start(command, limits=limits, pass_fds=pass_fds, files=files, stderr=stderr)


@cache
def server_of_process(process: int) -> ForkServer:
    """Return the server of a process; a forked one needs its own: a parent ends with its maker."""
    server = ForkServer()
    atexit.register(_close, server, process)
    return server


def _close(server: ForkServer, process: int) -> None:
    if os.getpid() == process:
        server.close()
