"""How often does an honest kernel fail by rounding? Runs every honest style of the corpus.

    python benchmarks/false_failures.py --runs 10000

Each run draws sizes, dtype, cut and values afresh and asks for the result with the judge's own
comparison, in this process: of products, of attention and of the formulas. Traces and the edges of
chunks are whole numbers, which are not rounded. One false failure in 10,000 would take points from
somebody in a class of a few hundred, so the answer has to be none. The exit code is 1 if there was
any.
"""

import argparse
import contextlib
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.utils.checking import CheckFailure, random_matrix
from tito.conditions.attention import attend, draw
from tito.conditions.call import LocalCall
from tito.conditions.expect import multiply
from tito.conditions.formulas import AMDAHL, INTENSITY, expect_number
from tito.course import Course
from tito.grading.judge.notebook import load_checks
from tito.source_cells import read_cell

__all__ = ["false_failures", "load", "main", "styles"]

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT / "tests" / "corpora"
ROUNDED = {
    check.solution: check
    for check in load_checks(Course.read(ROOT), "11_kernels").values()
    if check.solution not in ("memory-trace", "tiled-trace", "chunk-edges")
}
"""The solution cells whose results are rounded, each with a check of its function."""

# A pool of processes for each call: slow, and their arithmetic is plain.
SLOW = ("process_pool", "multiprocessing_pool", "pool_as_large_as_asked")
TYPES = ("float32", "float64", "int32", "int64")

Kernel = Callable[..., Any]


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="runs of each style")
    parser.add_argument("--largest", type=int, default=24, help="the longest side")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run")
    parser.add_argument("--style", default="", help="only styles whose name contains this")
    arguments = parser.parse_args()
    seed = np.random.SeedSequence(arguments.seed).entropy
    print(f"seed {seed}", file=sys.stderr)
    total = failed = 0
    for file, cell in styles():
        if arguments.style not in file:
            continue
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # one writes a log
            facts = false_failures(load(file, cell), arguments.runs, arguments.largest, seed)
        total, failed = total + arguments.runs, failed + len(facts)
        print(f"{file:50} {arguments.runs} runs, {len(facts)} false failures", flush=True)
        for fact in facts[:3]:
            print(f"    {fact}")
    print(f"{total} runs, {failed} false failures")
    return 1 if failed else 0


def styles() -> list[tuple[str, str]]:
    """Return every honest style, the reference's own included: the file and the solution cell."""
    paths = [CORPORA / "reference.toml", *sorted((CORPORA / "honest").glob("*.toml"))]
    found = []
    for path in paths:
        cells = tomllib.loads(path.read_text(encoding="utf-8"))["cells"]
        if not path.stem.endswith(SLOW):
            found += [(str(path.relative_to(CORPORA)), cell) for cell in cells if cell in ROUNDED]
    return found


def load(file: str, cell: str) -> Kernel:
    """Return the function of a solution cell, defined in this process."""
    reference = tomllib.loads((CORPORA / "reference.toml").read_text(encoding="utf-8"))
    cells = tomllib.loads((CORPORA / file).read_text(encoding="utf-8"))["cells"]
    namespace: dict[str, Any] = {"__name__": "submission", "get_ipython": Shell, "print": silent}
    run(namespace, reference["given"])
    for name, source in (reference["cells"] | cells).items():
        run(namespace, [read_cell(name, source).source])
    kernel: Kernel = namespace[ROUNDED[cell].function]
    return kernel


class Shell:
    """Takes magic commands and does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **keywords: None


def silent(*values: object, **options: object) -> None:
    """Print nothing."""


def run(namespace: dict[str, Any], sources: list[str]) -> None:
    for source in sources:
        try:
            exec(compile(source, "<style>", "exec"), namespace)
        except ValueError:  # one style tries itself on sizes that do not fit, after its definition
            continue


def false_failures(kernel: Kernel, runs: int, largest: int, seed: Any) -> list[str]:
    """Return the fact of every run of an honest `kernel` that the comparison takes for wrong.

    Parameters
    ----------
    kernel : callable
        A right kernel, or another function of the lesson.
    runs : int
        How many results.
    largest : int
        The longest side of a matrix.
    seed : int
        Where the random numbers start.
    """
    rng = np.random.default_rng(seed)
    cuts = {check.function: check.cut for check in ROUNDED.values()}
    call, facts = LocalCall(kernel, cuts.get(kernel.__name__)), []
    ask = QUESTIONS.get(kernel.__name__, ask_product)
    for _ in range(runs):
        try:
            ask(call, rng, largest)
        except CheckFailure as failure:
            facts.append(failure.fact)
    return facts


def ask_product(call: LocalCall, rng: np.random.Generator, largest: int) -> None:
    """Ask for a product of random matrices, in pieces of any size."""
    m, n, p = (int(side) for side in rng.integers(1, largest + 1, size=3))
    dtype = str(rng.choice(TYPES))
    A, B = random_matrix(rng, m, n, dtype), random_matrix(rng, n, p, dtype)
    if rng.random() < 0.5:
        A, B = spread(rng, A), spread(rng, B)
    options = {} if call.cut is None else {call.cut: int(rng.integers(1, 10))}
    multiply(call, A, B, "none", **options)


def ask_attention(call: LocalCall, rng: np.random.Generator, largest: int) -> None:
    """Ask for attention, its scores from small to thousands."""
    queries, keys, d, width = (int(side) for side in rng.integers(1, largest + 1, size=4))
    dtype = str(rng.choice(["float32", "float64"]))
    Q, K, V = draw(rng, (queries, keys, d, width), dtype)
    scale = np.dtype(dtype).type(10 ** rng.uniform(-2, 1.5))
    attend(call, (scale * Q, scale * K, spread(rng, V)), "none", rows=int(rng.integers(1, 10)))


def ask_intensity(call: LocalCall, rng: np.random.Generator, largest: int) -> None:
    """Ask for the intensity of sides up to the square of `largest`."""
    m, n, p = (int(side) for side in rng.integers(1, largest**2 + 1, size=3))
    itemsize = int(rng.choice([1, 2, 4, 8, 16]))
    expect_number(call, "none", INTENSITY, m=m, n=n, p=p, itemsize=itemsize)


def ask_speedup(call: LocalCall, rng: np.random.Generator, largest: int) -> None:
    """Ask for a speedup, the serial share from next to nothing to nearly all."""
    serial, workers = float(rng.beta(0.3, 0.3)), int(rng.integers(1, largest**2 + 1))
    expect_number(call, "none", AMDAHL, serial=serial, workers=workers)


def spread(rng: np.random.Generator, matrix: Any) -> Any:
    """Return floats over twelve powers of ten, so that sums cancel; integers as they are."""
    if matrix.dtype.kind != "f":
        return matrix
    return (matrix * 10.0 ** rng.integers(-6, 7, matrix.shape)).astype(matrix.dtype)


QUESTIONS: dict[str, Callable[[LocalCall, np.random.Generator, int], None]] = {
    "attention_in_chunks": ask_attention,
    "arithmetic_intensity": ask_intensity,
    "amdahl_speedup": ask_speedup,
}

if __name__ == "__main__":
    sys.exit(main())
