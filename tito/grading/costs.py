"""What one call costs, in counts that a busy machine does not change: peak bytes and CPU time.

Both are taken in the process that the function runs in, like the record of its products. So that
nothing can be done beforehand, the numbers in the arrays are new to the function when it counts;
so that nothing can be done elsewhere, where points hang on it a call that has to do with other
processes costs 0, which stands for "cannot be told".
"""

import importlib
import os
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.memory import measure_memory
from tinytorch.utils.timing import without_gc

__all__ = ["COSTS", "MILLION", "alone", "held_bytes", "peak_bytes", "share_of_matmul"]

Array: TypeAlias = NDArray[Any]
Measured: TypeAlias = Callable[[], Array | None]  # calls with the arrays, returns what came back

Cost: TypeAlias = Callable[[Measured, tuple[Array, ...]], int]

MILLION = 1_000_000
FRUITLESS, MOST_ROUNDS = 4, 40
HOPELESS, HOPELESS_ROUNDS = 10, 2
"""A call that takes so many times as long as ``A @ B`` in all of so many rounds gets no others."""
NAP, QUIET_NAPS, MOST_NAPS = 0.01, 5, 50
"""Threads of a BLAS go on looking for work for about 0.1 s, and that is CPU time, too.

On a busy machine such a thread may be kept waiting for a nap or two: one quiet nap tells nothing.
"""

# Taken before any cell runs: what a cell makes of these names is its own affair.
_process_time, _thread_time, _sleep = time.process_time_ns, time.thread_time_ns, time.sleep
_matmul, _fresh = np.matmul, np.random.default_rng


def peak_bytes(call: Measured, arrays: tuple[Array, ...]) -> int:
    """Return the most bytes that a call has allocated at a time, its result included."""
    return _traced(call, arrays)[1]


def held_bytes(call: Measured, arrays: tuple[Array, ...]) -> int:
    """Return the most bytes in use during a call, of all that were traced from the start.

    Where tracing began before the function was defined, a buffer that it keeps counts as well.
    """
    return _traced(call, arrays)[0]


def share_of_matmul(call: Measured, arrays: tuple[Array, ...]) -> int:
    """Return the speed of a call as millionths of that of ``A @ B``, on one BLAS thread.

    Both are called in turns, each time with another A, and the least CPU time of each counts:
    other programs take the processor away, which is no CPU time of ours, and what they do to the
    caches only adds. It is over when four rounds have bettered neither by a hundredth, or two
    have left no hope. All CPU time of the process in a round is the call's, whatever thread spends
    it, except what this thread needs for ``A @ B`` and to compare the results.

    0 where the clock is too coarse to tell, the BLAS cannot be held to one thread, or a result
    differs from ``A @ B``.
    """
    A, B = arrays[0], arrays[1]
    given, numbers = A.copy(), _fresh()
    own = other = 0
    with one_blas_thread() as held, without_gc():
        if held and call() is not None:
            _rest()
            _matmul(A, B)

            def once() -> tuple[int, int]:
                A[...] = numbers.random(A.shape, "float32")
                return _round(call, A, B)

            own, other = _least(once)
        A[...] = given
        call()
    return MILLION * other // own if own > 0 and other > 0 else 0


def alone(cost: Cost) -> Cost:
    """Return a cost that is 0 where the process has a child, or had one meanwhile."""

    def measured(call: Measured, arrays: tuple[Array, ...]) -> int:
        before = _children()
        found = cost(call, arrays)
        return found if before is not None and before == _children() else 0

    return measured


def _round(call: Measured, A: Array, B: Array) -> tuple[int, int]:
    """Return the CPU time of the call and of ``A @ B``; 0, 0 where their results differ."""
    start, mine = _process_time(), _thread_time()
    expected = _matmul(A, B)
    other = _thread_time() - mine
    value = call()
    mine = _thread_time()
    close = _agree(value, expected)
    checking = _thread_time() - mine
    own = _process_time() - start - other - checking
    return (own, other) if close else (0, 0)


def _least(once: Callable[[], tuple[int, int]]) -> tuple[int, int]:
    """Return the least of each time, of as many rounds as it takes; 0 where a round gives 0."""
    least, fruitless = once(), 0
    for done in range(1, MOST_ROUNDS):
        hopeless = done >= HOPELESS_ROUNDS and least[0] > HOPELESS * least[1]
        if fruitless == FRUITLESS or not all(least) or hopeless:
            break
        times = once()
        better = any(100 * new < 99 * old for new, old in zip(times, least, strict=True))
        fruitless = 0 if better else fruitless + 1
        least = min(times[0], least[0]), min(times[1], least[1])
    return least


def _agree(value: Array | None, expected: Array) -> bool:
    """Tell whether both are the same product; the judge has compared one of them to the digit."""
    if value is None or value.shape != expected.shape or value.dtype.kind != "f":
        return False
    return bool(abs(value - expected).max(initial=0) <= 1e-3 * abs(expected).max(initial=0))


def _rest() -> None:
    """Wait until no thread of the process has spent CPU time for a while."""
    quiet = 0
    for _ in range(MOST_NAPS):
        start = _process_time()
        _sleep(NAP)
        quiet = quiet + 1 if _process_time() - start < NAP * 1e8 else 0  # a tenth of the nap
        if quiet == QUIET_NAPS:
            return


def _traced(call: Measured, arrays: tuple[Array, ...]) -> tuple[int, int]:
    """Return the most bytes in use during a call: all that were traced, and those of the call."""
    given = [x.copy() for x in arrays]
    for x in arrays:
        x[...] = 0
    call()  # what is only needed the first time is no cost; of zeros nobody learns anything
    for x, numbers in zip(arrays, given, strict=True):
        x[...] = numbers
    del given
    use = measure_memory(call)
    return use.highest, use.peak


def _children() -> tuple[float, ...] | None:
    """Return what children that have ended used; None where one is alive."""
    if not hasattr(os, "waitid"):  # Windows: a notebook, where nobody grades
        return ()
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        resource = importlib.import_module("resource")
        return tuple(resource.getrusage(resource.RUSAGE_CHILDREN))
    return None


COSTS = {
    "memory": peak_bytes,
    "speed": share_of_matmul,
    "memory alone": alone(held_bytes),
    "speed alone": alone(share_of_matmul),
}
"""What can be asked for, by name; the judge's worker asks for what is measured alone."""
