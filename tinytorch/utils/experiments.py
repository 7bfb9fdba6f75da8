"""The lesson's larger measurements: a sweep, a block's costs, threads. Read them: they are short.

While they run, BLAS is held to one thread where that can be done, so that a kernel is compared as
an algorithm and its threads do not compete with those of BLAS.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.figures import block_sweep, thread_scaling
from tinytorch.utils.limits import peak_flops
from tinytorch.utils.machine import describe_machine
from tinytorch.utils.predictions import serial_share
from tinytorch.utils.processor import core_quota, data_caches, usable_cores
from tinytorch.utils.report import format_seconds, text_table
from tinytorch.utils.timing import Timing, interleave

__all__ = [
    "PRODUCT",
    "Sweep",
    "block_chart",
    "block_costs",
    "cores_at_a_time",
    "machine_name",
    "rates_by_type",
    "rest",
    "step_times",
    "sweep",
    "sweep_blocks",
    "sweep_threads",
    "thread_chart",
]

Kernel = Callable[..., Any]
PRODUCT = "np.matmul of two blocks"
SECONDS_TO_REST = 0.2
"""Threads of a BLAS go on looking for work for about 0.1 s after a call."""


@dataclass(frozen=True)
class Sweep:
    """Seconds of a call by the value of one argument, for float32 matrices (n, n).

    ``reference`` is what ``A @ B`` took in the same turns, and ``spread`` how far its repeats
    differ, as `tinytorch.utils.timing.Timing` has it.
    """

    kernel: str
    n: int
    seconds: Mapping[int, float]
    reference: float
    spread: float | None = None

    @property
    def title(self) -> str:
        """What was swept."""
        return ", ".join([*([self.kernel] if self.kernel else []), f"n = {self.n}", "float32"])

    @property
    def rates(self) -> dict[int, float]:
        """GFLOP/s by value."""
        return {value: self.rate(one) for value, one in self.seconds.items()}

    def rate(self, seconds: float) -> float:
        """Return the GFLOP/s of a product that took so long."""
        return 2e-9 * self.n**3 / seconds


def machine_name() -> str:
    """Return the machine in a line, for a title."""
    machine = describe_machine()
    return f"{machine.cpu or machine.system}, {machine.cores} cores, {machine.blas}"


def sweep(kernel: Kernel, n: int, argument: str, values: Sequence[int]) -> Sweep:
    """Time a kernel on float32 matrices (n, n) with each value of an argument, in turns.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, **{argument: value})``.
    n : int
        Side of the matrices.
    argument : str
    values : sequence of int
    """
    A, B = _matrices(n)
    calls = {str(value): partial(kernel, A, B, **{argument: value}) for value in values}
    times = _in_turns({"A @ B": partial(np.matmul, A, B), **calls})
    seconds = {value: times[str(value)].minimum for value in values}
    reference, name = times["A @ B"], getattr(kernel, "__name__", "")
    return Sweep(name, n, seconds, reference.minimum, reference.spread)


def cores_at_a_time() -> float | None:
    """Return how many threads of this process can work at the same time; None if not told."""
    told = [cores for cores in (usable_cores(), core_quota()) if cores]
    return min(told) if told else None


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
    return block_chart(sweep(kernel, n, "block_size", block_sizes))


def block_chart(found: Sweep) -> Chart:
    """Draw a sweep over block sizes."""
    points, reference = list(found.rates.items()), found.rate(found.reference)
    return block_sweep(points, data_caches(), machine_name(), reference, of=found.title)


def block_costs(block_size: int, n: int = 1024) -> str:
    """Return a table of what one step of the blocked product is made of, for float32 matrices.

    Parameters
    ----------
    block_size : int
        Side of the blocks.
    n : int
        Side of the matrices that they are cut from.
    """
    arithmetic = 2 * block_size**3 / peak_flops()
    times = step_times(block_size, n)
    costs = {f"arithmetic at this machine's peak, b = {block_size}": arithmetic, **times}
    whole = sum(times.values())
    table = [
        [name, format_seconds(cost), f"{100 * cost / whole:.0f} %"] for name, cost in costs.items()
    ]
    return text_table(["", "time", "of a step"], table)


def step_times(block_size: int, n: int) -> dict[str, float]:
    """Return the seconds of each part of one step: its product is called `PRODUCT`."""
    A, B = _matrices(n)
    C, part = np.zeros_like(A), np.empty((block_size, block_size), A.dtype)
    rows, columns = slice(0, block_size), slice(n - block_size, n)
    tile, left, right = C[rows, columns], A[rows, columns], B[columns, columns]

    def cut() -> None:
        C[rows, columns], A[rows, columns], B[columns, columns]  # noqa: B018 (the slices are timed)

    times = _in_turns(
        {
            PRODUCT: partial(np.matmul, left, right, out=part),
            "adding into the tile": partial(np.add, tile, part, out=tile),
            "cutting three slices": cut,
        }
    )
    return {name: one.minimum for name, one in times.items()}


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
    return thread_chart(sweep(kernel, n, "num_processes", counts))


def thread_chart(found: Sweep) -> Chart:
    """Draw a sweep over threads, and the serial share that it implies."""
    cores, first = cores_at_a_time(), next(iter(found.seconds.values()))
    points = [(count, first / one) for count, one in found.seconds.items()]
    serial = serial_share(points, cores)
    return thread_scaling(points, serial, machine_name(), of=found.title, cores=cores)


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


def rest() -> None:
    """Wait until the threads of a BLAS have stopped looking for work."""
    time.sleep(SECONDS_TO_REST)


def _matrices(n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(n)
    return random_matrix(rng, n, n, "float32"), random_matrix(rng, n, n, "float32")


def _in_turns(calls: Mapping[str, Callable[[], Any]]) -> dict[str, Timing]:
    with one_blas_thread():
        rest()
        return interleave(calls)
