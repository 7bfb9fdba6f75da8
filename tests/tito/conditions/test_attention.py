"""Conditions on attention: what is right in any chunks, what is said of mistakes, and memory."""

import json
import re
from itertools import chain
from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tinytorch.utils.checking import CheckFailure
from tito.conditions import attention
from tito.tracing import Unproven

softmax = attention.softmax
CONDITIONS = (
    attention.attends,
    attention.attends_large_scores,
    attention.attends_narrow_types,
    attention.attends_ragged_chunks,
    attention.little_memory,
)


def at_once(Q: Any, K: Any, V: Any, rows: int) -> Any:
    scores = Q @ K.T / np.sqrt(Q.shape[1]).astype(Q.dtype)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights @ V / weights.sum(axis=1, keepdims=True)


def in_chunks(Q: Any, K: Any, V: Any, rows: int) -> Any:
    starts = range(0, len(Q), rows)
    return np.concatenate([at_once(Q[s : s + rows], K, V, rows) for s in starts])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_attention_passes_chunks(condition: Any) -> None:
    holds(condition, in_chunks)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(
    "useless",
    [
        lambda Q, K, V, rows: None,
        lambda Q, K, V, rows: np.zeros((len(Q), V.shape[1])),
        lambda Q, K, V, rows: np.full((len(Q), V.shape[1]), np.nan),
        lambda Q, K, V, rows: in_chunks(Q, K, V, rows).tolist(),
        lambda Q, K, V, rows: in_chunks(Q, K, V, rows)[None],
        lambda Q, K, V, rows: in_chunks(Q, K, V, rows).astype(np.float16),
    ],
)
def test_attention_fails_without_the_right_result(condition: Any, useless: Any) -> None:
    fails(condition, useless)


def test_attention_holds_float32_to_the_precision_of_float32() -> None:
    def coarse(Q: Any, K: Any, V: Any, rows: int) -> Any:
        return in_chunks(Q, K, V, rows) * (1 + 1e-3 * (Q.dtype == np.float32))

    holds(attention.attends, coarse)
    assert "nearly right, off by 0.001" in fails(attention.attends_narrow_types, coarse)


def test_attention_holds_float64_to_the_precision_of_float64() -> None:
    def single(Q: Any, K: Any, V: Any, rows: int) -> Any:
        return in_chunks(Q, K, V, rows).astype(np.float32)

    assert fails(attention.attends, single).endswith("the values have the digits of float32")


@pytest.mark.parametrize(
    "weigh",
    [
        lambda s: (w := np.exp(s)) / (w.sum(axis=1, keepdims=True) + 1e-8),
        lambda s: softmax(s / (1 + 1e-6)),
        lambda s: np.round(softmax(s), 4),
    ],
    ids=["a small number in the sum", "one in the root", "rounded"],
)
def test_attention_calls_what_is_nearly_right_no_type(weigh: Any) -> None:
    def near(Q: Any, K: Any, V: Any, rows: int) -> Any:
        return weigh(Q @ K.T / np.sqrt(Q.shape[1])) @ V

    fact, hint = said(attention.attends, near, lengths=[(6, 9, 4, 3)])
    assert ": it is nearly right, off by " in fact
    assert hint.startswith("Round nothing, add no small number")


@pytest.mark.parametrize(("most", "total"), [(False, False), (False, True), (True, False)])
def test_attention_misses_keepdims(most: bool, total: bool) -> None:
    def lost(Q: Any, K: Any, V: Any, rows: int) -> Any:
        scores = Q @ K.T / np.sqrt(Q.shape[1])
        weights = np.exp(scores - scores.max(axis=1, keepdims=most))
        return weights / weights.sum(axis=1, keepdims=total) @ V

    fact, hint = said(attention.attends, lost)
    assert fact.endswith("it comes from a maximum or a sum without keepdims=True")
    assert "keepdims=True" in said(attention.attends, lost, lengths=[(5, 9, 3, 2)])[1]


def test_attention_asks_for_weights_of_large_scores() -> None:
    def naive(Q: Any, K: Any, V: Any, rows: int) -> Any:
        weights = np.exp(Q @ K.T / np.sqrt(Q.shape[1]))
        return weights @ V / weights.sum(axis=1, keepdims=True)

    holds(attention.attends, naive)
    assert fails(attention.attends_large_scores, naive).endswith("holds NaN or infinity")


def test_attention_compares_numbers_where_scores_are_large() -> None:
    def means(Q: Any, K: Any, V: Any, rows: int) -> Any:
        small = np.abs(Q).max() < 20
        return in_chunks(Q, K, V, rows) if small else np.tile(V.mean(axis=0), (len(Q), 1))

    holds(attention.attends, means)
    assert "row 0 is wrong" in fails(attention.attends_large_scores, means)


def test_attention_is_asked_for_in_one_chunk_first() -> None:
    def first_chunk(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        result[rows:] = 0
        return result

    holds(attention.attends, first_chunk)


MISTAKES = {
    "scores that are not divided by sqrt(d)": lambda s, d, n: softmax(s),
    "scores that are divided by d, not by its root": lambda s, d, n: softmax(s / d),
    "scores that are divided by the root of len(K)": lambda s, d, n: softmax(s / n**0.5),
    "a softmax along the columns, not along each row": lambda s, d, n: softmax(s.T / d**0.5).T,
    "one softmax over the whole chunk": lambda s, d, n: softmax(s.reshape(1, -1) / d**0.5).reshape(
        s.shape
    ),
    "weights that are not divided by their sum": lambda s, d, n: np.exp(
        (s - s.max(axis=1, keepdims=True)) / d**0.5
    ),
    "the one key with the largest score": lambda s, d, n: s == s.max(axis=1, keepdims=True),
    "the sum over the queries of a chunk": lambda s, d, n: (
        np.ones((len(s), 1)) * softmax(s / d**0.5).sum(axis=0)
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_attention_names_the_cause(mistake: str) -> None:
    def other(Q: Any, K: Any, V: Any, rows: int) -> Any:
        return MISTAKES[mistake](Q @ K.T, Q.shape[1], len(K)) @ V

    lengths = [(6, 7, 5, 3)]
    with pytest.raises(CheckFailure, match=f"it comes from {re.escape(mistake)}\n"):
        holds(attention.attends, other, lengths=lengths)


@pytest.mark.parametrize(
    ("rows", "made", "fact"),
    [
        (4, 8, "rows 8 to 9 are zero: the last chunk, which is shorter, was left out"),
        (3, 9, "row 9 is zero: the last chunk, which is shorter, was left out"),
        (4, 4, "rows 4 to 9 are zero: only the first 4 rows were computed"),
        (4, 1, "rows 1 to 9 are zero: only the first 1 rows were computed"),
    ],
)
def test_attention_names_the_rows_that_were_left_out(rows: int, made: int, fact: str) -> None:
    def drops(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        result[made:] = 0
        return result

    with pytest.raises(CheckFailure, match=f": {fact}\n"):
        holds(attention.attends_ragged_chunks, drops, rows=[rows])


def test_attention_calls_no_row_left_out_where_others_are_wrong() -> None:
    def wrong_and_short(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = 2 * in_chunks(Q, K, V, rows)
        result[4:] = 0
        return result

    assert "row 0 is wrong: [0, 0] is" in fails(attention.attends_ragged_chunks, wrong_and_short)


def test_attention_leaves_its_inputs() -> None:
    def scales(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        Q /= 2
        return result

    assert "an input was changed" in fails(attention.attends, scales)


def test_little_memory_stops_all_scores_at_once() -> None:
    fact = fails(attention.little_memory, at_once)
    assert fact.endswith("an array of 4576 numbers is made, a chunk has 208 scores")


@pytest.mark.parametrize("together", [9, 10])
def test_little_memory_allows_less_than_half_of_all_scores(together: int) -> None:
    def kernel(Q: Any, K: Any, V: Any, rows: int) -> Any:
        """Take the scores of the first chunks at a time, so that they lie in memory together."""
        scale = np.sqrt(Q.shape[1]).astype(Q.dtype)
        starts = range(0, len(Q), rows)
        first = [Q[s : s + rows] @ K.T / scale for s in starts[:together]]
        later = (Q[s : s + rows] @ K.T / scale for s in starts[together:])
        weights = (np.exp(x - x.max(axis=1, keepdims=True)) for x in chain(first, later))
        return np.concatenate([w @ V / w.sum(axis=1, keepdims=True) for w in weights])

    if together == 9:
        holds(attention.little_memory, kernel)
    else:
        fact = "2292 numbers are in use at a time, all scores are 4576"
        assert fails(attention.little_memory, kernel).endswith(fact)


def test_little_memory_doubts_what_cannot_be_logged() -> None:
    def unseen(Q: Any, K: Any, V: Any, rows: int) -> Any:
        plain = (np.array(json.loads(json.dumps(x.tolist(), default=float))) for x in (Q, K, V))
        return in_chunks(*plain, rows)

    with pytest.raises(Unproven):
        holds(attention.little_memory, unseen)


def test_little_memory_doubts_what_is_not_proven() -> None:
    def partly(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        result[0] = [float(number) for number in result[0]]
        return result

    with pytest.raises(Unproven, match="do not give the result"):
        holds(attention.little_memory, partly)


def test_rows_that_nobody_wrote_differ_from_call_to_call() -> None:
    calls: list[int] = []

    def kernel(Q: Any, K: Any, V: Any, rows: int) -> Any:
        calls.append(rows)
        return in_chunks(Q, K, V, rows) + 7 * len(calls)

    fact, hint = said(attention.attends, kernel)
    assert fact.endswith(": two calls with the same Q, K and V give different results")
    assert hint.startswith("np.empty holds what was in memory before")
