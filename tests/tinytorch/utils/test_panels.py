"""What is drawn, as numbers on axes."""

from math import inf

import pytest
from matplotlib.figure import Figure

from tinytorch.utils.models import Prediction
from tinytorch.utils.panels import (
    draw_block_sweep,
    draw_calibration,
    draw_predictions,
    draw_rates,
    draw_roofline,
    draw_shares,
    draw_speedups,
    draw_threads,
)


@pytest.fixture
def axes():
    return Figure(layout="constrained").add_subplot()


def lines(axes):
    """The points of each line that has a name."""
    named = (line for line in axes.lines if not line.get_label().startswith("_"))
    return {line.get_label(): [list(map(float, xs)) for xs in line.get_data()] for line in named}


def test_bars_reach_from_one_to_the_ratio_and_whiskers_to_the_median(axes):
    draw_speedups(axes, ["loop", "fast", "slow"], [1.0, 1000.0, 0.5], [0.8, 500.0, 0.25])
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    assert ends == [(1, 1), (1, 1000), (1, 0.5)]
    whiskers = axes.collections[0]
    assert [sorted(part[:, 0]) for part in whiskers.get_segments()] == [
        [0.8, 1.0],
        [500.0, 1000.0],
        [0.25, 0.5],
    ]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["1 x", "1,000 x", "0.5 x"]


def test_a_sweep_names_caches_above_their_lines(axes):
    draw_block_sweep(axes, [(32, 16.0), (64, 55.0)], {"L1d 32.0 KiB": 52.0}, 100.0)
    (above,) = axes.child_axes
    assert [label.get_text() for label in above.get_xticklabels()] == ["L1d 32.0 KiB"]
    assert [52.0, 52.0] in [list(line.get_xdata()) for line in axes.lines]
    assert lines(axes)["A @ B"][1] == [100.0, 100.0]
    assert sorted(text.get_text() for text in axes.texts) == ["A @ B", "in blocks"]


def test_rates_are_lines_that_differ_in_black_and_white(axes):
    draw_rates(axes, {"a": [(64, 1.0), (128, 2.0)], "b": [(64, 0.1)]}, [64, 128])
    looks = [(line.get_marker(), line.get_linestyle()) for line in axes.lines]
    assert len(set(looks)) == len(looks) == 2
    assert lines(axes)["a"] == [[64, 128], [1, 2]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_a_roof_bends_at_its_ridge_and_a_name_has_one_marker(axes):
    kernels = [("A @ B", 8.0, 60.0), ("loop", 8.0, 0.1), ("A @ B", 80.0, 90.0)]
    draw_roofline(axes, 1e11, {"caches": 1e11, "memory": 2e10}, kernels, {"cores": 2e11})
    drawn = lines(axes)
    for name, bandwidth in (("roof: caches", 1e11), ("roof: memory", 2e10)):
        xs, ys = drawn[name]
        assert xs[1] == 1e11 / bandwidth
        assert ys[1] == ys[2] == 100
        assert ys[0] == pytest.approx(bandwidth * xs[0] / 1e9)
    assert drawn["A @ B"] == [[8, 80], [60, 90]]
    assert drawn["cores"][1] == [200, 200]


def test_roofs_and_kernels_are_named_beside_them(axes):
    kernels = [("n = 16", 2.7, 7.0), ("n = 512", 85.0, 95.0)]
    draw_roofline(axes, 1e11, {"memory": 2e10}, kernels, {"2 threads": 2e11}, 1e-6)
    assert [text.get_text() for text in axes.texts] == [
        "memory, 20 GB/s",
        "peak, 100 GFLOP/s",
        "2 threads, 200 GFLOP/s",
        "a call, 1.00 us",
        "n = 16",
        "n = 512",
    ]
    assert not axes.figure.legends


def test_the_roof_of_a_call_is_the_work_of_a_product_that_takes_no_longer(axes):
    """A call of 1 us reaches 2 n**3 operations in it: for n = 6, intensity 1, 0.432 GFLOP/s."""
    draw_roofline(axes, 1e11, {"memory": 2e10}, [("n = 6", 1.0, 0.3)], {}, 1e-6)
    (xs, ys) = lines(axes)["roof: cost of a call"]
    assert ys == pytest.approx([0.432 * x**3 for x in xs])


def test_the_law_and_the_ideal_end_with_the_cores(axes):
    draw_threads(axes, [(1, 1.0), (2, 1.8), (4, 1.7)], [2], 0.1, 2)
    drawn = lines(axes)
    assert drawn["measured"] == [[1, 2, 4], [1, 1.8, 1.7]]
    assert drawn["Amdahl, s = 0.1"][1][-1] == pytest.approx(1 / 0.55)
    assert max(drawn["ideal"][1]) == 2
    assert drawn["2 cores"][0] == [2, 2]
    assert drawn["the law is fitted to"] == [[2], [1.8]]
    named = {text.get_text().strip() for text in axes.texts}
    assert named == {"measured", "Amdahl, s = 0.1", "ideal", "2 cores"}


def test_cores_that_are_not_told_end_nothing(axes):
    draw_threads(axes, [(1, 1.0), (4, 3.0)], [], 0.1, inf)
    assert max(lines(axes)["ideal"][1]) == 4


def test_predictions_are_hollow_and_what_came_out_is_black(axes):
    rows = [
        Prediction("a", 1.0, 2.0, "roofline"),
        Prediction("b", 6.0, 3.0, "parts"),
        Prediction("c", 5.0, 4.0, "parts"),
    ]
    draw_predictions(axes, rows, "GFLOP/s")
    assert lines(axes) == {
        "predicted: roofline": [[1], [0]],
        "predicted: parts": [[6, 5], [1, 2]],
        "measured": [[2, 3, 4], [0, 1, 2]],
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    hollow = [line.get_markerfacecolor() for line in axes.lines[-3:]]
    assert hollow == ["none", "none", "black"]
    assert "GFLOP/s" in axes.get_xlabel()


def test_shares_are_bars_with_their_figures(axes):
    draw_shares(axes, {"ijk": 35.69, "ikj": 2.12})
    assert [bar.get_width() for bar in axes.patches] == [35.69, 2.12]
    assert [text.get_text() for text in axes.texts] == ["35.69 %", "2.12 %"]
    assert axes.get_xlim()[0] == 0


def test_predictions_too_large_stand_right_of_one_and_late_ones_are_hollow(axes):
    draw_calibration(axes, {"small": (0.1, False), "large": (20.0, False), "late": (1.0, True)})
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(map(float, line.get_data()[0])) for line in points] == [[0.1], [20.0], [1.0]]
    assert [line.get_markerfacecolor() for line in points] == ["black", "black", "none"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["small", "large", "late"]
    low, high = axes.get_xlim()
    assert low * high == pytest.approx(1)  # too small and too large have as much room
    assert high > 20
