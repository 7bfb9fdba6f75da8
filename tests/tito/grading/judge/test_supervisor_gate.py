"""When the products of another process may go on: with real processes that sleep, spin or end."""

import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tito.grading.judge import supervisor
from tito.grading.judge.child import ENTER, LEAVE
from tito.grading.judge.processes import is_asleep
from tito.grading.judge.protocol import ProtocolError
from tito.grading.judge.supervisor import Gate

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")

Made = Callable[..., "Products"]

WAIT = """
import sys, threading
def spin():
    while True: pass
work = spin if sys.argv[2] == "spin" else threading.Event().wait
threads = [threading.Thread(target=work, daemon=True) for _ in range(int(sys.argv[1]) - 1)]
for thread in threads: thread.start()
print(flush=True)
sys.stdin.read()
"""


class Products:
    """The other end of a gate's line, as a child has it."""

    def __init__(self, pid: int, wanted: int) -> None:
        self.line, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self.theirs = theirs
        self.gate = Gate(theirs, pid, wanted)

    def say(self, kind: int, *steps: int) -> list[int]:
        """Send messages and have them served; return the steps that may go on."""
        for step in steps:
            self.line.send(struct.pack("<BQ", kind, step))
        self.gate.serve()
        return self.permitted()

    def permitted(self) -> list[int]:
        """Return the steps that may go on and have not been returned yet."""
        found = []
        with suppress(BlockingIOError):
            while permit := self.line.recv(99, socket.MSG_DONTWAIT):
                found += struct.unpack("<Q", permit)
        return found


@pytest.fixture
def products() -> Iterator[Made]:
    """Make a gate of a process of so many threads, which all sleep or, but one, spin."""
    started: list[subprocess.Popen[bytes]] = []
    made: list[Products] = []

    def make(count: int, wanted: int, work: str = "sleep") -> Products:
        command = [sys.executable, "-I", "-S", "-c", WAIT, str(count), work]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        while work == "sleep" and not is_asleep(process.pid):
            pass
        made.append(Products(process.pid, wanted))
        return made[-1]

    yield make
    for process in started:
        process.kill()
        process.communicate()
    for each in made:
        each.line.close()
        each.theirs.close()


def test_gate_lets_products_go_on_when_enough_of_them_wait(products: Made) -> None:
    made = products(4, 3)
    assert made.gate.fileno() == made.theirs.fileno()
    assert made.gate.seconds() is None
    assert made.say(ENTER, 1, 1 << 40) == []
    assert 4.0 < (made.gate.seconds() or 0.0) <= 5.0
    assert made.say(ENTER, 3) == [3]  # the last one first, and one at a time
    assert made.say(LEAVE, 3) == [1 << 40]
    assert made.gate.rendezvous.together == (1, 1 << 40, 3)


@pytest.mark.parametrize(("count", "permitted"), [(2, [1]), (3, [])])
def test_gate_holds_no_product_of_the_only_thread(
    products: Made, count: int, permitted: list[int]
) -> None:
    assert products(count, 3).say(ENTER, 1) == permitted


@pytest.mark.parametrize(("work", "permitted"), [("sleep", [1]), ("spin", [])])
def test_gate_waits_no_longer_for_threads_that_have_slept_for_a_while(
    products: Made, work: str, permitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = products(4, 3, work)
    assert made.say(ENTER, 1) == []
    now = supervisor.time.monotonic() + 1.5  # less than the patience of a rendezvous
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now)
    assert made.say(LEAVE) == permitted


def test_gate_believes_no_more_products_than_there_are_threads(products: Made) -> None:
    made = products(4, 9)
    assert made.say(ENTER, 1, 2, 3) == []
    with pytest.raises(ProtocolError, match="^more products wait than there are threads$"):
        made.say(ENTER, 4)


def test_gate_reads_so_many_messages_at_once(products: Made) -> None:
    made = products(1, 1)
    assert made.say(LEAVE, *range(65)) == list(range(64))
    assert made.say(LEAVE) == [64]


def test_gate_is_over_when_its_line_is(products: Made) -> None:
    made = products(1, 1)
    made.line.send(bytes(8))
    with pytest.raises(EOFError):
        made.gate.serve()
    made.line.close()
    with pytest.raises(EOFError):
        made.gate.serve()


def test_gate_leaves_a_line_that_nobody_reads_to_the_end_of_the_process(products: Made) -> None:
    made = products(2, 1)
    made.line.send(struct.pack("<BQ", ENTER, 1))
    made.gate.serve()
    made.line.close()  # with a permit that was not read
    made.gate.serve()
    with pytest.raises(EOFError):
        made.gate.serve()
