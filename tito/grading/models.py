"""Conditions on the lesson's models of cost: what a loop touches, intensity, Amdahl's law.

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
    "amdahl_refuses",
    "amdahl_speedups",
    "answer",
    "expect_refusal",
    "intensity_of_any",
    "intensity_of_nothing",
    "intensity_of_squares",
    "traces_ijk",
    "traces_nothing",
    "traces_orders",
    "traces_refuse",
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


def traces_refuse(
    call: Call, rng: Generator, orders: Sequence[str] = ("iij", "ij", "", "ijkk", "IJK")
) -> None:
    """What is no order of i, j and k raises ValueError."""
    hint = "Compare sorted(order) with what it has to be, before anything else."
    expect_trace(call, "kji", 2, INNERMOST)
    for order in orders:
        expect_refusal(call, hint, order=order, n=2)


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


def amdahl_refuses(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[float, int]] = ((-0.1, 2), (1.5, 2), (0.5, 0), (0.5, -3)),
) -> None:
    """A share outside 0 to 1, or fewer than one worker, raises ValueError."""
    hint = "Check 0 <= serial <= 1 and workers >= 1 first."
    expect_number(call, 1 / (0.5 + 0.5 / 2), hint, serial=0.5, workers=2)
    for serial, workers in cases:
        expect_refusal(call, hint, serial=serial, workers=workers)


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


def expect_refusal(call: Call, hint: str, *arrays: Array, **options: Any) -> None:
    """Ask that a call raises ValueError."""
    reply, text = call(*arrays, **options), describe(call, arrays, options)
    if reply.raised is None:
        raise CheckFailure(f"{text} raised nothing, it has to raise ValueError", hint)
    if "ValueError" not in reply.raised.kinds:
        fact = f"{text} raised {reply.raised.kinds[0]}, it has to raise ValueError"
        raise CheckFailure(fact, hint)


def expect_number(call: Call, expected: float, hint: str, **options: Any) -> None:
    reply, text = answer(call, hint, **options), describe(call, (), options)
    value = reply.value
    if value is None or value.shape != () or value.dtype.kind not in "iuf":
        raise CheckFailure(f"{text} returned {_a(reply)}, it has to be one number", hint)
    if not abs(float(value) - expected) <= CLOSE * abs(expected):  # NaN is not close
        raise CheckFailure(f"{text} is {float(value):.6g}, expected {expected:.6g}", hint)


def expect_trace(call: Call, order: str, n: int, hint: str) -> None:
    reply = answer(call, hint, order=order, n=n)
    text, value, expected = (
        describe(call, (), {"order": order, "n": n}),
        reply.value,
        trace(order, n),
    )
    if value is None or reply.returned != "ndarray" or value.dtype.kind not in "iu":
        raise CheckFailure(f"{text} returned {_a(reply)}, it has to be an array of integers", hint)
    if value.shape != expected.shape:
        raise CheckFailure(f"{text} has shape {value.shape}, expected {expected.shape}", hint)
    wrong = np.flatnonzero((value != expected).any(axis=1))
    if wrong.size:
        step = int(wrong[0])
        seen, right = (tuple(map(int, rows[step])) for rows in (value, expected))
        raise CheckFailure(f"{text}: step {step} touches {seen}, it has to touch {right}", hint)


def trace(order: str, n: int) -> Array:
    """Return the elements that a triple loop in this order touches, (n**3, 3)."""
    loops = np.indices((n, n, n)).reshape(3, n**3)
    i, j, k = (loops[order.index(name)] for name in "ijk")
    return np.stack([i * n + k, n * n + k * n + j, 2 * n * n + i * n + j], axis=1)


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
