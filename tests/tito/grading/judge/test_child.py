"""What a child makes of cells and of calls; its code runs in this process, where faults show."""

import _thread
import json
import mmap
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest

from tito.grading.judge import child
from tito.grading.judge.child import ENTER, LEAVE, RemoteGate, answer, load, pack_value, serve
from tito.grading.judge.protocol import Stream, frame, layout_of
from tito.grading.judge.supervisor import Gate
from tito.tracing import decode

A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
SENT = A.tobytes() + B.tobytes()
CALL = {"options": {}, "traced": False, "meet": 0, "most": 1000}
CALL |= {"arrays": [vars(layout_of(A)), vars(layout_of(B))]}
PLAIN = {"returned": "ndarray", "raised": None, "dtype": "float64", "shape": [2, 4]}
PLAIN |= {"unlogged": "", "log": 0}
NONE = {**PLAIN, "returned": "", "dtype": None, "shape": []}


def product(A: Any, B: Any, **options: Any) -> Any:
    return A @ B


def parted(reply: bytes) -> tuple[dict[str, Any], bytes]:
    header, payload = struct.unpack_from("<IQ", reply)
    assert len(reply) == 12 + header + payload
    return json.loads(reply[12 : 12 + header]), reply[12 + header :]


def answered(function: Any, **changed: Any) -> tuple[dict[str, Any], bytes]:
    return parted(answer({**CALL, **changed}, SENT, function, None))


@pytest.fixture
def namespace(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What cells are loaded into; this process has its own ``__main__`` again after the test."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return child.notebook_namespace()


def test_notebook_namespace_is_that_of_main(namespace: dict[str, Any]) -> None:
    assert namespace["__name__"] == "__main__"
    assert vars(sys.modules["__main__"]) is namespace


def test_load_runs_cells_as_a_notebook_does(namespace: dict[str, Any]) -> None:
    cells = [
        ["a", "import asyncio, os\nx = [1]"],
        [
            "b",
            "shell = get_ipython()\nshell.run_line_magic('time', '')\nno = display(x, raw=True)",
        ],
        ["c", "shell.run_cell_magic('time', '', cell='x')\nshell.system('ls'), shell.getoutput()"],
        ["d", "async def later():\n    x.append(2)\nawait later()"],
        ["e", "cpus = os.cpu_count()\ndef f(): pass"],
    ]
    assert load(cells, namespace) == []
    assert [namespace[name] for name in ("x", "no", "cpus")] == [[1, 2], None, 4]
    assert namespace["f"].__code__.co_filename == "<e>"
    assert namespace["f"].__module__ == "__main__"


def test_load_names_the_first_cells_that_raised(namespace: dict[str, Any]) -> None:
    silent = "class Silent(Exception):\n    def __str__(self): raise KeyboardInterrupt\n"
    cells = [
        ["a", "1 / 0"],
        ["b", "raise SystemExit('x' * 301)"],
        ["c", "x = 3"],
        ["d", silent + "raise Silent"],
        ["e", "y = "],
        ["f", "z = x / 0"],
    ]
    assert load(cells, namespace) == [
        ["a", "ZeroDivisionError", "division by zero"],
        ["b", "SystemExit", "x" * 297 + "..."],
        ["d", "Silent", ""],
        ["e", "SyntaxError", "invalid syntax (<e>, line 1)"],
    ]
    assert namespace["x"] == 3


def test_answer_sends_operands_and_result_back() -> None:
    assert answered(product) == (PLAIN, SENT + (A @ B).tobytes())

    def changes(A: Any, B: Any, n: int) -> Any:
        A[0, 0], B[2, 3] = 5, n
        return A.astype("f4")

    header, payload = answered(changes, options={"n": 7})
    assert header == {**PLAIN, "dtype": "float32", "shape": [2, 3]}
    changed = np.frombuffer(payload[: len(SENT)])
    assert changed.tolist() == [5, *range(1, 6), *range(11), 7]


def test_answer_takes_operands_from_memory_that_is_shared() -> None:
    memory = mmap.mmap(-1, len(SENT))
    memory[:] = SENT
    reply = answer({**CALL, "options": {"n": 2}}, memory, product, None)
    assert parted(reply) == (PLAIN, (A @ B).tobytes())


def test_answer_brings_a_log_if_it_is_asked_for() -> None:
    header, payload = answered(product, traced=True)
    size = header.pop("log")
    assert {**header, "log": 0} == PLAIN
    value = (A @ B).tobytes()
    assert payload[: -size or None] == SENT + value
    assert len(decode(payload[-size:]).steps) == 1


def test_answer_says_why_there_is_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    size = answered(product, traced=True)[0]["log"]
    monkeypatch.setattr(child, "MOST_LOG", size)
    assert answered(product, traced=True)[0]["log"] == size
    monkeypatch.setattr(child, "MOST_LOG", size - 1)
    header, payload = answered(product, traced=True)
    assert header == {**PLAIN, "unlogged": "its log has 0 MiB"}
    assert payload == SENT + (A @ B).tobytes()

    def unseen(A: Any, B: Any) -> Any:
        raise KeyboardInterrupt

    assert answered(unseen, traced=True)[1] == SENT


def test_answer_says_what_was_raised() -> None:
    kinds: list[Any] = [ValueError]
    for n in range(8):
        kinds.append(type("E" * (60 + n), (kinds[-1],), {}))

    def fails(A: Any, B: Any) -> Any:
        raise kinds[-1]("x" * 301)

    names = [("E" * (60 + n))[:57] + "..." for n in range(7, 0, -1)] + ["E" * 60]
    assert answered(fails)[0] == {**NONE, "raised": [names, "x" * 297 + "..."]}

    def interrupted(A: Any, B: Any) -> Any:
        raise KeyboardInterrupt("stop")

    raised = [["KeyboardInterrupt", "BaseException"], "stop"]
    assert answered(interrupted)[0] == {**NONE, "raised": raised}


class Named(list[int]):
    """A result whose class has a long name."""


Named.__name__ = "N" * 301


@pytest.mark.parametrize(
    ("value", "returned"),
    [
        ([1], "list"),
        (Named(), "N" * 297 + "..."),
        (np.ones(126), "float64 array of 0 MiB"),
        (np.ones(3 << 17), "float64 array of 3 MiB"),
        (np.ones((1,) * 9), "float64 array of shape (1, 1, 1, 1, 1, 1, 1, 1, 1)"),
        (np.array([None]), "object array of shape (1,)"),
        (np.ones(1, [("x" * 300, "f8")]), "[('" + "x" * 294 + "..."),
    ],
)
def test_answer_names_a_result_that_it_does_not_send(value: Any, returned: str) -> None:
    header, payload = answered(lambda A, B: value)
    assert (header, payload) == ({**NONE, "returned": returned}, SENT)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.ones(125), "float64"),
        (np.ones((1,) * 8, bool), "bool"),
        (np.array([1, 2], ">i4"), "int32"),
        (np.array([1, 2], np.longdouble), "float64"),
        (B.T[::2], "float64"),
    ],
)
def test_pack_value_sends_numbers_row_by_row_as_this_machine_has_them(
    value: Any, dtype: str
) -> None:
    data, header = pack_value(value, 1000)
    assert header == {"dtype": dtype, "shape": list(value.shape)}
    assert np.array_equal(np.frombuffer(data, dtype).reshape(value.shape), value)


Lines = tuple[socket.socket, socket.socket]


@pytest.fixture
def lines() -> Iterator[Lines]:
    before = _thread._count()
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    yield ours, theirs
    ours.close()
    until = time.monotonic() + 10
    while _thread._count() > before and time.monotonic() < until:  # a gate's thread reads theirs
        time.sleep(0.001)
    theirs.close()


def test_remote_gate_waits_for_the_permit_of_its_own_step(lines: Lines) -> None:
    ours, gate = lines[0], RemoteGate(lines[1])
    ours.settimeout(20)
    done: list[int] = []

    def pass_through(step: int) -> None:
        gate.enter(step)
        done.append(step)
        gate.leave(step)
        done.append(-step)

    threads = [
        threading.Thread(target=pass_through, args=(step,), daemon=True) for step in (1 << 40, 7)
    ]
    for thread in threads:
        thread.start()
    heard = sorted(struct.unpack("<BQ", ours.recv(99)) for _ in threads)
    assert heard == [(ENTER, 7), (ENTER, 1 << 40)]
    for step, thread in ((7, threads[1]), (1 << 40, threads[0])):
        ours.send(struct.pack("<Q", step))
        assert struct.unpack("<BQ", ours.recv(99)) == (LEAVE, step)
        ours.send(struct.pack("<Q", step))
        thread.join(20)
    assert done == [7, -7, 1 << 40, -(1 << 40)]


@pytest.mark.parametrize("meet", [1, 2])
def test_answer_begins_threads_late_where_products_meet(meet: int, lines: Lines) -> None:
    seen: list[Any] = []
    sleep, run = time.sleep, threading.Thread.run

    def f(A: Any, B: Any, n: int) -> Any:
        seen.extend([time.sleep is sleep, threading.Thread.run is run, n])
        return A @ B

    call = {**CALL, "options": {"n": 4}, "meet": meet, "traced": True}
    header, _ = parted(answer(call, SENT, f, None))
    assert seen == [meet == 2, False, 4]
    assert header["log"] > 0
    assert answered(f, options={"n": 3})[0] == PLAIN
    assert seen[3:] == [True, True, 3]


@contextmanager
def served(line: socket.socket, source: str, memory: mmap.mmap | None = None) -> Iterator[Stream]:
    """Serve a function `f` in a thread; yield the stream to it."""
    ours, theirs = socket.socketpair()
    request = {"cells": [["given", "import numpy as np"], ["cell", source]], "function": "f"}

    def work() -> None:
        with theirs, suppress(EOFError):
            serve(Stream(theirs.fileno(), theirs.fileno()), line, request, memory)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    with ours:
        yield Stream(ours.fileno(), ours.fileno())
    thread.join(20)


def received(stream: Stream, gate: Gate | None = None) -> tuple[dict[str, Any], bytes]:
    text, payload = stream.receive(lambda: 20.0, 1 << 16, 1 << 23, gate)
    return json.loads(text), payload


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    ("source", "ready"),
    [
        ("def f(): pass", {"errors": [], "defined": True}),
        ("f = 1", {"errors": [], "defined": False}),
        ("1 / 0", {"errors": [["cell", "ZeroDivisionError", "division by zero"]]}),
    ],
)
def test_serve_says_how_the_cells_were_loaded(
    lines: Lines, source: str, ready: dict[str, Any]
) -> None:
    with served(lines[1], source) as stream:
        assert received(stream) == ({"defined": False, **ready}, b"")


SOURCE = "def f(A, B):\n    return np.matmul(A, B)\n"


@pytest.mark.usefixtures("namespace")
def test_serve_has_products_wait_at_one_gate(lines: Lines) -> None:
    with served(lines[1], SOURCE) as stream:
        received(stream)
        for meet in (0, 2, 2, 0):
            stream.send(frame({**CALL, "meet": meet}, SENT), lambda: 20.0)
            gate = Gate(lines[0], os.getpid(), 1)
            assert received(stream, gate) == (PLAIN, SENT + (A @ B).tobytes())
            assert len(gate.rendezvous.together) == (meet > 0)


@pytest.mark.usefixtures("namespace")
def test_serve_takes_operands_from_shared_memory(lines: Lines) -> None:
    memory = mmap.mmap(-1, len(SENT))
    with served(lines[1], SOURCE, memory) as stream:
        received(stream)
        memory[:] = SENT
        stream.send(frame(CALL), lambda: 20.0)
        assert received(stream) == (PLAIN, (A @ B).tobytes())


@pytest.mark.usefixtures("namespace")
def test_serve_waits_for_room_for_a_large_reply(lines: Lines) -> None:
    with served(lines[1], "def f(A, B):\n    return np.zeros(1 << 19)\n") as stream:
        received(stream)
        stream.send(frame({**CALL, "most": 1 << 22}, SENT), lambda: 20.0)
        assert received(stream)[1] == SENT + bytes(1 << 22)
