"""Conditions on what loops touch: the trace that they ask for, and what they say of another."""

from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tito.conditions import traces
from tito.conditions.traces import tiles, trace

TRACES = (traces.traces_ijk, traces.traces_orders, traces.traces_nothing)
TILES = (traces.tiles_whole, traces.tiles_ragged, traces.tiles_extreme)


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


EVERY = [*((each, trace) for each in TRACES), *((each, tiles) for each in TILES)]


@pytest.mark.parametrize(("condition", "right"), EVERY)
def test_right_steps_pass_and_a_hint_is_given_on_wrong_ones(condition: Any, right: Any) -> None:
    holds(condition, right)
    fails(condition, lambda *arguments, **named: right(*arguments, **named) + 1)


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        (lambda steps: steps[:, [0, 2, 1]], "n=2): step 0 touches (0, 8, 4), it has to touch (0, "),
        (
            lambda steps: steps + (np.arange(8) > 2)[:, None] * [0, 1, 0],
            "step 3 touches (1, 8, 9),",
        ),
    ],
)
def test_traces_name_the_first_step_that_is_wrong(wrong: Any, fact: str) -> None:
    assert fact in fails(traces.traces_ijk, lambda order, n: wrong(trace(order, n)))


@pytest.mark.parametrize(
    ("made", "what", "todo"),
    [
        (list, "returned a list, it has to be an array of integers", ""),
        (lambda steps: steps * 1.0, "returned an array (8, 3) of float64, it has to be", ""),
        (lambda steps: steps.T, "has shape (3, 8), expected (8, 3)", "A row for each step"),
        (lambda steps: None, "returned None, it has to be an array of integers", ""),
        (lambda steps: steps[0, 0], "returned an int64, it has to be an array of integers", ""),
    ],
)
def test_traces_say_what_came_instead(made: Any, what: str, todo: str) -> None:
    fact, hint = said(traces.traces_ijk, lambda order, n: made(trace(order, n)))
    assert what in fact
    assert hint.startswith(todo)


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


def test_traces_ask_for_whole_numbers_that_are_wide_enough() -> None:
    def narrow(order: str, n: int) -> Any:
        return trace(order, n).astype("int16")

    fact, hint = said(traces.traces_ijk, narrow)
    assert fact.startswith("narrow returns int16, which ends at 32767")
    assert hint.startswith("For n = 129 the positions reach 49922")


def test_steps_in_another_order_have_a_hint_on_the_loops() -> None:
    def tiled_trace(n: int, tile: int) -> Any:
        return traces.tiles(n, tile)[::-1]

    fact, hint = said(traces.tiles_ragged, tiled_trace)
    assert fact.endswith("; all steps are there, in another order")
    assert hint.startswith("Finish a block of side tile")
    fact, hint = said(traces.traces_ijk, lambda order, n: trace("kji", n))
    assert fact.endswith("; all steps are there, in another order")
    assert hint.startswith("The last letter of order")
