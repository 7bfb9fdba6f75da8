"""What surrounds an operation: the ruler itself, Python's loops, cache lines, calls."""

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils import limits, panels, rungs
from tinytorch.utils.caches import SimulatedCache, miss_rate
from tinytorch.utils.charts import Chart
from tinytorch.utils.facts import time_facts
from tinytorch.utils.figures import roofline, speedups, spread_doubts
from tinytorch.utils.machine import machine_name
from tinytorch.utils.predictions import Finding
from tinytorch.utils.report import difference, format_seconds, format_spread, short_number
from tinytorch.utils.sweeps import (
    facts_of,
    in_turns,
    square_matrices,
)
from tinytorch.utils.timing import Timing, interleave, measure

__all__ = [
    "cost_of_a_step",
    "loop_orders",
    "numpy_ladder",
    "rates_by_size",
    "rates_by_type",
    "roofs",
    "ruler",
    "tile_sizes",
    "two_sizes",
]

Array = NDArray[Any]
Kernel = Callable[..., Any]

SMALL = SimulatedCache(4 * 1024)
CLOCK = 3.0
"""Cycles per nanosecond: what processors of laptops and servers have, within a third."""
PROCESSES = 3
FIRST_CALLS = """
import json, time
import numpy as np
A = B = np.ones((50, 50))
times = []
for _ in range(1000):
    start = time.perf_counter()
    A @ B
    times.append(time.perf_counter() - start)
print(json.dumps([times[0], times[1], min(times)]))
"""
SIZES = (8, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513)


def ruler(loop: Kernel) -> Finding:
    """Measure what disturbs a measurement: the first call, and tracing a triple loop's memory.

    Each first call is made in a new process, three of them.

    Parameters
    ----------
    loop : callable
        The triple loop: takes two matrices.
    """
    runs = [_run(FIRST_CALLS) for _ in range(PROCESSES)]
    first, second, fastest = zip(*runs, strict=True)
    A, B = square_matrices(16)
    times = {"triple loop, 16 x 16": measure(partial(loop, A, B))[0]}
    tracemalloc.start()
    try:
        times["the same, allocations recorded"] = measure(partial(loop, A, B))[0]
    finally:
        tracemalloc.stop()
    plain, traced = times.values()
    calls = {"first call": first, "second call": second, "fastest of 1,000": fastest}
    rows = [
        [f"A @ B, 50 x 50: {name}", format_seconds(min(some)), format_seconds(max(some)), ""]
        for name, some in calls.items()
    ]
    rows += [[name, *_least_and_most(one)] for name, one in times.items()]
    chart = Chart(
        "One call, measured in several ways",
        machine_name(),
        f"Least and most of {PROCESSES} new processes; for the loop, of all its passes.",
        ["", "least", "most", "spread"],
        rows,
        None,
        doubts=spread_doubts({name: one.spread for name, one in times.items()}),
    )
    found = {"first call": median(first) / min(fastest)}
    return Finding(chart, found | {"traced loop": traced.minimum / plain.minimum})


def _run(script: str) -> list[float]:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    times: list[float] = json.loads(done.stdout)
    return times


def _least_and_most(one: Timing) -> list[str]:
    most = max(each.wall / each.loops for each in one.passes)
    return [format_seconds(one.minimum), format_seconds(most), format_spread(one.spread)]


def rates_by_size(sizes: Sequence[int] = SIZES) -> Finding:
    """Measure ``A @ B`` in float32 at each size: powers of two, and their neighbours."""
    calls = {str(n): partial(np.matmul, *square_matrices(n)) for n in sizes}
    times = in_turns(calls)
    rates = {n: 2e-9 * n**3 / times[str(n)].minimum for n in sizes}
    best = max(rates.values())
    rows = [
        [
            str(n),
            format_seconds(times[str(n)].minimum),
            format_spread(times[str(n)].spread),
            short_number(rates[n]),
            f"{100 * rates[n] / best:.3g} %",
        ]
        for n in sizes
    ]
    chart = Chart(
        "The rate of A @ B by size: float32, one thread",
        machine_name(),
        "Operations per second of the fastest pass, for matrices (n, n).",
        ["n", "best", "spread", "GFLOP/s", "of its best"],
        rows,
        partial(panels.draw_rates, series={"A @ B": list(rates.items())}, sizes=sizes),
        doubts=spread_doubts({f"n = {name}": one.spread for name, one in times.items()}),
    )
    return Finding(chart, {"small product": 100 * rates[sizes[0]] / best})


def cost_of_a_step(loop: Kernel, n: int = 32) -> Finding:
    """Measure what one step of a triple loop is made of."""
    A, B = square_matrices(n)
    calls: dict[str, Kernel] = {
        "an empty triple loop": partial(rungs.empty, n),
        "on lists of floats": partial(rungs.lists, A, B),
        "on arrays": partial(loop, A, B),
    }
    times = interleave(calls)
    facts = [time_facts(one) for one in times.values()]
    rows = [
        [
            name,
            f"{short_number(1e9 * one.minimum / n**3)} ns",
            format_spread(one.spread),
            short_number(CLOCK * 1e9 * one.minimum / n**3),
            difference(fact, before) if before else "-",
        ]
        for (name, one), fact, before in zip(times.items(), facts, [None, *facts], strict=False)
    ]
    chart = Chart(
        f"One step of the triple loop, n = {n}",
        machine_name(),
        f"A step multiplies and adds once. Cycles are counted as {CLOCK:g} per nanosecond.",
        ["", "a step", "spread", "cycles", "differs from above"],
        rows,
        None,
        doubts=spread_doubts({name: one.spread for name, one in times.items()}),
    )
    return Finding(chart, {"cycles": CLOCK * 1e9 * times["on arrays"].minimum / n**3})


def loop_orders(trace: Callable[[str, int], Array], n: int = 100) -> Finding:
    """Count misses of three orders of the triple loop in a cache of 4 KiB.

    Parameters
    ----------
    trace : callable
        `memory_trace`: takes an order and n.
    n : int
        No power of two, so that it is the order that shows.
    """
    shares = {order: _misses(trace(order, n), SMALL) for order in ("ijk", "ikj", "jki")}
    return Finding(_shares_chart(shares, SMALL, n), {"misses of jki": shares["jki"]})


def two_sizes(trace: Callable[[str, int], Array], sizes: tuple[int, int] = (128, 129)) -> Finding:
    """Count misses of the order ijk at a power of two and beside it, in a cache of 32 KiB."""
    cache = SimulatedCache()
    shares = {f"ijk, n = {n}": _misses(trace("ijk", n), cache) for n in sizes}
    return Finding(_shares_chart(shares, cache), {})


def tile_sizes(
    trace: Callable[[int, int], Array], n: int = 100, tiles: Sequence[int] = (4, 8, 16, 32)
) -> Finding:
    """Count misses of a product in tiles in a cache of 4 KiB.

    Parameters
    ----------
    trace : callable
        `tiled_trace`: takes n and the side of a tile.
    n : int
    tiles : sequence of int
    """
    shares = {tile: _misses(trace(n, tile), SMALL) for tile in tiles}
    named = {f"tiles of {tile}": share for tile, share in shares.items()}
    best = min(shares, key=lambda tile: shares[tile])
    return Finding(_shares_chart(named, SMALL, n), {"best tile": float(best)})


def _misses(trace: Array, cache: SimulatedCache) -> float:
    return 100 * miss_rate(trace, cache=cache)


def _shares_chart(
    shares: Mapping[str, float], cache: SimulatedCache, n: int | None = None
) -> Chart:
    """Draw shares of accesses that miss: counted, so they have no spread."""
    size = f", n = {n}" if n else ""
    return Chart(
        f"Misses in a cache of {cache.size // 1024} KiB, {cache.ways} ways{size}",
        f"Simulated, the same everywhere: lines of {cache.line} bytes, numbers of 4.",
        "The share of all accesses that find their line not in the cache.",
        ["", "misses"],
        [[name, f"{share:.2f} %"] for name, share in shares.items()],
        partial(panels.draw_shares, shares=shares),
        height=1.9 + 0.3 * len(shares),
    )


def numpy_ladder(n: int = 128) -> Finding:
    """Measure one product written in six ways, from numbers one by one to ``A @ B``."""
    A, B = square_matrices(n)
    times = in_turns({name: partial(rung, A, B) for name, rung in rungs.RUNGS.items()})
    first, last = list(times.values())[0], times["A @ B"]
    chart = speedups(facts_of(times, 2 * n**3), machine_name(), of=f"six ways, float32, n = {n}")
    return Finding(chart, {"compiled loops": first.minimum / last.minimum})


def roofs(
    kernel: Kernel,
    intensity: Callable[[int, int, int], float],
    sizes: Sequence[int] = (16, 64, 512),
) -> Finding:
    """Measure the roofs of this machine, and a kernel beneath them on float32 matrices (n, n).

    Parameters
    ----------
    kernel : callable
        Takes A and B.
    intensity : callable
        Returns the operations per byte of a product, of m, n and p.
    sizes : sequence of int
    """
    times = in_turns({str(n): partial(kernel, *square_matrices(n)) for n in (1, *sizes)})
    call = times.pop("1").minimum
    rates = {n: 2e-9 * n**3 / times[str(n)].minimum for n in sizes}
    peak = max(limits.peak_flops("float32"), 1e9 * max(rates.values()))
    chart = roofline(
        peak,
        {"caches": limits.bandwidth(2**18), "memory": limits.bandwidth(2**27)},
        [(f"n = {n}", intensity(n, n, n), rate) for n, rate in rates.items()],
        machine_name(),
        of="float32, one thread",
        call_seconds=call,
        spreads={f"n = {n}": times[str(n)].spread for n in sizes},
    )
    return Finding(chart, {f"n = {sizes[0]}": 100e9 * rates[sizes[0]] / peak})


def rates_by_type(
    n: int = 256, types: Sequence[str] = ("float32", "float64", "int64", "float16")
) -> Finding:
    """Measure ``A @ B`` for matrices (n, n) of each type; the first is the reference."""
    times = in_turns({name: partial(np.matmul, *square_matrices(n, name)) for name in types})
    chart = speedups(facts_of(times, 2 * n**3), machine_name(), of=f"A @ B by type, n = {n}")
    return Finding(chart, {"int64": times["float32"].minimum / times["int64"].minimum})
