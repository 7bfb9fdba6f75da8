"""Pictures of a student's own kernel, drawn from the trace that grades it.

`tiles` shows in which order a blocked product was computed, `threads` which rows each thread
multiplied and which products waited for one another.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.charts import WIDTH, Chart
from tinytorch.utils.checking import CheckFailure, name_of
from tinytorch.utils.sketches import bare, box, height_of, label, shades
from tito.conditions.call import LocalCall
from tito.conditions.results import Inconclusive
from tito.conditions.structure import traced
from tito.tracing import Product, Unproven

__all__ = ["threads", "tiles"]

Array = NDArray[Any]
Kernel = Callable[..., Any]

DRAWN = "From a traced call, as the check makes it, on small matrices"
SEED = 11
MOST_ROWS = 24
"""Of a table."""
AXES_POINTS = 430, 160
"""Width and height of axes with names beside them."""
BESIDE = 7
"""Squares beside a drawing of C, for names and so that it is not too high."""
CHARACTER, LINE = 0.62, 1.3
"""Width of a character and height of a line over the size of their font."""

Tile = tuple[Array, Array, tuple[int, ...]]
"""Which rows and columns of C, and the numbers of the products that add up to them, from 1 on."""


class Turn(NamedTuple):
    """A product of a thread: its rows, its column in the drawing, and whether it overlapped."""

    thread: int
    rows: list[int]
    column: int
    overlaps: bool


def tiles(kernel: Kernel, shape: tuple[int, int, int] = (10, 12, 14), block_size: int = 4) -> Chart:
    """Show in which order a kernel computes the tiles of its result.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, block_size=block_size)``.
    shape : tuple of int
        m, n and p of A (m, n) and B (n, p).
    block_size : int

    Returns
    -------
    Chart
        Without a picture where the kernel does not multiply yet; the caption says why.
    """
    title = f"{name_of(kernel)}: the order of its products, block_size = {block_size}"
    found = _products(kernel, "block_size", block_size, shape)
    if isinstance(found, str):
        return _nothing(title, found)
    products, _ = found
    m, _, p = shape
    parts = _tiles(products)
    rows = [
        [f"tile {place + 1}", _span(rows), _span(columns), _span(numbers)]
        for place, (rows, columns, numbers) in enumerate(parts)
    ]
    return Chart(
        title,
        DRAWN,
        f"C, {m} x {p}. A tile is what the same products add up to. They are counted as they were "
        f"computed, 1 to {len(products)}. Light tiles were begun early, dark ones late.",
        ["", "rows", "columns", "products"],
        _cut(rows),
        partial(_draw_tiles, parts=parts, m=m, p=p),
        height=height_of(p + BESIDE, m + 3),
    )


def _tiles(products: Sequence[Product]) -> list[Tile]:
    """Return the parts of C that are made of the same products, in the order of these."""
    made_of: dict[tuple[int, int], list[int]] = {}
    for number, product in enumerate(products, 1):
        for cell in itertools.product(product.row_set or (), product.column_set or ()):
            made_of.setdefault(cell, []).append(number)
    cells: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for cell, numbers in sorted(made_of.items()):
        cells.setdefault(tuple(numbers), []).append(cell)
    return [(*np.array(cells[numbers]).T, numbers) for numbers in sorted(cells)]


def threads(
    kernel: Kernel, shape: tuple[int, int, int] = (12, 5, 6), num_processes: int = 4
) -> Chart:
    """Show which rows each thread of a kernel multiplies, and which products ran at once.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, num_processes=num_processes)``.
    shape : tuple of int
        m, n and p of A (m, n) and B (n, p).
    num_processes : int

    Returns
    -------
    Chart
        Without a picture where the kernel does not multiply yet; the caption says why.
    """
    title = f"{name_of(kernel)}: rows and threads, num_processes = {num_processes}"
    found = _products(kernel, "num_processes", num_processes, shape, meet=num_processes)
    if isinstance(found, str):
        return _nothing(title, found)
    turns = _turns(*found)
    most = sum(turn.overlaps for turn in turns)
    rows = [
        [
            f"product {n}",
            f"thread {turn.thread}",
            _span(turn.rows),
            "yes" if turn.overlaps else "no",
        ]
        for n, turn in enumerate(turns, 1)
    ]
    what = "no two were under way at once, so each has a column of its own"
    if most:
        what = f"{most} were under way at once, and stand in one column"
    if 0 < most < len(turns):
        what += ". Of those that came later it is not known: each has a column of its own"
    return Chart(
        title,
        DRAWN,
        f"Each product waits a while for the others to begin: {what}.",
        ["", "by", "rows", "overlaps"],
        _cut(rows),
        partial(_draw_threads, turns=turns, m=shape[0]),
        height=3.6,
    )


def _turns(products: Sequence[Product], together: Sequence[int]) -> list[Turn]:
    """Give products columns in order of time: those that overlapped share one."""
    overlapping = {product.step for product in products if product.rows} & set(together)
    shared, end, turns = None, 0, []
    for product in filter(attrgetter("rows"), products):
        overlaps = product.step in overlapping and len(overlapping) > 1
        column = shared if overlaps and shared is not None else end
        shared = column if overlaps else shared
        end = max(end, column + 1)
        turns.append(Turn(product.thread, sorted(product.row_set or ()), column, overlaps))
    return turns


def _products(
    kernel: Kernel, cut: str, value: int, shape: tuple[int, int, int], meet: int = 0
) -> tuple[list[Product], tuple[int, ...]] | str:
    """Return the products of a call and the steps that overlapped, or why there are none."""
    call, rng = LocalCall(kernel, cut), np.random.default_rng(SEED)
    options: dict[str, Any] = {cut: value}
    try:
        proof, result = traced(call, rng, shape, "", meet, **options)
        products = list(proof.products)
    except CheckFailure as failure:
        return f"{failure.fact}."
    except Inconclusive as reason:
        return str(reason)
    except Unproven as reason:
        return f"How {call.__name__} works cannot be determined: {reason}."
    if not products or any(x.row_set is None or x.column_set is None for x in products):
        return "Its products are not known from the trace."
    return products, result.together


def _nothing(title: str, why: str) -> Chart:
    return Chart(title, DRAWN, f"No picture yet. {why}", [""], [], None)


def _cut(rows: list[list[str]]) -> list[list[str]]:
    """Return the first rows of a table, and how many more there are."""
    more = len(rows) - MOST_ROWS
    return rows if more <= 0 else [*rows[:MOST_ROWS], [f"and {more} more", "", "", ""]]


def _span(indices: Iterable[int]) -> str:
    """Return numbers as a text in which runs of three or more are drawn together: 0 to 3, 7, 8."""
    texts = [
        [f"{run[0]} to {run[-1]}"] if len(run) > 2 else list(map(str, run))
        for run in _runs(indices)
    ]
    return ", ".join(itertools.chain(*texts))


def _runs(indices: Iterable[int]) -> list[list[int]]:
    """Return numbers in order, those that follow one another together."""
    runs: list[list[int]] = []
    for index in sorted(set(map(int, indices))):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _placed(turns: Sequence[Turn]) -> Iterator[tuple[Turn, float, float]]:
    """Yield turns, their left ends and widths; side by side are those that share rows."""
    in_time = attrgetter("column")
    for place, together in itertools.groupby(sorted(turns, key=in_time), in_time):
        lanes: list[list[Turn]] = []
        for turn in together:
            own = set(turn.rows)
            free = [lane for lane in lanes if all(own.isdisjoint(other.rows) for other in lane)]
            if not free:
                lanes.append([])
            (free or lanes[-1:])[0].append(turn)
        width = 0.9 / len(lanes)
        for number, lane in enumerate(lanes):
            yield from ((turn, place + 0.05 + width * number, width) for turn in lane)


def _draw_tiles(axes: Any, parts: Sequence[Tile], m: int, p: int) -> None:
    width, x, y, size = p + BESIDE, BESIDE / 2, 1.5, 9.0
    bare(axes, width, m + 3)
    shade = shades(np.array([numbers[0] for _, _, numbers in parts]))
    texts = [_fitted(part, 72 * WIDTH / width, size) for part in parts]
    is_list = all(texts)
    for (rows, columns, numbers), text in zip(parts, texts, strict=True):
        colour, words = shade(numbers[0]), text if is_list else str(numbers[0])
        top, left = rows.min(), columns.min()
        high, wide = rows.max() - top + 1, columns.max() - left + 1
        if high * wide == len(rows):
            font = size if is_list else 6.5
            box(axes, (x + left, y + top), (wide, high), colour, words, font, linewidth=1.2)
        else:
            for row, column in zip(rows, columns, strict=True):
                box(axes, (x + column, y + row), (1, 1), colour, str(numbers[0]), 6)
    for row in sorted({rows.min() for rows, _, _ in parts}):
        label(axes, x - 0.3, y + row + 0.5, f"row {row}", ha="right", va="center_baseline")
    for column in sorted({columns.min() for _, columns, _ in parts}):
        label(axes, x + column + 0.5, y - 0.15, str(column), ha="center")
    label(axes, x - 0.3, y - 0.15, "column", ha="right")
    words = "in each tile: its products" if is_list else "in each tile: the first of its products"
    label(axes, x + p / 2, y + m + 0.9, words, ha="center", va="center")


def _fitted(part: Tile, points: float, size: float) -> str:
    """Return the products of a tile in lines that it has room for; nothing if it has none.

    `points` are those of a square's side, `size` those of the font.
    """
    rows, columns, numbers = part
    room = int(len(set(columns)) * points / (CHARACTER * size))
    lines = wrap(_span(numbers), max(1, room), break_long_words=False)
    is_high = len(set(rows)) * points >= LINE * size * len(lines)
    return "\n".join(lines) if is_high and max(map(len, lines)) <= room else ""


def _draw_threads(axes: Any, turns: Sequence[Turn], m: int) -> None:
    shade, size = shades(np.arange(-1, 2 * max(turn.thread for turn in turns) + 2)), 8.0
    columns = max(2, max(turn.column for turn in turns) + 1)
    for turn, left, width in _placed(turns):
        room = AXES_POINTS[0] * width / columns / (CHARACTER * size)  # characters
        for rows in _runs(turn.rows):
            lines = [f"thread {turn.thread}", f"rows {_span(rows)}"]
            lines = lines[: int(AXES_POINTS[1] * len(rows) / m / (LINE * size))]
            lines = [line for line in lines if len(line) <= room]
            corner, sides = (left, rows[0] + 0.05), (width, len(rows) - 0.1)
            box(axes, corner, sides, shade(turn.thread), "\n".join(lines), size, linewidth=1)
    for place in range(1, columns):
        axes.axvline(place, color="0.6", linestyle=":")
    axes.set(xlim=(0, columns), ylim=(m, 0), xticks=[])
    axes.set_xlabel("in order of time; what stands in one column ran at the same time")
    starts = sorted({run[0] for turn in turns for run in _runs(turn.rows)})
    axes.set_yticks(starts, labels=[f"row {row}" for row in starts], fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
