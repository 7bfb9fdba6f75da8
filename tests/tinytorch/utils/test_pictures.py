"""Pictures that explain, against cases worked out by hand; and that they can be drawn."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Circle

from tinytorch.core.kernels import memory_trace, tiled_trace
from tinytorch.utils.caches import SimulatedCache
from tinytorch.utils.pictures import cache_sets, layout, sets_and_ways, tile_and_strip, touches

PICTURES = {
    "layout": layout(),
    "sets and ways": sets_and_ways(),
    "tile and strip": tile_and_strip(),
    "loops": touches(memory_trace("ijk", 8), 8),
    "tiles": touches(tiled_trace(8, 4), 8),
    "sets": cache_sets(),
}


@pytest.mark.parametrize("name", PICTURES)
def test_no_word_of_a_picture_is_cut_off(name):
    figure = PICTURES[name].figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn, page = figure.get_tightbbox(canvas.get_renderer()), figure.bbox_inches.padded(0.01)
    assert page.contains(drawn.x0, drawn.y0)
    assert page.contains(drawn.x1, drawn.y1)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_caption_and_a_table(name):
    chart = PICTURES[name]
    assert chart.caption.endswith(".")
    assert all(len(row) == len(chart.head) for row in chart.rows)


def test_a_step_down_a_column_is_a_row_further_on():
    assert layout(4, 8, 4).rows == [
        ["along a row", "1 number", "1"],
        ["down a column", "8 numbers", "4"],
    ]


def test_a_line_has_one_set():
    assert sets_and_ways(4, 2, 16).rows[1] == ["set 1", "1, 5, 9, 13", "2 of them at a time"]


def test_what_misses_is_ringed_with_its_number():
    """A 1 x 1 product in a cache of one line: each matrix pushes the others out."""
    alone = SimulatedCache(size=4, ways=1, line=4)
    chart = touches(np.array([[0, 1, 2], [0, 1, 2]]), 1, alone)
    assert [row[1:3] for row in chart.rows] == [["2", "2"]] * 3
    axes = chart.figure.axes[0]
    assert len([patch for patch in axes.patches if isinstance(patch, Circle)]) == 3
    assert [text.get_text() for text in axes.texts].count("2") == 3


def test_touches_counts_what_the_cache_counts():
    trace, cache = memory_trace("jki", 8), SimulatedCache(size=256, ways=2, line=16)
    counted = sum(int(row[2]) for row in touches(trace, 8, cache).rows)
    assert counted == cache.misses(trace * 4)


def test_a_column_of_a_power_of_two_falls_into_few_sets():
    few, all_sets = cache_sets((128, 129)).rows
    assert few == ["n = 128", "128", "8 of 64", "16", "64"]
    assert all_sets[2] == "64 of 64"
    assert all_sets[1] == all_sets[-1]  # all lines of the column fit
