"""Draw grids of numbers: matrices, cache lines, sets. `tinytorch.utils.pictures` has the words.

A ring is black with a white rim, and a text black or white, so both can be read on every colour,
in grey as well.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.charts import WIDTH

__all__ = [
    "DARK",
    "LIGHT",
    "MIDDLE",
    "WHITE",
    "Grid",
    "arrow",
    "bare",
    "box",
    "grid",
    "height_of",
    "label",
    "scale",
    "shades",
]

Array = NDArray[Any]
Grid = Sequence[Sequence[str]]

WHITE, LIGHT, MIDDLE, DARK = "white", "0.88", "0.72", "0.35"
EDGE, ARROW = "0.35", "#B34E00"
MAP = "cividis_r"
"""From light to dark, also in grey and for the colour-blind."""
WORDS_INCHES, MARGIN = 0.95, 0.15
"""What title and caption take; squares left free around a drawing."""
STEPS = 60
"""Of colour in a scale."""


def height_of(width: float, height: float) -> float:
    """Return the inches of a `Chart` whose drawing has this width and height in squares."""
    return WORDS_INCHES + WIDTH * height / width


def bare(axes: Any, width: float, height: float) -> None:
    """Prepare axes for a drawing, width and height in squares: no ticks, y downwards."""
    axes.set_xlim(-MARGIN, width + MARGIN)
    axes.set_ylim(height + MARGIN, -MARGIN)
    axes.set_aspect("equal")
    axes.axis("off")


def shades(values: Array) -> Callable[[float], Any]:
    """Return a map from values to colours, light for the least and dark for the largest."""
    from matplotlib import colormaps

    low, high = float(np.min(values)), float(np.max(values))
    span = (high - low) or 1.0
    return lambda value: colormaps[MAP]((value - low) / span)


def ink(colour: Any) -> str:
    """Return the text colour with more contrast: black or white (WCAG 2, relative luminance)."""
    from matplotlib.colors import to_rgb

    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else "white"


def box(
    axes: Any,
    corner: tuple[float, float],
    sides: tuple[float, float],
    colour: Any,
    text: str = "",
    size: float = 7.0,
    **look: Any,
) -> None:
    """Draw a rectangle, wide and high by `sides`, with a text in it; `look` is the rectangle's."""
    from matplotlib.patches import Rectangle

    look = {"edgecolor": EDGE, "linewidth": 0.6, **look}
    axes.add_patch(Rectangle(corner, *sides, facecolor=colour, **look))
    if text:
        middle = (corner[0] + sides[0] / 2, corner[1] + sides[1] / 2)
        place = {"ha": "center", "va": "center_baseline", "fontsize": size}
        axes.text(*middle, text, color=ink(colour), **place)


def grid(
    axes: Any,
    x: float,
    y: float,
    colours: Sequence[Sequence[Any]],
    texts: Grid | None = None,
    *,
    ringed: Mapping[tuple[int, int], bool] | None = None,
    size: float = 7.0,
    side: float = 1.0,
) -> None:
    """Draw squares from (x, y) on, with a text in each, some of them ringed."""
    for row, line in enumerate(colours):
        for column, colour in enumerate(line):
            corner = (x + column * side, y + row * side)
            box(axes, corner, (side, side), colour, texts[row][column] if texts else "", size)
            if ringed and ringed.get((row, column)):
                ring(axes, (corner[0] + side / 2, corner[1] + side / 2), 0.42 * side)


def ring(axes: Any, middle: tuple[float, float], radius: float) -> None:
    """Draw a ring that can be seen on every colour."""
    from matplotlib.patches import Circle
    from matplotlib.patheffects import withStroke

    rim = [withStroke(linewidth=2.6, foreground="white")]
    look = {"fill": False, "edgecolor": "black", "linewidth": 1.1, "path_effects": rim}
    axes.add_patch(Circle(middle, radius, **look))


def scale(axes: Any, x: float, y: float, width: float, ends: tuple[str, str]) -> None:
    """Draw the colours of `shades` from light to dark, with words at both ends."""
    shade, step = shades(np.arange(STEPS)), width / STEPS
    for place in range(STEPS):
        box(axes, (x + place * step, y), (step, 0.6), shade(place), edgecolor=shade(place))
    box(axes, (x, y), (width, 0.6), "none")
    label(axes, x - 0.3, y + 0.3, ends[0], ha="right", va="center_baseline")
    label(axes, x + width + 0.3, y + 0.3, ends[1], va="center_baseline")


def label(axes: Any, x: float, y: float, text: str, **look: Any) -> None:
    """Write at a place; `look` as for `matplotlib.axes.Axes.text`."""
    axes.text(x, y, text, **{"ha": "left", "va": "bottom", "fontsize": "small", **look})


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow from one place to another."""
    look = {"arrowstyle": "->", "color": ARROW, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look)
