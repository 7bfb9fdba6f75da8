"""What a remote call asks a supervisor for, and what it makes of replies that are rare."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tito.conditions.call import CallResult, NoAnswer
from tito.conditions.results import Inconclusive
from tito.grading.judge.connection import Connection, WorkerFailure, launch_plain
from tito.grading.judge.protocol import MOST_HEADER, MOST_LOG, layout_of
from tito.grading.judge.remote import JudgeLimits, OutOfTime, RemoteCall
from tito.tracing import decode, encode, recording

Reply = tuple[dict[str, Any], bytes]

A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
SENT = A.tobytes() + B.tobytes()
LIMITS = JudgeLimits(call_seconds=5, load_seconds=7, result_bytes=1000, late_calls=1)
OPENED: Reply = ({"status": "reply"}, b'{"errors": [], "defined": true}')


class Supervisor(Connection):
    """A connection that keeps what it is asked for, and gives the replies that it is made with."""

    def __init__(self, *replies: Reply | WorkerFailure) -> None:
        super().__init__(launch_plain)
        self.replies, self.asked, self.ended = list(replies), list[Any](), 0

    def ask(
        self, request: dict[str, Any], payload: bytes, seconds: float, most: int
    ) -> tuple[dict[str, Any], bytes]:
        """Return the next reply."""
        self.asked.append((request, payload, seconds, most))
        reply = self.replies.pop(0)
        if isinstance(reply, WorkerFailure):
            raise reply
        return reply

    def end_child(self) -> None:
        """Count the children that are ended."""
        self.ended += 1


def call_of(supervisor: Supervisor, left: float = 300.0) -> RemoteCall:
    return RemoteCall("f", None, [("cell", "")], supervisor, LIMITS, time.monotonic() + left)


def replied(value: Any = None, told: dict[str, Any] | None = None, **changed: Any) -> Reply:
    """Return the reply of a child that gives A @ B, or another value."""
    value = A @ B if value is None else value
    header = {"returned": "ndarray", "raised": None, "dtype": "float64", "unlogged": "", "log": 0}
    text = json.dumps({**header, "shape": list(value.shape), **changed}).encode()
    data = SENT + (value.tobytes() if changed.get("dtype", "") is not None else b"")
    return {"status": "reply", "said": len(text), **(told or {})}, text + data


def fact_of(call: Callable[..., CallResult]) -> str:
    """Return why there is no answer; there has to be a hint, too."""
    with pytest.raises(NoAnswer) as caught:
        call(A, B)
    assert caught.value.hint
    return caught.value.fact


REQUEST = {
    "options": {"n": 2},
    "arrays": [vars(layout_of(A)), vars(layout_of(B))],
    "seconds": 5,
    "most": 1000,
}
OPEN = {"do": "open", "cells": [["cell", ""]], "function": "f", "seconds": 7}


def test_remote_call_asks_within_its_limits() -> None:
    supervisor = Supervisor(OPENED, replied(), replied())
    call, reply = call_of(supervisor), len(SENT) + 1000
    assert call.proofs == {}
    assert np.array_equal(call(A, B, n=2).value, A @ B)
    call.trace(A, B, meet=2, n=2)
    plain = {**REQUEST, "do": "call", "traced": False, "meet": 0, "most_reply": reply}
    traced = {**plain, "traced": True, "meet": 2, "most_reply": reply + MOST_LOG}
    assert supervisor.asked == [
        (OPEN, b"", 21.0, MOST_HEADER),
        (plain, SENT, 15.0, MOST_HEADER + reply),
        (traced, SENT, 15.0, MOST_HEADER + reply + MOST_LOG),
    ]


TIMED = {"called": True, "seconds": 2.0, "reference": 1.0, "logging": 0.5}


def test_remote_call_asks_for_the_time_of_a_call_in_a_child_of_its_own() -> None:
    supervisor = Supervisor(OPENED, replied(), replied(told=TIMED))
    call, reply = call_of(supervisor), len(SENT) + 1000 + MOST_LOG
    call(A, B)
    result = call.time(A, B, n=2)
    assert (result.seconds, result.reference, result.logging) == (2.0, 1.0, 0.5)
    assert supervisor.ended == 1
    timed = {**REQUEST, **OPEN, "seconds": 5, "do": "time", "load_seconds": 7}
    timed |= {"traced": True, "meet": 0, "most_reply": reply}
    assert supervisor.asked[-1] == (timed, SENT, 102.0, MOST_HEADER + reply)


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ({"status": "late", "called": True}, "f: the timed call took longer than 5 s"),
        ({"status": "late", "called": False}, "f: loading the cells took longer than 7 s"),
    ],
)
def test_remote_call_says_what_was_too_long_in_a_timed_call(
    told: dict[str, Any], fact: str
) -> None:
    call = call_of(Supervisor((told, b"")))
    assert fact_of(call.time) == fact
    assert call.late == 1


@pytest.mark.parametrize(("left", "seconds"), [(300.0, 5.0), (0.5, 1.0)])
def test_remote_call_has_no_more_seconds_than_the_submission(left: float, seconds: float) -> None:
    supervisor = Supervisor(OPENED, replied())
    call_of(supervisor, left)(A, B)
    assert supervisor.asked[-1][0]["seconds"] == seconds


def test_remote_call_is_tried_once_more_and_no_more_than_that() -> None:
    lost = WorkerFailure()
    supervisor = Supervisor(OPENED, lost, OPENED, replied(), lost)
    call = call_of(supervisor)
    assert np.array_equal(call(A, B).value, A @ B)
    asked = [(request["do"], payload) for request, payload, *_ in supervisor.asked]
    assert asked == [("open", b""), ("call", SENT)] * 2
    assert fact_of(call) == "f ended the process that watches over it"


@pytest.mark.parametrize("limit", ["wall_seconds", "notebook_seconds"])
def test_remote_call_takes_the_end_of_the_time_for_no_fault(limit: str) -> None:
    with pytest.raises(OutOfTime):
        call_of(Supervisor(WorkerFailure(limit)))(A, B)


def test_remote_call_names_a_limit_that_it_does_not_know() -> None:
    supervisor = Supervisor(WorkerFailure("pages"))
    assert fact_of(call_of(supervisor)) == "f needed more than the limit pages allows"


OTHERS = {"others": True}
RAISED = {"raised": [["ValueError"], "no"], "dtype": None}


def test_remote_call_says_of_other_processes_only_what_matters() -> None:
    supervisor = Supervisor(
        OPENED, *[replied(told=OTHERS), replied(told=OTHERS, unlogged="why"), replied()]
    )
    call = call_of(supervisor)
    traced = [call.trace(A, B).unlogged for _ in range(3)]
    assert traced == ["it works in other processes, where its products cannot be seen", "why", ""]
    supervisor.replies += [replied(told=OTHERS), replied(told=OTHERS, **RAISED)]
    assert call(A, B).unlogged == ""
    assert call(A, B).raised is not None
    supervisor.replies.append(replied(told=OTHERS, **RAISED))
    with pytest.raises(Inconclusive, match="^f: it works in other processes"):
        call.trace(A, B)


@pytest.mark.parametrize(("threads", "ended"), [(32, 0), (33, 1)])
def test_remote_call_ends_a_child_of_many_threads(threads: int, ended: int) -> None:
    supervisor = Supervisor(OPENED, replied(told={"threads": threads}))
    call_of(supervisor)(A, B)
    assert supervisor.ended == ended


IMPROPER = "f: loading the cells gave no proper reply"


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        (b"[]", f"{IMPROPER}: a reply's header is no object"),
        (b'{"defined": true}', f"{IMPROPER}: it is not said what the cells raised"),
        (b'{"errors": {}, "defined": true}', f"{IMPROPER}: it is not said what the cells raised"),
        (b'{"errors": [], "defined": 1}', "f is not defined"),
        (b'{"errors": [1, ["c"]], "defined": false}', "f is not defined"),
        (
            b'{"errors": [["c", "E", "x"], ["d", "F", "y"]], "defined": false}',
            "f is not defined: c raised E: x",
        ),
    ],
)
def test_remote_call_believes_nothing_of_how_cells_were_loaded(said: bytes, fact: str) -> None:
    supervisor = Supervisor(({"status": "reply"}, said))
    assert fact_of(call_of(supervisor)) == fact
    assert supervisor.ended == 1


@pytest.mark.parametrize("unchanged", [True, False])
def test_remote_call_takes_operands_that_the_supervisor_keeps(unchanged: bool) -> None:
    told, said = replied(told={**TIMED, "unchanged": unchanged, "together": [3, 4]})
    said = said.replace(SENT, b"")
    result = call_of(Supervisor((told, said))).time(A, B)
    assert (result.unchanged, result.together) == (unchanged, (3, 4))
    assert np.array_equal(result.value, A @ B)


CALL = "f: a call gave no proper reply"


@pytest.mark.parametrize(
    ("told", "fact"),
    [
        ({"status": "died", "code": 3}, "f: the process ended during a call with exit code 3"),
        ({"status": "died"}, "f: the process ended during a call with exit code 0"),
        ({"status": "garbled", "why": "noise"}, f"{CALL}: noise"),
        ({"status": "garbled"}, f"{CALL}: "),
        ({"status": "late"}, "f: a call took longer than 5 s"),
    ],
)
def test_remote_call_opens_another_child_after_one_that_gave_no_answer(
    told: dict[str, Any], fact: str
) -> None:
    supervisor = Supervisor(*[OPENED, (told, b"")] * 2)
    call = call_of(supervisor)
    assert [fact_of(call), fact_of(call)] == [fact, fact]
    assert call.late == 2 * (told["status"] == "late")
    assert [request["do"] for request, *_ in supervisor.asked] == ["open", "call"] * 2
    supervisor.replies += [OPENED, ({**told, "others": True}, b"")]
    with pytest.raises(Inconclusive, match="^f: it works in other processes"):
        call.trace(A, B)


def test_remote_call_says_that_loading_took_too_long() -> None:
    call = call_of(Supervisor(({"status": "late"}, b"")))
    assert fact_of(call) == "f: loading the cells took longer than 7 s"


def test_remote_call_opens_another_child_after_it_closed_one() -> None:
    supervisor = Supervisor(*[OPENED, replied()] * 2)
    call = call_of(supervisor)
    for _ in range(2):
        call(A, B)
        call.close()
    call.close()
    assert (len(supervisor.asked), supervisor.ended) == (4, 2)


@pytest.mark.parametrize(
    ("reply", "fact"),
    [
        (replied(shape=[2, 3]), f"{CALL}: it is not as long as it says"),
        (replied(np.zeros(0), shape=[0, 1 << 40, 1 << 40]), f"{CALL}: "),
    ],
)
def test_remote_call_ends_a_child_whose_reply_is_none(reply: Reply, fact: str) -> None:
    supervisor = Supervisor(OPENED, reply)
    found = fact_of(call_of(supervisor))
    assert found.startswith(fact)
    assert "None" not in found
    assert supervisor.ended == 1


def test_remote_call_reads_all_that_a_reply_holds() -> None:
    with recording(np.matmul) as recorder:
        log = encode(recorder.finish(np.matmul(recorder.add_input(A), recorder.add_input(B))))
    value = (A @ B).astype("f4")
    told, said = replied(value, dtype="float32", log=len(log))
    changed = replied()[1].replace(SENT, SENT[::-1])
    supervisor = Supervisor(OPENED, (told, said + log), (replied()[0], changed))
    call = call_of(supervisor)
    result = call.trace(A, B)
    assert result.value is not None
    assert (result.value.dtype, result.value.tolist()) == (value.dtype, value.tolist())
    assert (result.returned, result.unchanged, result.unlogged) == ("ndarray", True, "")
    assert result.log == decode(log)
    assert not call(A, B).unchanged


def test_remote_call_says_why_a_log_cannot_be_read() -> None:
    told, said = replied(log=2)
    result = call_of(Supervisor(OPENED, (told, said + b"[]"))).trace(A, B)
    assert (result.log, result.unlogged) == (None, "not a log: no object")


def test_remote_call_sends_strides_and_traces_arrays_row_by_row() -> None:
    told, said = replied(told={"unchanged": True})
    supervisor = Supervisor(OPENED, *[(told, said.replace(SENT, b""))] * 2)
    call = call_of(supervisor)
    call(A.T, B.T)
    call.trace(A.T, B.T)
    (plain, sent, *_), (traced, sent_traced, *_) = supervisor.asked[1:]
    assert [x["strides"] for x in plain["arrays"]] == [A.T.strides, B.T.strides]
    assert sent == SENT
    assert [x["strides"] for x in traced["arrays"]] == [(16, 8), (24, 8)]
    assert sent_traced == A.T.tobytes() + B.T.tobytes()
    assert traced["meet"] == 0


def test_remote_call_times_nothing_that_is_not_called() -> None:
    undefined = {"status": "reply", "called": False}, b'{"errors": [], "defined": false}'
    assert fact_of(call_of(Supervisor(undefined)).time) == "f is not defined"
    with pytest.raises(Inconclusive, match="^f starts processes, whose CPU time cannot be told$"):
        call_of(Supervisor(({"status": "late", "others": True}, b""))).time(A, B)
