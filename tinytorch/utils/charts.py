"""A picture of measurements with its figures as a table beneath it.

A notebook shows both, a terminal the table, and so does a machine without matplotlib.
"""

import base64
import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from textwrap import fill
from typing import Any

from tinytorch.utils.drawing import put_beneath
from tinytorch.utils.report import text_table

__all__ = ["DOUBT", "WIDTH", "Chart", "Folded", "html_table", "require", "show"]

WIDTH = 7.0
"""Inches."""
PIXELS, FINE = 110, 220
"""Per inch on a page, and in an image, so that it is sharp in print and on fine screens."""
DOUBT = "Doubt:"
"""How a sentence begins that says why a figure is not to be trusted."""
NO_PICTURES = "For the picture: python -m pip install matplotlib"


@dataclass(frozen=True)
class Chart:
    """A picture, and the table that says the same.

    Parameters
    ----------
    title : str
        Of the picture.
    machine : str
        What it was measured on.
    caption : str
        How to read it.
    head : sequence of str
        Names of the table's columns; the first names what the rows are.
    rows : sequence of sequences of str
    draw : callable, optional
        Draws the picture on the axes that it is given; without it there is a table only.
    height : float
        Of the picture, in inches.
    doubts : sequence of str
        Sentences on what makes the figures uncertain.
    """

    title: str
    machine: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    draw: Callable[[Any], None] | None = field(compare=False)
    height: float = 4.6
    doubts: Sequence[str] = ()

    @property
    def table(self) -> str:
        """The figures as text."""
        return text_table(self.head, self.rows)

    @cached_property
    def figure(self) -> Any:
        """The picture as a `matplotlib.figure.Figure`; None where there is none to draw."""
        if self.draw is None:
            return None
        try:
            from matplotlib import style
            from matplotlib.figure import Figure
        except ImportError:
            return None
        with style.context("default"):  # a notebook's own may be white on black
            figure = Figure(figsize=(WIDTH, self.height), layout="constrained")
            self.draw_on(figure, self.height, f"{self.caption}\n{self.machine}")
        return figure

    def draw_on(self, figure: Any, height: float, text: str) -> None:
        """Draw the picture on a figure or a part of one, its title and `text` above it."""
        if self.draw is not None:
            self.draw(put_beneath(figure, height, self.title, text).add_subplot())

    def __repr__(self) -> str:
        words = [self.title, self.machine, self.caption, *([self.table] if self.rows else [])]
        return "\n".join([*words, *self.warnings, *self._missing])

    @property
    def warnings(self) -> list[str]:
        """The doubts, each as a line that says what it is."""
        return [f"{DOUBT} {doubt}" for doubt in self.doubts]

    @property
    def _missing(self) -> list[str]:
        return [] if self.figure or self.draw is None else [NO_PICTURES]

    def _repr_html_(self) -> str:
        """Return the picture with its table for a notebook."""
        return self.as_html("png")

    def as_html(self, image: str) -> str:
        """Return the picture, as an image of that format inside the page, and its table."""
        words = f"{self.title}. {self.caption} {self.machine}."
        if self.figure:
            picture = self._image(image, f"{words} The table below has the figures.")
        else:
            title = html.escape(self.title)
            says = html.escape(" ".join([f"{self.caption} {self.machine}.", *self._missing]))
            picture = f"<figcaption><strong>{title}</strong><br>{says}</figcaption>"
        doubts = "".join(f"\n<p>{html.escape(doubt)}</p>" for doubt in self.warnings)
        table = html_table(self.head, self.rows) if self.rows else ""
        return f'<figure style="margin: 0">{picture}\n{table}{doubts}</figure>'

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

    def _image(self, image: str, says: str) -> str:
        drawn, kind = io.BytesIO(), {"png": "png", "svg": "svg+xml"}[image]
        self.figure.savefig(drawn, format=image, dpi=FINE)
        content = _with_palette(drawn) if image == "png" else drawn.getvalue()
        source = f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
        size = f'width="{WIDTH * PIXELS:.0f}" style="max-width: 100%; height: auto"'
        return f'<img alt="{html.escape(says)}" {size} src="{source}">'


def _with_palette(drawn: io.BytesIO) -> bytes:
    """Return a PNG with at most 256 colours, of a third of the bytes, which looks the same."""
    from PIL import Image  # matplotlib needs it, too

    smaller = io.BytesIO()
    with Image.open(drawn) as picture:
        colours = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        colours.save(smaller, "png", optimize=True)
    return smaller.getvalue()


@dataclass(frozen=True)
class Folded:
    """A text that a notebook keeps folded under its title, and a terminal prints."""

    title: str
    text: str

    def __repr__(self) -> str:
        return fill(f"{self.title}: {self.text}", 100)

    def _repr_html_(self) -> str:
        title, text = html.escape(self.title), html.escape(self.text)
        return f"<details><summary>{title}</summary>{text}</details>"


def show(shown: object) -> None:
    """Show something: in a notebook as a picture, in a terminal as text."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(shown)
        return
    if get_ipython() is None:
        print(shown)
    else:
        display(shown)


def require(data: object) -> None:
    """Ask that there is something to show."""
    if not data:
        raise ValueError("there has to be something to show")


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a page; the first cell of a row names what the row is."""
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "\n".join(_html_row(*row) for row in rows)
    return f"<table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _html_row(name: str, *cells: str) -> str:
    numbers = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f'<tr><th scope="row">{html.escape(name)}</th>{numbers}</tr>'
