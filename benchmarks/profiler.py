"""Compare the profiler's minimum with timeit's for the same calls, in turns on this machine.

Run from the checkout: ``python -m benchmarks.profiler [ROUNDS]``. A ratio of 1 means that both
find the same time. The last column sets timeit against itself in the same rounds: no two
measurements can be expected to agree better than that.
"""

import operator
import statistics
import sys
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.machine import describe_machine
from tinytorch.utils.profiler import SimpleProfiler
from tinytorch.utils.report import format_seconds

ROW = "{:<16}{:>10}{:>10}{:>8}{:>18}{:>18}"
Case = tuple[str, Callable[..., Any], tuple[Any, ...]]


def triple_loop(A: list[list[float]], B: list[list[float]]) -> list[list[float]]:
    """Multiply two square matrices in pure Python."""
    side = range(len(A))
    return [[sum(A[i][k] * B[k][j] for k in side) for j in side] for i in side]


def cases() -> list[Case]:
    """Return calls of 40 ns to 20 ms."""
    rng = np.random.default_rng(0)
    A = {n: rng.standard_normal((n, n)).astype(np.float32) for n in (4, 64, 256, 1024)}
    rows = rng.standard_normal((16, 16)).tolist()
    return [
        ("1 + 2", operator.add, (1, 2)),
        ("A + A, n = 4", np.add, (A[4], A[4])),
        ("loop, n = 16", triple_loop, (rows, rows)),
        *((f"A @ A, n = {n}", operator.matmul, (A[n], A[n])) for n in (64, 256, 1024)),
    ]


def by_profiler(func: Callable[..., Any], args: tuple[Any, ...]) -> float:
    """Return the profiler's minimum in seconds."""
    minimum: float = SimpleProfiler(track_memory=False).profile(func, *args)["minimum"]
    return minimum


def by_timeit(func: Callable[..., Any], args: tuple[Any, ...]) -> float:
    """Return timeit's minimum in seconds: passes of some 5 ms, as many as the profiler makes."""
    names = [f"a{place}" for place in range(len(args))]
    values = {"func": func, **dict(zip(names, args, strict=True))}
    timer = timeit.Timer(f"func({', '.join(names)})", globals=values)
    number = max(1, round(0.005 / min(timer.repeat(3, 10)) * 10))
    return min(timer.repeat(20, number)) / number


def main(rounds: int) -> None:
    """Print one row a call: both minima, their ratio, and the ratios of the single rounds."""
    print(describe_machine(), end="\n\n")
    print(ROW.format("call", "profiler", "timeit", "ratio", "in each round", "timeit again"))
    with one_blas_thread():
        for label, func, args in cases():
            found = [
                (by_profiler(func, args), by_timeit(func, args), by_timeit(func, args))
                for _ in range(rounds)
            ]
            print(ROW.format(label, *_figures(found)))


def _figures(found: list[tuple[float, float, float]]) -> tuple[str, ...]:
    ours, theirs, _ = (min(column) for column in zip(*found, strict=True))
    return (
        format_seconds(ours),
        format_seconds(theirs),
        f"{ours / theirs:.3f}",
        _quartiles([profiled / timed for profiled, timed, _ in found]),
        _quartiles([again / timed for _, timed, again in found]),
    )


def _quartiles(ratios: list[float]) -> str:
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{low:.3f} to {high:.3f}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
