"""A picture and its table, for a notebook, a page, a terminal and a file."""

import base64
import io
import sys

import pytest
from drawn import Page
from matplotlib import style
from PIL import Image

from tinytorch.utils.charts import NO_PICTURES, Chart, Folded, html_table, require


def draw(axes):
    axes.plot([1, 2], [1, 4])


CHART = ("Squares <of> sides", "a machine", "A line.", ["side", "area"], [["a & b", "1"]], draw)
SHOWN = Chart(*CHART)


@pytest.fixture
def bare(monkeypatch):
    """A chart where matplotlib is missing."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    return Chart(*CHART)


def test_a_notebook_gets_the_picture_with_its_table_beneath():
    html = SHOWN._repr_html_()
    page = Page(html)
    assert page.tags[:3] == ["figure", "img", "table"]
    assert "of" not in page.tags  # what is written is no markup
    assert "a &amp; b" in html
    kind, _, data = page.images[0]["src"].partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        assert picture.width == 2 * int(page.images[0]["width"]) == 1540


def test_an_svg_image_says_what_it_shows_and_where_the_figures_are():
    (image,) = Page(SHOWN.as_html("svg")).images
    assert image["src"].startswith("data:image/svg+xml;base64,")
    assert image["alt"].startswith("Squares <of> sides. A line. a machine.")
    assert image["alt"].endswith("The table below has the figures.")


def test_html_table_names_columns_and_rows():
    table = html_table(["side", "area"], [["1", "2"]])
    assert '<th scope="col">side</th>' in table
    assert '<th scope="row">1</th><td>2</td>' in table


def test_a_terminal_gets_words_and_table():
    lines = repr(SHOWN).splitlines()
    assert lines[:3] == ["Squares <of> sides", "a machine", "A line."]
    assert lines[3].split() == ["side", "area"]


def test_a_chart_of_nothing_is_its_words():
    nothing = Chart("Tiles", "a machine", "No picture yet: nothing is multiplied.", [""], [], None)
    assert Page(nothing._repr_html_()).tags == ["figure", "figcaption", "strong", "br"]
    assert repr(nothing) == "Tiles\na machine\nNo picture yet: nothing is multiplied."


def test_a_picture_is_drawn_once_and_its_axes_are_those_given():
    assert SHOWN.figure is SHOWN.figure
    (axes,) = SHOWN.figure.axes
    assert list(axes.lines[0].get_ydata()) == [1, 4]


def test_a_picture_is_black_on_white_whatever_the_style_of_the_notebook_is():
    with style.context("dark_background"):
        figure = Chart(*CHART).figure
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert figure.axes[0].xaxis.label.get_color() == "black"


def test_save_writes_what_the_ending_says(tmp_path):
    SHOWN.save(tmp_path / "squares.svg")
    assert (tmp_path / "squares.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_table_without_a_picture_has_its_title_and_asks_for_no_matplotlib():
    chart = Chart(
        "Costs", "m", "What a step costs.", ["", "time"], [["a", "1 s"]], None, doubts=["x."]
    )
    assert "<strong>Costs</strong>" in chart._repr_html_()
    assert "Doubt: x." in chart._repr_html_()
    assert repr(chart).endswith("Doubt: x.")
    assert chart.figure is None


def test_what_is_folded_is_printed_in_a_terminal_and_folded_in_a_notebook():
    folded = Folded("What to make of it", "a < b " * 40)
    assert folded._repr_html_().startswith("<details><summary>What to make of it</summary>a &lt; b")
    assert max(map(len, repr(folded).splitlines())) <= 100


def test_without_matplotlib_the_table_is_there(bare, tmp_path):
    assert bare.figure is None
    assert Page(bare._repr_html_()).tags[:5] == ["figure", "figcaption", "strong", "br", "table"]
    assert NO_PICTURES in bare._repr_html_()
    assert repr(bare).endswith(NO_PICTURES)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        bare.save(tmp_path / "none.png")


@pytest.mark.parametrize("nothing", [[], {}, ()])
def test_require_refuses_nothing(nothing):
    with pytest.raises(ValueError, match="something to show"):
        require(nothing)
