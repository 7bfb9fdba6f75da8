"""Draw grids of numbers: matrices, cache lines, sets. `tinytorch.utils.pictures` has the words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grid", "arrow", "bare", "grid", "label", "shades"]

Array = NDArray[Any]
Grid = Sequence[Sequence[str]]

EDGE, RING = "0.35", "#D55E00"
MAP = "cividis_r"
"""From light to dark, also in grey and for the colour-blind."""


def bare(axes: Any, width: float, height: float) -> None:
    """Make axes a drawing of so many squares: no ticks, y downwards."""
    axes.set_xlim(-0.6, width + 0.1)
    axes.set_ylim(height + 0.1, -0.1)
    axes.set_aspect("equal")
    axes.axis("off")


def shades(values: Array) -> Callable[[float], Any]:
    """Return what turns a value into a colour, light for the least and dark for the largest."""
    from matplotlib import colormaps

    low, high = float(np.min(values)), float(np.max(values))
    span = (high - low) or 1.0
    return lambda value: colormaps[MAP]((value - low) / span)


def grid(
    axes: Any,
    x: float,
    y: float,
    colours: Sequence[Sequence[Any]],
    texts: Grid | None = None,
    *,
    ringed: Mapping[tuple[int, int], bool] | None = None,
    size: float = 7.0,
) -> None:
    """Draw squares of side 1 from (x, y) on, with a text in each, some of them ringed."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Circle, Rectangle

    for row, line in enumerate(colours):
        for column, colour in enumerate(line):
            corner = (x + column, y + row)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor=EDGE, linewidth=0.6))
            middle = (corner[0] + 0.5, corner[1] + 0.5)
            if texts is not None and texts[row][column]:
                is_dark = np.dot(to_rgb(colour), (0.3, 0.6, 0.1)) < 0.5
                look = {"color": "white" if is_dark else "black", "fontsize": size}
                axes.text(*middle, texts[row][column], ha="center", va="center", **look)
            if ringed and ringed.get((row, column)):
                axes.add_patch(Circle(middle, 0.44, fill=False, edgecolor=RING, linewidth=1.4))


def label(axes: Any, x: float, y: float, text: str, **look: Any) -> None:
    """Write at a place; `look` as for `matplotlib.axes.Axes.text`."""
    axes.text(x, y, text, **{"ha": "left", "va": "bottom", "fontsize": "small", **look})


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from one place to another."""
    axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": RING, "linewidth": 1.6})
