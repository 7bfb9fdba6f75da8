"""A picture of measurements with its figures as a table beneath it.

Lines differ by marker and dash as well as by colour (Okabe and Ito's, as in Wong, Nature Methods 8,
2011, p. 441), so they read in black and white. Without matplotlib the table alone is shown.
"""

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

__all__ = ["Chart", "Point", "draw_lines", "finish", "looks", "new_axes", "require"]

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
MARKERS = "osD^vPX*"
DASHES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 4)))
NO_PICTURES = "For the picture: python -m pip install matplotlib"

Point = tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """A picture and the table that says the same; a notebook shows both, a terminal the table.

    Parameters
    ----------
    title : str
        What it shows, and on which machine.
    table : str
        The figures.
    figure : matplotlib.figure.Figure or None
        None where matplotlib is not installed.
    """

    title: str
    table: str
    figure: Any

    def __repr__(self) -> str:
        return "\n".join([self.title, self.table, *([] if self.figure else [NO_PICTURES])])

    def _repr_html_(self) -> str:
        """Return the picture with its table for a notebook."""
        table = f"<pre>{html.escape(repr(self))}</pre>"
        if self.figure is None:
            return table
        image, title = io.BytesIO(), html.escape(self.title)
        self.figure.savefig(image, format="png", dpi=110)
        data = base64.b64encode(image.getvalue()).decode("ascii")
        return f'<img alt="{title}: see the table below" src="data:image/png;base64,{data}">{table}'

    def save(self, path: str | Path) -> None:
        """Save the picture; the ending of `path` names the format.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if self.figure is None:
            raise ImportError(NO_PICTURES)
        self.figure.savefig(path, dpi=150)


def looks() -> Iterator[dict[str, Any]]:
    """Yield looks that differ in black and white, too, without end."""
    for colour, marker, dashes in zip(cycle(COLOURS), cycle(MARKERS), cycle(DASHES), strict=False):
        yield {"color": colour, "marker": marker, "linestyle": dashes, "markerfacecolor": "none"}


def require(data: object) -> None:
    """Ask that there is something to show."""
    if not data:
        raise ValueError("there has to be something to show")


def new_axes(title: str, height: float = 4.0) -> tuple[Any, Any]:
    """Return a figure and its axes; None twice where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None, None
    figure = Figure(figsize=(7, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize="medium")
    return figure, axes


def draw_lines(axes: Any, series: Mapping[str, Sequence[Point]]) -> None:
    """Draw a line for each name."""
    for (name, points), look in zip(series.items(), looks(), strict=False):
        axes.plot(*zip(*points, strict=True), label=name, **look)


def finish(axes: Any, ticks: Sequence[float] = ()) -> None:
    """Put in the ticks, the grid and the legend."""
    if ticks:
        axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    axes.grid(color="0.85")
    axes.legend()
