"""How the pictures of measurements look: lines, ticks, legends and the words above them.

Lines differ by marker and dash as well as by colour, so they read in black and white. Colours are
those of Okabe and Ito (Wong, Nature Methods 8, 2011, p. 441) that are dark enough on white paper,
with Tol's wine and indigo. A line is named at its end; where that cannot be done, a legend stands
below the axes, never over the data.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from math import log10
from textwrap import wrap
from typing import Any

import numpy as np

from tinytorch.utils.report import short_number

__all__ = [
    "Point",
    "draw_lines",
    "finish",
    "log_ticks",
    "looks",
    "name_ends",
    "name_ticks",
    "put_beneath",
]

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#882255", "#332288")
MARKERS = "osD^vPX*"
DASHES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 4)))

TITLE_CHARACTERS, LINE_CHARACTERS = 68, 105
"""What fits across a picture, in bold and in small print."""
TITLE_INCHES, LINE_INCHES, GAP_INCHES = 0.18, 0.15, 0.06
LEFT = 0.015
LEGEND_CHARACTERS, HANDLE_CHARACTERS = 95, 10
"""What fits into a line of a legend, and what the piece of line before a name and the gap take."""
TICKS_APART = 1 / 14
"""Labels of ticks closer than this share of an axis would run into each other."""
NAMES_APART, BESIDE, INSIDE = 0.085, 1.03, 0.9
"""Names of lines, as shares of the axes: how far apart, where they begin, which ends are near."""
MOST_TICKS = 7

Point = tuple[float, float]


def looks() -> Iterator[dict[str, Any]]:
    """Yield looks that differ in black and white, too, without end."""
    for colour, marker, dashes in zip(cycle(COLOURS), cycle(MARKERS), cycle(DASHES), strict=False):
        yield {"color": colour, "marker": marker, "linestyle": dashes, "markerfacecolor": "none"}


def draw_lines(axes: Any, series: Mapping[str, Sequence[Point]], **options: Any) -> None:
    """Draw a line for each name, each with a look of its own; `options` hold for all."""
    for (name, points), look in zip(series.items(), looks(), strict=False):
        axes.plot(*zip(*points, strict=True), label=name, **look | options)


def finish(axes: Any, *, legend: bool = True) -> None:
    """Put in the grid, and the legend below the axes."""
    axes.grid(color="0.88")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not legend:
        return
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=_columns(labels),
        frameon=False,
        fontsize="small",
        handlelength=3.2,
    )


def name_ends(axes: Any, ends: Mapping[str, tuple[Point, str]]) -> None:
    """Name lines to the right of the axes, as near to the height of their ends as there is room.

    A line that ends farther left is named there.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With scales and limits that stay.
    ends : mapping of name to ((x, y), colour)
        Where each line ends.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    places = {name: to_axes.transform(end) for name, (end, _) in ends.items()}
    heights = {name: float(y) for name, (x, y) in places.items() if x > INSIDE}
    look: dict[str, Any] = {"va": "center_baseline", "fontsize": "small", "annotation_clip": False}
    for name, (end, colour) in ends.items():
        if name not in heights:
            axes.annotate(name, end, (9, 0), textcoords="offset points", color=colour, **look)
    for name, height in _spread_out(heights).items():
        end, colour = ends[name]
        look["arrowprops"] = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkB": 3}
        beside = (BESIDE, height)
        axes.annotate(name, end, beside, textcoords="axes fraction", color=colour, **look)


def _spread_out(heights: Mapping[str, float]) -> dict[str, float]:
    """Move heights apart, no farther than they have to: close ones, around their middle."""
    groups: list[list[str]] = []
    for name in sorted(heights, key=lambda name: heights[name]):
        group = [name]
        while groups and _lowest(group, heights) < _lowest(groups[-1], heights) + NAMES_APART * len(
            groups[-1]
        ):
            group = groups.pop() + group
        groups.append(group)
    return {
        name: _lowest(group, heights) + NAMES_APART * place
        for group in groups
        for place, name in enumerate(group)
    }


def _lowest(group: Sequence[str], heights: Mapping[str, float]) -> float:
    """Return where the lowest name of a group stands, whose middle is that of its heights."""
    middle = sum(heights[name] for name in group) / len(group)
    return middle - NAMES_APART * (len(group) - 1) / 2


def _columns(labels: Sequence[str]) -> int:
    """Return how many columns of a legend fit side by side; it fills one after the other."""
    for columns in range(len(labels), 1, -1):
        widest = [max(map(len, column)) for column in np.array_split(labels, columns)]
        if sum(widest) + HANDLE_CHARACTERS * columns <= LEGEND_CHARACTERS:
            return columns
    return 1


def name_ticks(axis: Any, ticks: Sequence[float]) -> None:
    """Mark what was measured on an axis, and name as many of the marks as have room.

    The roundest are named first, such as 64 before 63 and 65.
    """
    place = axis.get_transform().transform
    low, high = (float(place(end)) for end in (min(ticks), max(ticks)))
    named: list[float] = []
    for tick in sorted(ticks, key=_roundness, reverse=True):
        if all(abs(place(tick) - place(n)) >= TICKS_APART * (high - low) for n in named):
            named.append(tick)
    axis.set_ticks(sorted(named), labels=[f"{tick:g}" for tick in sorted(named)])
    axis.set_ticks([tick for tick in ticks if tick not in named], minor=True)
    axis.set_minor_formatter("")


def _roundness(tick: float) -> int:
    """Return the largest power of two that divides a number."""
    return int(tick) & -int(tick)


def log_ticks(axis: Any) -> None:
    """Put ticks with plain numbers on a logarithmic axis, few or many decades long."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    low, high = axis.get_view_interval()
    decades = log10(high / low)
    if decades < 0.8:
        axis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, place: short_number(value))


def put_beneath(figure: Any, height: float, title: str, text: str) -> Any:
    """Write a title and small print on a figure; return the part of the figure beneath.

    Parameters
    ----------
    figure : matplotlib.figure.Figure or SubFigure
    height : float
        Of `figure`, in inches.
    title : str
    text : str
        Its lines are wrapped.
    """
    heading = wrap(title, TITLE_CHARACTERS)
    lines = [part for line in text.splitlines() for part in wrap(line, LINE_CHARACTERS)]
    start = GAP_INCHES * 2 + TITLE_INCHES * len(heading)
    words = start + LINE_INCHES * len(lines) + GAP_INCHES
    above, beneath = figure.subfigures(2, 1, height_ratios=[words, height - words])
    above.text(LEFT, 1 - GAP_INCHES / words, "\n".join(heading), va="top", weight="bold")
    above.text(
        LEFT, 1 - start / words, "\n".join(lines), va="top", fontsize="small", linespacing=1.15
    )
    return beneath
