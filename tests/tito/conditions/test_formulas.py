"""Conditions on formulas: exact cases, a drawn one, and what is no number at all."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tinytorch.utils.checking import CheckFailure
from tito.conditions import formulas
from tito.conditions.call import LocalCall

INTENSITY = (
    formulas.intensity_of_squares,
    formulas.intensity_of_any,
    formulas.intensity_of_nothing,
)
AMDAHL = (formulas.amdahl_speedups, formulas.amdahl_at_the_ends)
EDGES = (formulas.edges_cover, formulas.edges_fair)


def intensity(m: int, n: int, p: int, itemsize: int) -> float:
    moved = (m * n + n * p + m * p) * itemsize
    return 2 * m * n * p / moved if moved else 0.0


def speedup(serial: float, workers: int) -> float:
    return 1 / (serial + (1 - serial) / workers)


def edges(m: int, chunks: int) -> Any:
    return m * np.arange(chunks + 1) // chunks


@pytest.mark.parametrize("condition", INTENSITY)
@pytest.mark.parametrize("kind", [float, Fraction, np.float64, np.float32, np.array])
def test_intensity_takes_a_number_of_any_kind(condition: Any, kind: Any) -> None:
    holds(condition, lambda **sides: kind(intensity(**sides)))


@pytest.mark.parametrize("condition", INTENSITY)
@pytest.mark.parametrize("kind", [str, complex, np.float16, lambda x: [x], lambda x: np.array([x])])
def test_intensity_takes_nothing_else(condition: Any, kind: Any) -> None:
    fails(condition, lambda **sides: kind(intensity(**sides) / 3))


def test_intensity_says_what_came() -> None:
    fact = fails(formulas.intensity_of_squares, lambda **sides: 2 * intensity(**sides))
    assert fact.endswith("(m=6, n=6, p=6, itemsize=4) is 2, expected 1: it is twice as large")
    fact = fails(formulas.intensity_of_squares, lambda **sides: [1])
    assert fact.endswith("returned a list, it has to be one number")


@pytest.mark.parametrize("condition", AMDAHL)
def test_amdahl_passes_the_law(condition: Any) -> None:
    holds(condition, speedup)


@pytest.mark.parametrize("condition", AMDAHL)
@pytest.mark.parametrize("wrong", [lambda serial, workers: 1.0, lambda serial, workers: np.nan])
def test_amdahl_stops_what_is_always_the_same(condition: Any, wrong: Any) -> None:
    fails(condition, wrong)


def test_formulas_draw_a_case_that_no_table_holds() -> None:
    table: dict[tuple[float, int], float] = {}

    def noting(serial: float, workers: int) -> float:
        table[serial, workers] = speedup(serial, workers)
        return table[serial, workers]

    formulas.amdahl_speedups(LocalCall(noting), np.random.default_rng(1))
    with pytest.raises(CheckFailure):
        formulas.amdahl_speedups(
            LocalCall(lambda serial, workers: table.get((serial, workers), 0.0)),
            np.random.default_rng(2),
        )


@pytest.mark.parametrize("condition", EDGES)
def test_edges_pass_equal_chunks(condition: Any) -> None:
    holds(condition, edges)


def test_edges_tell_unfair_chunks_from_lost_rows() -> None:
    def last_takes_the_rest(m: int, chunks: int) -> Any:
        return np.append(np.arange(chunks) * (m // chunks), m)

    holds(formulas.edges_cover, last_takes_the_rest)
    fact = fails(formulas.edges_fair, last_takes_the_rest)
    assert fact.endswith("(m=23, chunks=8): the chunks have 2 to 9 rows")
    fact = fails(formulas.edges_cover, lambda m, chunks: np.arange(chunks + 1) * (m // chunks))
    assert fact.endswith("(7, 2) is [0, 3, 6]: it has to lead from 0 to 7")


@pytest.mark.parametrize(
    "back",
    [
        lambda found: [*found[:1], *found[1:-1][::-1], *found[-1:]],
        # The difference of the second and the third does not fit into an int64: it is positive.
        lambda found: [0, 2**63 - 1, -(2**63), -1, 12] if len(found) == 5 else found,
    ],
)
def test_edges_may_not_go_back_and_are_compared_not_subtracted(back: Any) -> None:
    def edges_back(m: int, chunks: int) -> Any:
        return np.array(back(edges(m, chunks)))

    assert "it has to lead from 0 to 12" in fails(formulas.edges_cover, edges_back)


@pytest.mark.parametrize("condition", [*INTENSITY, *AMDAHL, *EDGES])
def test_formulas_give_a_hint_where_the_call_raises(condition: Any) -> None:
    def unfinished(**arguments: Any) -> None:
        raise RuntimeError("not yet")

    assert "raised RuntimeError: not yet" in fails(condition, unfinished)


def test_intensity_is_held_to_the_digits_of_its_type() -> None:
    holds(formulas.intensity_of_any, lambda **sides: np.float32(intensity(**sides) * (1 + 3e-7)))
    fails(formulas.intensity_of_any, lambda **sides: intensity(**sides) * (1 + 3e-7))


def test_amdahl_is_tried_at_both_ends_with_a_number_of_workers_that_is_drawn() -> None:
    tried = []

    def noting(serial: float, workers: int) -> float:
        tried.append((serial, workers))
        return speedup(serial, workers)

    holds(formulas.amdahl_at_the_ends, noting, cases=())
    (at_0, workers), (at_1, again) = tried
    assert (at_0, at_1, again) == (0.0, 1.0, workers)


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        (lambda m, chunks: edges(m, chunks)[1:], "(7, 2) has shape (2,), expected (3,)"),
        (lambda m, chunks: edges(m, chunks) * 1.0, "(7, 2) returned an array (3,) of float64"),
        (lambda m, chunks: np.array([0, m, 0, *edges(m, chunks)[3:]])[: chunks + 1], "[0, 7, 0]"),
    ],
)
def test_edges_say_what_came(wrong: Any, fact: str) -> None:
    assert fact in fails(formulas.edges_cover, wrong)


def test_edges_fair_allows_a_difference_of_one() -> None:
    def two_apart(m: int, chunks: int) -> Any:
        found = edges(m, chunks)
        return found + ((np.arange(chunks + 1) == 1) & (chunks == 2))

    assert "the chunks have 3 to 5 rows" in fails(
        lambda call, rng: formulas.edges_fair(call, rng, cases=((8, 2),)), two_apart
    )


def test_intensity_of_nothing_is_none() -> None:
    fact = fails(formulas.intensity_of_nothing, lambda **sides: intensity(**sides) or 1.0)
    assert fact.endswith("(m=0, n=0, p=0, itemsize=4) is 1, expected 0")


AMDAHL_SLIPS = {
    "serial and parallel exchanged": lambda s, w: 1 / ((1 - s) + s / w),
    "Gustafson's law": lambda s, w: s + (1 - s) * w,
    "the time after, not the speedup": lambda s, w: s + (1 - s) / w,
    "it is rounded to 5 places": lambda s, w: round(speedup(s, w), 5),
    "it is off by 3e-08 of its size": lambda s, w: float(np.float32(speedup(s, w))),
    "the parallel share takes no time in it": lambda s, w: 1 / (s + (1 - s) // w),
    "it has one worker too many": lambda s, w: speedup(s, w + 1),
    "it is rounded to 1 place": lambda s, w: round(speedup(s, w), 1),
    "it is rounded down to a whole number": lambda s, w: int(speedup(s, w)),
    "nothing is serial in it": lambda s, w: w,
    "parentheses are missing": lambda s, w: 1 / s + (1 - s) / w,
}


@pytest.mark.parametrize("slip", AMDAHL_SLIPS)
def test_amdahl_names_a_mistake_that_explains_a_second_case(slip: str) -> None:
    fact, hint = said(
        formulas.amdahl_speedups, lambda serial, workers: AMDAHL_SLIPS[slip](serial, workers)
    )
    seen, expected = fact.partition(" is ")[2].partition(":")[0].split(", expected ")
    assert fact.endswith(slip)
    assert seen != expected
    if "off by" in fact:
        assert hint == "Do not round, add no small number, and keep float64."


def test_amdahl_names_no_mistake_that_the_second_case_denies() -> None:
    def one_case(serial: float, workers: int) -> float:
        return 1.5 if (serial, workers) == (0.5, 2) else speedup(serial, workers)

    assert fails(formulas.amdahl_speedups, one_case).endswith("is 1.5, expected 1.33333")


@pytest.mark.parametrize("formula", [formulas.AMDAHL, formulas.INTENSITY])
def test_mistakes_differ_in_the_second_case(formula: formulas.Formula) -> None:
    wrong = [mistake(**formula.second) for mistake, _ in formula.mistakes.values()]
    every = [round(number, 6) for number in (formula.right(**formula.second), *wrong)]
    assert len(set(every)) == len(every)


INTENSITY_SLIPS = {
    "n stands for all three sides": lambda m, n, p, size: 2 * n / (3 * size),
    "the first addition of each sum is left out": lambda m, n, p, size: (
        m * p * (2 * n - 1) / ((m * n + n * p + m * p) * size)
    ),
}


@pytest.mark.parametrize("slip", INTENSITY_SLIPS)
def test_intensity_names_the_mistake(slip: str) -> None:
    wrong = lambda m, n, p, itemsize: INTENSITY_SLIPS[slip](m, n, p, itemsize)  # noqa: E731
    assert fails(formulas.intensity_of_any, wrong).endswith(f": {slip}")
