"""What a real supervisor says of each request, word for word."""

import json
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil
import pytest

from tito.conditions.call import NoAnswer
from tito.grading.judge.connection import Connection, launch_plain
from tito.grading.judge.protocol import layout_of
from tito.grading.judge.remote import RemoteCall

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")

A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
SENT = A.tobytes() + B.tobytes()
OPEN = {"do": "open", "function": "f", "seconds": 20.0}
CALL = {"do": "call", "options": {}, "traced": False, "meet": 0, "most": 1000, "seconds": 20.0}
CALL |= {"arrays": [vars(layout_of(A)), vars(layout_of(B))], "most_reply": len(SENT) + 1000}
TIME = {**OPEN, **CALL, "do": "time", "load_seconds": 20.0}
PRODUCT = "import numpy as np\ndef f(A, B):\n    return np.matmul(A, B)\n"
READY = {"errors": [], "defined": True}
TAKEN = {"status": "reply", "called": True, "unchanged": True, "together": []}

Reply = tuple[dict[str, Any], bytes]


@pytest.fixture(scope="module")
def judge() -> Iterator[Connection]:
    """A connection to one supervisor for all: what one test leaves is nothing to the next."""
    found = Connection(launch_plain, ["colorsys", "no_such_module", "this.is_none"])
    yield found
    found.drop()


def ask(judge: Connection, request: dict[str, Any], payload: bytes = b"") -> Reply:
    return judge.ask(request, payload, 60.0, 1 << 20)


def opened(judge: Connection, source: str, **changed: Any) -> Reply:
    return ask(judge, {**OPEN, "cells": [["cell", source]], **changed})


def called(judge: Connection, source: str, **changed: Any) -> Reply:
    opened(judge, source)
    return ask(judge, {**CALL, **changed}, SENT)


def timed(judge: Connection, source: str, **changed: Any) -> Reply:
    return ask(judge, {**TIME, "cells": [["cell", source]], **changed}, SENT)


def test_supervisor_says_how_cells_were_loaded(judge: Connection) -> None:
    told, said = opened(judge, PRODUCT)
    assert json.loads(said) == READY
    assert told == {"status": "reply", "said": len(said), "together": []}
    assert ask(judge, {"do": "end"}) == ({"status": "ended"}, b"")
    assert ask(judge, {"do": "end"}) == ({"status": "ended"}, b"")


def test_supervisor_ends_a_child_before_it_forks_another_one(judge: Connection) -> None:
    said = opened(judge, "import os\nraise RuntimeError(os.getpid())\n")[1]
    child = int(json.loads(said)["errors"][0][2])
    assert psutil.pid_exists(child)
    opened(judge, PRODUCT)
    assert not psutil.pid_exists(child)


def test_supervisor_has_imported_what_it_was_asked_for(judge: Connection) -> None:
    source = "import sys\nassert {'colorsys', 'numpy'} <= set(sys.modules), 'not there'\n" + PRODUCT
    assert json.loads(opened(judge, source)[1]) == READY


@pytest.mark.parametrize(
    ("source", "seconds", "told"),
    [
        ("import time; time.sleep(60)", 0.1, {"status": "late", "code": -signal.SIGKILL}),
        ("import os; os._exit(3)", 20.0, {"status": "died", "code": 3}),
        ("import os; os.kill(os.getpid(), 11)", 20.0, {"status": "died", "code": -11}),
    ],
)
def test_supervisor_says_why_cells_were_not_loaded(
    judge: Connection, source: str, seconds: float, told: dict[str, Any]
) -> None:
    assert opened(judge, source, seconds=seconds) == (told, b"")


def test_supervisor_passes_on_what_a_child_says(judge: Connection) -> None:
    told, said = called(judge, PRODUCT)
    header, data = said[: told["said"]], said[told["said"] :]
    assert data == SENT + (A @ B).tobytes()
    assert json.loads(header)["shape"] == [2, 4]
    assert told == {"status": "reply", "said": len(header), "together": [], "threads": 1}


def test_supervisor_waits_while_a_child_reads_large_operands(judge: Connection) -> None:
    large = np.arange(1 << 18, dtype=np.float64)
    opened(judge, "def f(A):\n    return A[-1:]\n")
    call = {**CALL, "arrays": [vars(layout_of(large))], "most_reply": large.nbytes + 1000}
    told, said = judge.ask(call, large.tobytes(), 60.0, 1 << 22)
    assert said[told["said"] :] == large.tobytes() + large[-1:].tobytes()


def test_supervisor_counts_threads_and_other_processes(judge: Connection) -> None:
    start = "threading.Thread(target=threading.Event().wait, daemon=True).start()"
    told, _ = called(judge, f"import threading\n{start}\n{PRODUCT}", traced=True, most_reply=9999)
    assert told["threads"] == 2
    assert told["others"] is False
    told, _ = called(judge, f"import os\nif os.fork() == 0: os._exit(0)\n{PRODUCT}")
    assert "others" not in told
    assert ask(judge, {**CALL, "traced": True, "most_reply": 9999}, SENT)[0]["others"] is True


def test_supervisor_says_which_products_waited_together(judge: Connection) -> None:
    told, _ = called(judge, PRODUCT, meet=1, traced=True, most_reply=9999)
    assert (told["status"], len(told["together"])) == ("reply", 1)


def test_supervisor_ends_a_child_that_gives_no_reply(judge: Connection) -> None:
    reply = called(judge, "import os\ndef f(A, B): os._exit(4)\n")
    assert reply == ({"status": "died", "threads": 1, "code": 4}, b"")
    reply = called(judge, "import time\ndef f(A, B): time.sleep(60)\n", seconds=0.1)
    assert reply == ({"status": "late", "threads": 1, "code": -signal.SIGKILL}, b"")
    assert ask(judge, {"do": "end"}) == ({"status": "ended"}, b"")


def test_supervisor_takes_no_reply_that_is_too_long(judge: Connection) -> None:
    size = len(SENT) + 64
    assert called(judge, PRODUCT, most_reply=size)[0]["status"] == "reply"
    told, said = called(judge, PRODUCT, most_reply=size - 1)
    assert (told["status"], said) == ("garbled", b"")
    assert told["why"].endswith(f"+ {size} bytes is announced")


def test_supervisor_takes_no_more_than_one_reply(judge: Connection) -> None:
    line = "[x for x in gc.get_objects() if type(x) is Stream][-1]"
    source = f"""
import gc
from tito.grading.judge.protocol import Stream
def f(A, B):
    {line}.send({struct.pack("<IQ", 2, 0) + b"{}x"!r}, lambda: 9.0)
    while True: pass
"""
    told, _ = called(judge, source)
    assert told["why"] == "more bytes came than were announced"


def test_supervisor_times_a_call(judge: Connection) -> None:
    told, said = timed(judge, PRODUCT)
    data = said[told["said"] :]
    assert data == (A @ B).tobytes()
    seconds = {name: told.pop(name) for name in ("seconds", "reference", "logging")}
    assert all(0 <= value < 1 for value in seconds.values())
    assert told == {**TAKEN, "said": len(said) - len(data)}


def test_supervisor_says_whether_a_timed_call_changed_its_operands(judge: Connection) -> None:
    assert timed(judge, "def f(A, B):\n    B[2, 3] += 1\n    return A\n")[0]["unchanged"] is False


def test_supervisor_counts_the_time_of_the_call_alone(judge: Connection) -> None:
    spin = "import time\ndef spin(seconds):\n    until = time.process_time() + seconds\n"
    spin += "    while time.process_time() < until: pass\n"
    told, _ = timed(judge, f"{spin}spin(0.1)\ndef f(A, B): spin(0.05)\n")
    assert 0.03 < told["seconds"] < 0.1
    assert told["reference"] < 0.03


def test_supervisor_times_the_product_of_the_same_operands(judge: Connection) -> None:
    large = np.ones((500, 500))
    layouts = {"arrays": [vars(layout_of(large))] * 2, "most_reply": 2000, "do": "time"}
    cell = "def f(A, B):\n    for _ in range(10): A @ B\n"
    request = {**TIME, **layouts, "cells": [["cell", cell]]}
    told, _ = judge.ask(request, 2 * large.tobytes(), 60.0, 1 << 16)
    assert 3 < told["seconds"] / told["reference"] < 15


LOADING, CALLING = {"load_seconds": 0.1}, {"seconds": 0.1}


@pytest.mark.parametrize(
    ("source", "limits", "told"),
    [
        ("g = 1", {}, {"status": "reply", "said": 32, "together": []}),
        ("import time; time.sleep(60)", LOADING, {"status": "late"}),
        ("import os; os._exit(3)", {}, {"status": "died", "code": 3, "others": False}),
    ],
)
def test_supervisor_says_why_no_call_is_timed(
    judge: Connection, source: str, limits: dict[str, float], told: dict[str, Any]
) -> None:
    said = b'{"errors": [], "defined": false}' if told["status"] == "reply" else b""
    assert timed(judge, source, **limits) == ({**told, "called": False}, said)


@pytest.mark.parametrize(
    ("source", "limits", "told"),
    [
        ("import time\ndef f(A, B): time.sleep(60)", CALLING, {"status": "late"}),
        ("import os\ndef f(A, B): os._exit(3)", {}, {"code": 3, "others": False}),
        ("import os\ndef f(A, B): os.fork()", {}, {"code": -signal.SIGSYS, "others": True}),
    ],
)
def test_supervisor_says_why_a_call_has_no_time(
    judge: Connection, source: str, limits: dict[str, float], told: dict[str, Any]
) -> None:
    known = {"status": "died", "called": True, "unchanged": True}
    assert timed(judge, source, **limits) == ({**known, **told}, b"")


def test_supervisor_knows_exit_codes_where_its_parent_ignores_that_children_end(
    connection: Connection, remote: Callable[..., RemoteCall]
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        connection.start()  # an ignored signal stays ignored in what is started
    finally:
        signal.signal(signal.SIGCHLD, before)
    with pytest.raises(NoAnswer, match="exit code 3"):
        remote("def f(A, B): os._exit(3)", connection)(A, B)
