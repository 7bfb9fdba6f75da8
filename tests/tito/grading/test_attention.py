"""Conditions on attention: what is right in any chunks, what is said of mistakes, and memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.grading import attention, costs
from tito.grading.calls import LocalCall
from tito.grading.results import CouldNotSee

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

    assert "is wrong" in fails(attention.attends_narrow_types, coarse)


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


def test_attention_names_the_first_wrong_row() -> None:
    def drops(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        result[len(Q) // rows * rows :] = 0
        return result

    assert "row 8 is wrong: [8, 0] is 0, expected" in fails(attention.attends_ragged_chunks, drops)


def test_attention_leaves_its_inputs() -> None:
    def scales(Q: Any, K: Any, V: Any, rows: int) -> Any:
        result = in_chunks(Q, K, V, rows)
        Q /= 2
        return result

    assert "an input was changed" in fails(attention.attends, scales)


def test_little_memory_stops_all_scores_at_once() -> None:
    assert fails(attention.little_memory, at_once).endswith("MB, and all scores take 0.37")


def test_little_memory_is_not_fooled_by_an_earlier_call() -> None:
    known: dict[bytes, Any] = {}

    def remembers(Q: Any, K: Any, V: Any, rows: int) -> Any:
        key = Q.tobytes()
        if key not in known:
            known[key] = at_once(Q, K, V, rows)
        return known[key].copy()

    assert "all scores take" in fails(attention.little_memory, remembers)


def test_little_memory_doubts_what_cannot_be_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(call: Any, arrays: Any) -> int:
        call()
        return 0

    monkeypatch.setitem(costs.COSTS, "memory", unknown)
    with pytest.raises(CouldNotSee):
        attention.little_memory(LocalCall(in_chunks), np.random.default_rng(5))
