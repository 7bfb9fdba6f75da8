"""Pictures of what the lesson measures: speedups, sweeps, rates, roofs, threads, predictions.

Nothing is measured here; each returns a `Chart`, a picture with its figures as a table. How they
are drawn is in `tinytorch.utils.panels`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import inf, sqrt
from typing import Any

from tinytorch.utils import panels
from tinytorch.utils.charts import Chart, require
from tinytorch.utils.drawing import Point
from tinytorch.utils.predictions import Prediction, amdahl
from tinytorch.utils.processor import Cache
from tinytorch.utils.report import format_seconds, short_number

__all__ = [
    "block_sweep",
    "predicted_against_measured",
    "rates_by_size",
    "roofline",
    "speedups",
    "thread_scaling",
]

BYTES_OF_BLOCKS = 3 * 4
"""Three float32 blocks, of A, B and C, take these bytes times the square of their side."""


def speedups(results: Mapping[str, Mapping[str, Any]], machine: str, *, of: str = "") -> Chart:
    """Show how many times as fast as the first each one is, on a log axis, with the spread.

    Parameters
    ----------
    results : mapping
        As `tinytorch.utils.profiler.SimpleProfiler.compare` returns it; ``minimum`` and ``median``
        are read, both in seconds.
    machine : str
        What it was measured on.
    of : str
        What was measured, for the title.
    """
    require(results)
    times = {name: (one["minimum"], one["median"]) for name, one in results.items()}
    reference, (first, _) = next(iter(times.items()))
    best = [first / minimum for minimum, _ in times.values()]
    usual = [first / max(median, minimum) for minimum, median in times.values()]
    rows = [
        [name, format_seconds(minimum), format_seconds(median), short_number(first / minimum)]
        for name, (minimum, median) in times.items()
    ]
    return Chart(
        _title("Speedup", of),
        machine,
        f"Times as fast as {reference}. Bars end at the fastest pass, whiskers at the median.",
        ["", "best", "median", "speedup"],
        rows,
        partial(panels.draw_speedups, names=list(times), best=best, usual=usual),
        height=1.9 + 0.36 * len(times),
    )


def block_sweep(
    points: Sequence[Point], caches: Sequence[Cache], machine: str, baseline: float, *, of: str = ""
) -> Chart:
    """Show GFLOP/s by block size, and where three float32 blocks fill each cache.

    Parameters
    ----------
    points : sequence of (block_size, gflops)
    caches : sequence of Cache
        Marked at the side at which three float32 blocks fill them.
    machine : str
    baseline : float
        GFLOP/s of ``A @ B``.
    of : str
        What was measured, for the title.
    """
    require(points)
    full = {str(cache): sqrt(cache.size / BYTES_OF_BLOCKS) for cache in caches}
    rows = [[f"{size:g}", f"{rate:.3g}", f"{rate / baseline:.2f}"] for size, rate in points]
    rows += [[f"{side:.0f} fill {cache}", "", ""] for cache, side in full.items()]
    sizes = [size for size, _ in points]
    near = {cache: side for cache, side in full.items() if min(sizes) / 2 <= side <= 2 * max(sizes)}
    return Chart(
        _title("Block size", of),
        machine,
        "Dotted: where three float32 blocks, of A, B and C, fill the cache named above the line.",
        ["block_size", "GFLOP/s", "of A @ B"],
        rows,
        partial(panels.draw_block_sweep, points=points, marks=near, baseline=baseline),
    )


def rates_by_size(series: Mapping[str, Sequence[Point]], machine: str, *, of: str = "") -> Chart:
    """Show GFLOP/s against n, both axes logarithmic: {name: [(n, gflops), ...]}."""
    require(series)
    sizes = sorted({size for points in series.values() for size, _ in points})
    found = {name: dict(points) for name, points in series.items()}
    rows = [
        [name, *(f"{rates[size]:.3g}" if size in rates else "-" for size in sizes)]
        for name, rates in found.items()
    ]
    return Chart(
        _title("Rate by size", of),
        machine,
        "Operations a second of the fastest pass, for matrices (n, n).",
        ["GFLOP/s", *(f"n = {size:g}" for size in sizes)],
        rows,
        partial(panels.draw_rates, series=series, sizes=sizes),
    )


def roofline(
    peak: float,
    bandwidths: Mapping[str, float],
    kernels: Sequence[tuple[str, float, float]],
    machine: str,
    *,
    of: str = "",
    ceilings: Mapping[str, float] | None = None,
) -> Chart:
    """Show the most that a machine can do by intensity, and kernels beneath it.

    Williams, Waterman and Patterson, Communications of the ACM 52 (4), 2009, p. 65.

    Parameters
    ----------
    peak : float
        Operations a second.
    bandwidths : mapping of name to bytes a second
        One slanted roof each.
    kernels : sequence of (name, operations a byte, GFLOP/s)
        A name may have several points.
    machine : str
    of : str
        What was measured, for the title.
    ceilings : mapping of name to operations a second, optional
        Flat roofs beside `peak`, such as that of several cores.
    """
    require(bandwidths)
    ceilings = ceilings or {}
    rows = [
        [name, f"{intensity:.3g}", f"{rate:.3g}", f"{100e9 * rate / peak:.3g} %", ""]
        for name, intensity, rate in kernels
    ]
    rows += [
        [f"ridge, {name}", f"{peak / rate:.3g}", f"{peak / 1e9:.3g}", "", f"{rate / 1e9:.3g}"]
        for name, rate in bandwidths.items()
    ]
    rows += [[name, "", f"{most / 1e9:.3g}", "", ""] for name, most in ceilings.items()]
    return Chart(
        _title("Roofline", of),
        machine,
        "Slanted: what bytes allow; flat: what operations allow. Each matrix counts as moved once.",
        ["", "flop/B", "GFLOP/s", "of peak", "GB/s"],
        rows,
        partial(
            panels.draw_roofline,
            peak=peak,
            bandwidths=bandwidths,
            kernels=kernels,
            ceilings=ceilings,
        ),
        height=5.2,
    )


def thread_scaling(
    points: Sequence[Point],
    serial: float,
    machine: str,
    *,
    of: str = "",
    cores: float | None = None,
) -> Chart:
    """Show speedup by threads, between Amdahl's curve for a serial share and the ideal line.

    Parameters
    ----------
    points : sequence of (threads, speedup)
    serial : float
        The share of the one-thread time that no thread can take over, 0 to 1, as
        `tinytorch.utils.predictions.serial_share` finds it.
    machine : str
    of : str
        What was measured, for the title.
    cores : float, optional
        No more threads than these work at the same time.
    """
    require(points)
    most = cores or inf
    rows = [
        [f"{count:g}", f"{speedup:.2f}", f"{amdahl(serial, min(count, most)):.2f}"]
        for count, speedup in points
    ]
    return Chart(
        _title("Threads", of),
        machine,
        f"Amdahl: a share s = {serial:.2g} of the time stays serial, as the best speedup implies.",
        ["threads", "measured", "Amdahl"],
        rows,
        partial(panels.draw_threads, points=points, serial=serial, cores=most),
    )


def predicted_against_measured(
    rows: Sequence[tuple[str, float | None, float] | Prediction], unit: str, machine: str
) -> Chart:
    """Show predictions beside what came out, on a log axis, a row each.

    Parameters
    ----------
    rows : sequence of (name, predicted or None, measured)
        Both above 0; a `Prediction` also names its model.
    unit : str
    machine : str
    """
    require(rows)
    found = [row if isinstance(row, Prediction) else Prediction(*row) for row in rows]
    models = ["model"] if any(row.model for row in found) else []
    return Chart(
        f"Predicted and measured, in {unit}",
        machine,
        "Hollow: what was predicted; black: what was measured.",
        ["", "predicted", "measured", "ratio", *models],
        [_prediction_row(row)[: 4 + len(models)] for row in found],
        partial(panels.draw_predictions, rows=found, unit=unit),
        height=2.0 + 0.27 * len(found),
    )


def _prediction_row(row: Prediction) -> list[str]:
    if row.predicted is None:
        return [row.name, "-", f"{row.measured:.3g}", "-", ""]
    ratio = f"{row.measured / row.predicted:.2g}"
    return [row.name, f"{row.predicted:.3g}", f"{row.measured:.3g}", ratio, row.model]


def _title(title: str, of: str) -> str:
    return f"{title}: {of}" if of else title
