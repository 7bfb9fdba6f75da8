"""Draw what a comparison of kernels found, and measure and draw what it leaves open.

How near to the machine's limits, with which blocks, on how many threads, and how well simple models
predict it: a kernel that takes ``block_size`` is swept over block sizes, one that takes
``num_processes`` over threads.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tinytorch.utils import limits
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import CheckFailure, assert_multiplies
from tinytorch.utils.figures import predicted_against_measured, rates_by_size, roofline, speedups
from tinytorch.utils.gemm import (
    ALL_THREADS,
    REFERENCE,
    Comparison,
    Measurement,
    Report,
    compare,
)
from tinytorch.utils.machine import machine_name
from tinytorch.utils.models import Prediction, block_rate, roofline_rate
from tinytorch.utils.sweeps import (
    PRODUCT,
    Sweep,
    block_chart,
    cores_at_a_time,
    rest,
    square_matrices,
    step_times,
    sweep,
    thread_chart,
    thread_counts,
)

__all__ = ["Survey", "take_survey"]

Kernel = Callable[..., Any]

CACHES, MEMORY = 2**18, 2**27
"""Bytes of working sets that fit into a core's own caches, and into no cache."""
BYTES_OF_MATRICES = 3 * 4
"""A, B and C in float32 take these bytes times n**2."""
LONGEST_SECONDS = 0.5
"""No longer call is repeated for each value of a sweep."""
BLOCK_SIZES = 5
CHECKED_SIDE = 48
BY_ROOFS = "roofline"
BY_PARTS = "arithmetic + adding + calls"
BY_CORES = "one thread x cores"


@dataclass(frozen=True)
class Survey:
    """Pictures with their tables and doubts, and sentences on what was not drawn."""

    charts: tuple[Chart, ...]
    notes: tuple[str, ...]


def take_survey(
    kernels: Mapping[str, Kernel], comparison: Comparison, report: Report = lambda message: None
) -> Survey:
    """Measure and draw; about as long as the comparison again.

    Parameters
    ----------
    kernels : mapping of name to callable
        As they were given to `tinytorch.utils.gemm.compare`; those that it measured are drawn.
    comparison : Comparison
        What it found.
    report : callable
        Receives a line on what is measured next.
    """
    able = {name: kernels[name] for name in kernels if name in comparison.kernels}
    notes: list[str] = []
    blocks = list(_sweeps(able, "block_size", _block_sizes, comparison, notes, report))
    counts = thread_counts()
    threads = list(_sweeps(able, "num_processes", lambda n: counts, comparison, notes, report))
    side_by_side = _side_by_side(able, comparison, report)
    report("peak and bandwidths")
    peak = _peak(comparison)
    models = [*_by_roofs(comparison, peak), *_by_parts(blocks, peak, report), *_by_cores(threads)]
    charts = (
        side_by_side,
        _rates(comparison),
        _roofline(comparison, peak),
        *map(block_chart, blocks),
        *map(thread_chart, threads),
        predicted_against_measured(models, "GFLOP/s", machine_name()),
    )
    return Survey(charts, tuple(notes))


def _sweeps(
    kernels: Mapping[str, Kernel],
    argument: str,
    values_at: Callable[[int], list[int]],
    comparison: Comparison,
    notes: list[str],
    report: Report,
) -> Iterator[Sweep]:
    """Sweep each kernel that takes the argument and multiplies with each of its values."""
    for name, kernel in kernels.items():
        if not _takes(kernel, argument):
            continue
        n = _side(_of(comparison, name))
        values = [v for v in values_at(n) if _multiplies(kernel, {argument: v}, notes)]
        if values:
            report(f"n = {n}: {name}, {argument} = {', '.join(map(str, values))}")
            yield replace(sweep(kernel, n, argument, values), kernel=name)


def _takes(kernel: Kernel, argument: str) -> bool:
    try:
        return argument in inspect.signature(kernel).parameters
    except ValueError:  # compiled functions may have no signature
        return False


def _side(found: Sequence[Measurement]) -> int:
    """Return the largest side at which many calls can be made, else the smallest."""
    return max((one.n for one in found if one.best_seconds <= LONGEST_SECONDS), default=found[0].n)


def _block_sizes(n: int) -> list[int]:
    """Return the largest powers of two below n."""
    powers = range((n - 1).bit_length())
    return [2**power for power in powers][-BLOCK_SIZES:]


def _multiplies(kernel: Kernel, options: dict[str, int], notes: list[str]) -> bool:
    A, B = square_matrices(CHECKED_SIDE)
    try:
        assert_multiplies(kernel, A, B, hint="", **options)
    except CheckFailure as failure:
        notes.append(f"Not drawn: {failure.fact}.")
        return False
    return True


def _side_by_side(kernels: Mapping[str, Kernel], comparison: Comparison, report: Report) -> Chart:
    """Draw the largest size that all kernels have; twice that where they can do it, too."""
    names = {REFERENCE, *kernels}
    found = list(comparison.measurements)
    largest = max(one.n for one in found)
    shared = _shared(names, found)
    if 2 * shared <= largest:
        found += compare(kernels, [2 * shared], report=report).measurements
        shared = _shared(names, found)
    at = {one.kernel: one for one in found if one.n == shared}
    slowest_first = sorted(at.values(), key=lambda one: -one.best_seconds)
    times = {
        one.kernel: {"minimum": one.best_seconds, "median": one.median_seconds}
        for one in slowest_first
    }
    return speedups(times, machine_name(), of=f"n = {shared}, {comparison.dtype}")


def _shared(names: set[str], found: Sequence[Measurement]) -> int:
    sides = [{one.n for one in found if one.kernel == name} for name in names]
    return max(set.intersection(*sides))


def _rates(comparison: Comparison) -> Chart:
    names = dict.fromkeys(one.kernel for one in comparison.measurements)
    series = {name: [(one.n, one.gflops) for one in _of(comparison, name)] for name in names}
    return rates_by_size(series, machine_name(), of=comparison.dtype)


def _peak(comparison: Comparison) -> float:
    """Return the best rate of any product on one thread, in operations per second."""
    rest()
    products = [1e9 * one.gflops for one in _of(comparison, REFERENCE)]
    return max(limits.peak_flops(comparison.dtype), *products)


def _roofline(comparison: Comparison, peak: float) -> Chart:
    roofs = {"caches": limits.bandwidth(CACHES), "memory": limits.bandwidth(MEMORY)}
    points = [
        (one.kernel, 2 * one.n / BYTES_OF_MATRICES, one.gflops) for one in comparison.measurements
    ]
    threaded = max((1e9 * one.gflops for one in _of(comparison, ALL_THREADS)), default=0.0)
    ceilings = {"roof: BLAS threads": threaded} if threaded > peak else {}
    of = f"{comparison.dtype}, one core"
    return roofline(peak, roofs, points, machine_name(), of=of, ceilings=ceilings)


def _by_roofs(comparison: Comparison, peak: float) -> Iterator[Prediction]:
    for one in _of(comparison, REFERENCE):
        working_set = max(limits.SMALLEST_SET, BYTES_OF_MATRICES * one.n**2)
        most = roofline_rate(one.n, peak, limits.bandwidth(working_set))
        yield Prediction(f"{REFERENCE}, n = {one.n}", most / 1e9, one.gflops, BY_ROOFS)


def _by_parts(sweeps: Sequence[Sweep], peak: float, report: Report) -> Iterator[Prediction]:
    for one in sweeps:
        report(f"parts of a step of {one.kernel}")
        call = step_times(1, one.n)[PRODUCT].minimum
        for size, rate in one.rates.items():
            parts = step_times(size, one.n)
            around = sum(part.minimum for name, part in parts.items() if name != PRODUCT)
            guess = block_rate(size, peak, call + around) / 1e9
            yield Prediction(f"{one.kernel}, {size}", guess, rate, BY_PARTS)


def _by_cores(sweeps: Sequence[Sweep]) -> Iterator[Prediction]:
    for one in sweeps:
        (fewest, slowest), *more = one.rates.items()
        for count, rate in more:
            guess = slowest / fewest * min(count, cores_at_a_time() or count)
            yield Prediction(f"{one.kernel}, {count} threads", guess, rate, BY_CORES)


def _of(comparison: Comparison, kernel: str) -> list[Measurement]:
    return [one for one in comparison.measurements if one.kernel == kernel]
