"""Conditions on what loops touch, step by step.

A trace is arithmetic, so each is compared with the whole one, computed here.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import Call, CallResult
from tito.conditions.expect import Array, Generator, call_text, expect_returned, whole_numbers

__all__ = [
    "result_of",
    "tiles",
    "tiles_extreme",
    "tiles_ragged",
    "tiles_whole",
    "trace",
    "traces_ijk",
    "traces_nothing",
    "traces_orders",
]

ORDERS = tuple(map("".join, permutations("ijk")))
SIDE = 129  # the largest n of the lesson
LARGEST = 3 * SIDE**2 - 1
IN_BLOCK = (
    "Finish a block of side tile before the next: blocks, and steps in a block, go in the order "
    "i, j, k."
)
INNERMOST = "The last letter of order is the innermost loop: its index changes with every step."


def traces_ijk(call: Call, rng: Generator, sizes: Sequence[int] = (2, 3, 5)) -> None:
    """The order ijk touches A[i, k], B[k, j] and C[i, j] at the right places."""
    for n in (*sizes, int(rng.integers(11, 16))):
        expect_trace(call, "ijk", n, "A begins at 0, B at n * n, C at 2 * n * n; rows are n long.")
    value = result_of(call, "", order="ijk", n=1).value
    if value is not None and np.iinfo(value.dtype).max < LARGEST:
        fact = f"{call.__name__} returns {value.dtype}, which ends at {np.iinfo(value.dtype).max}"
        raise CheckFailure(fact, f"For n = {SIDE} the positions reach {LARGEST}: keep NumPy's int.")


def traces_orders(call: Call, rng: Generator, sizes: Sequence[int] = (2, 4)) -> None:
    """All six orders come out in the order of their loops."""
    for n in sizes:
        for order in ORDERS:
            expect_trace(call, order, n, INNERMOST)


def traces_nothing(call: Call, rng: Generator, sizes: Sequence[int] = (1, 0)) -> None:
    """One step for n = 1, and none for n = 0: an array (0, 3)."""
    for n in sizes:
        for order in ORDERS[:2]:
            expect_trace(call, order, n, "The result is (n**3, 3), whatever n is.")


def tiles_whole(
    call: Call, rng: Generator, cases: Sequence[tuple[int, int]] = ((4, 2), (6, 3))
) -> None:
    """Blocks that n is a multiple of come one after the other, each in the order i, j, k."""
    side = int(rng.integers(2, 4))
    for n, tile in (*cases, (side * int(rng.integers(5, 7)), side)):
        expect_tiles(call, n, tile, "Inside a block i, j and k run from its starts to its ends.")


def tiles_ragged(
    call: Call, rng: Generator, cases: Sequence[tuple[int, int]] = ((5, 2), (7, 4))
) -> None:
    """Where n is no multiple of tile, the last blocks are smaller."""
    for n, tile in cases:
        expect_tiles(call, n, tile, "The last block ends at n: min(start + tile, n).")


def tiles_extreme(
    call: Call, rng: Generator, cases: Sequence[tuple[int, int]] = ((3, 1), (3, 3), (2, 9), (1, 1))
) -> None:
    """Blocks of one number, and one block larger than everything, are the plain loops."""
    for n, tile in cases:
        expect_tiles(call, n, tile, "For both the steps are those of the order ijk.")


def result_of(call: Call, hint: str, *arrays: Array, **options: Any) -> CallResult:
    """Call the function; return its result unless it raised an exception."""
    text = call_text(call, arrays, options)
    return expect_returned(call, call(*arrays, **options), text, hint)


def expect_trace(call: Call, order: str, n: int, hint: str) -> None:
    expect_steps(call, trace(order, n), hint, INNERMOST, order=order, n=n)


def expect_tiles(call: Call, n: int, tile: int, hint: str) -> None:
    expect_steps(call, tiles(n, tile), hint, IN_BLOCK, n=n, tile=tile)


def expect_steps(call: Call, expected: Array, hint: str, loops: str, **options: Any) -> None:
    """Ask for these three positions in each step; `loops` is the hint on a wrong order."""
    result, text = result_of(call, hint, **options), call_text(call, (), options)
    value = whole_numbers(result, text, hint)
    if value.shape != expected.shape:
        is_turned = value.shape == expected.shape[::-1]
        on_shape = "A row for each step: np.stack([x, y, z], axis=1)." if is_turned else hint
        raise CheckFailure(f"{text} has shape {value.shape}, expected {expected.shape}", on_shape)
    wrong = np.flatnonzero((value != expected).any(axis=1))
    if wrong.size:
        step = int(wrong[0])
        seen, right = (tuple(map(int, rows[step])) for rows in (value, expected))
        fact = f"{text}: step {step} touches {seen}, it has to touch {right}"
        if np.array_equal(np.unique(value, axis=0), np.unique(expected, axis=0)):
            raise CheckFailure(f"{fact}; all steps are there, in another order", loops)
        raise CheckFailure(fact, hint)


def trace(order: str, n: int) -> Array:
    """Return the elements that a triple loop in this order touches, (n**3, 3)."""
    loops = np.indices((n, n, n)).reshape(3, n**3)
    i, j, k = (loops[order.index(name)] for name in "ijk")
    rows, columns = np.column_stack([i, k, i]), np.column_stack([k, j, j])
    steps: Array = n * n * np.arange(3) + n * rows + columns
    return steps


def tiles(n: int, tile: int) -> Array:
    """Return the elements that a product in blocks touches, (n**3, 3)."""
    i, j, k = np.indices((n, n, n)).reshape(3, n**3)
    steps = np.lexsort((k, j, i, k // tile, j // tile, i // tile))  # the last key counts first
    return trace("ijk", n)[steps]
