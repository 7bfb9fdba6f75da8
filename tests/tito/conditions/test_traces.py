"""Conditions on what loops touch: the trace that they ask for, and what they say of another."""

from typing import Any

import pytest
from asking import fails, holds, said

from tinytorch.utils.checking import CheckFailure
from tito.conditions import traces
from tito.conditions.traces import tiles, trace

TRACES = (traces.traces_ijk, traces.traces_orders, traces.traces_nothing)
TILES = (traces.tiles_whole, traces.tiles_ragged, traces.tiles_extreme)


def memory_trace(order: str, n: int) -> Any:
    return trace(order, n)


def tiled_trace(n: int, tile: int) -> Any:
    return tiles(n, tile)


def test_trace_is_that_of_the_loops() -> None:
    steps = [
        (i * 3 + k, 9 + k * 3 + j, 18 + i * 3 + j)
        for k in range(3)
        for i in range(3)
        for j in range(3)
    ]
    assert trace("kij", 3).tolist() == [list(step) for step in steps]


def test_tiles_are_those_of_the_loops() -> None:
    blocks = [range(2), range(2, 3)]
    steps = [
        (i * 3 + k, 9 + k * 3 + j, 18 + i * 3 + j)
        for rows in blocks
        for columns in blocks
        for inner in blocks
        for i in rows
        for j in columns
        for k in inner
    ]
    assert tiles(3, 2).tolist() == [list(step) for step in steps]


@pytest.mark.parametrize("condition", TRACES)
def test_traces_pass_the_right_one(condition: Any) -> None:
    holds(condition, memory_trace)


@pytest.mark.parametrize("condition", TILES)
def test_tiles_pass_the_right_one(condition: Any) -> None:
    holds(condition, tiled_trace)


def test_traces_name_the_step_that_is_wrong() -> None:
    def swapped(order: str, n: int) -> Any:
        return trace(order, n)[:, [0, 2, 1]]

    fact = fails(traces.traces_ijk, swapped)
    assert fact.endswith("n=2): step 0 touches (0, 8, 4), it has to touch (0, 4, 8)")


@pytest.mark.parametrize(
    ("made", "fact"),
    [
        (list, "returned a list, it has to be an array of integers"),
        (lambda steps: steps.astype(float), "returned an array (8, 3) of float64, it has to be"),
        (lambda steps: steps.T, "has shape (3, 8), expected (8, 3)"),
        (lambda steps: None, "returned None, it has to be an array of integers"),
        (lambda steps: steps[0, 0], "returned an int64, it has to be an array of integers"),
    ],
)
def test_traces_say_what_came_instead(made: Any, fact: str) -> None:
    assert fact in fails(traces.traces_ijk, lambda order, n: made(trace(order, n)))


def test_traces_tell_what_was_raised() -> None:
    def stumbles(order: str, n: int) -> Any:
        raise KeyError(order)

    assert fails(traces.traces_orders, stumbles).endswith("raised KeyError: 'ijk'")


def test_traces_know_an_unwritten_function() -> None:
    def memory_trace(order: str, n: int) -> Any:
        raise NotImplementedError

    assert fails(traces.traces_nothing, memory_trace) == "memory_trace is not written yet"


def test_tiles_stop_plain_loops_but_for_the_extremes() -> None:
    def plain(n: int, tile: int) -> Any:
        return trace("ijk", n)

    holds(traces.tiles_extreme, plain)
    for condition in (traces.tiles_whole, traces.tiles_ragged):
        assert "it has to touch" in fails(condition, plain)


@pytest.mark.parametrize("condition", TRACES)
def test_traces_give_a_hint_on_wrong_steps(condition: Any) -> None:
    fails(condition, lambda order, n: trace(order, n)[:, ::-1] + 1)


@pytest.mark.parametrize("condition", TILES)
def test_tiles_give_a_hint_on_wrong_steps(condition: Any) -> None:
    fails(condition, lambda n, tile: tiles(n, tile) + 1)


def test_traces_name_the_first_step_that_is_wrong() -> None:
    def late(order: str, n: int) -> Any:
        steps = trace(order, n)
        steps[3:, 1] += 1
        return steps

    fact = fails(traces.traces_ijk, late)
    assert fact.endswith("step 3 touches (1, 8, 9), it has to touch (1, 7, 9)")


@pytest.mark.parametrize(
    ("dtype", "fact"),
    [
        ("int16", "narrow returns int16, which ends at 32767"),
        ("float64", "narrow(order='ijk', n=2) returned an array (8, 3) of float64, it has to be"),
    ],
)
def test_traces_ask_for_whole_numbers_that_are_wide_enough(dtype: str, fact: str) -> None:
    def narrow(order: str, n: int) -> Any:
        return trace(order, n).astype(dtype)

    with pytest.raises(CheckFailure) as caught:
        holds(traces.traces_ijk, narrow)
    assert caught.value.fact.startswith(fact)
    if dtype == "int16":
        assert caught.value.hint.startswith("For n = 129 the positions reach 49922")


def test_steps_in_another_order_have_a_hint_on_the_loops() -> None:
    def tiled_trace(n: int, tile: int) -> Any:
        return traces.tiles(n, tile)[::-1]

    fact, hint = said(traces.tiles_ragged, tiled_trace)
    assert fact.endswith("; all steps are there, in another order")
    assert hint.startswith("Finish a block of side tile")
    fact, hint = said(traces.traces_ijk, lambda order, n: trace("kji", n))
    assert fact.endswith("; all steps are there, in another order")
    assert hint.startswith("The last letter of order")


def test_columns_for_steps_have_a_hint_on_the_axis() -> None:
    _, hint = said(traces.traces_ijk, lambda order, n: trace(order, n).T)
    assert hint.startswith("A row for each step")
