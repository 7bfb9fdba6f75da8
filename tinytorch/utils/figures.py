"""Pictures of what the lesson measures: speedups, sweeps, rates, roofs, threads, predictions.

Nothing is measured here; each returns a `Chart`, a picture with its figures as a table.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from tinytorch.utils.charts import Chart, Point, draw_lines, finish, looks, new_axes, require
from tinytorch.utils.processor import Cache
from tinytorch.utils.report import format_seconds, short_number, text_table

__all__ = [
    "block_sweep",
    "predicted_against_measured",
    "rates_by_size",
    "roofline",
    "speedups",
    "thread_scaling",
]


def speedups(results: Mapping[str, Mapping[str, Any]], machine: str) -> Chart:
    """Show how many times as fast as the first each one is, on a log axis, with the spread.

    Parameters
    ----------
    results : mapping
        As `tinytorch.utils.profiler.SimpleProfiler.compare` returns it.
    machine : str
        What it was measured on.
    """
    require(results)
    names, first = list(results), next(iter(results.values()))["minimum"]
    ratios = [first / one["minimum"] for one in results.values()]
    least = [min(first / one["median"], r) for one, r in zip(results.values(), ratios, strict=True)]
    rows = [
        [name, format_seconds(one["minimum"]), format_seconds(one["median"]), short_number(ratio)]
        for (name, one), ratio in zip(results.items(), ratios, strict=True)
    ]
    title = f"Speed against {names[0]!r}\n{machine}"
    figure, axes = new_axes(title, height=1.2 + 0.4 * len(names))
    if axes:
        whiskers = [[r - low for r, low in zip(ratios, least, strict=True)], [0.0] * len(names)]
        bars = axes.barh(names, ratios, xerr=whiskers, color="0.8", edgecolor="black", capsize=4)
        axes.bar_label(bars, [f"{short_number(ratio)} x" for ratio in ratios], padding=6)
        axes.set(xscale="log", xlabel="times as fast (log); the whisker ends at the median")
        axes.invert_yaxis()
        axes.margins(x=0.15)
    return Chart(title, text_table(["", "best", "median", "speedup"], rows), figure)


def block_sweep(
    points: Sequence[Point], caches: Sequence[Cache], machine: str, baseline: float
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
    """
    require(points)
    full = [(cache, sqrt(cache.size / 12)) for cache in caches]
    rows = [[f"{size:g}", f"{rate:.3g}", f"{rate / baseline:.2f}"] for size, rate in points]
    rows += [[f"{side:.0f} fill {cache}", "", ""] for cache, side in full]
    title = f"Blocks around a product\n{machine}"
    figure, axes = new_axes(title)
    if axes:
        axes.plot(*zip(*points, strict=True), "o-", color="black", label="blocked")
        axes.axhline(baseline, color="#0072B2", linestyle="--", label="A @ B")
        for cache, side in full:
            if side <= 2 * points[-1][0]:
                axes.axvline(side, color="0.5", linestyle=":")
                axes.annotate(
                    str(cache),
                    (side, 0.02),
                    xycoords=("data", "axes fraction"),
                    rotation=90,
                    ha="right",
                    va="bottom",
                )
        axes.set_xscale("log", base=2)
        axes.set(xlabel="block_size (dotted: three float32 blocks fill a cache)", ylabel="GFLOP/s")
        axes.set_ylim(bottom=0)
        finish(axes, [size for size, _ in points])
    return Chart(title, text_table(["block_size", "GFLOP/s", "of A @ B"], rows), figure)


def rates_by_size(series: Mapping[str, Sequence[Point]], machine: str) -> Chart:
    """Show GFLOP/s against n, both axes logarithmic: {name: [(n, gflops), ...]}."""
    require(series)
    sizes = sorted({size for points in series.values() for size, _ in points})
    found = {name: dict(points) for name, points in series.items()}
    rows = [
        [
            f"n = {size:g}",
            *(f"{rates[size]:.3g}" if size in rates else "-" for rates in found.values()),
        ]
        for size in sizes
    ]
    title = f"Rate by size\n{machine}"
    figure, axes = new_axes(title)
    if axes:
        draw_lines(axes, series)
        axes.set_xscale("log", base=2)
        axes.set(yscale="log", xlabel="side n of the matrices", ylabel="GFLOP/s (log)")
        finish(axes, sizes)
    return Chart(title, text_table(["GFLOP/s", *series], rows), figure)


def roofline(
    peak: float,
    bandwidths: Mapping[str, float],
    kernels: Sequence[tuple[str, float, float]],
    machine: str,
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
    machine : str
    """
    require(bandwidths)
    ridges = {name: peak / rate for name, rate in bandwidths.items()}
    rows = [
        [name, f"{intensity:.3g}", f"{rate:.3g}", f"{100e9 * rate / peak:.0f} %"]
        for name, intensity, rate in kernels
    ]
    rows += [
        [f"ridge, {name}", f"{ridges[name]:.3g}", f"{peak / 1e9:.3g}", f"{rate / 1e9:.3g} GB/s"]
        for name, rate in bandwidths.items()
    ]
    title = f"Roofline\n{machine}"
    figure, axes = new_axes(title)
    if axes:
        known = [*ridges.values(), *(intensity for _, intensity, _ in kernels)]
        low, high = min(known) / 4, max(known) * 4
        for (name, rate), look in zip(bandwidths.items(), looks(), strict=False):
            xs = [low, ridges[name], high]
            ys = [min(peak, rate * x) / 1e9 for x in xs]
            axes.plot(xs, ys, color="black", linestyle=look["linestyle"], label=f"roof: {name}")
        for (name, x, y), look in zip(kernels, looks(), strict=False):
            axes.plot(x, y, **look | {"linestyle": ""}, markersize=9, label=name)
        axes.set(xscale="log", yscale="log")
        axes.set(xlabel="operations a byte (log)", ylabel="GFLOP/s (log)")
        finish(axes)
    return Chart(title, text_table(["", "flop/B", "GFLOP/s", "of peak"], rows), figure)


def thread_scaling(points: Sequence[Point], serial: float, machine: str) -> Chart:
    """Show speedup by threads, between Amdahl's curve for a serial share and the ideal line.

    Parameters
    ----------
    points : sequence of (threads, speedup)
    serial : float
        The share of the one-thread time that no thread can take over, 0 to 1.
    machine : str
    """
    require(points)
    threads = [count for count, _ in points]
    law = [1 / (serial + (1 - serial) / count) for count in threads]
    rows = [
        [f"{count:g}", f"{speedup:.2f}", f"{limit:.2f}"]
        for (count, speedup), limit in zip(points, law, strict=True)
    ]
    title = f"Threads\n{machine}"
    figure, axes = new_axes(title)
    if axes:
        measured = {"measured": points}
        draw_lines(axes, measured)
        axes.plot(threads, law, color="#0072B2", linestyle="--", label=f"Amdahl, s = {serial:.2g}")
        axes.plot(threads, threads, color="0.6", linestyle=":", label="ideal")
        axes.set(xlabel="threads", ylabel="times as fast as one thread")
        finish(axes, threads)
    return Chart(title, text_table(["threads", "measured", "Amdahl"], rows), figure)


def predicted_against_measured(
    rows: Sequence[tuple[str, float | None, float]], unit: str, machine: str
) -> Chart:
    """Show predictions against what came out, on log axes; what was not predicted, as a table only.

    Parameters
    ----------
    rows : sequence of (name, predicted or None, measured)
        Both above 0.
    unit : str
    machine : str
    """
    require(rows)
    cells = [
        [
            name,
            "-" if guess is None else f"{guess:.3g}",
            f"{value:.3g}",
            "-" if guess is None else f"{value / guess:.2g}",
        ]
        for name, guess, value in rows
    ]
    told = [(name, guess, value) for name, guess, value in rows if guess is not None]
    title = f"Predicted and measured, in {unit}\n{machine}"
    figure, axes = new_axes(title)
    if axes and told:
        both = [number for _, guess, value in told for number in (guess, value)]
        ends = [min(both) / 2, max(both) * 2]
        axes.plot(ends, ends, color="0.6", linestyle="--", label="as predicted")
        for (name, guess, value), look in zip(told, looks(), strict=False):
            axes.plot(guess, value, **look | {"linestyle": ""}, label=name)
        axes.set(xscale="log", yscale="log")
        axes.set(xlabel=f"predicted, {unit} (log)", ylabel=f"measured, {unit} (log)")
        finish(axes)
    return Chart(title, text_table(["", "predicted", "measured", "ratio"], cells), figure)
