"""What a person sees of a picture: whether all of it lies on its page."""

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

__all__ = ["assert_on_its_page"]


def assert_on_its_page(figure: Any) -> None:
    """Draw a figure, and ask that no word or line of it is cut off."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, page = figure.get_tightbbox(canvas.get_renderer()), figure.bbox_inches.padded(0.01)
    assert page.contains(drawn.x0, drawn.y0)
    assert page.contains(drawn.x1, drawn.y1)
