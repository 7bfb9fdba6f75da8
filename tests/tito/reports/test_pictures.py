"""Files of pictures: what is in them, and what is refused before anything is measured."""

import re
import sys

import pytest
from drawn import Page

from tinytorch.utils.charts import Chart
from tinytorch.utils.gemm import Comparison, Measurement
from tinytorch.utils.machine import Machine
from tinytorch.utils.survey import Survey
from tito.errors import TitoError
from tito.reports.pictures import Report, as_page, check_plot_file, save_pictures

MACHINE = Machine("Linux", "CPU <1>", 2, None, 2**34, (), "3.12.1", "2.1.0", "openblas", 2)
COMPARISON = Comparison(
    "float32",
    True,
    (Measurement("A @ B", 64, 1e-5, 2e-5, 0.1, 20, 1, 50.0, 1.0, 1.0),),
    ("A note.",),
)


def draw(axes):
    axes.plot([1, 2], [1, 4])
    axes.set(xlabel="side", ylabel="area")


def chart(number, rows=3):
    cells = [[f"row {place}", f"{number}.{place}"] for place in range(rows)]
    return Chart(f"Chart {number}", "a machine", f"Caption {number}.", ["", "area"], cells, draw)


def report(count=3, rows=3):
    charts = tuple(chart(number, rows) for number in range(count))
    return Report("11_kernels", MACHINE, COMPARISON, Survey(charts, ("Not drawn: x.",)))


PAGE = as_page(report())


@pytest.fixture
def page():
    return Page(PAGE)


def test_a_page_has_a_table_beneath_each_picture(page):
    tags = [tag for tag in page.tags if tag in ("section", "h2", "img", "table")]
    assert tags == ["section", "img", "table"] * 3 + ["h2", "table"]


def test_every_picture_of_a_page_says_what_it_shows(page):
    assert [image["alt"].partition(".")[0] for image in page.images] == [
        "Chart 0",
        "Chart 1",
        "Chart 2",
    ]
    assert all("Caption" in image["alt"] for image in page.images)


def test_a_page_needs_no_other_file(page):
    assert all(image["src"].startswith("data:image/svg+xml;") for image in page.images)
    assert not re.search(r'(?:href|src)="(?!data:)', PAGE)
    assert "<script" not in PAGE


def test_a_page_names_the_machine_and_holds_every_figure_and_note(page):
    words = " ".join(page.words)
    for text in ("CPU <1>", "openblas", "2.1", "A @ B", "50.0", "A note.", "Not drawn: x."):
        assert text in words


@pytest.mark.parametrize(
    ("ending", "start"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("html", b"<!DOCTYPE")],
)
def test_save_writes_the_format_that_the_ending_names_with_its_tables(tmp_path, ending, start):
    file = tmp_path / f"plot.{ending}"
    check_plot_file(file)
    save_pictures(report(), file)
    written = file.read_bytes()
    assert written.startswith(start)
    assert b"2.1" in written
    assert b"Caption 1.\n" in written or ending == "html"


@pytest.mark.parametrize("count", [1, 5])
def test_panels_show_every_chart_once(tmp_path, count, monkeypatch):
    drawn = []
    monkeypatch.setattr(Chart, "draw_on", lambda chart, *rest: drawn.append(chart.title))
    save_pictures(report(count), tmp_path / "plot.svg")
    assert drawn == [f"Chart {number}" for number in range(count)]


@pytest.mark.parametrize("name", ["plot.xyz", "plot", "plot.", "plot.pdf"])
def test_check_names_the_endings_there_are(tmp_path, name):
    with pytest.raises(TitoError, match=r"html, png, svg") as caught:
        check_plot_file(tmp_path / name)
    assert caught.value.exit_code == 2


def test_check_wants_a_folder_that_exists(tmp_path):
    with pytest.raises(TitoError, match="There is no folder") as caught:
        check_plot_file(tmp_path / "missing" / "plot.png")
    assert caught.value.exit_code == 2


def test_what_is_a_folder_itself_is_refused(tmp_path):
    folder = tmp_path / "plot.png"
    folder.mkdir()
    with pytest.raises(TitoError, match="cannot be written"):
        check_plot_file(folder)
    with pytest.raises(TitoError, match="The pictures were not saved"):
        save_pictures(report(1), folder)


def test_check_refuses_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(TitoError, match="cannot be written"):
        check_plot_file(tmp_path / "plot.png")


@pytest.mark.parametrize("ending", ["png", "html"])
def test_check_asks_for_matplotlib(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(TitoError, match="pip install matplotlib"):
        check_plot_file(tmp_path / f"plot.{ending}")
