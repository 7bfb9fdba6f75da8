"""Births: how the grader starts a warm parent, and how a child comes from it into the world."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from queue import SimpleQueue

from tito.errors import TitoError
from tito.grading.sandbox.cgroup import Group, make_group
from tito.grading.sandbox.chain import RUN_FOLDER, build_chain
from tito.grading.sandbox.descriptors import Descriptors, open_pipe
from tito.grading.sandbox.janitor import own_folder
from tito.grading.sandbox.launch import SECONDS_TO_START, Chain, reported_pid, start_chain
from tito.grading.sandbox.limits import MIB, SandboxLimits
from tito.grading.sandbox.parent import MOST_REQUEST
from tito.grading.sandbox.process import SandboxProcess
from tito.grading.sandbox.tools import find_tools, remedy
from tito.grading.sandbox.view import SCRATCH, View

__all__ = ["MODULES", "Order", "Parent", "bear"]

PROGRAM = ("-m", "tito.grading.sandbox.parent")

# What a kernel and a judge's worker import, and the lesson's own first cells.
MODULES = (
    *("ipykernel.kernelapp", "ipykernel.debugger", "IPython.core.completerlib"),
    *("IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect"),
    *("IPython.extensions.storemagic", "tornado.platform.asyncio", "tornado.queues"),
    *(
        "concurrent.futures.thread",
        "faulthandler",
        "numpy",
        "numpy.random",
        "tinytorch.core.layers",
    ),
    *("tinytorch.utils.checking", "tinytorch.utils.profiler", "tito.grading.worker"),
    *("tito.tools.conditions", "tito.tools.testing"),
)

CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group


@dataclass(frozen=True)
class Order:
    """What a child is to be; see `run_in_sandbox`."""

    command: list[str]
    limits: SandboxLimits
    pipes: tuple[int, int] | None
    files: dict[str, bytes]
    stderr: int
    view: View

    def request(self) -> bytes:
        """Return what the child's guard reads."""
        scratch = self.limits.scratch_mib * MIB
        shared = (SCRATCH, "/dev/shm")
        folders = [*((path, scratch, 0o1777) for path in shared), (RUN_FOLDER, MIB, 0o700)]
        text = json.dumps(
            {
                "command": self.command,
                "limits": asdict(self.limits),
                "folders": folders,
                "kept": list(self.view.binds),
                "files": {path: content.decode() for path, content in self.files.items()},
            }
        ).encode()
        if len(text) > MOST_REQUEST:
            raise ValueError(f"a request has at most {MOST_REQUEST} bytes, got {len(text)}")
        return text


class Parent:
    """A running parent and the socket on which it is asked for children.

    ``lost`` counts the children that did not come to an end of their own: somebody killed them
    from outside, or their parent.
    """

    def __init__(self, view: View) -> None:
        self.lost = 0
        self.control, theirs = _socket_pair()
        with ExitStack() as undo:
            undo.callback(self.control.close)
            with theirs:
                self.process = _start_parent(view, theirs.fileno())
            undo.callback(self.end)
            ready = select.select([self.control], [], [], SECONDS_TO_START)[0]
            if not ready or not self.control.recv(8):
                raise TitoError("The sandbox's warm parent did not start.", remedy())
            undo.pop_all()

    def end(self) -> None:
        """Kill it, and with it all children."""
        self.control.close()
        self.process.kill()
        self.process.wait()


def _start_parent(view: View, control: int) -> SandboxProcess:
    """Start a parent from a thread that lives as long as this process: the parent dies with it."""
    asked: SimpleQueue[SandboxProcess | BaseException] = SimpleQueue()
    threading.Thread(target=_keep, args=(view, control, asked), daemon=True).start()
    answer = asked.get()
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _keep(view: View, control: int, answer: "SimpleQueue[SandboxProcess | BaseException]") -> None:
    try:
        process = _launch(view, control)
    except BaseException as error:
        answer.put(error)
        return
    answer.put(process)
    process.wait()


def _launch(view: View, control: int) -> SandboxProcess:
    own_folder()
    limits = SandboxLimits()
    status, report = open_pipe()
    descriptors = Descriptors(report, None, {})
    command = [sys.executable, *PROGRAM, *MODULES]
    chain = build_chain(command, find_tools(), view, limits, descriptors, pipes=True, parent=True)
    head = start_chain(chain, (control, control), subprocess.DEVNULL, descriptors.all())
    os.close(report)
    pid = reported_pid(status, head)
    return SandboxProcess(Chain(head, status), pid, Group(), limits, time.monotonic(), False)


def bear(parent: Parent, order: Order) -> SandboxProcess:
    """Let the parent fork a child; OSError if that does not come to stand."""
    started = time.monotonic()
    with ExitStack() as undo:
        ours, theirs = _socket_pair()
        undo.enter_context(ours)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        with theirs, open(os.devnull, "wb") as nowhere:
            error = nowhere.fileno() if order.stderr == subprocess.DEVNULL else order.stderr
            given = [theirs.fileno(), error, *(order.pipes or ())]
            socket.send_fds(parent.control, [b"."], given)
        ours.send(order.request())
        pid = _said(ours, b"born")
        group = make_group(order.limits)
        undo.callback(group.remove)
        group.take(pid)
        ours.send(b"g")
        _said(ours, b"stands")
        undo.pop_all()
    return SandboxProcess(Guard(ours, parent), pid, group, order.limits, started)


def _said(child: socket.socket, word: bytes) -> int:
    """Wait until a child has said `word`; return its process id as the kernel tells it."""
    if not select.select([child], [], [], SECONDS_TO_START)[0]:
        raise TimeoutError("a child of the warm parent hangs")
    space = socket.CMSG_SPACE(CREDENTIALS.size)
    said, ancillary, _, _ = child.recvmsg(64, space)
    if said != word:
        raise OSError(f"a child of the warm parent did not start: {said!r}")
    pid: int = CREDENTIALS.unpack(ancillary[0][2])[0]
    return pid


class Guard:
    """The end of the socket on which a child's guard reports the exit status."""

    def __init__(self, report: socket.socket, parent: Parent) -> None:
        self.report = report
        self.parent = parent
        self.code: int | None = None
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit status; that of a guard which was killed is SIGKILL's."""
        if self.code is None and not select.select([self.report], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a sandbox", timeout or 0.0)
        with self._reading:
            if self.code is None:
                said = self.report.recv(64)
                self.code = int(said) if said else -signal.SIGKILL
                self.parent.lost += not said
            return self.code

    def kill(self) -> None:
        """Let the parent's other children live: the guard ends when its sandbox has."""

    def close(self) -> None:
        """Close the socket."""
        self.report.close()


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
