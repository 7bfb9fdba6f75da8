"""Pictures of what the lesson measures: speedups, sweeps, rates, roofs, threads, predictions.

Nothing is measured here; each returns a `Chart`, a picture with its figures as a table. How they
are drawn is in `tinytorch.utils.panels`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf, log2, sqrt
from typing import Any

from tinytorch.utils import panels
from tinytorch.utils.charts import Chart, require
from tinytorch.utils.drawing import Point
from tinytorch.utils.models import Prediction, amdahl
from tinytorch.utils.processor import Cache
from tinytorch.utils.report import difference, format_seconds, format_spread, short_number
from tinytorch.utils.timing import WIDE_SPREAD

__all__ = [
    "block_sweep",
    "calibration",
    "predicted_against_measured",
    "rates_by_size",
    "roofline",
    "speedups",
    "spread_doubts",
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
        are read, in seconds, and where all have them ``spread``, ``gflops`` and ``peak_memory_mb``.
    machine : str
        What it was measured on.
    of : str
        What was measured, for the title.
    """
    require(results)
    reference, first = next(iter(results.items()))
    best = [first["minimum"] / one["minimum"] for one in results.values()]
    usual = [first["minimum"] / max(one["median"], one["minimum"]) for one in results.values()]
    extra = {"gflops": "GFLOP/s", "peak_memory_mb": "peak MiB"}
    extra = {
        key: name for key, name in extra.items() if all(key in one for one in results.values())
    }
    is_spread = all("spread" in one for one in results.values())
    rows = [
        [
            name,
            *(format_seconds(one[key]) for key in ("minimum", "median")),
            *([format_spread(one["spread"])] if is_spread else []),
            *(short_number(one[key]) for key in extra),
            short_number(first["minimum"] / one["minimum"]),
            *([difference(one, first) if one is not first else "-"] if is_spread else []),
        ]
        for name, one in results.items()
    ]
    head = ["", "best", "median", *["spread"] * is_spread, *extra.values(), "speedup"]
    return Chart(
        _title("Speedup", of),
        machine,
        f"Times as fast as {reference}. Bars end at the fastest pass, whiskers at the median.",
        [*head, *["differs"] * is_spread],
        rows,
        partial(panels.draw_speedups, names=list(results), best=best, usual=usual),
        height=1.9 + 0.36 * len(results),
        doubts=spread_doubts({name: one.get("spread", 0.0) for name, one in results.items()}),
    )


def spread_doubts(spreads: Mapping[str, float | None]) -> list[str]:
    """Return sentences on figures whose passes differ widely, or that rest on a single pass."""
    alone = [name for name, spread in spreads.items() if spread is None]
    wide = {name: spread for name, spread in spreads.items() if (spread or 0.0) > WIDE_SPREAD}
    doubts = []
    if alone:
        names = ", ".join(alone)
        doubts.append(f"one pass only of {names}: how far the time can be trusted is not known.")
    if wide:
        name = max(wide, key=lambda one: wide[one] or 0.0)
        doubts.append(
            f"the passes of {len(wide)} of {len(spreads)} differ widely, those of "
            f"{name!r} by {format_spread(wide[name])}: close other programs and measure again."
        )
    return doubts


def block_sweep(
    results: Mapping[int, Mapping[str, Any]],
    caches: Sequence[Cache],
    machine: str,
    baseline: Mapping[str, Any],
    *,
    of: str = "",
) -> Chart:
    """Show GFLOP/s by block size, and where three float32 blocks fill each cache.

    Parameters
    ----------
    results : mapping of block_size to mapping
        With ``minimum``, ``median``, ``spread`` and ``gflops``.
    caches : sequence of Cache
        Marked at the side at which three float32 blocks fill them.
    machine : str
    baseline : mapping
        The same of ``A @ B``.
    of : str
        What was measured, for the title.
    """
    require(results)
    spreads = {"A @ B": baseline["spread"], **{f"{n:g}": results[n]["spread"] for n in results}}
    full = {str(cache): sqrt(cache.size / BYTES_OF_BLOCKS) for cache in caches}
    rows = [
        [
            f"{size:g}",
            f"{one['gflops']:.3g}",
            format_spread(one["spread"]),
            f"{one['gflops'] / baseline['gflops']:.2f}",
            difference(one, baseline),
        ]
        for size, one in results.items()
    ]
    rows += [[f"{side:.0f} fill {cache}", "", "", "", ""] for cache, side in full.items()]
    near = {
        cache: side for cache, side in full.items() if min(results) / 2 <= side <= 2 * max(results)
    }
    beyond = ", ".join(cache for cache in full if cache not in near)
    caption = (
        "Dotted: where three float32 blocks, of A, B and C, fill the cache named above the line."
    )
    return Chart(
        _title("Block size", of),
        machine,
        f"{caption} Outside the picture: {beyond}." if beyond else caption,
        ["block_size", "GFLOP/s", "spread", "of A @ B", "differs"],
        rows,
        partial(
            panels.draw_block_sweep,
            points=[(size, one["gflops"]) for size, one in results.items()],
            marks=near,
            baseline=baseline["gflops"],
        ),
        doubts=spread_doubts(spreads),
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
        "Operations per second of the fastest pass, for matrices (n, n).",
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
    call_seconds: float | None = None,
    spreads: Mapping[str, float | None] | None = None,
) -> Chart:
    """Show the most that a machine can do by intensity, and kernels beneath it.

    Williams, Waterman and Patterson, Communications of the ACM 52 (4), 2009, p. 65.

    Parameters
    ----------
    peak : float
        Operations per second.
    bandwidths : mapping of name to bytes per second
        One slanted roof each.
    kernels : sequence of (name, operations per byte, GFLOP/s)
        A name may have several points, of float32 matrices (n, n).
    machine : str
    of : str
        What was measured, for the title.
    ceilings : mapping of name to operations per second, optional
        Flat roofs beside `peak`, such as that of several cores.
    call_seconds : float, optional
        What a call costs that multiplies next to nothing: a third roof, for float32 matrices
        (n, n), whose intensity is n / 6.
    spreads : mapping of name to float, optional
        How far the passes of each kernel differ.
    """
    require(bandwidths)
    ceilings, spreads = ceilings or {}, spreads or {}
    times = Counter(name for name, _, _ in kernels)
    rows = [
        [
            name if times[name] == 1 else f"{name}, n = {panels.FLOAT32_SIDE * intensity:.0f}",
            f"{intensity:.3g}",
            f"{rate:.3g}",
            *([format_spread(spreads[name])] if spreads else []),
            f"{100e9 * rate / peak:.3g} %",
            "",
        ]
        for name, intensity, rate in kernels
    ]
    gap = [""] if spreads else []
    rows += [
        [f"ridge, {name}", f"{peak / rate:.3g}", f"{peak / 1e9:.3g}", *gap, "", f"{rate / 1e9:.3g}"]
        for name, rate in bandwidths.items()
    ]
    rows += [[name, "", f"{most / 1e9:.3g}", *gap, "", ""] for name, most in ceilings.items()]
    caption = (
        "Slanted: what bytes allow; flat: what operations allow. Each matrix counts as moved once."
    )
    if call_seconds:
        caption += f" Steepest: what a call of {format_seconds(call_seconds)} allows."
    return Chart(
        _title("Roofline", of),
        machine,
        caption,
        ["", "flop/B", "GFLOP/s", *["spread" for _ in gap], "of peak", "GB/s"],
        rows,
        partial(
            panels.draw_roofline,
            peak=peak,
            bandwidths=bandwidths,
            kernels=kernels,
            ceilings=ceilings,
            call_seconds=call_seconds,
        ),
        height=5.2,
        doubts=spread_doubts(spreads),
    )


def thread_scaling(
    results: Mapping[int, Mapping[str, Any]],
    fitted: Sequence[int],
    serial: float,
    machine: str,
    *,
    of: str = "",
    cores: float | None = None,
) -> Chart:
    """Show speedup by threads, between Amdahl's curve for a serial share and the ideal line.

    Parameters
    ----------
    results : mapping of threads to mapping
        With ``minimum``, ``median`` and ``spread``; the first is what the others are compared with.
    fitted : sequence of int
        The numbers of threads that `serial` was found from; the others test the law.
    serial : float
        The share of the one-thread time that no thread can take over, 0 to 1, as
        `tinytorch.utils.models.serial_share` finds it.
    machine : str
    of : str
        What was measured, for the title.
    cores : float, optional
        No more threads than these work at the same time.
    """
    require(results)
    most, first = cores or inf, next(iter(results.values()))
    points = [(count, first["minimum"] / one["minimum"]) for count, one in results.items()]
    rows = [
        [
            f"{count:g}",
            f"{speedup:.2f}",
            format_spread(results[count]["spread"]),
            "-" if results[count] is first else difference(results[count], first),
            f"{amdahl(serial, min(count, most)):.2f}",
            "-" if results[count] is first else "fits it" if count in fitted else "tests it",
        ]
        for count, speedup in points
    ]
    caption = f"Amdahl: as if a share s = {serial:.2g} of the time stayed serial, fitted to "
    caption += f"{', '.join(map(str, fitted)) or 'no'} threads (filled), tested on others."
    return Chart(
        _title("Threads", of),
        machine,
        caption,
        ["threads", "measured", "spread", "differs", "Amdahl", "the law"],
        rows,
        partial(panels.draw_threads, points=points, fitted=fitted, serial=serial, cores=most),
        doubts=spread_doubts({f"{count} threads": one["spread"] for count, one in results.items()}),
    )


def calibration(
    predictions: Mapping[str, tuple[float, float, bool]],
    units: Mapping[str, str],
    machine: str,
) -> Chart:
    """Show how many times too small or too large each prediction was, on a log axis.

    Parameters
    ----------
    predictions : mapping of name to (predicted, measured, made after the figure was seen)
        Both above 0.
    units : mapping of name to str
        Of all that was asked; what has no prediction is a row without figures.
    machine : str
    """
    rows = []
    for name, unit in units.items():
        if name in predictions:
            predicted, measured, after = predictions[name]
            figures = [short_number(predicted), short_number(measured)]
            ratio = short_number(predicted / measured) if measured > 0 else "-"
            rows.append([name, *figures, unit, ratio, "after" if after else "before"])
        else:
            rows.append([name, "-", "-", unit, "-", "-"])
    ratios = {
        name: (predicted / measured, after)
        for name, (predicted, measured, after) in predictions.items()
        if measured > 0
    }
    before = [abs(log2(ratio)) for ratio, after in ratios.values() if not after]
    within = sum(one <= 1 for one in before)
    caption = "No prediction has met its figure yet: type yours, and run the cells that measure."
    if before:
        caption = f"Within a factor of two: {within} of {len(before)} made before the figure."
    elif ratios:
        caption = "All of these were made after the figure was seen."
    return Chart(
        "Your predictions, over what was measured",
        machine,
        caption,
        ["", "predicted", "measured", "unit", "ratio", "made"],
        rows,
        partial(panels.draw_calibration, ratios=ratios) if ratios else None,
        height=2.1 + 0.27 * len(ratios),
    )


def predicted_against_measured(rows: Sequence[Prediction], unit: str, machine: str) -> Chart:
    """Show what models predict beside what was measured, on a log axis, a row each."""
    require(rows)
    table = [
        [
            row.name,
            f"{row.predicted:.3g}",
            f"{row.measured:.3g}",
            f"{row.measured / row.predicted:.2g}",
            row.model,
        ]
        for row in rows
    ]
    return Chart(
        f"Predicted and measured, in {unit}",
        machine,
        "Hollow: what was predicted; black: what was measured.",
        ["", "predicted", "measured", "ratio", "model"],
        table,
        partial(panels.draw_predictions, rows=rows, unit=unit),
        height=2.0 + 0.27 * len(rows),
    )


def _title(title: str, of: str) -> str:
    return f"{title}: {of}" if of else title
