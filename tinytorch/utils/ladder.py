"""The lesson's loops as machine code: what their order, tiles and registers are worth.

Each rung is a plain loop in Python that Numba compiles. All do the same operations; from rung to
rung only the order changes in which numbers are fetched. Numba is not needed by anything else.
"""

import importlib
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.figures import spread_doubts
from tinytorch.utils.limits import peak_flops
from tinytorch.utils.machine import machine_name
from tinytorch.utils.panels import draw_speedups
from tinytorch.utils.predictions import Finding
from tinytorch.utils.processor import usable_cores
from tinytorch.utils.report import format_seconds, format_spread, short_number
from tinytorch.utils.sweeps import in_turns
from tinytorch.utils.timing import Timing

__all__ = ["available", "climb", "rungs"]

Array = NDArray[np.float32]
Kernel = Callable[[Array, Array], Array]
Loops = Callable[[Array, Array, Array], None]

NO_SIMD = "ikj, one number per instruction"
MISSING = "The compiled ladder needs Numba: python -m pip install numba"
TALL, LONG = 64, 512
"""Rows and columns of a tile of B, 128 KiB of float32."""
HIGH, WIDE = 2, 4
"""The part of C that stays in registers: 8 sums, each of several lanes. More are hardly faster;
fewer would leave the units that multiply and add waiting for one another."""
DEEP = 512
"""Columns of A in a panel; one panel of A and one of B take 12 KiB, and stay in a first cache."""


def available() -> bool:
    """Return whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


def climb(n: int = 500) -> Finding:
    """Measure every rung on float32 matrices (n, n), in turns, once each has multiplied rightly.

    Parameters
    ----------
    n : int
        Side of the matrices. With a power of two, columns fall into few sets of a cache: the first
        rung becomes several times slower. Compiling takes some seconds.

    Returns
    -------
    Finding
        A bar for each rung, and ``A @ B`` last, in times the speed of the first.

    Raises
    ------
    CheckFailure
        If a rung does not return ``A @ B``.
    """
    if not available():
        return Finding(Chart(MISSING, machine_name(), "", [""], [], None), {})
    kernels = rungs()
    small = _matrices(37, 29, 41)
    for name, kernel in kernels.items():
        assert_multiplies(kernel, *small, hint=f"Read `tinytorch.utils.ladder`: rung {name!r}.")
    A, B = _matrices(n, n, n)
    power = 2 ** n.bit_length()
    calls = {name: partial(kernel, A, B) for name, kernel in kernels.items()}
    strided = partial(kernels["jki"], *_matrices(power, power, power))
    calls = {"jki": calls.pop("jki"), f"jki, n = {power}": strided, **calls}
    times = in_turns({**calls, "A @ B": partial(np.matmul, A, B)})
    gain = times["jki"].minimum / times["ikj"].minimum
    return Finding(_chart(n, times, peak_flops()), {"loop order": gain})


@cache
def rungs() -> dict[str, Kernel]:
    """Return the rungs from slow to fast, ready to be compiled by their first call."""
    numba: Any = importlib.import_module("numba")
    # fastmath lets a sum be taken in another order, in the lanes of a register.
    compiled = numba.njit(fastmath=True, nogil=True)
    kernels = {loops.__name__: _kernel(compiled(loops)) for loops in (jki, ijk)}
    kernels[NO_SIMD] = _kernel(_without_simd(numba, compiled(ikj)))
    kernels |= {loops.__name__: _kernel(compiled(loops)) for loops in (ikj, tiled)}
    panels, cores = compiled(multiply_panels), usable_cores() or 1
    kernels["packed"] = partial(packed, panels)
    if cores > 1:
        kernels[f"packed, {cores} threads"] = partial(packed, panels, threads=cores)
    return kernels


def _without_simd(numba: Any, loops: Any) -> Any:
    """Compile loops so that each instruction takes one number; return them."""
    flags = ("LOOP_VECTORIZE", "SLP_VECTORIZE")
    before = {flag: getattr(numba.config, flag) for flag in flags}
    try:
        for flag in flags:
            setattr(numba.config, flag, 0)
        loops(*(np.zeros((1, 1), np.float32) for _ in range(3)))
    finally:
        for flag, value in before.items():
            setattr(numba.config, flag, value)
    return loops


def jki(A: Array, B: Array, C: Array) -> None:
    """Add A @ B to C; each step goes down a column of A and one of C, a row apart."""
    for j in range(B.shape[1]):
        for k in range(A.shape[1]):
            for i in range(A.shape[0]):
                C[i, j] += A[i, k] * B[k, j]


def ijk(A: Array, B: Array, C: Array) -> None:
    """Add A @ B to C; each step goes along a row of A and down a column of B."""
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            for k in range(A.shape[1]):
                C[i, j] += A[i, k] * B[k, j]


def ikj(A: Array, B: Array, C: Array) -> None:
    """Add A @ B to C; each step goes along rows, several numbers per instruction."""
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]


def tiled(A: Array, B: Array, C: Array) -> None:
    """Add A @ B to C; ikj within a tile of B that stays in a second cache."""
    (m, n), p = A.shape, B.shape[1]
    for k in range(0, n, TALL):
        for j in range(0, p, LONG):
            for i in range(m):
                factors, sums = A[i, k : k + TALL], C[i, j : j + LONG]
                for row in range(factors.shape[0]):
                    numbers = B[k + row, j : j + LONG]
                    for column in range(sums.shape[0]):  # from 0: no index can be negative
                        sums[column] += factors[row] * numbers[column]


def packed(panels: Callable[..., None], A: Array, B: Array, threads: int = 1) -> Array:
    """Return A @ B from panels: copies of A and B in the order in which they are read.

    Packing is Goto's idea (Goto and van de Geijn, Anatomy of high-performance matrix
    multiplication, ACM TOMS 34 (3), 2008, article 12); the small product that keeps its part of C
    in registers is the micro-kernel of BLIS (Van Zee and van de Geijn, BLIS: a framework for
    rapidly instantiating BLAS functionality, ACM TOMS 41 (3), 2015, article 14).
    """
    rows, columns = pack(A, HIGH), pack(B.T, WIDE)
    count = rows.shape[1]
    C = np.zeros((count * HIGH, columns.shape[1] * WIDE), A.dtype)
    edges = [count * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:  # compiled with nogil, so the threads run at once
        list(pool.map(partial(panels, rows, columns, C), edges[:-1], edges[1:]))
    return C[: A.shape[0], : B.shape[1]]


def pack(M: Array, high: int) -> Array:
    """Copy M (m, n), filled up with zeros, into panels (n / DEEP, m / high, high, DEEP)."""
    up, across = -(-M.shape[0] // high), -(-M.shape[1] // DEEP)
    padded = np.zeros((up * high, across * DEEP), M.dtype)
    padded[: M.shape[0], : M.shape[1]] = M
    return np.ascontiguousarray(padded.reshape(up, high, across, DEEP).transpose(2, 0, 1, 3))


def multiply_panels(rows: Array, columns: Array, C: Array, first: int, last: int) -> None:
    """Add to C the products of row panels first to last - 1 with all column panels."""
    for deep in range(rows.shape[0]):
        for j in range(columns.shape[1]):
            for i in range(first, last):
                x, y = rows[deep, i], columns[deep, j]
                c00 = c01 = c02 = c03 = c10 = c11 = c12 = c13 = np.float32(0)
                for k in range(x.shape[1]):
                    c00 += x[0, k] * y[0, k]
                    c01 += x[0, k] * y[1, k]
                    c02 += x[0, k] * y[2, k]
                    c03 += x[0, k] * y[3, k]
                    c10 += x[1, k] * y[0, k]
                    c11 += x[1, k] * y[1, k]
                    c12 += x[1, k] * y[2, k]
                    c13 += x[1, k] * y[3, k]
                for column, sums in enumerate(((c00, c10), (c01, c11), (c02, c12), (c03, c13))):
                    C[HIGH * i, WIDE * j + column] += sums[0]
                    C[HIGH * i + 1, WIDE * j + column] += sums[1]


def _kernel(loops: Loops) -> Kernel:
    def kernel(A: Array, B: Array) -> Array:
        C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
        loops(A, B, C)
        return C

    return kernel


def _matrices(m: int, n: int, p: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(n)
    return random_matrix(rng, m, n, "float32"), random_matrix(rng, n, p, "float32")


def _chart(n: int, times: dict[str, Timing], peak: float) -> Chart:
    """Draw rates over that of jki: one rung has another n, which stands in its name."""
    sides = {name: int(name.rpartition("n = ")[2]) if "n = " in name else n for name in times}
    best = {name: 2e-9 * sides[name] ** 3 / one.minimum for name, one in times.items()}
    usual = {
        name: 2e-9 * sides[name] ** 3 / max(one.median, one.minimum) for name, one in times.items()
    }
    first, last = best["jki"], best["A @ B"]
    peak = max(peak, *(1e9 * rate for name, rate in best.items() if "threads" not in name))
    rows = [
        [
            name,
            format_seconds(times[name].minimum),
            format_spread(times[name].spread),
            short_number(rate),
            short_number(rate / last),
            f"{100e9 * rate / peak:.3g} %",
        ]
        for name, rate in best.items()
    ]
    return Chart(
        f"The same loops, compiled: float32, n = {n}",
        machine_name(),
        "Times as fast as the order jki. Bars end at the fastest pass, whiskers at the median. "
        "BLAS on one thread; the peak is that of one core.",
        ["rung", "best", "spread", "GFLOP/s", "of A @ B", "of peak"],
        rows,
        partial(
            draw_speedups,
            names=list(best),
            best=[rate / first for rate in best.values()],
            usual=[rate / first for rate in usual.values()],
        ),
        height=1.9 + 0.36 * len(times),
        doubts=spread_doubts({name: one.spread for name, one in times.items()}),
    )
