"""Pictures that explain: memory, caches, tiles, and what a trace touches.

Nothing is timed here. Each is a `Chart`: a picture, a caption that states what it shows, and a
table that says the same.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.caches import SimulatedCache
from tinytorch.utils.charts import Chart
from tinytorch.utils.drawing import finish
from tinytorch.utils.sketches import arrow, bare, grid, label, shades

__all__ = ["cache_sets", "layout", "sets_and_ways", "tile_and_strip", "touches"]

Array = NDArray[Any]

NUMBER = 4
"""Bytes of a float32."""
TINY = SimulatedCache(size=256, ways=2, line=16)
"""Eight sets of two lines of four numbers: small enough to draw."""
WHITE, LIGHT, MIDDLE, DARK = "white", "0.9", "0.72", "0.35"
MATRICES = "ABC"


def layout(rows: int = 4, columns: int = 8, line: int = 4) -> Chart:
    """Show how a matrix lies in memory, row by row, and in which lines its numbers are."""
    return Chart(
        f"A matrix of {rows} x {columns} numbers in memory, {line} numbers to a line",
        "Drawn, not measured.",
        "Along a row the next number lies beside the last, mostly in the same line. Down a column "
        "each number lies a whole row further on, in another line.",
        ["a step", "further on in memory", "new lines in 4 steps"],
        [
            ["along a row", "1 number", str(_lines(1, line))],
            ["down a column", f"{columns} numbers", str(_lines(columns, line))],
        ],
        partial(_draw_layout, rows=rows, columns=columns, line=line),
        height=3.6,
    )


def _lines(stride: int, line: int, steps: int = 4) -> int:
    return len({place * stride // line for place in range(steps)})


def _draw_layout(axes: Any, rows: int, columns: int, line: int) -> None:
    numbers = np.arange(rows * columns).reshape(rows, columns)
    shade = [WHITE, MIDDLE]
    colours = [[shade[number // line % 2] for number in row] for row in numbers]
    bare(axes, rows * columns * 0.72, rows + 4)
    label(axes, 0, 0.8, "as we think of it")
    grid(axes, 0, 1, colours, numbers.astype(str).tolist(), size=8)
    arrow(axes, (0.5, 1.2), (4.5, 1.2))
    arrow(axes, (0.2, 1.5), (0.2, rows + 0.5))
    shown = 3 * columns - 2
    label(axes, 0, rows + 2.8, "as it lies in memory (shades: lines)")
    flat = numbers.ravel()[:shown]
    grid(
        axes, 0, rows + 3, [[shade[number // line % 2] for number in flat]], [list(map(str, flat))]
    )
    label(axes, shown + 0.3, rows + 3.9, "...")


def sets_and_ways(sets: int = 4, ways: int = 2, lines: int = 16) -> Chart:
    """Show in which set of a small cache each line of memory may lie."""
    rows = [
        [f"set {each}", ", ".join(map(str, range(each, lines, sets))), f"{ways} of them at a time"]
        for each in range(sets)
    ]
    return Chart(
        f"A cache of {sets} sets, {ways} ways: where a line may lie",
        "Drawn, not measured.",
        f"The number of a line, modulo {sets}, is its set. Lines {sets} apart compete for the same "
        f"{ways} places, however empty the other sets are.",
        ["", "lines of memory", "have room"],
        rows,
        partial(_draw_sets_and_ways, sets=sets, ways=ways, lines=lines),
        height=3.2,
    )


def _draw_sets_and_ways(axes: Any, sets: int, ways: int, lines: int) -> None:
    shade = [str(0.98 - 0.6 * each / max(1, sets - 1)) for each in range(sets)]
    bare(axes, lines + 2, sets + 4)
    label(axes, 0, 0.8, "lines of memory, one after the other")
    memory = [[shade[n % sets] for n in range(lines)]]
    grid(axes, 0, 1, memory, [list(map(str, range(lines)))], size=8)
    label(axes, 3, 3.6, f"the cache: {ways} ways")
    texts = [[f"{each + way * sets}" for way in range(ways)] for each in range(sets)]
    grid(axes, 3, 4, [[shade[each]] * ways for each in range(sets)], texts, size=8)
    for each in range(sets):
        label(axes, 2.8, 4.8 + each, f"set {each}", ha="right")
        waiting = ", ".join(str(n) for n in range(each + ways * sets, lines, sets))
        label(axes, 3.3 + ways, 4.8 + each, f"no room for {waiting}, unless one of these leaves")


def tile_and_strip(blocks: int = 4, tile: tuple[int, int] = (1, 2)) -> Chart:
    """Show which blocks of A and B one tile of C needs, and what a strip of rows needs."""
    row, column = tile
    return Chart(
        "What a tile of C needs, and what a strip of rows needs",
        "Drawn, not measured.",
        "A tile is the sum of products of blocks: the first of A's row by the first of B's column, "
        "and so on. A strip needs its own rows of A, and all of B.",
        ["", "of A", "of B", "of C"],
        [
            ["a tile", f"the blocks of row {row}", f"those of column {column}", "1 block"],
            ["a strip", f"the blocks of row {row}", "all blocks", f"the blocks of row {row}"],
        ],
        partial(_draw_tile_and_strip, blocks=blocks, row=row, column=column),
        height=4.4,
    )


def _draw_tile_and_strip(axes: Any, blocks: int, row: int, column: int) -> None:
    bare(axes, 3 * (blocks + 2) + 4, 2 * blocks + 3.5)
    for y, kind in ((1.0, "a tile"), (blocks + 3.0, "a strip")):
        is_tile = kind == "a tile"
        label(axes, 0, y + blocks / 2 + 0.3, kind, weight="bold")
        for place, name in enumerate(MATRICES):
            x = 4 + place * (blocks + 2)
            needed = _needed(name, is_tile, row, column, blocks)
            colours = [[DARK if one else WHITE for one in line] for line in needed]
            texts = [
                [
                    str((i if name == "B" else j) + 1) if one and is_tile and name != "C" else ""
                    for j, one in enumerate(line)
                ]
                for i, line in enumerate(needed)
            ]
            grid(axes, x, y, colours, texts, size=8)
            sign = {"A": " @ ", "B": " = "}.get(name, "")
            label(axes, x + blocks / 2, y - 0.2, name, ha="center")
            label(axes, x + blocks + 1, y + blocks / 2 + 0.3, sign, ha="center")


def _needed(name: str, is_tile: bool, row: int, column: int, blocks: int) -> list[list[bool]]:
    """Tell which blocks of a matrix a tile needs, or a strip: a list for each row of blocks."""
    rows = [name == "B" or i == row for i in range(blocks)]
    columns = [name == "A" or not is_tile or j == column for j in range(blocks)]
    return [[in_row and in_column for in_column in columns] for in_row in rows]


def touches(trace: Array, n: int, cache: SimulatedCache = TINY) -> Chart:
    """Show when a trace touches each number of A, B and C last, and how often it misses.

    Parameters
    ----------
    trace : ndarray of int, shape (n**3, 3)
        The positions of A[i, k], B[k, j] and C[i, j] in each step, as `memory_trace` returns them.
    n : int
        Side of the matrices, small enough to be drawn.
    cache : SimulatedCache
        A very small one by default: 8 sets of 2 lines of 4 numbers.
    """
    steps = np.asarray(trace)
    missed = np.array(list(cache.missed(steps * NUMBER)), dtype=bool).reshape(steps.shape)
    last = np.zeros(3 * n * n)
    count = np.zeros(3 * n * n, dtype=int)
    for matrix in range(3):
        last[steps[:, matrix]] = np.arange(len(steps))
        np.add.at(count, steps[:, matrix], missed[:, matrix])
    rows = [
        [name, f"{len(steps):,}", f"{some.sum():,}", f"{100 * some.mean():.0f} %"]
        for name, some in zip(MATRICES, missed.T, strict=True)
    ]
    return Chart(
        f"What the trace touches, n = {n}",
        f"Simulated: {cache.size} bytes, {cache.ways} ways, {cache.line // NUMBER} numbers a line.",
        "From light, touched last early on, to dark, touched last at the end. Ringed, with their "
        "number: accesses that missed.",
        ["", "accesses", "misses", "share"],
        rows,
        partial(_draw_touches, last=last.reshape(3, n, n), count=count.reshape(3, n, n)),
        height=3.4,
    )


def _draw_touches(axes: Any, last: Array, count: Array) -> None:
    n = last.shape[1]
    bare(axes, 3 * n + 2 * 1.5, n + 1.2)
    shade = shades(last)
    for place, name in enumerate(MATRICES):
        x = place * (n + 1.5)
        label(axes, x + n / 2, 0.9, f"{name}: {count[place].sum()} misses", ha="center")
        colours = [[shade(step) for step in row] for row in last[place]]
        texts = [[str(times) if times else "" for times in row] for row in count[place]]
        ringed = {(i, j): bool(count[place][i][j]) for i in range(n) for j in range(n)}
        grid(axes, x, 1, colours, texts, ringed=ringed, size=6)


def cache_sets(sides: Sequence[int] = (128, 129), cache: SimulatedCache | None = None) -> Chart:
    """Show how many lines of one column of B fall into each set, for several sizes.

    Parameters
    ----------
    sides : sequence of int
        n, for float32 matrices (n, n); B lies behind A.
    cache : SimulatedCache, optional
        Default: 32 KiB, 8 ways, lines of 64 bytes.
    """
    cache = cache or SimulatedCache()
    count = cache.size // (cache.ways * cache.line)
    lines = {n: {NUMBER * n * (n + k) // cache.line for k in range(n)} for n in sides}
    fill = {n: Counter(line % count for line in some) for n, some in lines.items()}
    rows = [
        [
            f"n = {n}",
            str(len(lines[n])),
            f"{len(sets)} of {count}",
            str(max(sets.values())),
            str(sum(min(number, cache.ways) for number in sets.values())),
        ]
        for n, sets in fill.items()
    ]
    return Chart(
        f"Into which of {count} sets the lines of one column of B fall",
        f"Computed from addresses: {cache.size // 1024} KiB, {cache.ways} ways.",
        f"Dashed: a set has room for {cache.ways} lines. What stands above is pushed out before "
        "the next column asks for it.",
        ["", "lines needed", "sets used", "most in a set", "lines that fit"],
        rows,
        partial(_draw_cache_sets, fill=fill, count=count, ways=cache.ways),
        height=3.8,
    )


def _draw_cache_sets(axes: Any, fill: dict[int, Counter[int]], count: int, ways: int) -> None:
    looks = ({"color": DARK, "hatch": ""}, {"color": "white", "hatch": "////"})
    for place, (n, sets) in enumerate(fill.items()):
        heights = [sets.get(each, 0) for each in range(count)]
        width = 0.9 / len(fill)
        places = [each + width * place for each in range(count)]
        look = looks[place % len(looks)] | {"edgecolor": "black", "linewidth": 0.4}
        axes.bar(places, heights, width, align="edge", label=f"n = {n}", **look)
    axes.axhline(ways, color="#0072B2", linestyle="--", label=f"room: {ways} ways")
    axes.set(xlabel="set of the cache", ylabel="lines of one column of B")
    axes.set_xlim(-0.5, count + 0.5)
    finish(axes)
