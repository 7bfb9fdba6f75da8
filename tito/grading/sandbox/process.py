"""A sandbox process: start a command in a sandbox, wait for its end, end it, leave nothing."""

import atexit
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.sandbox.bwrap import bwrap_command
from tito.grading.sandbox.cgroup import Group, make_group
from tito.grading.sandbox.cleanup import runtime_dir
from tito.grading.sandbox.mounts import Mounts, student_mounts
from tito.grading.sandbox.seccomp import filter_program
from tito.grading.sandbox.tools import find_tools, remedy
from tito.grading.sandbox.watchdog import Watchdog

__all__ = ["SandboxProcess", "run_in_sandbox"]

SECONDS_TO_START = 20.0
SECONDS_TO_DIE = 10.0

# The shell gives the command descriptors 3 and 4, so our own must lie above them.
FIRST_DESCRIPTOR = 10


def run_in_sandbox(
    command: Sequence[str],
    *,
    limits: Limits | None = None,
    pass_fds: tuple[int, int] | None = None,
    mounts: Mounts | None = None,
) -> "SandboxProcess":
    """Start `command` in a sandbox of its own and return as soon as the sandbox is ready.

    The sandbox is killed when the thread that calls this ends: call it in the thread that waits.

    Parameters
    ----------
    command : Sequence[str]
        The program, by its path inside, and its arguments. They can be read inside.
    limits : Limits, optional
        What it may use; default: the defaults. ``notebook_seconds`` is its wall time.
    pass_fds : tuple[int, int], optional
        Two open descriptors, which the command finds as 3, to read, and 4, to write. Close
        yours afterwards. Standard input, output and error lead to /dev/null in any case.
    mounts : Mounts, optional
        What it sees; default: `student_mounts()`.

    Raises
    ------
    TitoError
        If the sandbox cannot be built on this machine.
    """
    limits, tools, mounts = limits or Limits(), find_tools(), mounts or student_mounts()
    runtime_dir()  # from here on the cleanup is ready, whatever happens to this process
    with ExitStack() as inherited, ExitStack() as undo:
        status, report = _open_pipe()
        undo.callback(os.close, status)
        inherited.callback(os.close, report)
        group = make_group(limits)
        undo.callback(group.remove)
        call_filter = _open_filter(inherited)
        arguments = bwrap_command(
            command,
            tools,
            mounts,
            limits,
            status=report,
            call_filter=call_filter,
            procs_files=group.procs_files,
        )
        started = time.monotonic()
        head = subprocess.Popen(
            arguments,
            stdin=pass_fds[0] if pass_fds else subprocess.DEVNULL,
            stdout=pass_fds[1] if pass_fds else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[report] if call_filter is None else [report, call_filter],
            start_new_session=True,  # Ctrl-C is for the grader
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
        )
        inherited.close()  # else reading the report would not end
        pid = _reported_pid(status, head)
        undo.pop_all()
    return SandboxProcess(head, status, pid, group, limits, started)


class SandboxProcess:
    """A sandbox that runs, or has run. As a context it is killed when the block is left.

    Attributes
    ----------
    pid : int
        The first process of the sandbox, as seen from outside; when it dies, all of it does.
    overrun : str
        The field of Limits that ended it; empty while it runs, or if none did.
    """

    def __init__(
        self,
        head: subprocess.Popen[bytes],
        status: int,
        pid: int,
        group: Group,
        limits: Limits,
        started: float,
    ) -> None:
        self.pid = pid
        self._head = head
        self._status = status
        self._group = group
        self._deadline = started + limits.notebook_seconds
        self.overrun = ""
        self._cleared = False
        self._ending = threading.Lock()  # a thread may wait while another one kills
        self._first = _open_process(pid)
        self._watchdog: Watchdog | None = None
        if self._first is not None:
            self._watchdog = Watchdog(pid, self._first, limits, memory=not group.bounds_memory)
            self._watchdog.start()
        self._owner = os.getpid()
        atexit.register(self._end_with_owner)  # before the cleanup, which was there earlier

    def wait(self) -> int:
        """Wait until all has ended and is cleared away; return the exit status.

        It is 128 + n for signal n. It comes from the sandbox and proves nothing.
        """
        code = self._head.wait()
        code = 128 - code if code < 0 else code
        with self._ending:
            if not self._cleared:
                self._clear_away(code)
                self._cleared = True
        return code

    def kill(self) -> None:
        """Kill all of it; `wait` afterwards."""
        # The programs outside end by themselves, innermost first, so their end is the end of all.
        with self._ending:
            if self._first is not None:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._first, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._head.wait(SECONDS_TO_DIE)
        if self._head.poll() is None:
            self._head.kill()

    def __enter__(self) -> "SandboxProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()

    def _end_with_owner(self) -> None:
        if os.getpid() == self._owner:  # and not a process forked from it
            self.__exit__()

    def _clear_away(self, code: int) -> None:
        atexit.unregister(self._end_with_owner)
        found, ended = "", time.monotonic()
        if self._watchdog is not None:
            self._watchdog.join(SECONDS_TO_DIE)
            found, ended = self._watchdog.overrun, self._watchdog.ended or ended
        if self._first is not None:
            os.close(self._first)
            self._first = None
        os.close(self._status)
        if self._group.ran_out_of_memory():
            found = "memory_mib"
        elif not found and code == 128 + signal.SIGKILL and ended >= self._deadline:
            found = "notebook_seconds"
        elif not found and code == 128 + signal.SIGXCPU:
            found = "cpu_seconds"
        self.overrun = found
        self._group.remove()


def _open_process(pid: int) -> int | None:
    """Return a descriptor of this process, valid even when its number is used again."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _open_pipe() -> tuple[int, int]:
    """Make a pipe, to read and to write, of descriptors that the shell does not use."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl  # not on Windows

    ends = os.pipe()
    raised = [fcntl(end, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) for end in ends]
    for end in ends:
        os.close(end)
    return raised[0], raised[1]


def _open_filter(inherited: ExitStack) -> int | None:
    """Return a descriptor with the filter of system calls; None where there is none."""
    program = filter_program()
    if program is None:
        return None
    reader, writer = _open_pipe()
    inherited.callback(os.close, reader)
    with open(writer, "wb") as file:  # less than a pipe's buffer
        file.write(program)
    return reader


def _reported_pid(status: int, head: subprocess.Popen[bytes]) -> int:
    """Read the process id from bubblewrap's first report, which it writes before all else."""
    line, deadline = b"", time.monotonic() + SECONDS_TO_START
    ready = select.poll()
    ready.register(status, select.POLLIN)
    while not line.endswith(b"\n"):
        left = max(0.0, deadline - time.monotonic())
        chunk = os.read(status, 1) if ready.poll(left * 1000) else b""
        if not chunk:
            head.kill()
            head.wait()
            raise TitoError("The sandbox did not start.", remedy())
        line += chunk
    return int(json.loads(line)["child-pid"])
