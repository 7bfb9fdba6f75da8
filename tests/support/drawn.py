"""What a person sees: whether all of a picture lies on its page, and what an HTML page holds."""

from html.parser import HTMLParser
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

__all__ = ["Page", "assert_on_its_page"]


class Page(HTMLParser):
    """The tags of a page in order, its attributes by tag, its words, and its table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.images: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.cells: list[str] = []
        self.in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.images += [dict(attrs)] if tag == "img" else []
        if tag in ("td", "th"):
            self.in_cell = True
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.in_cell:
            self.cells[-1] += data


def assert_on_its_page(figure: Any) -> None:
    """Draw a figure, and ask that no word or line of it is cut off."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, page = figure.get_tightbbox(canvas.get_renderer()), figure.bbox_inches.padded(0.01)
    assert page.contains(drawn.x0, drawn.y0)
    assert page.contains(drawn.x1, drawn.y1)
