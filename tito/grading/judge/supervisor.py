"""The trusted process inside the sandbox: it forks a child for each check, and ends it.

Started as ``python -m tito.grading.judge.supervisor IN OUT`` with the numbers of two inherited
descriptors. In a sandbox it is the first process, which no other one inside can end. It never runs
a student's code, and no child can read its memory or hold its descriptors. What a child says is
passed on as it is. That a child has ended is said only when no process is left that it started and
no file that it wrote.
"""

import gc
import importlib
import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np

from tito.grading.judge import child as student
from tito.grading.judge.child import ARRIVAL, ENTER, PERMIT
from tito.grading.judge.forkless import forbid_processes
from tito.grading.judge.processes import (
    Patience,
    adopt_orphans,
    cpu_seconds,
    die_with_parent,
    end_children,
    has_others,
    has_own_limits,
    is_asleep,
    set_dumpable,
    thread_count,
    wipe,
)
from tito.grading.judge.protocol import MOST_HEADER, ProtocolError, Stream, frame, pack, parse_json
from tito.tracing.logging_cost import seconds_of_a_product
from tito.tracing.observe import observe
from tito.tracing.rendezvous import Rendezvous

__all__ = ["main"]

DAY = 86400.0
MOST_REQUEST = 1 << 30  # bytes; the judge is believed
GRACE = 2.0  # how many times its seconds a child may wait for a CPU
ASLEEP = 1.0  # seconds after which a thread that sleeps will not come
MESSAGES = 64  # that are read from a gate at once
LATE, DIED, GARBLED, REPLY, ENDED = "late", "died", "garbled", "reply", "ended"
REFERENCE = ["product", "def product(A, B, **options):\n    return A @ B\n"]
NOTHING = ["nothing", "def nothing(*arrays, **options):\n    return None\n"]


class Gate:
    """Where the products of a child wait: its messages move a rendezvous."""

    def __init__(self, line: socket.socket, pid: int, wanted: int) -> None:
        self._line, self._pid = line, pid
        self._heard = time.monotonic()
        self.rendezvous = Rendezvous(wanted, alone=self._nobody_comes)

    def fileno(self) -> int:
        """Return the descriptor that tells when to serve."""
        return self._line.fileno()

    def seconds(self) -> float | None:
        """Return how long until a product may go on though no message comes."""
        return self.rendezvous.seconds()

    def serve(self) -> None:
        """Take in messages, and let go on what may."""
        with suppress(BlockingIOError, ConnectionError):
            for _ in range(MESSAGES):
                message = self._line.recv(ARRIVAL.size, socket.MSG_DONTWAIT)
                if len(message) != ARRIVAL.size:
                    raise EOFError  # it has closed the line
                self._take(*ARRIVAL.unpack(message))
        for step in self.rendezvous.due():
            with suppress(OSError):
                self._line.send(PERMIT.pack(step), socket.MSG_DONTWAIT)

    def _nobody_comes(self) -> bool:
        """Whether no other thread is there, or all have slept for a while."""
        if thread_count(self._pid) <= 2:  # one more than the student's own waits for permits
            return True
        return time.monotonic() - self._heard > ASLEEP and is_asleep(self._pid)

    def _take(self, kind: int, step: int) -> None:
        self._heard = time.monotonic()
        if kind != ENTER:
            self.rendezvous.depart(step)
        elif len(self.rendezvous.waiting) < thread_count(self._pid) - 1:
            self.rendezvous.arrive(step)
        else:
            raise ProtocolError("more products wait than there are threads")


class Child:
    """A process that has loaded cells, and the two lines to it."""

    def __init__(
        self,
        request: dict[str, Any],
        close: Callable[[], None],
        lone: bool,
        memory: mmap.mmap | None = None,
    ) -> None:
        ours, theirs = socket.socketpair()
        self._line, gate = socket.socketpair(type=socket.SOCK_SEQPACKET)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            self._line.close()
            close()
            _begin(parent, lone)
            student.serve(Stream(theirs.fileno(), theirs.fileno()), gate, request, memory)
        theirs.close()
        gate.close()
        self._ours = ours
        self._stream = Stream(ours.fileno(), ours.fileno())

    def exchange(
        self, data: bytes, seconds: float, most: int, meet: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        """Send `data`, return what there is to say of the reply, and the reply."""
        left = Patience(self.pid, seconds, GRACE * seconds)
        gate = Gate(self._line, self.pid, meet) if meet else None
        together: list[int] = []
        try:
            self._stream.send(data, left)
            header, payload = self._stream.receive(left, MOST_HEADER, most, gate)
            if not self._stream.drained():
                raise ProtocolError("more bytes came than were announced")
        except TimeoutError:
            return {"status": LATE}, b""
        except (OSError, EOFError):
            return {"status": DIED}, b""
        except ProtocolError as error:
            return {"status": GARBLED, "why": str(error)}, b""
        if gate is not None:
            together = list(gate.rendezvous.together)
        told = {"status": REPLY, "said": len(header), "together": together}
        return told, header + payload

    def close(self) -> None:
        """Close the lines to it."""
        self._ours.close()
        self._line.close()


class Supervisor:
    """Answers the judge's requests, one at a time.

    Parameters
    ----------
    judge : Stream
        Leads to the judge.
    alone : bool
        Whether all other processes are its own.
    """

    def __init__(self, judge: Stream, alone: bool) -> None:
        self._judge, self._alone = judge, alone
        self._child: Child | None = None
        self._nothing: dict[int, float] = {}

    def run(self) -> None:
        """Answer until the judge closes the line."""
        answers = {
            "preload": self._preload,
            "open": self._open,
            "call": self._call,
            "time": self._time,
            "end": self._end,
        }
        while True:
            text, payload = self._judge.receive(lambda: DAY, MOST_REQUEST, MOST_REQUEST)
            request = parse_json(text)
            told, said = answers[request["do"]](request, text, payload)
            self._judge.send(frame(told, said), lambda: DAY)

    def _preload(
        self, request: dict[str, Any], text: bytes, payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Import what children would import each anew, and what a first traced call imports."""
        for name in request["modules"]:
            with suppress(Exception):
                importlib.import_module(name)
        one = np.ones((1, 1))
        observe(np.matmul, (one, one), {}, traced=True)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)  # a child lives briefly, and a log is many objects
        return {"status": ENDED}, b""

    def _open(
        self, request: dict[str, Any], text: bytes, payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Fork a child that loads the cells of a check, in the place of one that was left."""
        self._end_child()
        self._child = Child(request, self._judge.close, lone=False)
        return self._finish(*self._child.exchange(b"", request["seconds"], 0))

    def _call(
        self, request: dict[str, Any], text: bytes, payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Pass a call on to the child."""
        assert self._child is not None
        data, most, meet = pack(text, payload), request["most_reply"], request["meet"]
        told, said = self._child.exchange(data, request["seconds"], most, meet)
        if request["traced"]:
            told["others"] = has_others(self._child.pid, self._alone)
        told["threads"] = thread_count(self._child.pid)
        return self._finish(told, said)

    def _end(
        self, request: dict[str, Any], text: bytes, payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """End the child."""
        self._end_child()
        return {"status": ENDED}, b""

    def _time(
        self, request: dict[str, Any], text: bytes, payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Take the CPU time of one call, and of ``A @ B`` on the same arrays."""
        memory = mmap.mmap(-1, max(len(payload), 1))
        own = {"cells": request["cells"], "function": request["function"]}
        told, said, seconds = self._timed(own, request, text, payload, memory)
        if told["status"] != REPLY or not told["called"]:
            return told, said
        size = len(payload)
        if size not in self._nothing:
            twice = (self._own(NOTHING, request, text, payload, memory) for _ in range(2))
            self._nothing[size] = min(twice)
        reference = self._own(REFERENCE, request, text, payload, memory)
        told["seconds"] = max(0.0, seconds - self._nothing[size])
        told["reference"] = max(0.0, reference - self._nothing[size])
        told["logging"] = seconds_of_a_product()
        return told, said

    def _own(
        self,
        cell: list[str],
        request: dict[str, Any],
        text: bytes,
        payload: bytes,
        memory: mmap.mmap,
    ) -> float:
        """Return the CPU time of code of ours in a child like the student's."""
        own = {"cells": [cell], "function": cell[0]}
        return self._timed(own, request, text, payload, memory)[2]

    def _timed(
        self,
        own: dict[str, Any],
        request: dict[str, Any],
        text: bytes,
        payload: bytes,
        memory: mmap.mmap,
    ) -> tuple[dict[str, Any], bytes, float]:
        """Return the reply of a fresh child to one call, and the CPU time that it took."""
        self._child = child = Child(own, self._judge.close, lone=True, memory=memory)
        told, said = child.exchange(b"", request["load_seconds"], 0)
        told["called"] = False
        if told["status"] == REPLY and parse_json(said).get("defined") is True:
            before = cpu_seconds(child.pid)
            memory[: len(payload)] = payload  # not earlier: what it did with them would be free
            data = pack(text, b"")
            told, said = child.exchange(data, request["seconds"], request["most_reply"])
            told |= {"called": True, "unchanged": memory[: len(payload)] == payload}
        else:
            before = 0.0
        code, seconds = self._end_child()
        if told["status"] == DIED:
            told |= {"code": code, "others": code == -signal.SIGSYS}
        return told, said, seconds - before

    def _finish(self, told: dict[str, Any], said: bytes) -> tuple[dict[str, Any], bytes]:
        """End a child that gave no reply, and say how it ended."""
        if told["status"] != REPLY:
            told["code"] = self._end_child()[0]
        return told, said

    def _end_child(self) -> tuple[int, float]:
        """Leave no process and no file; end this process as well if it cannot be as before."""
        if self._child is None:
            return 0, 0.0
        self._child.close()
        ended = end_children(self._child.pid, self._alone)
        self._child = None
        if self._alone:
            wipe()
        if not has_own_limits():
            os._exit(1)
        return ended.code, ended.seconds


def main() -> NoReturn:
    """Answer the judge; end with it."""
    into, out = map(int, sys.argv[1:3])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a handler it cannot reach process 1
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else an ended child would have no exit code
    set_dumpable(False)
    adopt_orphans()
    with suppress(EOFError, OSError):
        Supervisor(Stream(into, out), os.getpid() == 1).run()
    os._exit(0)


def _begin(parent: int, lone: bool) -> None:
    """Make a forked process one that may run a student's code."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    set_dumpable(True)
    os.setsid()
    if lone:
        forbid_processes()


if __name__ == "__main__":
    main()
