"""Pictures that explain: memory, caches, tiles, and what a trace touches.

Nothing is timed here. Each is a `Chart`: a picture, a caption that states what it shows, and a
table that says the same.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.caches import FLOAT32, SimulatedCache
from tinytorch.utils.charts import Chart
from tinytorch.utils.sketches import (
    DARK,
    LIGHT,
    MIDDLE,
    WHITE,
    arrow,
    bare,
    box,
    grid,
    height_of,
    label,
    scale,
    shades,
)

__all__ = ["cache_sets", "layout", "sets_and_ways", "tile_and_strip", "touches"]

Array = NDArray[Any]

TINY = SimulatedCache(size=128, ways=8, line=16)
"""Eight lines of four numbers, in one set: small enough to draw, and no stride is unlucky."""
MATRICES = "ABC"
DRAWN = "Drawn, not measured"


def layout(rows: int = 4, columns: int = 8, line: int = 4) -> Chart:
    """Show how a matrix lies in memory, row by row, and which lines are fetched.

    Parameters
    ----------
    rows, columns : int
        Sides of the matrix.
    line : int
        Numbers in a line.
    """
    steps = min(rows, columns)
    walks = {
        "along a row": list(range(steps)),
        "down a column": list(range(0, steps * columns, columns)),
    }
    fetched = {name: len({number // line for number in walk}) for name, walk in walks.items()}
    along, down = fetched.values()
    return Chart(
        f"A matrix of {rows} x {columns} numbers in memory, {line} numbers to a line",
        DRAWN,
        f"Along a row the next number lies beside the last: {steps} steps fetch "
        f"{_some(along, 'line')}. Down a column it lies a whole row further on: {steps} steps "
        f"fetch {_some(down, 'line')}. Dark: touched; grey: fetched with it.",
        ["", "numbers", "apart", "lines fetched"],
        [
            [f"{steps} steps {name}", ", ".join(map(str, walk)), apart, str(fetched[name])]
            for (name, walk), apart in zip(walks.items(), ("1", str(columns)), strict=True)
        ],
        partial(_draw_layout, rows=rows, columns=columns, line=line, walks=walks),
        height=height_of(rows * columns, 1.6 * rows + 9.5),
    )


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _draw_layout(
    axes: Any, rows: int, columns: int, line: int, walks: Mapping[str, Sequence[int]]
) -> None:
    side, total = 1.6, rows * columns
    left, top = (total - side * columns) / 2, 2.2
    numbers = np.arange(total).reshape(rows, columns)
    colours = [[(WHITE, LIGHT)[number // line % 2] for number in row] for row in numbers]
    bare(axes, total, side * rows + 9.5)
    grid(axes, left, top, colours, numbers.astype(str).tolist(), size=8, side=side)
    for name, walk in walks.items():
        reach = side * (len(walk) - 0.5)
        if name == "along a row":
            arrow(axes, (left + side / 2, top - 0.5), (left + reach, top - 0.5))
            label(axes, left + reach / 2, top - 0.8, name, ha="center")
        else:
            arrow(axes, (left - 0.5, top + side / 2), (left - 0.5, top + reach))
            label(axes, left - 1, top + reach / 2, name, ha="right", va="center")
    label(
        axes, left + side * columns + 0.6, top + side, f"white, pale:\nlines of {line}", va="center"
    )
    for place, (name, walk) in enumerate(walks.items()):
        y = top + side * rows + 2.4 + 3 * place
        lines = {number // line for number in walk}
        label(axes, 0, y - 0.3, f"in memory, {name}: {_some(len(lines), 'line')}")
        for number in range(total):
            colour = DARK if number in walk else MIDDLE if number // line in lines else WHITE
            box(axes, (number, y), (1, 1), colour, str(number), 6.5)
        for start in range(0, total, line):
            box(axes, (start, y), (min(line, total - start), 1), "none", linewidth=1.6)


def sets_and_ways(sets: int = 4, ways: int = 2, lines: int = 16, line: int = 4) -> Chart:
    """Show in which set of a small cache each line of memory may lie.

    Parameters
    ----------
    sets, ways : int
        Of the cache.
    lines : int
        Of memory, more than the cache holds.
    line : int
        Numbers in a line.
    """
    asked = sets * ways + min(1, sets - 1)
    rows = [
        [f"set {each}", ", ".join(map(str, range(each, lines, sets))), f"{ways} at a time"]
        for each in range(sets)
    ]
    number = asked * line + min(1, line - 1)
    return Chart(
        f"A cache of {sets} sets, {ways} ways: where a line may lie",
        DRAWN,
        f"Number {number} is in line {asked} ({number} // {line}), and that line may lie in set "
        f"{asked % sets} only ({asked} % {sets}). Lines {sets} apart compete for the same {ways} "
        "places, however empty the other sets are.",
        ["", "lines of memory", "of which fit"],
        rows,
        partial(_draw_sets_and_ways, sets=sets, ways=ways, lines=lines, asked=asked),
        height=height_of(2 * lines, 2 * sets + 6.4),
    )


def _draw_sets_and_ways(axes: Any, sets: int, ways: int, lines: int, asked: int) -> None:
    side, left, top = 2, 6, 5.6
    shade = [str(0.97 - 0.6 * each / max(1, sets - 1)) for each in range(sets)]
    bare(axes, side * lines, side * sets + 6.4)
    label(axes, 0, 0.9, "lines of memory, one after the other; their shade is their set")
    memory = [[shade[n % sets] for n in range(lines)]]
    texts = [list(map(str, range(lines)))]
    grid(axes, 0, 1.2, memory, texts, ringed={(0, asked): True}, size=8, side=side)
    label(axes, left, top - 0.3, f"the cache, {ways} ways")
    texts = [[f"{each + way * sets}" for way in range(ways)] for each in range(sets)]
    grid(axes, left, top, [[shade[each]] * ways for each in range(sets)], texts, size=8, side=side)
    end = left + side * ways
    for each in range(sets):
        y = top + side * (each + 0.5)
        label(axes, left - 0.5, y, f"set {each}", ha="right", va="center")
        if each == asked % sets:
            arrow(axes, (side * (asked + 0.5), 3.3), (end + 0.3, y))
            text = f"{asked} % {sets} = {each}: line {asked} takes the place of line {each},\n"
            text += "which was used longest ago"
            label(axes, end + 4, y + 0.3, text, va="center")


def tile_and_strip(blocks: int = 4, tile: tuple[int, int] = (1, 2)) -> Chart:
    """Show which blocks of A and B one tile of C needs, and what a strip of rows needs.

    Parameters
    ----------
    blocks : int
        On each side of the matrices.
    tile : (int, int)
        Row and column of the tile, in blocks; the strip has its row.
    """
    row, column = tile
    return Chart(
        "What a tile of C needs, and what a strip of rows needs",
        DRAWN,
        f"A tile of C is the sum of {blocks} products of blocks: 1 of A by 1 of B, 2 by 2, and so "
        "on. A strip needs its own rows of A and all of B: a chunk of rows on a thread, or a chunk "
        "of queries with all keys.",
        ["", "blocks of A", "blocks of B", "blocks of C"],
        [
            ["a tile", f"{blocks}, a row", f"{blocks}, a column", "1"],
            ["a strip", f"{blocks}, a row", f"{blocks**2}, all", f"{blocks}, a row"],
        ],
        partial(_draw_tile_and_strip, blocks=blocks, row=row, column=column),
        height=height_of(3 * (blocks + 1.5) + 2, 2 * blocks + 2.2),
    )


def _draw_tile_and_strip(axes: Any, blocks: int, row: int, column: int) -> None:
    bare(axes, 3 * (blocks + 1.5) + 2, 2 * blocks + 2.2)
    for y, kind in ((0.7, "a tile"), (blocks + 2.2, "a strip")):
        is_tile = kind == "a tile"
        label(axes, 0, y + blocks / 2, kind, weight="bold", va="center")
        for place, name in enumerate(MATRICES):
            x = 2.5 + place * (blocks + 1.5)
            needed = _needed(name, is_tile, row, column, blocks)
            colours = [[MIDDLE if one else WHITE for one in line] for line in needed]
            texts = [
                [
                    str((i if name == "B" else j) + 1) if one and is_tile and name != "C" else ""
                    for j, one in enumerate(line)
                ]
                for i, line in enumerate(needed)
            ]
            grid(axes, x, y, colours, texts, size=9)
            sign = {"A": "@", "B": "="}.get(name, "")
            label(axes, x + blocks / 2, y - 0.1, name, ha="center")
            label(
                axes, x + blocks + 0.75, y + blocks / 2, sign, ha="center", va="center", fontsize=11
            )


def _needed(name: str, is_tile: bool, row: int, column: int, blocks: int) -> list[list[bool]]:
    """Tell which blocks of a matrix a tile needs, or a strip: a list for each row of blocks."""
    rows = [name == "B" or i == row for i in range(blocks)]
    columns = [name == "A" or not is_tile or j == column for j in range(blocks)]
    return [[in_row and in_column for in_column in columns] for in_row in rows]


def touches(trace: Array | Callable[..., Array], *args: Any, cache: SimulatedCache = TINY) -> Chart:
    """Show when a trace touches each number of A, B and C (n, n) last, and which accesses miss.

    Parameters
    ----------
    trace : ndarray of int, shape (n**3, 3), or callable
        The positions of A[i, k], B[k, j] and C[i, j] in each step; or what returns them, such as
        `memory_trace`. n has to be small enough to be drawn.
    *args
        Handed to `trace`.
    cache : SimulatedCache
        A very small one by default: 8 lines of 4 numbers.

    Returns
    -------
    Chart
        Without a picture where the positions are none of A, B and C; the caption says which.
    """
    steps, name = np.asarray(trace), "the trace"
    if callable(trace):
        steps = np.asarray(trace(*args))
        name = f"{getattr(trace, '__name__', 'trace')}({', '.join(map(repr, args))})"
    lines = f"{cache.size // cache.line} lines of {cache.line // FLOAT32} numbers"
    simulated = f"Simulated: a cache of {lines}, {cache.ways} ways"
    if fault := _fault(steps):
        return Chart(f"What {name} touches", simulated, f"No picture yet: {fault}.", [""], [], None)
    n = _side(steps)
    missed = np.array(list(cache.missed(steps * FLOAT32)), dtype=bool).reshape(steps.shape)
    last, count = np.full((3, n, n), -1), np.zeros((3, n, n), dtype=int)
    for matrix in range(3):
        last.flat[steps[:, matrix]] = np.arange(len(steps))
        np.add.at(count.reshape(-1), steps[:, matrix], missed[:, matrix])
    rows = [
        [name, f"{len(steps):,}", f"{some.sum():,}", f"{100 * some.mean():.0f} %"]
        for name, some in zip(MATRICES, missed.T, strict=True)
    ]
    return Chart(
        f"What {name} touches",
        simulated,
        f"{100 * missed.mean():.0f} % of all accesses miss; in rings: how often, for each number. "
        "Shades: when it was touched last.",
        ["", "accesses", "misses", "share"],
        rows,
        partial(_draw_touches, last=last, count=count, accesses=len(steps)),
        height=height_of(3 * n + 2, n + 3),
    )


def _side(steps: Array) -> int:
    return round(float(np.cbrt(len(steps))))


def _fault(steps: Array) -> str:
    """Say what is wrong with a trace that cannot be drawn; nothing where it can."""
    if steps.ndim != 2 or steps.shape[1] != 3 or not len(steps):
        return f"a trace has the shape (n**3, 3), this one {steps.shape}"
    if steps.dtype.kind not in "iu":
        return f"positions are integers, these are {steps.dtype}"
    n = _side(steps)
    if n**3 != len(steps):
        return f"matrices (n, n) take n**3 steps, this trace has {len(steps)}"
    for place, name in enumerate(MATRICES):
        first, end = place * n * n, (place + 1) * n * n
        if steps[:, place].min() < first or steps[:, place].max() >= end:
            return f"in column {place} some positions are not those of {name}, {first} to {end - 1}"
    return ""


def _draw_touches(axes: Any, last: Array, count: Array, accesses: int) -> None:
    n = last.shape[1]
    width = 3 * n + 2
    bare(axes, width, n + 3)
    shade = shades(last)
    for place, name in enumerate(MATRICES):
        x = place * (n + 1)
        text = f"{name}: {count[place].sum()} of {accesses:,} miss"
        label(axes, x + n / 2, 0.9, text, ha="center")
        colours = [[shade(step) if step >= 0 else WHITE for step in row] for row in last[place]]
        texts = [[str(times) if times else "" for times in row] for row in count[place]]
        ringed = {(i, j): bool(count[place][i][j]) for i in range(n) for j in range(n)}
        grid(axes, x, 1, colours, texts, ringed=ringed, size=7)
    ends = ("last touched in the first step", "in the last step")
    scale(axes, width / 2 - n / 2, n + 2, n, ends)


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
    lines = {n: {FLOAT32 * n * (n + k) // cache.line for k in range(n)} for n in sides}
    fill = {n: Counter(line % count for line in some) for n, some in lines.items()}
    room = {n: sum(min(some, cache.ways) for some in sets.values()) for n, sets in fill.items()}
    rows = [
        [
            f"n = {n}",
            str(len(lines[n])),
            f"{len(sets)} of {count}",
            str(max(sets.values())),
            str(room[n]),
        ]
        for n, sets in fill.items()
    ]
    return Chart(
        f"Into which of {count} sets the lines of one column of B fall",
        f"Computed from addresses: {cache.size // 1024} KiB, {cache.ways} ways",
        f"Each square is a line. A set holds {cache.ways} at a time: where more fall into it, each "
        "is pushed out before the next column asks for it, and every access to it misses.",
        ["", "lines needed", "sets used", "most in a set", "lines that fit"],
        rows,
        partial(_draw_cache_sets, fill=fill, room=room, count=count, ways=cache.ways),
        height=0.9 + 1.6 * len(fill),
    )


def _draw_cache_sets(
    axes: Any, fill: Mapping[int, Counter[int]], room: Mapping[int, int], count: int, ways: int
) -> None:
    axes.axis("off")
    most = max(ways, *(max(sets.values()) for sets in fill.values()))
    for place, (n, sets) in enumerate(fill.items()):
        share = 1 / len(fill)
        panel = axes.inset_axes((0.07, 1 - (place + 0.8) * share, 0.93, 0.65 * share))
        for each, number in sets.items():
            for level in range(number):
                beyond = level >= ways
                colour, hatch = (WHITE, "/////") if beyond else (MIDDLE, "")
                box(panel, (each + 0.1, level), (0.8, 1), colour, hatch=hatch)
        total = sets.total()
        what = "room for all" if room[n] == total else f"room for {room[n]}"
        text = f"n = {n}: {total} lines in {_some(len(sets), 'set')}, {what}"
        panel.set_title(text, loc="left", fontsize="small", weight="bold")
        panel.axhline(ways, color="black", linestyle="--", linewidth=1)
        panel.text(count, ways + 0.4, f"{ways} ways", ha="right", fontsize="small")
        panel.set(xlim=(-0.5, count + 0.5), ylim=(0, most + 0.5), yticks=range(0, most + 1, ways))
        panel.set_xticks([each + 0.5 for each in range(0, count, 8)], range(0, count, 8))
        panel.tick_params(labelsize="small")
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_ylabel("lines", fontsize="small")
    panel.set_xlabel("set of the cache", fontsize="small")
