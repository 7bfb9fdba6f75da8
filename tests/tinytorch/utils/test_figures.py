"""What pictures say: titles, captions, tables; and that every word of them can be read."""

from itertools import combinations, pairwise

import pytest
from drawn import assert_on_its_page
from matplotlib.text import Text

from tinytorch.utils.figures import (
    block_sweep,
    calibration,
    predicted_against_measured,
    rates_by_size,
    roofline,
    speedups,
    thread_scaling,
)
from tinytorch.utils.models import Prediction
from tinytorch.utils.processor import Cache

MACHINE = (
    "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz of a maker who likes long names, 64 cores, "
    "openblas 0.3.31.188.0 of a distribution that likes them as well"
)
RESULTS = {
    "matmul_of_a_very_long_name": {"minimum": 1.0, "median": 1.2},
    "A @ B <b>": {"minimum": 0.001, "median": 0.002},
    "slower": {"minimum": 40.0, "median": 41.0},
}


def took(seconds, spread=0.02, **more):
    return {"minimum": seconds, "median": seconds * 1.01, "spread": spread, **more}


CACHES = [Cache("L1d", 2**15), Cache("L3", 2**25)]
SIDES = (31, 32, 33, 63, 64, 65, 1000, 1024)
CHARTS = {
    "speedups": speedups(RESULTS, MACHINE, of="n = 64"),
    "close speedups": speedups({"one": RESULTS["slower"], "other": RESULTS["slower"]}, MACHINE),
    "measured": speedups(
        {
            "first": took(1.0, gflops=1.0, peak_memory_mb=8.0),
            "close": took(0.995, 0.3, gflops=1.0, peak_memory_mb=8.0),
            "once": took(0.1, None, gflops=10.0, peak_memory_mb=1.0),
            "fast": took(0.01, gflops=100.0, peak_memory_mb=1.5),
        },
        MACHINE,
    ),
    "sweep": block_sweep(
        {size: took(1 / rate, gflops=rate) for size, rate in ((32, 16.0), (64, 55.0), (512, 95.0))},
        CACHES,
        MACHINE,
        took(0.01, gflops=100.0),
        of="word " * 30,
    ),
    "rates": rates_by_size(
        {f"matmul_number_{i}": [(n, 1.0 + i) for n in SIDES] for i in range(7)}
        | {"few": [(64, 0.01)]},
        MACHINE,
    ),
    "roofline": roofline(
        1e11,
        {"caches": 1e11, "memory": 2e10},
        [("A @ B", 85.0, 90.0), ("A @ B", 11.0, 60.0), ("loop", 11.0, 0.006)],
        MACHINE,
        ceilings={"2 threads": 2e11},
    ),
    "three roofs": roofline(
        1e11,
        {"caches": 1e11, "memory": 2e10},
        [("n = 16", 16 / 6, 7.0), ("n = 512", 512 / 6, 95.0)],
        MACHINE,
        call_seconds=1e-6,
        spreads={"n = 16": 0.01, "n = 512": 0.5},
    ),
    "threads": thread_scaling(
        {n: took(1 / speedup) for n, speedup in ((1, 1.0), (2, 1.8), (64, 20.0), (128, 19.0))},
        [2, 128],
        0.1,
        MACHINE,
        cores=64,
    ),
    "calibration": calibration(
        {"near": (2.0, 3.0, False), "far": (3.0, 900.0, False), "late": (5.0, 5.0, True)},
        {"near": "times", "far": "cycles", "late": "%", "open": "rows"},
        MACHINE,
    ),
    "predictions": predicted_against_measured(
        [
            Prediction("matmul_of_a_very_long_name, 512", 1.0, 2.0, "arithmetic + adding + calls"),
            Prediction("A @ B", 3.0, 2.0, "roofline"),
        ],
        "GFLOP/s",
        MACHINE,
    ),
}


def cells(name, row):
    return CHARTS[name].table.splitlines()[row].split()


@pytest.mark.parametrize("name", CHARTS)
def test_every_picture_names_its_axes_its_units_and_the_machine(name):
    chart = CHARTS[name]
    axes = chart.figure.axes[0]
    words = " ".join(text.get_text() for text in chart.figure.findobj(Text)).replace("\n", " ")
    assert axes.get_xlabel()
    assert axes.get_ylabel() or axes.get_yticklabels()
    assert MACHINE in words
    assert chart.title.strip() in words
    assert chart.caption in words


@pytest.mark.parametrize("name", CHARTS)
def test_no_word_is_cut_off_or_runs_into_another_and_legends_stand_beside_the_data(name):
    figure = CHARTS[name].figure
    assert_on_its_page(figure)
    for axes in figure.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    texts = [text for text in figure.axes[0].texts if text.get_text() and not text.get_rotation()]
    boxes = [Text.get_window_extent(text) for text in texts]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    data = figure.axes[0].get_window_extent()
    legends = [legend for part in figure.findobj() for legend in getattr(part, "legends", [])]
    assert not any(legend.get_window_extent().overlaps(data) for legend in legends)


def test_speedups_are_against_the_first():
    assert [cells("speedups", row)[-1] for row in (1, 2, 3)] == ["1", "1,000", "0.025"]
    assert CHARTS["speedups"].title == "Speedup: n = 64"
    assert "matmul_of_a_very_long_name" in CHARTS["speedups"].caption
    assert "whiskers" in CHARTS["speedups"].caption


def test_measured_times_tell_whether_they_differ_by_more_than_their_passes():
    head = ["best", "median", "spread", "GFLOP/s", "peak MiB", "speedup", "differs"]
    assert list(CHARTS["measured"].head[1:]) == head
    found = {row[0]: row for row in CHARTS["measured"].rows}
    assert [row[-1] for row in found.values()] == ["-", "no", "not known", "yes"]
    assert found["fast"][3:6] == ["2.0%", "100", "1.5"]
    alone, wide = CHARTS["measured"].doubts
    assert alone.startswith("one pass only of once")
    assert "1 of 4 differ widely, those of 'close' by 30.0%" in wide


def test_predictions_are_drawn_as_ratios_and_those_made_after_do_not_count():
    chart = CHARTS["calibration"]
    assert chart.caption.startswith("Within a factor of two: 1 of 2 made before the figure.")
    rows = {row[0]: row[1:] for row in chart.rows}
    assert rows["far"] == ["3", "900", "cycles", "0.00333", "before"]
    assert rows["late"][-1] == "after"
    assert rows["open"] == ["-", "-", "rows", "-", "-"]
    nothing = calibration({}, {"open": "rows"}, MACHINE)
    assert nothing.draw is None
    assert "type yours" in nothing.caption


def test_the_third_roof_is_what_a_call_allows():
    lines = CHARTS["three roofs"].figure.axes[0].lines
    assert "roof: cost of a call" in [line.get_label() for line in lines]
    assert cells("three roofs", 1) == ["n", "=", "16", "2.67", "7", "1.0%", "7", "%"]
    assert "those of 'n = 512' by 50.0%" in CHARTS["three roofs"].doubts[0]


def test_a_sweep_tells_where_blocks_fill_each_cache():
    assert cells("sweep", 2) == ["64", "55", "2.0%", "0.55", "yes"]
    assert "Outside the picture: L3 32.0 MiB" in CHARTS["sweep"].caption
    assert "52 fill L1d" in CHARTS["sweep"].table
    assert "1672 fill L3" in CHARTS["sweep"].table


def test_rates_have_a_row_a_kernel_and_a_column_a_size():
    assert cells("rates", 0)[-3:] == ["n", "=", "1024"]
    assert cells("rates", -1) == ["few", "-", "-", "-", "-", "0.01", "-", "-", "-"]


def test_a_roofline_tells_shares_of_the_peak_and_the_ridges():
    table = CHARTS["roofline"].table
    assert cells("roofline", 1) == ["A", "@", "B,", "n", "=", "510", "85", "90", "90", "%"]
    assert "ridge, memory" in table
    assert cells("roofline", -2)[2:] == ["5", "100", "20"]
    assert cells("roofline", -1) == ["2", "threads", "200"]


def test_no_more_threads_than_cores_speed_anything_up():
    assert cells("threads", 2) == ["2", "1.80", "2.0%", "yes", "1.82", "fits", "it"]
    assert cells("threads", 3)[-3:] == ["8.77", "tests", "it"]
    assert cells("threads", 4)[-3:] == ["8.77", "fits", "it"]
    assert "as if a share s = 0.1" in CHARTS["threads"].caption


def test_a_prediction_is_a_row_with_its_ratio_and_model():
    assert cells("predictions", 1)[2:] == ["1", "2", "2", "arithmetic", "+", "adding", "+", "calls"]


def test_a_sweep_is_doubted_for_what_it_is_compared_with():
    steady, wide = took(0.01, gflops=100.0), took(0.01, gflops=100.0) | {"spread": 0.5}
    (doubt,) = block_sweep({32: steady}, CACHES, MACHINE, wide).doubts
    assert "1 of 2 differ widely, those of 'A @ B' by 50.0%" in doubt


@pytest.mark.parametrize(
    "draw",
    [
        lambda: speedups({}, ""),
        lambda: block_sweep({}, [], "", {}),
        lambda: rates_by_size({}, ""),
        lambda: roofline(1.0, {}, [], ""),
        lambda: thread_scaling({}, [], 0.0, ""),
        lambda: predicted_against_measured([], "ms", ""),
    ],
)
def test_nothing_to_show(draw):
    with pytest.raises(ValueError, match="something to show"):
        draw()


def test_roofline_names_the_size_of_a_kernel_that_has_several_points():
    names = [row[0] for row in CHARTS["roofline"].rows]
    assert names[:3] == ["A @ B, n = 510", "A @ B, n = 66", "loop"]
