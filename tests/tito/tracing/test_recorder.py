"""Recorded arrays: they behave as NumPy's own, and leave nothing behind."""

import functools
import gc
import math
import os
import pickle
import threading
from typing import Any

import numpy as np
import pytest

from tito.tracing import Recorder, plain, recording
from tito.tracing.observe import observe


def recorded(function: Any, *arrays: Any) -> tuple[Any, Any]:
    """Return what a function gives for recorded arrays, and the log."""
    with recording(function) as recorder:
        result = function(*map(recorder.add_input, arrays))
    return plain(result), recorder.finish(result)


def test_recording_puts_everything_back() -> None:
    before = {name: id(value) for name, value in vars(np).items()}, math.exp, id(globals()["np"])
    with recording(recorded):
        assert id(np.zeros) != before[0]["zeros"]
    assert ({name: id(value) for name, value in vars(np).items()}, math.exp, id(np)) == before


def test_recorded_array_is_an_array_for_whoever_asks() -> None:
    def look(A: Any) -> bool:
        match A:
            case np.ndarray(ndim=2):
                pass
            case _:
                return False
        return isinstance(A, np.ndarray) and type(A) is np.ndarray and A.__class__ is np.ndarray

    assert recorded(look, np.ones((2, 2)))[0]


def test_recorded_array_outlives_its_recording() -> None:
    with recording(recorded) as recorder:
        A = recorder.add_input(np.arange(4.0))
    assert (A + 1)[2] == 3
    assert A.sum() == 6
    assert A.copy().reshape(2, 2).T.tolist() == [[0, 2], [1, 3]]


def test_recorded_number_is_not_changed_in_place() -> None:
    def add(A: Any) -> Any:
        first = second = A[0]
        first += 5
        first *= 2
        return np.array([first, second, A[0]])

    value, log = recorded(add, np.array([1.0, 2.0]))
    assert value.tolist() == [12, 1, 1]
    assert log.result is not None


def test_each_recorder_numbers_threads_anew() -> None:
    """Though a recorder may lie where an earlier one lay, and a thread have another's identity."""

    def numbered() -> list[int]:
        gc.collect()
        recorder, found = Recorder(), list[int]()
        for _ in range(2):
            thread = threading.Thread(target=lambda: found.append(recorder.thread()))
            thread.start()
            thread.join()
        return [recorder.thread(), *found]

    assert [numbered() for _ in range(5)] == [[0, 1, 2]] * 5


def test_whole_numbers_that_are_read_make_no_steps() -> None:
    def rows(A: Any) -> Any:
        C = np.zeros_like(A)
        for i in np.arange(0, 4, 2):
            C[i : np.minimum(i + 2, 4)] = A[i : i + 2]
        return C

    value, log = recorded(rows, np.arange(4.0))
    assert value.tolist() == [0, 1, 2, 3]
    assert [step.name for step in log.steps] == [
        "function zeros_like", "create arange", "assign", "assign",
    ]  # fmt: skip


def test_recorded_number_keeps_its_value_when_its_place_is_overwritten() -> None:
    def swap(A: Any) -> Any:
        C = A.copy()
        old = C[0]
        C[0] = C[1]
        C[1] = old
        return C

    assert recorded(swap, np.array([1.0, 2.0]))[0].tolist() == [2, 1]


@pytest.mark.parametrize(
    "use",
    [
        lambda x: f"{x:.2f} {x} {x!r}",
        lambda x: hash(x),
        lambda x: int(x) + float(x) + round(x, 1),
        lambda x: x.item() + x.tolist() + math.exp(x) + math.sqrt(x),
        lambda x: (x > 1) is not None and bool(x),
        lambda x: max(x, 0) + min(x, 9) + abs(-x) + x**2 + 2**x + x // 1 + x % 2,
        lambda x: {x: 1}[x],
    ],
)
def test_recorded_number_behaves_as_a_number(use: Any) -> None:
    value, _ = recorded(lambda A: use(A[1]), np.array([1.0, 2.5]))
    assert value == use(np.float64(2.5))


def test_recorded_array_is_pickled_as_a_plain_one() -> None:
    value, _ = recorded(lambda A: pickle.loads(pickle.dumps(A[1:])), np.arange(3.0))
    assert value.tolist() == [1, 2]


def test_recording_stops_in_a_forked_child() -> None:
    def fork(A: Any) -> bool:
        child = os.fork()
        if child == 0:
            os._exit(0 if type(A + 1) is not type(A) else 1)
        return os.waitpid(child, 0)[1] == 0

    value, log = recorded(fork, np.ones(3))
    assert value
    assert log.steps == []


def test_recording_logs_the_steps_of_all_threads() -> None:
    def work(A: Any) -> Any:
        C, all_there = np.zeros(40), threading.Barrier(40)

        def add(i: int) -> None:
            all_there.wait()  # a thread that has ended leaves its number to the next one
            np.add(A[i], i, C[i : i + 1])

        threads = [threading.Thread(target=add, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return C

    value, log = recorded(work, np.ones(40))
    assert value.tolist() == [1 + i for i in range(40)]
    assert len({step.thread for step in log.steps}) == 41


def test_recording_forgets_freed_memory() -> None:
    def much(A: Any) -> Any:
        C = A.copy()
        for _ in range(50):
            C = C + A * 2
        gc.collect()
        return C

    with recording(much) as recorder:
        much(recorder.add_input(np.ones(1000)))
        assert len(recorder._map._by_start) < 8


def test_recording_says_why_there_is_no_log() -> None:
    with recording(recorded) as recorder:
        recorder.add_input(np.ones(2)) + np.array([1, "x"], dtype=object)[:1].astype(float)
        assert recorder.problem == ""
        recorder.add_input(np.ones(2)).astype(object)
    assert "object" in recorder.problem


def test_recording_tells_a_call_of_too_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.tracing.recorder.MOST_STEPS", 10)
    value, log = recorded(lambda A: functools.reduce(np.add, [A] * 20), np.ones(2))
    assert log.overflow
    assert len(log.steps) == 10
    assert value.tolist() == [20, 20]


class Turnstile:
    """A gate that notes who came and went."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def enter(self, step: int) -> None:
        self.seen.append(("enter", step))

    def leave(self, step: int) -> None:
        self.seen.append(("leave", step))


def test_recording_lets_products_through_its_gate() -> None:
    gate = Turnstile()
    A = np.ones((3, 3))
    with recording(recorded, gate) as recorder:
        X = recorder.add_input(A)
        np.add(X @ X, 2 * X)
        with pytest.raises(ValueError, match="mismatch"):
            X @ X[:2]
    assert gate.seen == [("enter", 0), ("leave", 0), ("enter", 3), ("leave", 3)]


def test_methods_work_where_recording_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.tracing.recorder.MOST_KNOWN", 8)

    def function(A: Any, B: Any) -> Any:
        C = np.zeros((4, 4))
        at = np.ravel_multi_index(np.ix_(range(2), range(2)), (4, 4))
        np.put(C, at, np.take(C, at) + A @ B)
        return C

    seen = observe(function, (np.ones((2, 2)), np.ones((2, 2))), {}, traced=True)
    assert seen.value is not None
    assert seen.value[:2].tolist() == [[2, 2, 0, 0], [2, 2, 0, 0]]
    assert "too many numbers" in seen.unlogged


def test_take_refuses_an_array_that_does_not_lie_row_by_row() -> None:
    with recording(recorded) as recorder, pytest.raises(ValueError, match="row by row"):
        recorder.add_input(np.ones((3, 3)).T[:2])
