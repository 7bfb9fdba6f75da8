"""Launching the chain of commands that builds a sandbox, and what is left of it outside."""

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tito.errors import TitoError
from tito.grading.sandbox.tools import remedy

__all__ = ["SECONDS_TO_START", "Chain", "Head", "reported_pid", "start_chain"]

SECONDS_TO_START = 20.0


class Head(Protocol):
    """What there is outside of a sandbox that ends with it and knows its exit status."""

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status; subprocess.TimeoutExpired if there is none in time."""

    def kill(self) -> None:
        """End it, whatever becomes of the sandbox."""

    def close(self) -> None:
        """Close what is open for it."""


@dataclass(frozen=True)
class Chain:
    """The first command of a chain, and where bubblewrap reports to."""

    process: subprocess.Popen[bytes]
    status: int

    def poll(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        os.close(self.status)


def start_chain(
    chain: list[str], pass_fds: Sequence[int], stderr: int, inherited: list[int]
) -> subprocess.Popen[bytes]:
    """Start a chain of commands with these standard streams and open files."""
    return subprocess.Popen(
        chain,
        stdin=pass_fds[0],
        stdout=pass_fds[1],
        stderr=stderr,
        pass_fds=inherited,
        start_new_session=True,  # Ctrl-C is for the grader
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )


def reported_pid(status: int, head: subprocess.Popen[bytes]) -> int:
    """Read the process id from bubblewrap's first report, which it writes before all else."""
    line = b""
    deadline = time.monotonic() + SECONDS_TO_START
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        ready = select.select([status], [], [], max(0.0, left))[0]
        chunk = os.read(status, 1) if ready else b""
        if not chunk:
            head.kill()
            head.wait()
            raise TitoError("The sandbox did not start.", remedy())
        line += chunk
    return int(json.loads(line)["child-pid"])
