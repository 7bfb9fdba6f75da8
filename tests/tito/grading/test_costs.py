"""What a call costs: bytes that are really traced, and CPU time by a clock that a test moves."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest

from tito.grading import costs
from tito.grading.costs import MILLION, alone, held_bytes, peak_bytes, share_of_matmul

MIB = 1 << 20


class Clocks:
    """CPU time of this thread and of others, in ns, that passes only when somebody spends it."""

    def __init__(self) -> None:
        self.here = self.elsewhere = 0

    def matmul(self, A: Any, B: Any) -> Any:
        """Multiply in 1000 ns of this thread."""
        self.here += 1000
        return A @ B


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(costs, "_process_time", lambda: clocks.here + clocks.elsewhere)
    monkeypatch.setattr(costs, "_thread_time", lambda: clocks.here)
    monkeypatch.setattr(costs, "_sleep", lambda seconds: None)
    monkeypatch.setattr(costs, "_matmul", clocks.matmul)
    monkeypatch.setattr(costs, "one_blas_thread", lambda: nullcontext(True))
    return clocks


@pytest.fixture
def arrays() -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.standard_normal((6, 5)), rng.standard_normal((5, 4))


def share(arrays: tuple[Any, Any], spend: Callable[[], object]) -> int:
    def call() -> Any:
        spend()
        return arrays[0] @ arrays[1]

    return share_of_matmul(call, arrays)


def test_share_of_matmul_is_its_time_over_the_calls(clocks: Clocks, arrays: Any) -> None:
    def spend() -> None:
        clocks.here += 4000

    assert share(arrays, spend) == MILLION // 4


def test_share_of_matmul_counts_other_threads(clocks: Clocks, arrays: Any) -> None:
    def spend() -> None:
        clocks.here += 500
        clocks.elsewhere += 1500

    assert share(arrays, spend) == MILLION // 2


def test_share_of_matmul_charges_the_call_for_threads_that_burn_meanwhile(
    clocks: Clocks, arrays: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burnt(A: Any, B: Any) -> Any:
        clocks.elsewhere += 9000  # and A @ B seems no slower
        return clocks.matmul(A, B)

    def spend() -> None:
        clocks.here += 1000

    monkeypatch.setattr(costs, "_matmul", burnt)
    assert share(arrays, spend) == MILLION // 10


def test_share_of_matmul_takes_the_least_of_each(clocks: Clocks, arrays: Any) -> None:
    spans = iter([9000, 9000, 8000, 2000, *[7000] * 50])

    def spend() -> None:
        clocks.here += next(spans)

    assert share(arrays, spend) == MILLION // 2


def test_share_of_matmul_measures_a_hopeless_call_twice(clocks: Clocks, arrays: Any) -> None:
    calls = []

    def spend() -> None:
        calls.append(1)
        clocks.here += 1_000_000

    assert share(arrays, spend) == MILLION // 1000
    assert len(calls) == 4  # to warm up, to measure, and for the result


def test_share_of_matmul_goes_on_after_a_bad_round(clocks: Clocks, arrays: Any) -> None:
    spans = iter([9000, 90_000, *[2000] * 50])

    def spend() -> None:
        clocks.here += next(spans)

    assert share(arrays, spend) == MILLION // 2


def test_share_of_matmul_waits_until_threads_have_been_quiet_for_a_while(
    clocks: Clocks, arrays: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    burns = iter([10, 10, 0, 10, 0, 0, 10])  # ms of a thread that is taken off the processor
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        clocks.elsewhere += next(burns, 0) * 1_000_000

    def spend() -> None:
        clocks.here += 1000

    monkeypatch.setattr(costs, "_sleep", sleep)
    assert share(arrays, spend) == MILLION
    assert len(naps) == 7 + costs.QUIET_NAPS


def test_share_of_matmul_brings_new_numbers_and_puts_the_old_ones_back(
    clocks: Clocks, arrays: Any
) -> None:
    seen = []
    before = arrays[0].copy()

    def spend() -> None:
        clocks.here += 1000
        seen.append(arrays[0].tobytes())

    assert share(arrays, spend) == MILLION
    assert len(set(seen)) == len(seen) - 1  # the first and the last are the judge's own
    assert np.array_equal(arrays[0], before)


def test_share_of_matmul_believes_no_remembered_product(clocks: Clocks, arrays: Any) -> None:
    product = arrays[0] @ arrays[1]

    def call() -> Any:
        clocks.here += 1
        return product

    assert share_of_matmul(call, arrays) == 0


@pytest.mark.parametrize("held", [True, False])
def test_share_of_matmul_needs_one_blas_thread(
    clocks: Clocks, arrays: Any, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    def spend() -> None:
        clocks.here += 1000

    monkeypatch.setattr(costs, "one_blas_thread", lambda: nullcontext(held))
    assert (share(arrays, spend) > 0) == held


@contextmanager
def child() -> Iterator[None]:
    process = os.fork()
    if process == 0:
        os._exit(0)
    try:
        yield
    finally:
        os.waitpid(process, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("waits", [True, False])
def test_costs_of_a_call_with_a_child_cannot_be_told(
    clocks: Clocks, arrays: Any, waits: bool
) -> None:
    def spend() -> None:
        clocks.here += 1000
        with child():
            pass

    def cost(call: Callable[..., Any], arrays: Any) -> int:
        call()
        return 7

    if waits:
        assert alone(cost)(spend, arrays) == 0
    else:
        with child():
            assert alone(cost)(lambda: None, arrays) == 0


def test_costs_of_a_call_without_a_child_are_what_they_are() -> None:
    code = "from tito.grading.costs import alone\nprint(alone(lambda call, arrays: 7)(None, ()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_peak_bytes_counts_the_call_and_its_result() -> None:
    def call() -> Any:
        np.ones(2 * MIB, dtype=np.int8)
        return np.ones(MIB, dtype=np.int8)

    assert 2 * MIB <= peak_bytes(call, ()) < 2.1 * MIB


def test_peak_bytes_calls_with_zeros_before_it_counts() -> None:
    (array,) = arrays = (np.arange(4.0),)
    seen: list[list[float]] = []
    peak_bytes(lambda: seen.append(array.tolist()), arrays)
    assert seen == [[0, 0, 0, 0], [0, 1, 2, 3]]


def test_held_bytes_counts_what_was_kept_since_tracing_began() -> None:
    tracemalloc.start()
    try:
        kept = np.ones(3 * MIB, dtype=np.int8)
        assert held_bytes(lambda: None, ()) >= 3 * MIB
        assert peak_bytes(lambda: None, ()) < MIB
        del kept
    finally:
        tracemalloc.stop()
