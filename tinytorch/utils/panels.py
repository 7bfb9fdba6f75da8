"""Draw each of the lesson's pictures on axes; `tinytorch.utils.figures` has words and tables."""

from collections.abc import Mapping, Sequence
from itertools import islice
from math import atan2, degrees
from typing import Any

from tinytorch.utils.drawing import (
    Point,
    draw_lines,
    finish,
    log_ticks,
    looks,
    name_ends,
    name_ticks,
)
from tinytorch.utils.models import Prediction, amdahl
from tinytorch.utils.report import format_seconds, short_number

__all__ = [
    "draw_block_sweep",
    "draw_calibration",
    "draw_predictions",
    "draw_rates",
    "draw_roofline",
    "draw_shares",
    "draw_speedups",
    "draw_threads",
]

BLUE, GREY = "#0072B2", "0.45"
FLOAT32_SIDE = 6
"""Side of float32 matrices over their product's intensity: n / (n / 6)."""
CURVE = 60
"""Points of a smooth curve."""


def draw_speedups(axes: Any, names: list[str], best: list[float], usual: list[float]) -> None:
    """Draw a bar for each ratio in `best`, from 1, with a whisker to the one in `usual`."""
    whiskers = [[most - least for most, least in zip(best, usual, strict=True)], [0.0] * len(best)]
    lengths = [ratio - 1 for ratio in best]
    look = {"color": "0.8", "edgecolor": "black", "capsize": 4}
    bars = axes.barh(names, lengths, left=1, xerr=whiskers, **look)
    axes.bar_label(bars, [f"{short_number(ratio)} x" for ratio in best], padding=5)
    axes.axvline(1, color=BLUE, linestyle="--")
    axes.set(xscale="log", xlabel=f"times as fast as {names[0]} (log)")
    _leave_room(axes, min(1.0, *usual), max(1.0, *best), is_left=min(best) < 1)
    log_ticks(axes.xaxis)
    axes.invert_yaxis()
    finish(axes, legend=False)
    axes.grid(visible=False, axis="y")


def _leave_room(axes: Any, low: float, high: float, is_left: bool) -> None:
    """Set the ends of a logarithmic axis so that the numbers at the ends of bars fit in."""
    room = max(1.2, (high / low) ** 0.18)
    axes.set_xlim(low / room ** (1.4 if is_left else 0.3), high * room)


def draw_block_sweep(
    axes: Any, points: Sequence[Point], marks: Mapping[str, float], baseline: float
) -> None:
    """Draw a rate by block size, with marks named above the axes."""
    axes.plot(*zip(*points, strict=True), "o-", color="black", label="in blocks")
    axes.axhline(baseline, color=BLUE, linestyle="--", label="A @ B")
    for side in marks.values():
        axes.axvline(side, color=GREY, linestyle=":")
    axes.set_xscale("log", base=2)
    axes.set(xlabel="block_size (log)", ylabel="GFLOP/s")
    axes.set_ylim(bottom=0)
    name_ticks(axes.xaxis, [size for size, _ in points])
    finish(axes, legend=False)
    right = axes.get_xlim()[1]
    name_ends(axes, {"in blocks": (points[-1], "black"), "A @ B": ((right, baseline), BLUE)})
    above = axes.secondary_xaxis("top")
    above.set_xticks(list(marks.values()), labels=list(marks), fontsize="small")
    above.set_xticks([], minor=True)


def draw_rates(axes: Any, series: Mapping[str, Sequence[Point]], sizes: Sequence[float]) -> None:
    """Draw a line of rates by size for each name, on logarithmic axes."""
    draw_lines(axes, series)
    axes.set_xscale("log", base=2)
    axes.set(yscale="log", xlabel="side n of the matrices (log)", ylabel="GFLOP/s (log)")
    name_ticks(axes.xaxis, sizes)
    log_ticks(axes.yaxis)
    finish(axes, legend=False)
    ends = {line.get_label(): (line.get_xydata()[-1], line.get_color()) for line in axes.lines}
    if len(ends) > 1:  # a single one is named by the title
        name_ends(axes, ends)


def draw_roofline(
    axes: Any,
    peak: float,
    bandwidths: Mapping[str, float],
    kernels: Sequence[tuple[str, float, float]],
    ceilings: Mapping[str, float],
    call_seconds: float | None = None,
) -> None:
    """Draw a roof for each bandwidth, flat ones above, and a marker for each kernel's points.

    Names stand beside what they name.
    """
    ridges = [peak / rate for rate in bandwidths.values()]
    known = [*ridges, *(intensity for _, intensity, _ in kernels)]
    low, high = min(known) / 4, max(known) * 3
    axes.set(xscale="log", yscale="log", xlim=(low, high))
    lowest = min([rate for _, _, rate in kernels] + [peak / 1e9]) / 3
    for (name, rate), look in zip(bandwidths.items(), looks(), strict=False):
        xs = [low, peak / rate, high]
        ys = [min(peak, rate * x) / 1e9 for x in xs]
        axes.plot(xs, ys, color="black", linestyle=look["linestyle"], label=f"roof: {name}")
        start = max(low, lowest * 1e9 / rate) * 1.15
        _name_slope(axes, f"{name}, {rate / 1e9:.3g} GB/s", (start, rate * start / 1e9), 1)
    for name, most in {"peak": peak, **ceilings}.items():
        if name != "peak":
            axes.plot([min(ridges), high], [most / 1e9] * 2, color=GREY, linestyle=":", label=name)
        above = {"xytext": (3, 3), "textcoords": "offset points", "fontsize": "small"}
        axes.annotate(f"{name}, {most / 1e9:.3g} GFLOP/s", (min(ridges), most / 1e9), **above)
    if call_seconds:
        rates = [lowest, peak / 1e9]
        sides = [(rate * 1e9 * call_seconds / 2) ** (1 / 3) for rate in rates]
        xs = [side / FLOAT32_SIDE for side in sides]
        axes.plot(xs, rates, color=BLUE, linestyle="--", label="roof: cost of a call")
        foot = (xs[0] * 1.03, rates[0] * 1.03**3)
        _name_slope(axes, f"a call, {format_seconds(call_seconds)}", foot, 3, color=BLUE)
    reached = {name: [(x, y) for other, x, y in kernels if other == name] for name, _, _ in kernels}
    draw_lines(axes, reached, linestyle="", markersize=8)
    is_named = len(reached) == len(kernels)
    if is_named:
        for line in axes.lines[-len(reached) :]:
            beside = {"xytext": (8, -11), "textcoords": "offset points", "ha": "left"}
            axes.annotate(line.get_label(), line.get_xydata()[0], **beside)
    axes.set_ylim(bottom=lowest)
    axes.set(xlabel="arithmetic intensity in flop/B (log)", ylabel="GFLOP/s (log)")
    log_ticks(axes.xaxis)
    log_ticks(axes.yaxis)
    finish(axes, legend=not is_named)


def _name_slope(axes: Any, name: str, start: Point, power: int, color: str = "black") -> None:
    """Write along a line on logarithmic axes that rises as a power of x."""
    from matplotlib.transforms import ScaledTranslation

    above = ScaledTranslation(-2.5 / 72, 2 / 72, axes.figure.dpi_scale_trans)
    angle = degrees(atan2(power * start[1], start[0]))
    along = {"rotation": angle, "rotation_mode": "anchor", "transform_rotates_text": True}
    look = {"va": "bottom", "fontsize": "small", "color": color}
    axes.text(*start, name, transform=axes.transData + above, **along, **look)


def draw_threads(
    axes: Any, points: Sequence[Point], fitted: Sequence[int], serial: float, cores: float
) -> None:
    """Draw speedup by threads, Amdahl's law, and the ideal, which ends with the cores."""
    threads = [count for count, _ in points]
    low, high = min(threads), max(threads)
    curve = [low + (high - low) * place / CURVE for place in range(CURVE + 1)]
    law = [amdahl(serial, min(count, cores)) for count in curve]
    draw_lines(axes, {"measured": points})
    filled = [point for point in points if point[0] in fitted]
    if filled:
        axes.plot(*zip(*filled, strict=True), "o", color="black", label="the law is fitted to")
    named = f"Amdahl, s = {serial:.2g}"
    axes.plot(curve, law, color=BLUE, linestyle="--", label=named)
    ideal = [min(count, cores) for count in curve]
    axes.plot(curve, ideal, color=GREY, linestyle=":", label="ideal")
    axes.set_ylim(bottom=0)
    if low < cores < high:
        axes.axvline(cores, color=GREY, linewidth=0.8, label=f"{cores:g} cores")
        axes.annotate(f" {cores:g} cores", (cores, 0), (2, 4), textcoords="offset points")
    axes.set(xlabel="threads", ylabel=f"times as fast as {low:g} thread{'s' * (low > 1)}")
    name_ticks(axes.xaxis, threads)
    finish(axes, legend=False)
    ends = {"measured": (points[-1], "black"), named: ((high, law[-1]), BLUE)}
    name_ends(axes, {**ends, "ideal": ((high, ideal[-1]), GREY)})


def draw_calibration(axes: Any, ratios: Mapping[str, tuple[float, bool]]) -> None:
    """Draw for each name a ratio on a log axis around 1; hollow where it was made afterwards."""
    axes.axvspan(0.5, 2, color="0.9", label="within a factor of two")
    axes.axvline(1, color=BLUE, linestyle="--", label="as measured")
    for place, (ratio, after) in enumerate(ratios.values()):
        axes.plot([1, ratio], [place, place], color="0.6", linewidth=1)
        face = "none" if after else "black"
        axes.plot([ratio], [place], "o", color="black", markerfacecolor=face)
    axes.set(xscale="log", xlabel="predicted over measured (log): left too small, right too large")
    furthest = max(2.5, *(max(ratio, 1 / ratio) for ratio, _ in ratios.values()))
    axes.set_xlim(1 / furthest / 1.3, furthest * 1.3)
    axes.set_yticks(range(len(ratios)), labels=list(ratios))
    axes.set_ylim(len(ratios) - 0.5, -0.5)
    log_ticks(axes.xaxis)
    finish(axes, legend=False)
    look = {"ha": "center", "va": "bottom", "fontsize": "small"}
    axes.text(1, 1.01, "within a factor of two", transform=axes.get_xaxis_transform(), **look)


def draw_predictions(axes: Any, rows: Sequence[Prediction], unit: str) -> None:
    """Draw a line for each row, from what was predicted to what was measured."""
    for place, row in enumerate(rows):
        axes.plot([row.predicted, row.measured], [place, place], color="0.6", linewidth=1)
    models = dict.fromkeys(row.model for row in rows)
    for model, look in zip(models, islice(looks(), 1, None), strict=False):
        points = [(row.predicted, place) for place, row in enumerate(rows) if row.model == model]
        look |= {"linestyle": "", "label": f"predicted: {model}"}
        axes.plot(*zip(*points, strict=True), **look)
    axes.plot(
        [row.measured for row in rows], range(len(rows)), "o", color="black", label="measured"
    )
    axes.set(xscale="log", xlabel=f"{unit} (log)")
    axes.margins(x=0.08)
    axes.set_yticks(range(len(rows)), labels=[row.name for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    log_ticks(axes.xaxis)
    finish(axes)


def draw_shares(axes: Any, shares: Mapping[str, float]) -> None:
    """Draw a bar for each share in per cent, with its figure at the end."""
    bars = axes.barh(list(shares), list(shares.values()), color="0.8", edgecolor="black")
    axes.bar_label(bars, [f"{share:.2f} %" for share in shares.values()], padding=5)
    axes.set(xlabel="accesses that miss, in %")
    axes.set_xlim(0, max(1.0, *shares.values()) * 1.2)
    axes.invert_yaxis()
    finish(axes, legend=False)
    axes.grid(visible=False, axis="y")
