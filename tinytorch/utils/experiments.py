"""The lesson's larger measurements: a sweep, a block's costs, threads. Read them: they are short.

While they run, BLAS is held to one thread where that can be done, so that a kernel is compared as
an algorithm and its threads do not compete with those of BLAS.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.figures import block_sweep, thread_scaling
from tinytorch.utils.limits import peak_flops
from tinytorch.utils.machine import describe_machine
from tinytorch.utils.processor import data_caches
from tinytorch.utils.report import format_seconds, text_table
from tinytorch.utils.timing import Timing, interleave

__all__ = ["block_costs", "machine_name", "rates_by_type", "sweep_blocks", "sweep_threads"]

Kernel = Callable[..., Any]
SECONDS_TO_REST = 0.2
"""Threads of a BLAS go on looking for work for about 0.1 s after a call."""


def machine_name() -> str:
    """Return the machine in a line, for a title."""
    machine = describe_machine()
    return f"{machine.cpu or machine.system}, {machine.cores} cores, {machine.blas}"


def sweep_blocks(kernel: Kernel, n: int, block_sizes: Sequence[int]) -> Chart:
    """Time a blocked kernel on float32 matrices (n, n), for each block size in turn.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, block_size=b)``.
    n : int
        Side of the matrices.
    block_sizes : sequence of int
    """
    A, B = _matrices(n)
    calls = {str(b): partial(kernel, A, B, block_size=b) for b in block_sizes}
    times = _in_turns({"A @ B": partial(np.matmul, A, B), **calls})
    rates = {name: 2 * n**3 / one.minimum / 1e9 for name, one in times.items()}
    points = [(b, rates[str(b)]) for b in block_sizes]
    return block_sweep(points, data_caches(), f"n = {n}, {machine_name()}", rates["A @ B"])


def block_costs(block_size: int, n: int = 1024) -> str:
    """Return a table of what one step of the blocked product is made of, for float32 matrices.

    Parameters
    ----------
    block_size : int
        Side of the blocks.
    n : int
        Side of the matrices that they are cut from.
    """
    A, B = _matrices(n)
    C, part = np.zeros_like(A), np.empty((block_size, block_size), A.dtype)
    rows, columns = slice(0, block_size), slice(n - block_size, n)
    tile, left, right = C[rows, columns], A[rows, columns], B[columns, columns]

    def cut() -> None:
        C[rows, columns], A[rows, columns], B[columns, columns]  # noqa: B018 (the slices are timed)

    times = _in_turns(
        {
            "np.matmul of two blocks": partial(np.matmul, left, right, out=part),
            "adding into the tile": partial(np.add, tile, part, out=tile),
            "cutting three slices": cut,
        }
    )
    arithmetic = 2 * block_size**3 / peak_flops()
    whole = sum(one.minimum for one in times.values())
    rows_ = [(f"arithmetic at this machine's peak, b = {block_size}", arithmetic)]
    rows_ += [(name, one.minimum) for name, one in times.items()]
    table = [[name, format_seconds(cost), f"{100 * cost / whole:.0f} %"] for name, cost in rows_]
    return text_table(["", "time", "of a step"], table)


def sweep_threads(kernel: Kernel, n: int, counts: Sequence[int]) -> Chart:
    """Time a kernel on float32 matrices (n, n) with each number of threads, beside Amdahl's law.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, num_processes=count)``.
    n : int
        Side of the matrices.
    counts : sequence of int
        Numbers of threads; the first is what the others are compared with.
    """
    A, B = _matrices(n)
    times = _in_turns({str(c): partial(kernel, A, B, num_processes=c) for c in counts})
    first = times[str(counts[0])].minimum
    points = [(count, first / times[str(count)].minimum) for count in counts]
    return thread_scaling(points, serial_share(points), f"n = {n}, {machine_name()}")


def serial_share(points: Sequence[tuple[float, float]]) -> float:
    """Return the serial share that Amdahl's law gives for the best speedup, 0 to 1.

    Karp and Flatt, Communications of the ACM 33 (5), 1990, p. 539.
    """
    workers, speedup = max(points, key=lambda point: point[1])
    if workers <= 1:
        return 1.0
    return min(1.0, max(0.0, (1 / speedup - 1 / workers) / (1 - 1 / workers)))


def rates_by_type(n: int, types: Sequence[str]) -> str:
    """Return a table of the GFLOP/s of ``A @ B`` for matrices (n, n) of each type."""
    rng = np.random.default_rng(n)
    calls = {}
    for name in types:
        A, B = random_matrix(rng, n, n, name), random_matrix(rng, n, n, name)
        calls[name] = partial(np.matmul, A, B)
    times = _in_turns(calls)
    best = {name: 2 * n**3 / one.minimum / 1e9 for name, one in times.items()}
    first = next(iter(best.values()))
    rows = [[name, f"{rate:.3g}", f"{rate / first:.3g}"] for name, rate in best.items()]
    return text_table(["A @ B", "GFLOP/s", f"of {types[0]}"], rows)


def _matrices(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    return random_matrix(rng, n, n, "float32"), random_matrix(rng, n, n, "float32")


def _in_turns(calls: Mapping[str, Callable[[], Any]]) -> dict[str, Timing]:
    with one_blas_thread():
        time.sleep(SECONDS_TO_REST)
        return interleave(calls)
