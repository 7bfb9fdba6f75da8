"""Lines, ticks and words of pictures."""

from itertools import islice, pairwise

import pytest
from matplotlib.figure import Figure

from tinytorch.utils.drawing import (
    COLOURS,
    NAMES_APART,
    draw_lines,
    finish,
    log_ticks,
    looks,
    name_ends,
    name_ticks,
    put_beneath,
)


@pytest.fixture
def axes():
    return Figure().add_subplot()


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_stand_out_on_white_paper(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 3  # WCAG 2, 1.4.11


def test_looks_differ_without_colour_and_never_end():
    found = [(look["marker"], look["linestyle"]) for look in islice(looks(), 24)]
    assert len(set(found)) == len(found)


def test_finish_puts_the_legend_below_the_axes(axes):
    draw_lines(axes, {"first": [(1, 1), (2, 2)], "second": [(1, 2), (2, 1)]})
    finish(axes)
    assert axes.get_legend() is None
    (legend,) = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]


def test_finish_can_do_without_a_legend(axes):
    draw_lines(axes, {"first": [(1, 1), (2, 2)]})
    finish(axes, legend=False)
    assert not axes.figure.legends


def named_at(heights):
    """Return where lines that end at these heights of the right edge are named, from 0 to 1."""
    axes = Figure().add_subplot(xlim=(0, 1), ylim=(0, 1))
    name_ends(axes, {str(height): ((1, height), "black") for height in heights})
    return {float(text.get_text()): float(text.get_position()[1]) for text in axes.texts}


def test_name_ends_names_lines_at_their_heights():
    assert named_at([0.1, 0.9, 0.5]) == pytest.approx({0.1: 0.1, 0.5: 0.5, 0.9: 0.9})


def test_name_ends_moves_close_names_apart_around_their_middle():
    assert named_at([0.5, 0.51, 0.9]) == pytest.approx(
        {0.5: 0.505 - NAMES_APART / 2, 0.51: 0.505 + NAMES_APART / 2, 0.9: 0.9}
    )


def test_name_ends_moves_on_what_others_were_moved_against():
    places = sorted(named_at([0.5, 0.51, 0.52, 0.6, 0.62]).values())
    assert [b - a for a, b in pairwise(places)] == pytest.approx([NAMES_APART] * 4)
    assert sum(places) / 5 == pytest.approx(0.55)


def test_name_ends_names_a_line_that_ends_inside_where_it_ends(axes):
    axes.set(xlim=(0, 1), ylim=(0, 1))
    name_ends(axes, {"short": ((0.5, 0.25), "red")})
    (name,) = axes.texts
    assert (name.get_text(), name.xy, name.get_color()) == ("short", (0.5, 0.25), "red")
    assert name.arrow_patch is None


@pytest.mark.parametrize(
    ("ticks", "named"),
    [
        ([64, 256, 512, 1024], ["64", "256", "512", "1024"]),
        ([31, 32, 33, 64, 127, 128, 1000, 1024], ["32", "64", "128", "1024"]),
        ([16], ["16"]),
    ],
)
def test_name_ticks_names_those_that_have_room(axes, ticks, named):
    axes.set_xscale("log", base=2)
    name_ticks(axes.xaxis, ticks)
    assert [label.get_text() for label in axes.get_xticklabels()] == named
    assert sorted([*axes.get_xticks(), *axes.get_xticks(minor=True)]) == ticks


@pytest.mark.parametrize("ends", [(0.9, 1.3), (1, 7), (10, 200), (0.005, 200), (1, 1e7)])
def test_log_ticks_are_a_few_plain_numbers(axes, ends):
    axes.set(xscale="log", xlim=ends)
    log_ticks(axes.xaxis)
    shown = [tick for tick in axes.get_xticks() if ends[0] <= tick <= ends[1]]
    assert 2 <= len(shown) <= 8
    assert not any("$" in axes.xaxis.get_major_formatter()(tick) for tick in shown)
    assert len(axes.get_xticks(minor=True)) == 0


def test_put_beneath_writes_every_word_above_the_rest():
    figure = Figure(figsize=(7, 4), layout="constrained")
    beneath = put_beneath(figure, 4, "A title", "word " * 60 + "\nthe machine")
    texts = [text.get_text() for part in figure.subfigs for text in part.texts]
    assert texts[0] == "A title"
    lines = texts[1].splitlines()
    assert len(lines) == 4
    assert lines[-1] == "the machine"
    assert beneath.bbox.y1 < min(part.bbox.y1 for part in figure.subfigs if part is not beneath)
