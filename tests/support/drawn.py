"""What a person sees of a picture: whether all of it lies on its page, and what a page holds."""

from html.parser import HTMLParser
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

__all__ = ["Page", "assert_on_its_page"]


class Page(HTMLParser):
    """A page's tags in order, the attributes of its images, and what is written on it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.images += [dict(attrs)] if tag == "img" else []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def assert_on_its_page(figure: Any) -> None:
    """Draw a figure, and ask that no word or line of it is cut off."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, page = figure.get_tightbbox(canvas.get_renderer()), figure.bbox_inches.padded(0.01)
    assert page.contains(drawn.x0, drawn.y0)
    assert page.contains(drawn.x1, drawn.y1)
