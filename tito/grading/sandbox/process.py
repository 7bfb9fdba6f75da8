"""A running sandbox: start a command in it, wait for its end, or end it, and leave nothing."""

import atexit
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Protocol

from tito.grading.sandbox.cgroup import Group, make_group
from tito.grading.sandbox.chain import build_chain
from tito.grading.sandbox.descriptors import open_descriptors, open_pipe
from tito.grading.sandbox.janitor import own_folder
from tito.grading.sandbox.launch import Chain, Head, reported_pid, start_chain
from tito.grading.sandbox.limits import MIB, SandboxLimits
from tito.grading.sandbox.tools import find_tools
from tito.grading.sandbox.view import View, student_view
from tito.grading.sandbox.watch import watch_memory

__all__ = ["SandboxProcess", "Start", "run_in_sandbox"]

SECONDS_TO_DIE = 10.0


def run_in_sandbox(
    command: Sequence[str],
    *,
    limits: SandboxLimits | None = None,
    view: View | None = None,
    pass_fds: tuple[int, int] | None = None,
    files: Mapping[str, bytes] | None = None,
    stderr: int = subprocess.DEVNULL,
) -> "SandboxProcess":
    """Start `command` in a sandbox of its own and return as soon as the sandbox stands.

    All of it is killed when the thread that calls this ends, so start it where you wait for it.

    Parameters
    ----------
    command : Sequence[str]
        The program, by its path inside, and its arguments. They can be read inside.
    limits : SandboxLimits, optional
        What it may use; default: the defaults.
    view : View, optional
        What it sees; default: `student_view()`.
    pass_fds : tuple[int, int], optional
        Two open files of ours, which the command finds as 3, to read, and 4, to write. Close
        yours afterwards. Standard input and output lead nowhere in any case.
    files : Mapping[str, bytes], optional
        Files to make in RUN_FOLDER, by path; at most 60 KiB each.
    stderr : int
        Where its standard error goes; default: nowhere.

    Raises
    ------
    TitoError
        If the sandbox cannot be built on this machine.
    """
    limits = limits or SandboxLimits()
    tools, view = find_tools(), view or student_view()
    own_folder()  # from here on somebody clears away, whatever becomes of us
    with ExitStack() as inherited, ExitStack() as undo:
        status, report = open_pipe()
        undo.callback(os.close, status)
        inherited.callback(os.close, report)
        descriptors = open_descriptors(report, files or {}, inherited)
        group = make_group(limits)
        undo.callback(group.remove)
        pipes = pass_fds is not None
        chain = build_chain(
            command, tools, view, limits, descriptors, entrances=group.entrances, pipes=pipes
        )
        started = time.monotonic()
        head = start_chain(chain, pass_fds or (subprocess.DEVNULL,) * 2, stderr, descriptors.all())
        inherited.close()  # else the report never ends
        pid = reported_pid(status, head)
        undo.pop_all()
    return SandboxProcess(Chain(head, status), pid, group, limits, started)


class Start(Protocol):
    """Starts a command in a sandbox: `run_in_sandbox`, or the `start` of a `ForkServer`."""

    def __call__(
        self,
        command: Sequence[str],
        *,
        limits: SandboxLimits | None = None,
        pass_fds: tuple[int, int] | None = None,
        files: Mapping[str, bytes] | None = None,
        stderr: int = subprocess.DEVNULL,
    ) -> "SandboxProcess":
        """Start `command`; see `run_in_sandbox`."""


class SandboxProcess:
    """A sandbox that runs, or has run. As a context it is killed when the block is left.

    Attributes
    ----------
    pid : int
        The first process of the sandbox, as seen from outside; when it dies, all of it does.
    """

    def __init__(
        self,
        head: Head,
        pid: int,
        group: Group,
        limits: SandboxLimits,
        started: float,
        watched: bool = True,
    ) -> None:
        self.pid = pid
        self._head = head
        self._cleared = False
        self._ending = threading.Lock()  # a thread may wait while another one kills
        self._first: int | None = _open_process(pid)
        self._group = group
        self._deadline = started + limits.wall_seconds
        self._overrun = ""
        self._owner = os.getpid()
        atexit.register(self._end_with_owner)  # before the janitor, who was there earlier
        self._watch: threading.Thread | None = None
        if watched and self._first is not None and not group.bounds_memory:
            most = limits.memory_mib * MIB
            self._watch = watch_memory(pid, self._first, most, self._note_memory)

    def poll(self) -> int | None:
        """Return the exit status if all has ended, 128 + n for signal n, else None."""
        if self._head.poll() is None:
            return None
        return self.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all has ended and is cleared away; return the exit status.

        It is the sandbox's word: evidence of nothing.

        Raises
        ------
        subprocess.TimeoutExpired
            If it has not ended within `timeout` seconds.
        """
        code = self._head.wait(timeout)
        code = 128 - code if code < 0 else code
        with self._ending:
            if not self._cleared:
                self._clear_away(code)
                self._cleared = True
        return code

    def kill(self) -> None:
        """Kill all of it; `wait` afterwards."""
        # The chain outside follows by itself, innermost first, so its end is the end of all.
        with self._ending:
            if self._first is not None:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._head.wait(SECONDS_TO_DIE)
        if self._head.poll() is None:
            self._head.kill()

    @property
    def overrun(self) -> str:
        """The field of SandboxLimits that ended it; empty while it runs, or if none is known to."""
        return self._overrun

    def __enter__(self) -> "SandboxProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()

    def _end_with_owner(self) -> None:
        if os.getpid() == self._owner:  # and not a process forked from it
            self.__exit__()

    def _note_memory(self) -> None:
        self._overrun = "memory_mib"

    def _clear_away(self, code: int) -> None:
        late = time.monotonic() >= self._deadline
        atexit.unregister(self._end_with_owner)
        if self._first is not None:
            select.select([self._first], [], [], SECONDS_TO_DIE)
            os.close(self._first)
            self._first = None
        if self._watch is not None:
            self._watch.join(SECONDS_TO_DIE)
        self._head.close()
        if self._group.ran_out_of_memory():
            self._overrun = "memory_mib"
        elif late and not self._overrun:
            self._overrun = "wall_seconds"
        elif code == 128 + signal.SIGXCPU:
            self._overrun = "cpu_seconds"
        self._group.remove()


def _open_process(pid: int) -> int | None:
    """Return a descriptor that names this process whatever becomes of its number."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
