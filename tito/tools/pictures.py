"""Pictures of a student's own kernel, drawn from the trace that grades it.

`tiles` shows in which order a blocked product was computed, `threads` which rows each thread
multiplied and which products waited for one another.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import CheckFailure
from tinytorch.utils.sketches import bare, grid, label, shades
from tito.conditions.call import LocalCall
from tito.conditions.results import Inconclusive
from tito.conditions.structure import traced
from tito.tracing import Product

__all__ = ["threads", "tiles"]

Array = NDArray[Any]
Kernel = Callable[..., Any]

DRAWN = "From the trace that grades it, of a small product."
SEED = 11
MOST_ROWS = 24


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
    name = LocalCall(kernel).__name__
    title = f"{name}: the order of its products, block_size = {block_size}"
    found = _products(kernel, "block_size", block_size, shape)
    if isinstance(found, str):
        return _nothing(title, found)
    products, _ = found
    m, _, p = shape
    first, count = np.full((m, p), -1), np.zeros((m, p), dtype=int)
    for place, product in enumerate(products):
        cells = np.ix_(sorted(product.row_set or ()), sorted(product.column_set or ()))
        first[cells] = np.where(first[cells] < 0, place, first[cells])
        count[cells] += 1
    groups = dict.fromkeys(
        (x.row_set, x.column_set) for x in products if x.row_set and x.column_set
    )
    rows = [
        [
            f"tile {place + 1}",
            _span(group[0]),
            _span(group[1]),
            ", ".join(
                f"{number + 1}"
                for number, x in enumerate(products)
                if (x.row_set, x.column_set) == group
            ),
        ]
        for place, group in enumerate(groups)
    ]
    return Chart(
        title,
        DRAWN,
        f"C, {m} x {p}: each number shows which product reached it first, of {len(products)}; from "
        "light, early, to dark, late. Equal numbers are one tile.",
        ["", "rows", "columns", "products"],
        rows[:MOST_ROWS] + ([["...", "", "", ""]] if len(rows) > MOST_ROWS else []),
        partial(_draw_tiles, first=first, count=count),
        height=1.6 + 0.3 * m,
    )


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
    name = LocalCall(kernel).__name__
    title = f"{name}: rows and threads, num_processes = {num_processes}"
    found = _products(kernel, "num_processes", num_processes, shape, meet=num_processes)
    if isinstance(found, str):
        return _nothing(title, found)
    products, together = found
    products = [x for x in products if x.rows]
    at_once = [x.step in together for x in products]
    bars = [
        (product.thread, sorted(product.row_set or ()), is_met)
        for product, is_met in zip(products, at_once, strict=True)
    ]
    most = sum(at_once)
    rows = [
        [f"product {place + 1}", f"thread {thread}", _span(rows), "yes" if is_met else "no"]
        for place, (thread, rows, is_met) in enumerate(bars)
    ]
    what = f"{most} products were under way at once" if most > 1 else "no two products met"
    return Chart(
        title,
        DRAWN,
        f"A bar for each product, over the rows of A that it takes: {what}. Those that met begin "
        "at the same place.",
        ["", "by", "rows", "met others"],
        rows[:MOST_ROWS] + ([["...", "", "", ""]] if len(rows) > MOST_ROWS else []),
        partial(_draw_threads, bars=bars),
        height=1.9 + 0.3 * min(len(bars), MOST_ROWS),
    )


def _products(
    kernel: Kernel, cut: str, value: int, shape: tuple[int, int, int], meet: int = 0
) -> tuple[list[Product], tuple[int, ...]] | str:
    """Return the products of a call and the steps that met, or why there are none."""
    try:
        call, rng = LocalCall(kernel, cut), np.random.default_rng(SEED)
        options: dict[str, Any] = {cut: value}
        proof, result = traced(call, rng, shape, "", meet, **options)
        products = list(proof.products)
    except CheckFailure as failure:
        return f"{failure.fact}."
    except Inconclusive as reason:
        return str(reason)
    if not products or any(x.row_set is None or x.column_set is None for x in products):
        return "Its products cannot be told from the trace."
    return products, result.together if len(result.together) > 1 else ()


def _nothing(title: str, why: str) -> Chart:
    return Chart(title, DRAWN, f"No picture yet. {why}", [""], [], None)


def _span(indices: Any) -> str:
    """Return the indices as a text: 0 to 3, or 0, 2, 4."""
    some = sorted(indices)
    if not some:
        return "none"
    if len(some) > 1 and some == list(range(some[0], some[-1] + 1)):
        return f"{some[0]} to {some[-1]}"
    return ", ".join(map(str, some))


def _draw_tiles(axes: Any, first: Array, count: Array) -> None:
    m, p = first.shape
    bare(axes, p + 8, m + 1)
    shade = shades(first)
    texts = [[str(place + 1) for place in row] for row in first]
    label(axes, p / 2, 0.9, "C", ha="center")
    grid(axes, 0, 1, [[shade(place) for place in row] for row in first], texts, size=7)
    least, most = count.min(), count.max()
    each = str(least) if least == most else f"{least} to {most}"
    label(axes, p + 0.6, m / 2 + 1, f"{each} products\nfor each number", va="center")


def _draw_threads(axes: Any, bars: list[tuple[int, list[int], bool]]) -> None:
    shown = bars[:MOST_ROWS]
    names = sorted({thread for thread, _, _ in shown})
    shade = shades(np.arange(len(names) + 1))
    start = 0.0
    for place, (thread, rows, is_met) in enumerate(shown):
        begin = 0.0 if is_met else start
        start = max(start, begin + 1)
        look = {"color": shade(names.index(thread)), "edgecolor": "black"}
        axes.barh(place, 1, left=begin, height=0.7, **look)
        look = {"va": "center", "fontsize": "small"}
        look["color"] = "white" if names.index(thread) > len(names) / 2 else "black"
        axes.text(begin + 0.03, place, f"thread {thread}: rows {_span(rows)}", **look)
    axes.set_yticks(range(len(shown)), labels=[f"product {n + 1}" for n in range(len(shown))])
    axes.set(xlabel="order in time: equal places ran at once", xticks=[])
    axes.set_xlim(0, max(start, 2.0))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
