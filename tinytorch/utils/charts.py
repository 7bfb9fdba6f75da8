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
from typing import Any

from tinytorch.utils.drawing import put_beneath
from tinytorch.utils.report import text_table

__all__ = ["WIDTH", "Chart", "html_table", "require"]

WIDTH = 7.0
"""Inches."""
NO_PICTURES = "For the picture: python -m pip install matplotlib"


@dataclass(frozen=True)
class Chart:
    """A picture, and the table that says the same.

    Parameters
    ----------
    title : str
        What it shows.
    machine : str
        What it was measured on.
    caption : str
        How to read it.
    head : sequence of str
        Names of the table's columns; the first names what the rows are.
    rows : sequence of sequences of str
    draw : callable
        Draws the picture on the axes that it is given.
    height : float
        Of the picture, in inches.
    """

    title: str
    machine: str
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    draw: Callable[[Any], None] = field(compare=False)
    height: float = 4.6

    @property
    def table(self) -> str:
        """The figures as text."""
        return text_table(self.head, self.rows)

    @cached_property
    def figure(self) -> Any:
        """The picture as a `matplotlib.figure.Figure`; None where that is not installed."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return None
        figure = Figure(figsize=(WIDTH, self.height), layout="constrained")
        self.draw_on(figure, self.height, f"{self.caption}\n{self.machine}")
        return figure

    def draw_on(self, figure: Any, height: float, text: str) -> None:
        """Draw the picture on a figure or a part of one, its title and `text` above it."""
        self.draw(put_beneath(figure, height, self.title, text).add_subplot())

    def __repr__(self) -> str:
        words = [self.title, self.machine, self.caption, self.table]
        return "\n".join([*words, *([] if self.figure else [NO_PICTURES])])

    def _repr_html_(self) -> str:
        """Return the picture with its table for a notebook."""
        return self.as_html("png")

    def as_html(self, image: str) -> str:
        """Return the picture, as an image of that format inside the page, and its table."""
        words = f"{self.title}. {self.caption} {self.machine}."
        if self.figure:
            picture = self._image(image, f"{words} The table below has the figures.")
        else:
            picture = f"<figcaption>{html.escape(f'{words} {NO_PICTURES}')}</figcaption>"
        table = html_table(self.head, self.rows)
        return f'<figure style="margin: 0">{picture}\n{table}</figure>'

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
        self.figure.savefig(drawn, format=image, dpi=110)
        data = base64.b64encode(drawn.getvalue()).decode("ascii")
        return f'<img alt="{html.escape(says)}" src="data:image/{kind};base64,{data}">'


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
