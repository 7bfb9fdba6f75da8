"""Conditions on the lesson's models: what loops touch, intensity, chunks of rows, Amdahl's law.

A model is arithmetic, so each answer is compared with the formula itself, worked out here.
"""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.grading.calls import Call, Reply
from tito.grading.conditions import UNWRITTEN, Array, Generator

__all__ = [
    "amdahl_at_the_ends",
    "amdahl_speedups",
    "answer",
    "edges_cover",
    "edges_fair",
    "intensity_of_any",
    "intensity_of_nothing",
    "intensity_of_squares",
    "tiles_extreme",
    "tiles_ragged",
    "tiles_whole",
    "traces_ijk",
    "traces_nothing",
    "traces_orders",
]

ORDERS = tuple(map("".join, permutations("ijk")))
INNERMOST = "The last letter of order is the innermost loop: its index changes with every step."
CLOSE = 1e-9
"""Relative; a formula of a few operations in double precision is a million times closer."""


def traces_ijk(call: Call, rng: Generator, sizes: Sequence[int] = (2, 3, 5)) -> None:
    """The order ijk touches A[i, k], B[k, j] and C[i, j] at the right places."""
    for n in sizes:
        expect_trace(call, "ijk", n, "A begins at 0, B at n * n, C at 2 * n * n; rows are n long.")


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
    for n, tile in cases:
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


def intensity_of_squares(
    call: Call,
    rng: Generator,
    sizes: Sequence[int] = (6, 60, 1024),
    itemsizes: Sequence[int] = (4,),
) -> None:
    """Square float32 matrices have an intensity of n / 6."""
    hint = "2 * n**3 operations; A, B and C are n * n numbers of 4 bytes each."
    for n in sizes:
        for itemsize in itemsizes:
            expect_number(call, 2 * n / (3 * itemsize), hint, m=n, n=n, p=n, itemsize=itemsize)


def intensity_of_any(
    call: Call,
    rng: Generator,
    shapes: Sequence[tuple[int, int, int]] = ((2, 3, 5), (100, 1, 7), (1, 1000, 1)),
    itemsizes: Sequence[int] = (4, 8, 2),
) -> None:
    """Other shapes and other item sizes come out right."""
    hint = "A is m * n numbers, B n * p, C m * p: each is moved once, itemsize bytes a number."
    for m, n, p in shapes:
        for itemsize in itemsizes:
            moved = (m * n + n * p + m * p) * itemsize
            expect_number(call, 2 * m * n * p / moved, hint, m=m, n=n, p=p, itemsize=itemsize)


def intensity_of_nothing(
    call: Call,
    rng: Generator,
    shapes: Sequence[tuple[int, int, int]] = ((0, 0, 0), (0, 0, 7), (3, 0, 4)),
) -> None:
    """Empty matrices have an intensity of 0."""
    expect_number(call, 2 / 12, "Begin with the formula.", m=1, n=1, p=1, itemsize=4)
    for m, n, p in shapes:
        hint = "No operations: the intensity is 0.0, also where no byte is moved."
        expect_number(call, 0.0, hint, m=m, n=n, p=p, itemsize=4)


def amdahl_speedups(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[float, int]] = ((0.5, 2), (0.1, 4), (0.05, 64), (0.25, 3)),
) -> None:
    """The serial part takes as long as before, the rest is divided among the workers."""
    hint = "Let the run take 1: serial stays, and 1 - serial is divided by workers."
    for serial, workers in cases:
        expected = 1 / (serial + (1 - serial) / workers)
        expect_number(call, expected, hint, serial=serial, workers=workers)


def amdahl_at_the_ends(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[float, int]] = ((0.0, 8), (1.0, 8), (0.3, 1), (0.0, 1)),
) -> None:
    """Nothing serial gives the number of workers; all serial, or one worker, gives 1."""
    for serial, workers in cases:
        expected = 1 / (serial + (1 - serial) / workers)
        hint = "Put 0, then 1, for serial into the formula by hand."
        expect_number(call, expected, hint, serial=serial, workers=workers)


def edges_cover(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[int, int]] = ((7, 2), (12, 4), (23, 8), (5, 1), (0, 1)),
) -> None:
    """From 0 to m, one edge more than there are chunks, and none before the one in front of it."""
    for m, chunks in cases:
        expect_edges(call, m, chunks)


def edges_fair(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[int, int]] = ((23, 8), (7, 2), (100, 7), (3, 3)),
) -> None:
    """The sizes of the chunks differ by at most one."""
    hint = "With whole chunks of m // chunks rows, the rest of m % chunks has to be shared out."
    for m, chunks in cases:
        sizes = np.diff(expect_edges(call, m, chunks))
        if np.ptp(sizes) > 1:
            text = describe(call, (), {"m": m, "chunks": chunks})
            fact = f"{text}: the chunks have {sizes.min()} to {sizes.max()} rows"
            raise CheckFailure(fact, hint)


def answer(call: Call, hint: str, *arrays: Array, **options: Any) -> Reply:
    """Call the function; return a reply that is a number or an array."""
    return answered(call, call(*arrays, **options), hint, *arrays, **options)


def answered(call: Call, reply: Reply, hint: str, *arrays: Array, **options: Any) -> Reply:
    """Return `reply` if it holds a number or an array."""
    text = describe(call, arrays, options)
    if reply.raised is not None:
        if "NotImplementedError" in reply.raised.kinds:
            raise CheckFailure(f"{call.__name__} is not written yet", UNWRITTEN)
        raise CheckFailure(f"{text} raised {reply.raised.kinds[0]}: {reply.raised.message}", hint)
    if reply.value is None:
        raise CheckFailure(f"{text} returned a {reply.returned}", hint)
    return reply


def expect_number(call: Call, expected: float, hint: str, **options: Any) -> None:
    reply, text = answer(call, hint, **options), describe(call, (), options)
    value = reply.value
    if value is None or value.shape != () or value.dtype.kind not in "iuf":
        raise CheckFailure(f"{text} returned {_a(reply)}, it has to be one number", hint)
    if not abs(float(value) - expected) <= CLOSE * abs(expected):  # NaN is not close
        raise CheckFailure(f"{text} is {float(value):.6g}, expected {expected:.6g}", hint)


def expect_trace(call: Call, order: str, n: int, hint: str) -> None:
    expect_steps(call, trace(order, n), hint, order=order, n=n)


def expect_tiles(call: Call, n: int, tile: int, hint: str) -> None:
    expect_steps(call, tiles(n, tile), hint, n=n, tile=tile)


def expect_steps(call: Call, expected: Array, hint: str, **options: Any) -> None:
    """Ask for these three positions in each step."""
    reply, text = answer(call, hint, **options), describe(call, (), options)
    value = whole_numbers(reply, text, hint)
    if value.shape != expected.shape:
        raise CheckFailure(f"{text} has shape {value.shape}, expected {expected.shape}", hint)
    wrong = np.flatnonzero((value != expected).any(axis=1))
    if wrong.size:
        step = int(wrong[0])
        seen, right = (tuple(map(int, rows[step])) for rows in (value, expected))
        raise CheckFailure(f"{text}: step {step} touches {seen}, it has to touch {right}", hint)


def expect_edges(call: Call, m: int, chunks: int) -> Array:
    """Return the edges of a call that gives chunks in which every row is once."""
    hint = "The first edge is 0, the last is m; between them lie chunks - 1 more."
    reply, text = answer(call, hint, m=m, chunks=chunks), f"{call.__name__}({m}, {chunks})"
    edges = whole_numbers(reply, text, hint).astype(np.int64)
    if edges.shape != (chunks + 1,):
        raise CheckFailure(f"{text} has shape {edges.shape}, expected {(chunks + 1,)}", hint)
    if edges[0] != 0 or edges[-1] != m or (np.diff(edges) < 0).any():
        raise CheckFailure(f"{text} is {edges.tolist()}: it has to lead from 0 to {m}", hint)
    return edges


def whole_numbers(reply: Reply, text: str, hint: str) -> Array:
    """Return the array of integers that a call returned."""
    if reply.value is None or reply.returned != "ndarray" or reply.value.dtype.kind not in "iu":
        raise CheckFailure(f"{text} returned {_a(reply)}, it has to be an array of integers", hint)
    return reply.value


def trace(order: str, n: int) -> Array:
    """Return the elements that a triple loop in this order touches, (n**3, 3)."""
    loops = np.indices((n, n, n)).reshape(3, n**3)
    i, j, k = (loops[order.index(name)] for name in "ijk")
    return np.stack([i * n + k, n * n + k * n + j, 2 * n * n + i * n + j], axis=1)


def tiles(n: int, tile: int) -> Array:
    """Return the elements that a product in blocks touches, (n**3, 3)."""
    i, j, k = np.indices((n, n, n)).reshape(3, n**3)
    steps = np.lexsort((k, j, i, k // tile, j // tile, i // tile))  # the last key counts first
    return trace("ijk", n)[steps]


def describe(call: Call, arrays: tuple[Array, ...], options: dict[str, Any]) -> str:
    """Return a call as one writes it, and the shapes of its arrays."""
    names = "QKV"[: len(arrays)]
    words = [*names, *(f"{name}={value!r}" for name, value in options.items())]
    shapes = ", ".join(f"{name} {x.shape}" for name, x in zip(names, arrays, strict=True))
    shown = f" with {shapes} {arrays[0].dtype}" if arrays else ""
    return f"{call.__name__}({', '.join(words)}){shown}"


def _a(reply: Reply) -> str:
    if reply.returned == "ndarray" and reply.value is not None:
        return f"an array {reply.value.shape} of {reply.value.dtype}"
    return f"a {reply.returned}"
