"""Pictures that explain, against cases worked out by hand; and that they can be drawn."""

import numpy as np
import pytest
from drawn import assert_on_its_page
from matplotlib.patches import Circle

from tinytorch.core.kernels import memory_trace, tiled_trace
from tinytorch.utils.caches import SimulatedCache
from tinytorch.utils.pictures import cache_sets, layout, sets_and_ways, tile_and_strip, touches

PICTURES = {
    "layout": layout(),
    "sets and ways": sets_and_ways(),
    "tile and strip": tile_and_strip(),
    "loops": touches(memory_trace, "ijk", 8),
    "tiles": touches(tiled_trace, 8, 4),
    "sets": cache_sets(),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_caption_and_a_table_and_no_word_of_it_is_cut_off(name):
    chart = PICTURES[name]
    assert_on_its_page(chart.figure)
    assert chart.caption.endswith(".")
    assert all(len(row) == len(chart.head) for row in chart.rows)


def test_a_step_down_a_column_fetches_another_line():
    assert layout(4, 8, 4).rows == [
        ["4 steps along a row", "0, 1, 2, 3", "1", "1"],
        ["4 steps down a column", "0, 8, 16, 24", "8", "4"],
    ]


def test_a_column_of_a_narrow_matrix_lies_in_few_lines():
    assert layout(4, 2, 4).rows[1] == ["2 steps down a column", "0, 2", "2", "1"]
    assert "2 steps fetch 1 line." in layout(4, 2, 4).caption


def test_layout_marks_in_memory_what_is_touched():
    """Two strips of 32 numbers; white on dark are those that were touched."""
    axes = layout(4, 8, 4).figure.axes[0]
    touched = [text.get_text() for text in axes.texts if text.get_color() == "white"]
    assert touched == ["0", "1", "2", "3", "0", "8", "16", "24"]


def test_a_line_has_one_set():
    chart = sets_and_ways(4, 2, 16)
    assert chart.rows[1] == ["set 1", "1, 5, 9, 13", "2 at a time"]
    assert chart.caption.startswith("Number 37 is in line 9 (37 // 4)")
    assert "in set 1 only (9 % 4)" in chart.caption


def test_a_cache_of_one_set_can_be_drawn():
    chart = sets_and_ways(sets=1, ways=4, lines=8)
    assert chart.figure
    assert chart.rows == [["set 0", "0, 1, 2, 3, 4, 5, 6, 7", "4 at a time"]]


@pytest.mark.parametrize(
    ("kind", "needed"),
    [("a tile", {"A": 3, "B": 3, "C": 1}), ("a strip", {"A": 3, "B": 9, "C": 3})],
)
def test_a_tile_needs_a_row_and_a_column_and_a_strip_all_of_b(kind, needed):
    chart = tile_and_strip(blocks=3, tile=(0, 2))
    row = next(row for row in chart.rows if row[0] == kind)
    assert [int(cell.split(",")[0]) for cell in row[1:]] == list(needed.values())
    axes = chart.figure.axes[0]
    first = 0 if kind == "a tile" else 27
    colours = [patch.get_facecolor()[0] for patch in axes.patches[first : first + 27]]
    drawn = [sum(c < 1 for c in colours[start : start + 9]) for start in (0, 9, 18)]
    assert drawn == list(needed.values())


def test_blocks_of_a_tile_are_numbered_as_they_are_multiplied():
    axes = tile_and_strip(blocks=3).figure.axes[0]
    assert [text.get_text() for text in axes.texts if text.get_text().isdigit()] == list("123" * 2)


def rings(chart):
    patches = chart.figure.axes[0].patches
    return [patch for patch in patches if isinstance(patch, Circle)]


def test_what_misses_is_ringed_with_its_number():
    """In a cache of one line each matrix pushes the others out: all of two accesses each miss."""
    alone = SimulatedCache(size=4, ways=1, line=4)
    chart = touches(memory_trace, "ijk", 2, cache=alone)
    assert [row[1:3] for row in chart.rows] == [["8", "8"]] * 3
    assert len(rings(chart)) == 12
    assert [text.get_text() for text in chart.figure.axes[0].texts].count("2") == 12


def test_what_is_found_in_the_cache_has_no_ring():
    """n = 2, ijk: a line holds two numbers, so the first of each line misses, and no other."""
    roomy = SimulatedCache(size=48, ways=6, line=8)
    chart = touches(memory_trace, "ijk", 2, cache=roomy)
    assert [row[1:3] for row in chart.rows] == [["8", "2"]] * 3
    middles = [ring.get_center()[0] for ring in rings(chart)]
    assert middles == [0.5, 0.5, 3.5, 3.5, 6.5, 6.5]


def test_the_last_touch_gives_the_shade():
    """n = 2, ijk: A's first row is done with after half of the steps, B is needed to the end."""
    axes = touches(memory_trace, "ijk", 2).figure.axes[0]
    squares = [patch for patch in axes.patches if not isinstance(patch, Circle)][:12]
    lights = [sum(patch.get_facecolor()[:3]) for patch in squares]
    a, b, c = lights[:4], lights[4:8], lights[8:]
    assert min(a[:2]) > max(a[2:])
    assert max(b) < min(a[:2])
    assert c == sorted(c, reverse=True)


@pytest.mark.parametrize("order", ["ijk", "ikj", "jki"])
def test_the_small_cache_tells_loop_orders_apart_as_the_large_one_does(order):
    """In percent, of 4 KiB and n = 100 as in the lesson's table: 35.7, 2.1 and 67.0."""
    misses = {"ijk": [24, 512, 16], "ikj": [16, 128, 16], "jki": [512, 64, 512]}
    assert [int(row[2]) for row in touches(memory_trace, order, 8).rows] == misses[order]


def test_tiles_miss_less_than_any_order_of_plain_loops():
    assert [int(row[2]) for row in touches(tiled_trace, 8, 4).rows] == [32, 32, 32]


def test_touches_counts_what_the_cache_counts():
    trace, cache = memory_trace("jki", 8), SimulatedCache(size=256, ways=2, line=16)
    counted = sum(int(row[2]) for row in touches(trace, cache=cache).rows)
    assert counted == cache.misses(trace * 4)


def test_a_trace_is_called_what_made_it():
    assert touches(memory_trace, "ijk", 4).title == "What memory_trace('ijk', 4) touches"
    assert touches(memory_trace("ijk", 4)).title == "What the trace touches"
    assert touches(memory_trace("ijk", 4)).rows == touches(memory_trace, "ijk", 4).rows


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (None, "a trace has the shape (n**3, 3), this one ()"),
        (np.zeros((0, 3), int), "this one (0, 3)"),
        (np.zeros((8, 2), int), "this one (8, 2)"),
        (np.zeros((9, 3), int), "matrices (n, n) take n**3 steps, this trace has 9"),
        (memory_trace("ijk", 2) / 2, "positions are integers, these are float64"),
        (memory_trace("ijk", 2) - 1, "column 0 some positions are not those of A, 0 to 3"),
        (memory_trace("ijk", 2)[:, [0, 2, 1]], "column 1 some positions are not those of B, 4 to"),
    ],
)
def test_a_trace_that_cannot_be_drawn_has_no_picture_and_says_why(trace, why):
    chart = touches(trace)
    assert chart.figure is None
    assert chart.caption.startswith("No picture yet: ")
    assert why in chart.caption
    assert repr(chart)


def test_a_column_of_a_power_of_two_falls_into_few_sets():
    few, all_sets = cache_sets((128, 129)).rows
    assert few == ["n = 128", "128", "8 of 64", "16", "64"]
    assert all_sets[2] == "64 of 64"
    assert all_sets[1] == all_sets[-1]  # all lines of the column fit


def test_each_line_of_a_column_is_a_square_and_those_without_room_are_hatched():
    first, second = cache_sets((128, 129)).figure.axes[0].child_axes
    hatched = [bool(patch.get_hatch()) for patch in first.patches]
    assert (len(hatched), sum(hatched)) == (128, 64)
    assert {round(patch.get_x()) % 8 for patch in first.patches} == {0}
    assert len(second.patches) == 129
    assert not any(patch.get_hatch() for patch in second.patches)
    assert first.get_ylim() == second.get_ylim()


def test_sets_of_a_small_cache_can_be_drawn():
    """n = 4: a row is a line of 16 bytes, so the column has four lines, one in each set."""
    (row,) = cache_sets((4,), SimulatedCache(size=64, ways=1, line=16)).rows
    assert row == ["n = 4", "4", "4 of 4", "1", "4"]
