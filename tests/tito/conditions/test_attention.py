"""Conditions on attention: what is right in any chunks, what is said of mistakes, and memory."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions import attention
from tito.conditions.call import LocalCall
from tito.conditions.results import Inconclusive

CONDITIONS = (
    attention.attends,
    attention.attends_large_scores,
    attention.attends_narrow_types,
    attention.attends_ragged_chunks,
    attention.little_memory,
)


def fails(condition: Any, function: Callable[..., Any]) -> str:
    with pytest.raises(CheckFailure) as caught:
        condition(LocalCall(function), np.random.default_rng(5))
    assert caught.value.hint
    return caught.value.fact


def at_once(Q: Any, K: Any, V: Any, rows: int) -> Any:
    scores = Q @ K.T / np.sqrt(Q.shape[1]).astype(Q.dtype)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights @ V / weights.sum(axis=1, keepdims=True)


def in_chunks(Q: Any, K: Any, V: Any, rows: int) -> Any:
    starts = range(0, len(Q), rows)
    return np.concatenate([at_once(Q[s : s + rows], K, V, rows) for s in starts])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_attention_passes_chunks(condition: Any) -> None:
    condition(LocalCall(in_chunks), np.random.default_rng(5))


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
        return in_chunks(Q, K, V, rows) * (1 + 1e-3)

    assert "the digits of float16" in fails(attention.attends_narrow_types, coarse)


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (lambda d: 1.0, "it comes from scores that are not divided by sqrt(d)"),
        (lambda d: 1.0 / d, "it comes from scores that are divided by d, not by its root"),
    ],
)
def test_attention_names_the_cause(scale: Any, said: str) -> None:
    def other(Q: Any, K: Any, V: Any, rows: int) -> Any:
        d = Q.shape[1]
        return in_chunks(Q * scale(d) * np.sqrt(d), K, V, rows)

    assert fails(attention.attends, other).endswith(said)


def test_attention_names_the_rows_that_were_left_out() -> None:
    def drops(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        result[len(Q) // rows * rows :] = 0
        return result

    said = fails(attention.attends_ragged_chunks, drops)
    assert said.endswith("rows 8 to 9 are zero: the last chunk, which is shorter, was left out")


def test_attention_leaves_its_inputs() -> None:
    def scales(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        Q /= 2
        return result

    assert "an input was changed" in fails(attention.attends, scales)


def test_little_memory_stops_all_scores_at_once() -> None:
    fact = fails(attention.little_memory, at_once)
    assert fact.endswith("an array of 2288 numbers is made, a chunk has 156 scores")


def test_little_memory_stops_chunks_that_are_all_kept() -> None:
    def keeps(Q: Any, K: Any, V: Any, rows: int) -> Any:
        starts = range(0, len(Q), rows)
        scale = np.sqrt(Q.shape[1]).astype(Q.dtype)
        scores = [Q[s : s + rows] @ K.T / scale for s in starts]
        weights = [np.exp(strip - strip.max(axis=1, keepdims=True)) for strip in scores]
        return np.concatenate([w @ V / w.sum(axis=1, keepdims=True) for w in weights])

    assert "bytes are in use at a time" in fails(attention.little_memory, keeps)


def test_little_memory_doubts_what_cannot_be_logged() -> None:
    def unseen(Q: Any, K: Any, V: Any, rows: int) -> Any:
        plain = (np.array(json.loads(json.dumps(x.tolist(), default=float))) for x in (Q, K, V))
        return in_chunks(*plain, rows)

    with pytest.raises(Inconclusive):
        attention.little_memory(LocalCall(unseen), np.random.default_rng(5))
