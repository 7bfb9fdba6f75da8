"""Conditions on formulas: arithmetic intensity, Amdahl's law, and where chunks of rows begin.

Each result is compared with the formula itself, computed here: for the named cases and for a
random one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import Call, CallResult
from tito.conditions.expect import Array, Generator, call_text, found, whole_numbers
from tito.conditions.traces import result_of

__all__ = [
    "amdahl_at_the_ends",
    "amdahl_speedups",
    "edges_cover",
    "edges_fair",
    "intensity_of_any",
    "intensity_of_nothing",
    "intensity_of_squares",
]

NOTHING = ("it ends without `return`", "End it with `return` and the number.")
CLOSE = 1e-9
"""Relative; the rounding of a few operations in double precision is a million times smaller."""
CLOSE_NARROW = 1e-6
"""The same for a float32, which has seven digits."""
SMALL = 1e-3
"""Relative; how far a small number that was added may move the result."""


@dataclass(frozen=True)
class Formula:
    """A formula and its known mistakes.

    Parameters
    ----------
    right : callable
        The formula.
    second : mapping
        Arguments for which each mistake gives another number: a mistake is named where it explains
        these, too.
    mistakes : mapping of str to (callable, str)
        By what is wrong, in words: the wrong formula, and what to do about it.
    """

    right: Callable[..., float]
    second: Mapping[str, Any]
    mistakes: Mapping[str, tuple[Callable[..., float], str]]


def intensity_of_squares(
    call: Call,
    rng: Generator,
    sizes: Sequence[int] = (6, 60, 1024),
    itemsizes: Sequence[int] = (4,),
) -> None:
    """Square float32 matrices have an intensity of n / 6."""
    hint = "2 * n**3 operations; A, B and C are n * n numbers of 4 bytes each."
    for n in [*sizes, int(rng.integers(2, 4000))]:
        for itemsize in itemsizes:
            expect_number(call, hint, INTENSITY, m=n, n=n, p=n, itemsize=itemsize)


def intensity_of_any(
    call: Call,
    rng: Generator,
    shapes: Sequence[tuple[int, int, int]] = ((2, 3, 5), (100, 1, 7), (1, 1000, 1)),
    itemsizes: Sequence[int] = (4, 8, 2),
) -> None:
    """Other shapes and other item sizes come out right."""
    hint = "A is m * n numbers, B n * p, C m * p: each is moved once, itemsize bytes per number."
    drawn: Sequence[int] = rng.integers(1, 2000, size=3).tolist()
    for m, n, p in [*shapes, drawn]:
        for itemsize in itemsizes:
            expect_number(call, hint, INTENSITY, m=m, n=n, p=p, itemsize=itemsize)


def intensity_of_nothing(
    call: Call,
    rng: Generator,
    shapes: Sequence[tuple[int, int, int]] = ((0, 0, 0), (0, 0, 7), (3, 0, 4)),
) -> None:
    """Empty matrices have an intensity of 0."""
    expect_number(call, "Begin with the formula.", INTENSITY, m=1, n=1, p=1, itemsize=4)
    for m, n, p in shapes:
        hint = "No operations: the intensity is 0.0, also where no byte is moved."
        expect_number(call, hint, INTENSITY, m=m, n=n, p=p, itemsize=4)


def amdahl_speedups(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[float, int]] = ((0.5, 2), (0.1, 4), (0.05, 64), (0.25, 3)),
) -> None:
    """The serial part takes as long as before, the rest is divided among the workers."""
    hint = "Let the run take 1: serial stays, and 1 - serial is divided by workers."
    drawn = round(rng.uniform(0.01, 0.99), 3), int(rng.integers(2, 100))
    for serial, workers in [*cases, drawn]:
        expect_number(call, hint, AMDAHL, serial=serial, workers=workers)


def amdahl_at_the_ends(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[float, int]] = ((0.0, 8), (1.0, 8), (0.3, 1), (0.0, 1)),
) -> None:
    """Nothing serial gives the number of workers; all serial, or one worker, gives 1."""
    drawn = int(rng.integers(2, 100))
    for serial, workers in [*cases, (0.0, drawn), (1.0, drawn)]:
        hint = "Put 0, then 1, for serial into the formula by hand."
        expect_number(call, hint, AMDAHL, serial=serial, workers=workers)


def edges_cover(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[int, int]] = ((7, 2), (12, 4), (23, 8), (5, 1), (0, 1)),
) -> None:
    """From 0 to m, one edge more than there are chunks, and none before the one in front of it."""
    drawn = int(rng.integers(1, 200)), int(rng.integers(1, 20))
    for m, chunks in [*cases, drawn]:
        expect_edges(call, m, chunks)


def edges_fair(
    call: Call,
    rng: Generator,
    cases: Sequence[tuple[int, int]] = ((23, 8), (7, 2), (100, 7), (3, 3)),
) -> None:
    """The sizes of the chunks differ by at most one."""
    hint = "With whole chunks of m // chunks rows, the rest of m % chunks has to be shared out."
    drawn = int(rng.integers(1, 200)), int(rng.integers(1, 20))
    for m, chunks in [*cases, drawn]:
        sizes = np.diff(expect_edges(call, m, chunks))
        if np.ptp(sizes) > 1:
            text = call_text(call, (), {"m": m, "chunks": chunks})
            fact = f"{text}: the chunks have {sizes.min()} to {sizes.max()} rows"
            raise CheckFailure(fact, hint)


def amdahl(serial: float, workers: int) -> float:
    """Return Amdahl's speedup."""
    return workers / (workers * serial + 1 - serial)


def intensity(m: int, n: int, p: int, itemsize: int) -> float:
    """Return the operations per byte of a product; 0 where nothing is moved."""
    return 2 * m * n * p / (moved(m, n, p) * itemsize) if moved(m, n, p) else 0.0


def moved(m: int, n: int, p: int) -> int:
    """Return how many numbers A, B and C hold together."""
    return m * n + n * p + m * p


AMDAHL = Formula(
    amdahl,
    {"serial": 0.3, "workers": 8},
    {
        "it has serial and parallel exchanged": (
            lambda serial, workers: 1 / ((1 - serial) + serial / workers),
            "serial is the share that stays: serial + (1 - serial) / workers.",
        ),
        "it is Gustafson's law": (
            lambda serial, workers: serial + (1 - serial) * workers,
            "Here the work stays and the time shrinks: divide the time before by the time after.",
        ),
        "it is the time after, not the speedup": (
            lambda serial, workers: serial + (1 - serial) / workers,
            "The speedup is the time before, 1, divided by the time after.",
        ),
        "it is the speedup for each worker": (
            lambda serial, workers: amdahl(serial, workers) / workers,
            "That is the efficiency: do not divide by workers.",
        ),
        "it is what is gained, 1 less than the speedup": (
            lambda serial, workers: amdahl(serial, workers) - 1,
            "Twice as fast is 2: take nothing off.",
        ),
        "parentheses are missing": (
            lambda serial, workers: 1 / serial + (1 - serial) / workers,
            "1 / a + b is (1 / a) + b: put the sum into parentheses.",
        ),
        "nothing is serial in it": (
            lambda serial, workers: float(workers),
            "The serial share takes as long as before, however many workers there are.",
        ),
        "the parallel share takes no time in it": (
            lambda serial, workers: 1 / serial,
            "The parallel share takes (1 - serial) / workers, which `//` would round down to 0.",
        ),
        "it has one worker too many": (
            lambda serial, workers: amdahl(serial, workers + 1),
            "workers counts all of them: divide by workers.",
        ),
        "serial is taken for per cent": (
            lambda serial, workers: amdahl(serial / 100, workers),
            "serial is a share between 0 and 1.",
        ),
    },
)
INTENSITY = Formula(
    intensity,
    {"m": 3, "n": 5, "p": 11, "itemsize": 16},
    {
        "an addition and a multiplication count as one operation": (
            lambda m, n, p, itemsize: intensity(m, n, p, itemsize) / 2,
            "Each step along the inner side is a multiplication and an addition: 2 * m * n * p.",
        ),
        "the first addition of each sum is left out": (
            lambda m, n, p, itemsize: intensity(m, n, p, itemsize) * (2 * n - 1) / (2 * n),
            "A sum begins with 0: count an addition for each multiplication, 2 * m * n * p.",
        ),
        "n stands for all three sides": (
            lambda m, n, p, itemsize: intensity(n, n, n, itemsize),
            "A is m * n numbers, B n * p, C m * p, and there are 2 * m * n * p operations.",
        ),
        "itemsize is left out": (
            lambda m, n, p, itemsize: intensity(m, n, p, 1),
            "It is operations per byte: each number moved has itemsize bytes.",
        ),
        "it divides by bits": (
            lambda m, n, p, itemsize: intensity(m, n, p, 8 * itemsize),
            "itemsize is bytes already.",
        ),
        "it is bytes per operation": (
            lambda m, n, p, itemsize: 1 / intensity(m, n, p, itemsize),
            "It is operations divided by bytes.",
        ),
        "C is counted twice": (
            lambda m, n, p, itemsize: 2 * m * n * p / ((moved(m, n, p) + m * p) * itemsize),
            "Each of the three matrices is moved once.",
        ),
        "C is left out": (
            lambda m, n, p, itemsize: 2 * m * n * p / ((moved(m, n, p) - m * p) * itemsize),
            "Each of the three matrices is moved once, C as well.",
        ),
        "itemsize is always 4": (
            lambda m, n, p, itemsize: intensity(m, n, p, 4),
            "Use the argument itemsize: float64 has 8 bytes.",
        ),
        "it is twice as large": (
            lambda m, n, p, itemsize: 2 * intensity(m, n, p, itemsize),
            "Each step along the inner side is a multiplication and an addition: 2 * m * n * p.",
        ),
        "the sides of B or C are exchanged": (
            lambda m, n, p, itemsize: 2 * m * n * p / ((m * n + p * p + m * n) * itemsize),
            "A is m * n numbers, B n * p, C m * p.",
        ),
    },
)


def number(result: CallResult) -> float | None:
    """Return the result if it is one number."""
    value = result.value
    is_number = value is not None and value.shape == () and value.dtype.kind in "iuf"
    return float(value) if is_number else None  # type: ignore[arg-type]


def recognised(
    call: Call, formula: Formula, options: dict[str, Any], value: float
) -> tuple[str, str] | None:
    """Return the mistake that explains the value, here and in a second case, and what to do."""
    again = number(call(**formula.second))
    if again is None:
        return None
    values, cases = (value, again), (options, formula.second)
    expected = [formula.right(**case) for case in cases]
    for mistake, (wrong, hint) in formula.mistakes.items():
        try:
            others = [wrong(**case) for case in cases]
        except ArithmeticError:
            continue
        is_wrong = others[0] and not is_near(others[0], expected[0])
        if is_wrong and all(map(is_near, values, others)):
            return mistake, hint
    if all(v == right // 1 for v, right in zip(values, expected, strict=True)):
        return "it is rounded down to a whole number", "`//` and int() round down: divide by `/`."
    for digits in range(9):
        if all(v == round(right, digits) for v, right in zip(values, expected, strict=True)):
            fact = f"it is rounded to {digits} place{'s' * (digits != 1)}"
            return fact, "Do not round: return the number as it is."
    pairs = zip(values, expected, strict=True)
    off = [abs(v - right) / right if right else 1.0 for v, right in pairs]
    if max(off) <= SMALL:
        fact = f"it is off by {off[0]:.1g} of its size"
        return fact, "Do not round, add no small number, and keep float64."
    return None


def is_near(value: float, other: float) -> bool:
    return abs(value - other) <= CLOSE_NARROW * abs(other)


def apart(value: float, expected: float) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to see a difference."""
    texts = ((f"{value:.{digits}g}", f"{expected:.{digits}g}") for digits in (6, 9, 12, 17))
    return next((pair for pair in texts if len(set(pair)) == 2), (str(value), str(expected)))


def expect_number(call: Call, hint: str, formula: Formula, **options: Any) -> None:
    """Ask for the number that the formula gives."""
    result, text = result_of(call, hint, **options), call_text(call, (), options)
    value, expected = number(result), formula.right(**options)
    if value is None:
        fact, todo = NOTHING if result.returned == "NoneType" else ("it has to be one number", hint)
        raise CheckFailure(f"{text} returned {found(result)}, {fact}", todo)
    close = CLOSE_NARROW if result.returned == "float32" else CLOSE
    if not abs(value - expected) <= close * abs(expected):  # NaN is not close
        cause = recognised(call, formula, options, value)
        fact, hint = (f": {cause[0]}", cause[1]) if cause else ("", hint)
        seen, wanted = apart(value, expected)
        raise CheckFailure(f"{text} is {seen}, expected {wanted}{fact}", hint)


def expect_edges(call: Call, m: int, chunks: int) -> Array:
    """Return the edges of a call that gives chunks in which every row is once."""
    hint = "The first edge is 0, the last is m; between them lie chunks - 1 more."
    result, text = result_of(call, hint, m=m, chunks=chunks), f"{call.__name__}({m}, {chunks})"
    edges = whole_numbers(result, text, hint).astype(np.int64)
    if edges.shape != (chunks + 1,):
        raise CheckFailure(f"{text} has shape {edges.shape}, expected {(chunks + 1,)}", hint)
    if edges[0] != 0 or edges[-1] != m or (edges[:-1] > edges[1:]).any():
        raise CheckFailure(f"{text} is {edges.tolist()}: it has to lead from 0 to {m}", hint)
    return edges
