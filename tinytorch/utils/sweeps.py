"""Time a kernel for each value of one argument, and the parts of a step of a blocked product.

While they run, BLAS is held to one thread where that can be done, so that a kernel is compared as
an algorithm and its threads do not compete with those of BLAS.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.facts import time_facts, work_facts
from tinytorch.utils.figures import block_sweep, thread_scaling
from tinytorch.utils.machine import machine_name
from tinytorch.utils.models import serial_share
from tinytorch.utils.processor import core_quota, data_caches, usable_cores
from tinytorch.utils.timing import Timing, interleave

__all__ = [
    "PRODUCT",
    "Sweep",
    "block_chart",
    "cores_at_a_time",
    "facts_of",
    "in_turns",
    "rest",
    "square_matrices",
    "step_times",
    "sweep",
    "thread_chart",
    "thread_counts",
]

K = TypeVar("K")
Kernel = Callable[..., Any]
PRODUCT = "np.matmul of two blocks"
SECONDS_TO_REST = 0.2
"""Threads of a BLAS go on looking for work for about 0.1 s after a call."""


@dataclass(frozen=True)
class Sweep:
    """Times of a call by the value of one argument, for float32 matrices (n, n).

    ``reference`` is what ``A @ B`` took in the same turns.
    """

    kernel: str
    n: int
    times: Mapping[int, Timing]
    reference: Timing

    @property
    def title(self) -> str:
        """What was swept."""
        return ", ".join([*([self.kernel] if self.kernel else []), f"n = {self.n}", "float32"])

    @property
    def rates(self) -> dict[int, float]:
        """GFLOP/s by value."""
        return {value: 2e-9 * self.n**3 / one.minimum for value, one in self.times.items()}

    @property
    def facts(self) -> dict[int, dict[str, Any]]:
        """By value what `tinytorch.utils.figures` reads: times, spread and GFLOP/s."""
        return facts_of(self.times, 2 * self.n**3)


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
    A, B = square_matrices(n)
    calls = {str(value): partial(kernel, A, B, **{argument: value}) for value in values}
    times = in_turns({"A @ B": partial(np.matmul, A, B), **calls})
    name = getattr(kernel, "__name__", "")
    return Sweep(name, n, {value: times[str(value)] for value in values}, times["A @ B"])


def cores_at_a_time() -> float | None:
    """Return how many threads of this process can work at the same time; None if unknown."""
    known = [cores for cores in (usable_cores(), core_quota()) if cores]
    return min(known) if known else None


def thread_counts() -> list[int]:
    """Return the powers of two up to the cores, the cores, and twice as many."""
    cores = int(cores_at_a_time() or 1)
    return sorted({2**power for power in range(cores.bit_length())} | {cores, 2 * cores})


def block_chart(found: Sweep) -> Chart:
    """Draw a sweep over block sizes."""
    (reference,) = facts_of({"A @ B": found.reference}, 2 * found.n**3).values()
    return block_sweep(found.facts, data_caches(), machine_name(), reference, of=found.title)


def step_times(block_size: int, n: int) -> dict[str, Timing]:
    """Return the times of the parts of one step, by name; that of its product is `PRODUCT`."""
    A, B = square_matrices(n)
    C, part = np.zeros_like(A), np.empty((block_size, block_size), A.dtype)
    rows, columns = slice(0, block_size), slice(n - block_size, n)
    tile, left, right = C[rows, columns], A[rows, columns], B[columns, columns]

    def cut() -> None:
        C[rows, columns], A[rows, columns], B[columns, columns]  # noqa: B018 (the slices are timed)

    return in_turns(
        {
            PRODUCT: partial(np.matmul, left, right, out=part),
            "adding into the tile": partial(np.add, tile, part, out=tile),
            "cutting three slices": cut,
        }
    )


def thread_chart(found: Sweep) -> Chart:
    """Draw a sweep over threads with Amdahl's law fitted to every second point."""
    cores = cores_at_a_time()
    first, *others = found.times
    fitted = others[::2]
    speedups = [(count, found.rates[count] / found.rates[first]) for count in fitted]
    serial = serial_share(speedups, cores)
    return thread_scaling(found.facts, fitted, serial, machine_name(), of=found.title, cores=cores)


def rest() -> None:
    """Wait until the threads of a BLAS have stopped looking for work."""
    time.sleep(SECONDS_TO_REST)


def square_matrices(n: int, dtype: str = "float32") -> tuple[Any, Any]:
    """Return two random matrices (n, n), the same ones each time."""
    rng = np.random.default_rng(n)
    return random_matrix(rng, n, n, dtype), random_matrix(rng, n, n, dtype)


def in_turns(calls: Mapping[str, Callable[[], Any]]) -> dict[str, Timing]:
    """Time calls in turns with BLAS on one thread, once its other threads are idle."""
    with one_blas_thread():
        rest()
        return interleave(calls)


def facts_of(times: Mapping[K, Timing], flops: float | None = None) -> dict[K, dict[str, Any]]:
    """Return what `tinytorch.utils.figures` reads of each timing; with `flops`, its GFLOP/s."""
    return {
        name: time_facts(one) | work_facts(one.minimum, flops, None, None)
        for name, one in times.items()
    }
