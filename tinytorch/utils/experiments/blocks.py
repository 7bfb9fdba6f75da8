"""What stays in a cache: blocks around a product, strips of a chain and of attention."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils import limits
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.facts import memory_facts
from tinytorch.utils.figures import speedups, spread_doubts
from tinytorch.utils.machine import machine_name
from tinytorch.utils.predictions import Finding
from tinytorch.utils.report import format_seconds, format_spread
from tinytorch.utils.sweeps import (
    PRODUCT,
    block_chart,
    facts_of,
    in_turns,
    step_times,
    sweep,
)

__all__ = ["attention", "block_costs", "chain", "sweep_blocks"]

Array = NDArray[Any]
Kernel = Callable[..., Any]

ROWS_OF_A_CHAIN = (1024, 256, 64, 16, 4)


def sweep_blocks(
    kernel: Kernel, n: int = 1024, block_sizes: Sequence[int] = (32, 64, 128, 256, 512)
) -> Finding:
    """Time a blocked kernel on float32 matrices (n, n), for each block size in turn.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, block_size=b)``.
    n : int
        Side of the matrices.
    block_sizes : sequence of int
    """
    found = sweep(kernel, n, "block_size", block_sizes)
    best = max(found.rates, key=lambda size: found.rates[size])
    ratio = found.reference.minimum / found.times[best].minimum
    figures = {"best block_size": float(best), "blocked over A @ B": ratio}
    return Finding(block_chart(found), figures)


def block_costs(block_sizes: Sequence[int] = (64, 256), n: int = 1024) -> Chart:
    """Return what one step of the blocked product is made of, for float32 matrices (n, n)."""
    peak, rows, spreads = limits.peak_flops(), [], {}
    for size in block_sizes:
        times = step_times(size, n)
        whole = sum(one.minimum for one in times.values())
        rows.append([f"b = {size}: arithmetic at the peak", format_seconds(2 * size**3 / peak)])
        rows[-1] += ["", f"{100 * 2 * size**3 / peak / whole:.0f} %"]
        for name, one in times.items():
            label = f"b = {size}: {name}"
            spreads[label] = one.spread
            costs = [format_seconds(one.minimum), format_spread(one.spread)]
            rows.append([label, *costs, f"{100 * one.minimum / whole:.0f} %"])
    return Chart(
        "One step of the blocked product",
        machine_name(),
        f"Blocks cut from float32 matrices, n = {n}; {PRODUCT} contains the arithmetic above it.",
        ["", "time", "spread", "of a step"],
        rows,
        None,
        doubts=spread_doubts(spreads),
    )


def chain(n: int = 4096) -> Finding:
    """Measure seven elementwise operations in a row, in place, on all rows and on strips of them.

    Nothing is gained but that a strip stays in a cache from one operation to the next.
    """
    X = random_matrix(np.random.default_rng(n), n, n, "float32")
    calls = {"all rows": partial(_chain, X, n)}
    calls |= {f"{rows} rows": partial(_chain, X, rows) for rows in ROWS_OF_A_CHAIN}
    times = in_turns(calls)
    best = min(ROWS_OF_A_CHAIN, key=lambda rows: times[f"{rows} rows"].minimum)
    chart = speedups(facts_of(times), machine_name(), of=f"seven operations in place, n = {n}")
    return Finding(chart, {"rows of a chain": float(best)})


def _chain(X: Array, rows: int) -> None:
    """Seven operations that keep the numbers of X as large as they are."""
    for start in range(0, len(X), rows):
        strip = X[start : start + rows]
        for operation, number in _STEPS:
            operation(strip, number, out=strip)


_STEPS: tuple[tuple[Any, np.float32], ...] = (
    (np.add, np.float32(1)),
    (np.multiply, np.float32(0.5)),
    (np.subtract, np.float32(0.25)),
    (np.maximum, np.float32(-4)),
    (np.minimum, np.float32(4)),
    (np.multiply, np.float32(2)),
    (np.subtract, np.float32(0.5)),
)


def attention(at_once: Kernel, in_chunks: Kernel, n: int = 4096, d: int = 64) -> Finding:
    """Measure attention all at once, the same in place, and in chunks of several sizes.

    Parameters
    ----------
    at_once : callable
        Takes Q, K and V.
    in_chunks : callable
        Takes Q, K and V, and `rows`.
    n, d : int
        Rows and columns of Q, K and V, in float32.
    """
    rng = np.random.default_rng(n)
    arrays = [random_matrix(rng, n, d, "float32") for _ in range(3)]
    calls = {
        "all at once, in place": partial(_attention_in_place, *arrays),
        "all at once, as above": partial(at_once, *arrays),
    }
    calls |= {f"rows = {rows}": partial(in_chunks, *arrays, rows=rows) for rows in (512, 128, 32)}
    times = in_turns(calls)
    facts = {name: one | memory_facts(calls[name]) for name, one in facts_of(times).items()}
    chart = speedups(facts, machine_name(), of=f"attention, N = {n}, d = {d}, float32")
    whole, _, *chunks = (one.minimum for one in times.values())
    return Finding(chart, {"attention in chunks": whole / min(chunks)})


def _attention_in_place(Q: Array, K: Array, V: Array) -> Array:
    scores: Array = (Q / np.sqrt(Q.shape[1]).astype(Q.dtype)) @ K.T
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    result: Array = scores @ V
    return result
