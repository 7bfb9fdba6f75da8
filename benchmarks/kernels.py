"""Measure the reference kernels against ``A @ B``: their speed, their memory, and their targets.

    python -m benchmarks.kernels --sizes 513 1024 --dtypes float32 --json kernels.json

At each size all kernels take turns with ``A @ B``, BLAS on one thread, and the fastest pass of each
counts: in CPU time where a kernel has one thread, in wall time where it has several. Memory is
traced in a call of its own. The exit code is 1 if a target was judged and missed.
"""

import argparse
import json
import operator
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import psutil

from tinytorch.core import kernels
from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.machine import describe_machine, environment
from tinytorch.utils.memory import measure_memory
from tinytorch.utils.report import format_bytes, format_seconds, short_number, text_table
from tinytorch.utils.timing import Timing, interleave

__all__ = ["Chunked", "Measured", "Target", "attend", "compare", "main", "targets"]

Kernel: TypeAlias = Callable[..., Any]
Verdict: TypeAlias = Literal["met", "not met", "not judged"]

SIZES = (64, 129, 256, 512, 513, 1000, 1024, 1025, 2048)
DTYPES = ("float32", "float64")
LOOP_SIZE = 64
"""The largest side for the triple loop, which is some 10,000 times slower."""
REFERENCE, LOOP, THREADED = "A @ B", "triple loop", "threads"
KERNELS: dict[str, Kernel] = {
    REFERENCE: operator.matmul,
    "vectorized": kernels.matmul_vectorized,
    "blocks of 64": partial(kernels.matmul_cache_optimized, block_size=64),
    "blocks of 256": partial(kernels.matmul_cache_optimized, block_size=256),
    "blocks of 512": partial(kernels.matmul_cache_optimized, block_size=512),
    THREADED: kernels.matmul_parallel,  # one for each CPU
    LOOP: kernels.matmul_custom,
}
LEAST_SHARES = {"vectorized": 0.95, "blocks of 256": 0.75, "blocks of 512": 0.85}
"""Of the speed of ``A @ B``, both on one thread, at n = 1024 in float32."""
LEAST_SPEEDUP = 1.8  # of one thread, on two quiet cores, at n = 2048 in float32
MOST_MEMORY = 1.4  # of the bytes of the result, at n = 1024
QUERIES, WIDTH, ROWS = 4096, 64, 256
QUIET = 0.1
"""How much of a core other programs may take while the speedup by threads is judged."""


@dataclass(frozen=True)
class Measured:
    """One kernel on two matrices (n, n), in turns with ``A @ B``.

    ``seconds`` are those of the processor, for threads those of the wall; ``share`` is its speed
    over that of ``A @ B`` by the same clock, ``memory`` its peak bytes over those of its result,
    and ``others`` how many cores other programs kept busy meanwhile.
    """

    kernel: str
    dtype: str
    n: int
    seconds: float
    share: float
    memory: float
    others: float


@dataclass(frozen=True)
class Chunked:
    """Attention in chunks of rows, and with all scores at once: seconds and peak bytes."""

    chunk_seconds: float
    whole_seconds: float
    chunk_bytes: int
    whole_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.whole_seconds / self.chunk_seconds:.2f} times as fast as all scores at once "
            f"({format_seconds(self.chunk_seconds)} against {format_seconds(self.whole_seconds)}), "
            f"peak memory {format_bytes(self.chunk_bytes)} against {format_bytes(self.whole_bytes)}"
        )


@dataclass(frozen=True)
class Target:
    """What was asked of a kernel and what came out; ``doubt`` says why that is not judged."""

    name: str
    asked: str
    figure: float
    verdict: Verdict
    doubt: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    chosen = _parse(arguments)
    print(describe_machine(), f"load    {environment()['load']}", sep="\n")
    with one_blas_thread() as held:
        if not held:
            print("BLAS cannot be held to one thread here.", file=sys.stderr)
            return 1
        found = []
        for dtype in chosen.dtypes:
            for n in chosen.sizes:
                print(f"{dtype}, n = {n}", file=sys.stderr)
                found += compare(n, dtype)
            _print_sizes(found, dtype)
        chunked = attend(QUERIES)
    print(f"\nattention, N = {QUERIES}, d = {WIDTH}, {ROWS} rows at a time: {chunked}\n")
    judged = targets(found)
    print(_targets_text(judged) if judged else "no targets: they are for n = 1024 and 2048")
    if chosen.json:
        _write(chosen.json, found, chunked, judged)
    return int(any(target.verdict == "not met" for target in judged))


def compare(n: int, dtype: str) -> list[Measured]:
    """Measure all kernels on matrices (n, n); the triple loop only where they are small."""
    rng = np.random.default_rng(n)
    A, B = random_matrix(rng, n, n, dtype), random_matrix(rng, n, n, dtype)
    names = [name for name in KERNELS if name != LOOP or n <= LOOP_SIZE]
    calls = {name: partial(KERNELS[name], A, B) for name in names}
    timings, others = _in_turns(calls)
    return [
        Measured(
            kernel=name,
            dtype=dtype,
            n=n,
            seconds=_seconds(timing, name),
            share=_seconds(timings[REFERENCE], name) / _seconds(timing, name),
            memory=measure_memory(calls[name]).peak / (n * n * A.itemsize),
            others=others,
        )
        for name, timing in timings.items()
    ]


def attend(queries: int) -> Chunked:
    """Measure attention in chunks of rows, and the same function with one chunk for all rows."""
    rng = np.random.default_rng(queries)
    Q, K, V = (random_matrix(rng, queries, WIDTH, "float32") for _ in range(3))
    attention = partial(kernels.attention_in_chunks, Q, K, V)
    calls = {"chunks": partial(attention, rows=ROWS), "whole": partial(attention, rows=queries)}
    timings, _ = _in_turns(calls)
    seconds = [_seconds(timings[name], name) for name in calls]
    return Chunked(*seconds, *(measure_memory(call).peak for call in calls.values()))


def targets(found: Sequence[Measured]) -> list[Target]:
    """Judge what was measured; what was not is left out."""
    judged = []
    for one in found:
        at_1024, single = one.n == 1024, one.dtype == "float32"
        if at_1024 and single and one.kernel in LEAST_SHARES:
            least = LEAST_SHARES[one.kernel]
            judged.append(_target(one, f">= {least} of A @ B", one.share, one.share >= least))
        if one.n == 2048 and single and one.kernel == THREADED:
            judged.append(_speedup_target(one))
        if at_1024 and one.kernel not in (REFERENCE, LOOP):
            asked = f"peak <= {MOST_MEMORY} results"
            judged.append(_target(one, asked, one.memory, one.memory <= MOST_MEMORY))
    return judged


def _target(one: Measured, asked: str, figure: float, met: bool, doubt: str = "") -> Target:
    verdict: Verdict = "not judged" if doubt else "met" if met else "not met"
    return Target(f"{one.kernel}, {one.dtype}, n = {one.n}", asked, figure, verdict, doubt)


def _speedup_target(one: Measured) -> Target:
    doubt = ""
    if one.others > QUIET:
        doubt = f"load: other programs kept {one.others:.1f} cores busy"
    if kernels.available_cpus() < 2:
        doubt = "there is one CPU"
    asked = f">= {LEAST_SPEEDUP} times A @ B"
    return _target(one, asked, one.share, one.share >= LEAST_SPEEDUP, doubt)


def _in_turns(calls: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Timing], float]:
    """Return the timings, and how many cores other programs kept busy meanwhile."""
    psutil.cpu_percent()  # the next call tells about the time since this one
    wall, own = time.perf_counter(), time.process_time()
    timings = interleave(calls)
    busy = psutil.cpu_percent() / 100 * psutil.cpu_count()
    return timings, busy - (time.process_time() - own) / (time.perf_counter() - wall)


def _seconds(timing: Timing, kernel: str) -> float:
    """Return the least seconds a call took: of the wall for threads, else of the processor.

    Of the wall, too, where a pass is shorter than a step of that clock (1/64 s on Windows).
    """
    least = min(one.cpu / one.loops for one in timing.passes)
    return timing.minimum if kernel == THREADED or least == 0 else least


def _print_sizes(found: Sequence[Measured], dtype: str) -> None:
    """Print the shares and the peaks, a row a size and a column a kernel."""
    names = [name for name in KERNELS if name != REFERENCE]
    for title, field in (("speed over A @ B", "share"), ("peak memory over result", "memory")):
        rows: dict[int, list[str]] = {one.n: [f"n = {one.n}"] for one in found}
        for one in found:
            if one.dtype == dtype and one.kernel != REFERENCE:
                rows[one.n].append(short_number(getattr(one, field)))
        table = [[*row, *[""] * (len(names) + 1 - len(row))] for row in rows.values()]
        print("", f"{dtype}, {title}", text_table(["", *names], table), sep="\n")


def _targets_text(judged: Sequence[Target]) -> str:
    rows = []
    for one in judged:
        verdict = f"{one.verdict}: {one.doubt}" if one.doubt else one.verdict
        rows.append([one.name, one.asked, f"{one.figure:.2f}", verdict])
    return text_table(["target", "asked", "measured", ""], rows)


def _write(path: Path, found: list[Measured], chunked: Chunked, judged: list[Target]) -> None:
    data = {"environment": environment(), "attention": asdict(chunked)}
    data |= {"measured": list(map(asdict, found)), "targets": list(map(asdict, judged))}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="sides of the matrices")
    add("--dtypes", nargs="+", default=DTYPES, choices=DTYPES, help="types of their numbers")
    add("--json", type=Path, metavar="FILE", help="where to write all figures")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
