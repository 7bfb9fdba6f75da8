"""How often are the points for speed given wrongly while other programs are busy?

    python -m benchmarks.performance_points --gradings 300 --json points.json

Starts neighbours that keep processor and memory busy, then grades kernels by the lesson's own
condition: honest ones, which have to pass, and right but slow ones, which have to fail. These take
thrice as long, so they are graded in every fourth round. Kernels run in a process that has no
children, whose work the condition could not tell.
The exit code is 1 if a grading was wrong, or left to a person.
"""

import argparse
import json
import multiprocessing
import signal
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from inspect import signature
from itertools import cycle, islice, product
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from tinytorch.core.kernels import matmul_cache_optimized
from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.checking import CheckFailure, random_matrix
from tinytorch.utils.machine import describe_machine, environment
from tinytorch.utils.report import text_table
from tito.grading.calls import LocalCall, Reply
from tito.grading.costs import MILLION
from tito.grading.results import CouldNotSee
from tito.tools.conditions import fast_in_blocks

__all__ = ["HONEST", "NEIGHBOURS", "SLOW", "Outcome", "busy_neighbours", "grade", "main", "survey"]

Array: TypeAlias = Any
Kernel: TypeAlias = Callable[..., Array]
Step: TypeAlias = Callable[[], object]

COUNTS = (0, 2, 4)
SECONDS_TO_START = 60.0
SPAWN = multiprocessing.get_context("spawn")
DEFAULTS = {name: one.default for name, one in signature(fast_in_blocks).parameters.items()}


def plain(A: Array, B: Array, block_size: int = 64) -> Array:
    """Add each product of blocks where it belongs, without a buffer."""
    return add_blocks(A, B, block_size)


def transposed(A: Array, B: Array, block_size: int = 64) -> Array:
    """Take blocks of B from a transposed copy: of the honest corpus the style that costs most."""
    return add_blocks(A, np.ascontiguousarray(B.T).T, block_size)


def small_blocks(A: Array, B: Array, block_size: int = 64) -> Array:
    """Never take larger blocks than 64, whatever was asked."""
    return add_blocks(A, B, min(block_size, 64))


def float64_inside(A: Array, B: Array, block_size: int = 64) -> Array:
    """Multiply in float64 and narrow the result."""
    wide = add_blocks(A.astype(np.float64), B.astype(np.float64), block_size)
    return wide.astype(np.result_type(A, B))


def add_blocks(A: Array, B: Array, b: int) -> Array:
    """Add up products of blocks of `b`."""
    (m, n), p = A.shape, B.shape[1]
    C = np.zeros((m, p), np.result_type(A, B))
    for i, j, k in product(range(0, m, b), range(0, p, b), range(0, n, b)):
        C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C


HONEST: tuple[Kernel, ...] = (matmul_cache_optimized, plain, transposed)
SLOW: tuple[Kernel, ...] = (small_blocks, float64_inside)
ROUNDS_WITH_SLOW = 4


def counting() -> Step:
    """Return a step that keeps a core busy and leaves the memory alone."""
    return lambda: sum(range(1_000_000))


def streaming() -> Step:
    """Return a step that moves 96 MB."""
    x, y, z = np.ones((3, 4_000_000))
    return lambda: np.add(x, y, out=z)


def multiplying() -> Step:
    """Return a step that keeps a core's SIMD units and its caches busy."""
    x, y = random_matrix(np.random.default_rng(0), 768, 768), np.ones((768, 768))
    return lambda: x @ y


NEIGHBOURS = (counting, streaming, counting, multiplying)
"""What the first neighbour does, the second, and so on, and then again."""


@dataclass(frozen=True)
class Outcome:
    """All gradings of one kernel beside so many neighbours; ``shares`` are those measured."""

    kernel: str
    honest: bool
    neighbours: int
    passed: int
    failed: int
    review: int
    shares: tuple[float, ...]

    @property
    def wrong(self) -> int:
        """Gradings that gave or took the points wrongly."""
        return self.failed if self.honest else self.passed


Verdict: TypeAlias = Literal["passed", "failed", "review"]
Graded: TypeAlias = tuple[Verdict, float | None]


class Noting(LocalCall):
    """A kernel in this process, and the best share that was measured; None before."""

    share: float | None = None

    def measure(self, what: str, *arrays: Array, **options: Any) -> Reply:
        """Call it for what it costs, and note that."""
        reply = super().measure(what, *arrays, **options)
        self.share = max(self.share or 0.0, reply.cost / MILLION)
        return reply


def grade(kernel: Kernel, seed: int, **inputs: Any) -> Graded:
    """Return the verdict on a kernel, and the share of the speed of ``A @ B`` behind it."""
    call = Noting(kernel)
    try:
        fast_in_blocks(call, np.random.default_rng(seed), **inputs)
    except CheckFailure:
        return "failed", call.share
    except CouldNotSee:
        return "review", call.share
    return "passed", call.share


def survey(gradings: int, count: int, **inputs: Any) -> list[Outcome]:
    """Grade kernels so many times beside `count` neighbours, the kernels in turns."""
    graded: dict[Kernel, list[Graded]] = {kernel: [] for kernel in HONEST + SLOW}
    with busy_neighbours(count), ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        for done in range(gradings):
            if done % 50 == 0:
                print(f"{count} neighbours: {done} of {gradings} gradings", file=sys.stderr)
            kernels = HONEST if done % ROUNDS_WITH_SLOW else HONEST + SLOW
            for kernel in kernels:
                graded[kernel].append(pool.submit(grade, kernel, done, **inputs).result())
    return [outcome(kernel, count, results) for kernel, results in graded.items()]


def outcome(kernel: Kernel, neighbours: int, graded: Sequence[Graded]) -> Outcome:
    """Count the verdicts on one kernel."""
    verdicts = [verdict for verdict, _ in graded]
    passed, failed, review = map(verdicts.count, ("passed", "failed", "review"))
    shares = tuple(share for _, share in graded if share is not None)
    honest = kernel in HONEST
    return Outcome(kernel.__name__, honest, neighbours, passed, failed, review, shares)


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """Keep `count` other processes busy inside; whatever happens, none of them remains."""
    ready = SPAWN.Barrier(count + 1)
    processes = [
        SPAWN.Process(target=keep_busy, args=(prepare, ready), daemon=True)
        for prepare in islice(cycle(NEIGHBOURS), count)
    ]
    try:
        for process in processes:
            process.start()
        ready.wait(SECONDS_TO_START)
        yield
    finally:
        for process in processes:
            if process.pid is not None:
                process.kill()
                process.join()


def keep_busy(prepare: Callable[[], Step], ready: Barrier) -> None:
    """Work until the process that asked for it has ended; Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    with one_blas_thread():
        step = prepare()
        ready.wait(SECONDS_TO_START)
        while parent is not None and parent.is_alive():
            step()


def outcomes_text(outcomes: Sequence[Outcome], least: float) -> str:
    """Return a table, a row for each kernel and number of neighbours."""
    head = ["kernel", "neighbours", "gradings", "false fails", "false passes", "for review"]
    head += ["min", "median", "max", "threshold"]
    rows = []
    for one in outcomes:
        wrong = [str(one.wrong), "-"] if one.honest else ["-", str(one.wrong)]
        counts = [one.neighbours, one.passed + one.failed + one.review]
        shares = [f(one.shares) for f in (min, statistics.median, max)] if one.shares else []
        cells = [f"{share:.3f}" for share in shares] or ["-"] * 3
        rows.append([one.kernel, *map(str, counts), *wrong, str(one.review), *cells, str(least)])
    return text_table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--gradings", type=int, default=200, help="of each honest kernel, beside each number")
    add("--neighbours", type=int, nargs="+", default=COUNTS, metavar="N", help="busy processes")
    add("--side", type=int, default=DEFAULTS["shape"][0], help="of the matrices")
    add("--block-size", type=int, default=DEFAULTS["block_size"])
    add("--least", type=float, default=DEFAULTS["least"], help="share of A @ B that passes")
    add("--json", type=Path, metavar="FILE", help="where to write all figures")
    chosen = parser.parse_args(arguments)
    inputs = {"shape": (chosen.side,) * 3, "block_size": chosen.block_size, "least": chosen.least}
    print(describe_machine(), f"load    {environment()['load']}", inputs, "", sep="\n")
    found: list[Outcome] = []
    for count in chosen.neighbours:
        found += survey(chosen.gradings, count, **inputs)
        if chosen.json:  # at once: a run may take an hour, and be ended before
            data = {"environment": environment(), "inputs": inputs}
            data["outcomes"] = [asdict(one) for one in found]
            chosen.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(outcomes_text(found, chosen.least))
    return int(any(one.wrong or one.review for one in found))


if __name__ == "__main__":
    sys.exit(main())
