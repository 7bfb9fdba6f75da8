"""The connection to a submission's supervisor, on the trusted side: start it, ask it, end it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from tito.grading.judge.protocol import ProtocolError, Stream, frame, parse_json

__all__ = ["SUPERVISOR", "Connection", "Launch", "Process", "WorkerFailure", "launch_plain"]

SUPERVISOR = (sys.executable, "-P", "-m", "tito.grading.judge.supervisor")  # -P: nothing from here
START_SECONDS = 60.0  # on a machine that is busy
SPARE_SECONDS = 10.0  # for the supervisor, after the seconds of the child are over
END_SECONDS = 20.0
PASSED_ON = ("PATH", "SYSTEMROOT")  # of the environment, without a sandbox
MOST_HEADER = 1 << 20  # bytes of what the supervisor says itself


class Process(Protocol):
    """What the judge needs of a running supervisor."""

    def kill(self) -> None:
        """Kill it, and with it all that it started."""

    def wait(self) -> int:
        """Wait for its end."""

    @property
    def overrun(self) -> str:
        """The limit that ended it; empty while it runs, or if none is known to."""


Launch: TypeAlias = Callable[[Sequence[str], tuple[int, int]], Process]
"""Starts a command that inherits two descriptors, to read from and to write to.

The launcher adds to the command the numbers that they have inside. In a sandbox the command is the
first process: the others are its own, and it ends them all.
"""


class WorkerFailure(Exception):  # noqa: N818 (what a student's code did to it is a result)
    """The supervisor ended or gave no answer; `overrun` is the limit that ended it, if one did."""

    def __init__(self, overrun: str = "") -> None:
        super().__init__(overrun)
        self.overrun = overrun


class PlainProcess(subprocess.Popen[bytes]):
    """A process in a group of its own, killed with its group."""

    overrun = ""

    def kill(self) -> None:
        """Kill the process and what it started, as far as that stayed in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def launch_plain(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
    """Start `command` without a sandbox: for trusted files and for tests only."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
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


class Connection:
    """A submission's supervisor: started when it is needed, anew after it failed.

    Parameters
    ----------
    launch : Launch
        Starts it.
    preload : sequence of str
        The modules that it imports before it forks.
    """

    def __init__(self, launch: Launch, preload: Sequence[str] = ()) -> None:
        self._launch, self._preload = launch, list(preload)
        self._process: Process | None = None
        self._stream: Stream | None = None

    def start(self) -> None:
        """Start a supervisor if there is none."""
        if self._stream is not None:
            return
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self._stream = Stream(ours_in, ours_out)
        try:
            self._process = self._launch(SUPERVISOR, (theirs_in, theirs_out))
        except BaseException:
            self.drop()  # else the next request would blame the submission
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self.ask({"do": "preload", "modules": self._preload}, b"", START_SECONDS, 0)

    def ask(
        self, request: dict[str, Any], payload: bytes, seconds: float, most: int
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, return what the supervisor says and what it passes on from a child.

        Parameters
        ----------
        request : dict
            What to do.
        payload : bytes
            The arrays.
        seconds : float
            After which the supervisor has to have answered.
        most : int
            How many bytes it may pass on.

        Raises
        ------
        WorkerFailure
            If it does not answer.
        """
        self.start()
        assert self._stream is not None
        until = time.monotonic() + seconds + SPARE_SECONDS

        def left() -> float:
            return until - time.monotonic()

        try:
            self._stream.send(frame(request, payload), left)
            told, said = self._stream.receive(left, MOST_HEADER, most)
            return parse_json(told), said
        except (TimeoutError, EOFError, OSError, ProtocolError):
            raise WorkerFailure(self.drop()) from None

    def end_child(self) -> None:
        """End the child, if there is one, and with it all that it started."""
        if self._stream is not None:
            with suppress(WorkerFailure):
                self.ask({"do": "end"}, b"", END_SECONDS, 0)

    def drop(self) -> str:
        """End the supervisor; return the limit that had ended it, if one had."""
        stream, process = self._stream, self._process
        self._stream = self._process = None
        if stream is not None:
            stream.close()
        if process is not None:
            process.kill()
            process.wait()
        return process.overrun if process is not None else ""
