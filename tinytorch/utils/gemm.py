"""Measure matrix-multiplication kernels against NumPy's own ``A @ B``, in turns and in one run.

While it measures, BLAS is held to one thread if that can be done: the kernels then compare as
algorithms, and the threads that a kernel starts do not compete with those of BLAS. ``A @ B`` on
all its threads comes last, because they go on spinning for a while after each call.
"""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from tinytorch.utils.blas import describe_blas, one_blas_thread
from tinytorch.utils.checking import CheckFailure, assert_multiplies
from tinytorch.utils.report import format_seconds
from tinytorch.utils.sweeps import square_matrices
from tinytorch.utils.timing import (
    SYSTEM_CLOCK,
    WIDE_SPREAD,
    Clock,
    Timing,
    interleave,
    measure,
    run_once,
)

__all__ = [
    "ALL_THREADS",
    "REFERENCE",
    "SIZES",
    "Comparison",
    "Measurement",
    "Report",
    "compare",
    "kernels_in",
]

Kernel = Callable[..., Any]
Report = Callable[[str], None]

REFERENCE = "A @ B"
ALL_THREADS = "A @ B, BLAS threads"
SIZES = (64, 256, 512, 1024)
_SMALLEST = 64
_LONGEST_SECONDS = 4.0


@dataclass(frozen=True)
class Measurement:
    """One kernel on two square matrices of side ``n``.

    ``share`` is its speed over the speed of ``A @ B`` in the same run; ``cores`` is CPU time over
    wall time; ``spread`` is the distance of the quartiles over the median, None for one repeat.
    """

    kernel: str
    n: int
    best_seconds: float
    median_seconds: float
    spread: float | None
    repeats: int
    inner_loops: int
    gflops: float
    share: float
    cores: float


@dataclass(frozen=True)
class Comparison:
    """What one run measured, by size and kernel, and what a reader of it has to know."""

    dtype: str
    one_blas_thread: bool
    measurements: tuple[Measurement, ...]
    notes: tuple[str, ...]

    @property
    def kernels(self) -> set[str]:
        """Names of the kernels that were measured beside ``A @ B``."""
        return {one.kernel for one in self.measurements} - {REFERENCE, ALL_THREADS}


def kernels_in(module: ModuleType) -> dict[str, Kernel]:
    """Return the kernels that a lesson's module exports: its functions called ``matmul_...``."""
    exported = getattr(module, "__all__", vars(module))
    found = {name: getattr(module, name) for name in exported if name.startswith("matmul_")}
    return {name: kernel for name, kernel in found.items() if callable(kernel)}


def compare(
    kernels: Mapping[str, Kernel],
    sizes: Iterable[int] = SIZES,
    *,
    report: Report = lambda message: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Comparison:
    """Measure each kernel that multiplies correctly, at each size that it can do in 4 s per call.

    Parameters
    ----------
    kernels : mapping of name to callable
        Called as ``kernel(A, B)`` with float32 matrices of shape (n, n).
    sizes : iterable of int
        Sides n. A kernel too slow for all of them is measured at n = 64, and so are the others.
    report : callable
        Receives a line on what is measured next.

    Returns
    -------
    Comparison
        Its notes name the kernels left out, and why.
    """
    notes: list[str] = []
    sizes = sorted(set(sizes))
    with one_blas_thread() as held:
        able = {name: kernel for name, kernel in kernels.items() if _is_right(name, kernel, notes)}
        plan = _plan(able, sizes, notes, clock)
        found = [one for n in sorted(plan) for one in _compare_at(n, plan[n], report, clock)]
    if held:
        found += _on_all_threads(found, report, clock)
    found.sort(key=lambda one: one.n)
    notes = [_blas_note(held), *notes, *_steadiness_notes(found)]
    return Comparison("float32", held, tuple(found), tuple(notes))


def _is_right(name: str, kernel: Kernel, notes: list[str]) -> bool:
    """Return whether a kernel multiplies; if it does not, note why it is not measured."""
    try:
        assert_multiplies(kernel, *square_matrices(_SMALLEST), hint="")
    except NotImplementedError:
        notes.append(f"Not measured: {name} is not written yet.")
        return False
    except CheckFailure as failure:
        notes.append(f"Not measured: {failure.fact}.")
        return False
    return True


@dataclass(frozen=True)
class _Pace:
    """How long one call took at side ``n``; other sides follow from the n**3 of the work."""

    n: int
    seconds: float

    def at(self, n: int) -> float:
        return self.seconds * (n / self.n) ** 3

    def can_do(self, n: int) -> bool:
        return self.at(n) <= _LONGEST_SECONDS


def _pace(kernel: Kernel, largest: int, clock: Clock) -> _Pace:
    """Double n while the next call stays short: what starts processes is slow at small n only."""
    n = _SMALLEST
    while True:
        once, _ = run_once(partial(kernel, *square_matrices(n)), clock)
        pace = _Pace(n, once.wall)
        if 2 * n > largest or not pace.can_do(2 * n):
            return pace
        n *= 2


def _plan(
    kernels: Mapping[str, Kernel], sizes: list[int], notes: list[str], clock: Clock
) -> dict[int, dict[str, Kernel]]:
    """Return the kernels to measure at each size; note those too slow for some."""
    paces = {name: _pace(kernel, max(sizes), clock) for name, kernel in kernels.items()}
    if not all(pace.can_do(min(sizes)) for pace in paces.values()):
        sizes = sorted({_SMALLEST, *sizes})
    for name, pace in paces.items():
        beyond = [n for n in sizes if not pace.can_do(n)]
        if beyond:
            took = format_seconds(pace.at(beyond[0]))
            notes.append(f"{name} ends before n = {beyond[0]}: a call would take about {took}.")
    return {
        n: {name: kernel for name, kernel in kernels.items() if paces[name].can_do(n)}
        for n in sizes
    }


def _compare_at(
    n: int, kernels: Mapping[str, Kernel], report: Report, clock: Clock
) -> Iterator[Measurement]:
    report(f"n = {n}: {', '.join([REFERENCE, *kernels])}")
    A, B = square_matrices(n)
    calls = {name: partial(kernel, A, B) for name, kernel in kernels.items()}
    timings = interleave({REFERENCE: partial(operator.matmul, A, B), **calls}, clock)
    for name, timing in timings.items():
        yield _measurement(name, n, timing, timings[REFERENCE].minimum)


def _on_all_threads(
    found: list[Measurement], report: Report, clock: Clock
) -> Iterator[Measurement]:
    """Measure ``A @ B`` again where BLAS may use its threads, against one thread's time."""
    for one in found:
        if one.kernel == REFERENCE:
            report(f"n = {one.n}: {ALL_THREADS}")
            timing, _ = measure(partial(operator.matmul, *square_matrices(one.n)), clock)
            yield _measurement(ALL_THREADS, one.n, timing, one.best_seconds)


def _measurement(name: str, n: int, timing: Timing, reference: float) -> Measurement:
    best = timing.minimum
    return Measurement(
        kernel=name,
        n=n,
        best_seconds=best,
        median_seconds=timing.median,
        spread=timing.spread,
        repeats=timing.repeats,
        inner_loops=timing.inner_loops,
        gflops=2 * n**3 / best * 1e-9,
        share=reference / best,
        cores=timing.cores,
    )


def _blas_note(held: bool) -> str:
    name, threads = describe_blas()
    blas = name or "BLAS"
    if held:
        return f"{blas} was held to one thread, but for {ALL_THREADS!r}, measured last: {threads}."
    return (
        f"{blas} ran on threads of its own, which compete with those of a kernel: threadpoolctl "
        "cannot hold it to one."
    )


def _steadiness_notes(found: list[Measurement]) -> list[str]:
    wide = [one.n for one in found if one.kernel == REFERENCE and (one.spread or 0) > WIDE_SPREAD]
    sizes = ", ".join(map(str, wide))
    advice = "close other programs and measure again"
    return [f"The repeats of {REFERENCE} differ widely at n = {sizes}: {advice}."] if wide else []
