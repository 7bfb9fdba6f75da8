"""Pictures: what is drawn, what the table says, and what is there without matplotlib."""

import sys

import matplotlib
import pytest

from tinytorch.utils.figures import (
    block_sweep,
    predicted_against_measured,
    rates_by_size,
    roofline,
    speedups,
    thread_scaling,
)
from tinytorch.utils.processor import Cache

matplotlib.use("Agg")
RESULTS = {
    "loop": {"minimum": 1.0, "median": 1.2},
    "A @ B <b>": {"minimum": 0.001, "median": 0.002},
}
SWEEP = (
    [(32, 16.0), (64, 55.0), (512, 95.0)],
    [Cache("L1d", 2**15), Cache("L3", 2**25)],
    "m",
    100.0,
)


def charts():
    return {
        "speedups": speedups(RESULTS, "m"),
        "sweep": block_sweep(*SWEEP),
        "rates": rates_by_size({"a": [(64, 1.0), (128, 2.0)], "b": [(64, 0.1)]}, "m"),
        "roofline": roofline(1e11, {"caches": 1e11, "memory": 2e10}, [("A @ B", 85.0, 90.0)], "m"),
        "threads": thread_scaling([(1, 1.0), (2, 1.8)], 0.1, "m"),
        "predictions": predicted_against_measured([("a", 1.0, 2.0), ("b", None, 3.0)], "ms", "m"),
    }


@pytest.mark.parametrize("name", list(charts()))
def test_every_picture_names_its_axes_and_the_machine(name):
    (axes,) = charts()[name].figure.axes
    assert axes.get_xlabel()
    assert axes.get_title().endswith("\nm")
    assert name == "speedups" or axes.get_ylabel()


def test_speedups_are_against_the_first_with_the_spread():
    chart = charts()["speedups"]
    (axes,) = chart.figure.axes
    assert [bar.get_width() for bar in axes.patches] == [1.0, 1000.0]
    assert axes.get_xscale() == "log"
    assert chart.table.splitlines()[2].split()[-1] == "1,000"


def test_a_sweep_marks_the_caches_that_lie_in_it():
    chart = charts()["sweep"]
    (axes,) = chart.figure.axes
    assert [text.get_text() for text in axes.texts] == ["L1d 32.0 KB"]
    assert "52 fill L1d" in chart.table
    assert "1672 fill L3" in chart.table
    assert chart.table.splitlines()[2].split() == ["64", "55", "0.55"]


def test_lines_differ_in_black_and_white():
    (axes,) = charts()["rates"].figure.axes
    looks = [(line.get_marker(), line.get_linestyle()) for line in axes.lines]
    assert len(set(looks)) == len(looks) == 2
    assert charts()["rates"].table.splitlines()[-1].split()[-1] == "-"


def test_a_roofline_bends_at_the_ridge():
    chart = charts()["roofline"]
    (axes,) = chart.figure.axes
    for line, bandwidth in zip(axes.lines[:2], (1e11, 2e10), strict=True):
        xs, ys = line.get_data()
        assert xs[1] == 1e11 / bandwidth
        assert ys[1] == ys[2] == 100
        assert ys[0] == pytest.approx(bandwidth * xs[0] / 1e9)
    assert "90 %" in chart.table


def test_threads_beside_the_law_and_the_ideal():
    (axes,) = charts()["threads"].figure.axes
    measured, law, ideal = (list(line.get_ydata()) for line in axes.lines)
    assert (measured, ideal) == ([1.0, 1.8], [1, 2])
    assert law == pytest.approx([1.0, 1 / (0.1 + 0.45)])


def test_what_was_not_predicted_is_in_the_table_only():
    chart = charts()["predictions"]
    (axes,) = chart.figure.axes
    assert [line.get_label() for line in axes.lines] == ["as predicted", "a"]
    assert chart.table.splitlines()[-1].split() == ["b", "-", "3", "-"]


def test_a_notebook_gets_the_picture_and_the_table_as_text():
    shown = charts()["speedups"]._repr_html_()
    assert shown.startswith('<img alt="Speed against')
    assert "data:image/png;base64," in shown
    assert "A @ B &lt;b&gt;" in shown
    assert "<b>" not in shown


def test_save_writes_what_the_ending_says(tmp_path):
    charts()["roofline"].save(tmp_path / "roof.svg")
    assert (tmp_path / "roof.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("name", ["speedups", "roofline", "threads"])
def test_without_matplotlib_the_table_is_there(monkeypatch, tmp_path, name):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    chart = charts()[name]
    assert chart.figure is None
    assert chart._repr_html_().startswith("<pre>")
    assert "pip install matplotlib" in repr(chart)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        chart.save(tmp_path / "none.png")


@pytest.mark.parametrize(
    "draw",
    [
        lambda: speedups({}, ""),
        lambda: block_sweep([], [], "", 1.0),
        lambda: rates_by_size({}, ""),
        lambda: roofline(1.0, {}, [], ""),
        lambda: thread_scaling([], 0.0, ""),
        lambda: predicted_against_measured([], "ms", ""),
    ],
)
def test_nothing_to_show(draw):
    with pytest.raises(ValueError, match="something to show"):
        draw()
