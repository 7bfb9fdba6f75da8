"""The line to a worker process, on the trusted side: deadlines, byte caps, nonces.

A reply counts only if it repeats the nonce of its request, is as long as it says, and nothing came
before or after it. A worker is killed with its whole process group.
"""

import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from tito.grading.wire import LENGTH, MOST_HEADER, NONCE, Garbled, frame

__all__ = ["WORKER", "Launch", "Line", "Lines", "Process", "launch_plain"]

WORKER = (sys.executable, "-P", "-m", "tito.grading.worker")  # -P: nothing from where it starts


AT_ONCE = 1 << 16  # bytes; what was read and not yet asked for is never more than this


class Process(Protocol):
    """What the judge needs of a running worker."""

    def kill(self) -> None:
        """Kill it, and with it all that it started."""

    def wait(self) -> int:
        """Wait for its end."""

    @property
    def overrun(self) -> str:
        """The limit that ended it, if any."""


Launch: TypeAlias = Callable[[Sequence[str], tuple[int, int]], Process]
"""Starts a command that inherits two descriptors, to read from and to write to.

The launcher adds to the command, as its last two arguments, the numbers that they have inside.
"""


class PlainProcess(subprocess.Popen[bytes]):
    """A process in a group of its own, killed with its group."""

    overrun = ""

    def kill(self) -> None:
        """Kill the process and what it started, as far as that stayed in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def launch_plain(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
    """Start `command` without a sandbox: for trusted files and for tests only."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    single = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP")}
    return PlainProcess(
        [*command, *map(str, descriptors)],
        pass_fds=descriptors,
        env=kept | single,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Line:
    """One worker and the pipes to it; every wait has the caller's deadline."""

    def __init__(self, launch: Launch) -> None:
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        try:
            self.process = launch(WORKER, (theirs_in, theirs_out))
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(self.out, False)
        self.read = bytearray()

    def ask(self, header: dict[str, Any], payload: bytes, deadline: float) -> bytes:
        """Send a request; return the header of the reply, whose payload is still to be read."""
        if self.waiting():
            raise Garbled("bytes came that nobody asked for")
        nonce = secrets.token_bytes(NONCE)
        self.send(frame(nonce, header, payload), deadline)
        if self.receive(NONCE, deadline) != nonce:
            raise Garbled("a reply does not repeat the request's nonce")
        (size,) = LENGTH.unpack(self.receive(LENGTH.size, deadline))
        if size > MOST_HEADER:
            raise Garbled(f"a reply's header of {size} bytes is announced")
        return self.receive(size, deadline)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`."""
        rest = memoryview(data)
        while rest:
            wait = max(0.0, deadline - time.monotonic())
            if not select.select([], [self.out], [], wait)[1]:
                raise TimeoutError
            rest = rest[os.write(self.out, rest) :]

    def receive(self, size: int, deadline: float) -> bytes:
        """Return exactly `size` bytes."""
        while len(self.read) < size:
            wait = max(0.0, deadline - time.monotonic())
            if not select.select([self.into], [], [], wait)[0]:
                raise TimeoutError
            piece = os.read(self.into, AT_ONCE)
            if not piece:
                raise EOFError
            self.read += piece
        got = bytes(self.read[:size])
        del self.read[:size]
        return got

    def waiting(self) -> bool:
        """Whether bytes lie there unread; the end of the worker counts as none."""
        if self.read or not select.select([self.into], [], [], 0)[0]:
            return bool(self.read)
        if not os.read(self.into, 1):
            raise EOFError
        return True

    def close(self) -> None:
        """Kill the worker's process group, and wait for the worker."""
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)


class Lines:
    """The line to a submission's worker: one for all its cells, a new one after a failure."""

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self.line: Line | None = None

    def get(self) -> Line:
        """Return the line; start a worker if there is none."""
        if self.line is None:
            self.line = Line(self.launch)
        return self.line

    def drop(self) -> None:
        """End the worker."""
        if self.line is not None:
            self.line.close()
            self.line = None
