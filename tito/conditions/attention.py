"""Conditions on attention in chunks of rows: its result, and the memory that it takes."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

from tinytorch.utils.checking import CheckFailure, agree
from tito.conditions.call import Call, CallResult
from tito.conditions.causes import Cause, cause_of_type, differs
from tito.conditions.expect import (
    Array,
    Generator,
    call_text,
    expect_log,
    expect_returned,
    found,
    proven,
)

__all__ = [
    "attends",
    "attends_large_scores",
    "attends_narrow_types",
    "attends_ragged_chunks",
    "little_memory",
]

Lengths: TypeAlias = tuple[int, int, int, int]  # queries, keys, their width, width of the values
NEARLY = 1e-2
NEARLY_RIGHT = (
    "Round nothing, add no small number to a sum or a root, leave no small weight out, and let "
    "NumPy keep the type."
)
UNWRITTEN_ROWS = (
    "np.empty holds what was in memory before: write all rows of each chunk, from start up to "
    "start + rows, and add nothing to them."
)
FORMULA = "softmax(Q @ K.T / sqrt(d)) @ V, where each row of weights adds up to 1."


def attends(
    call: Call,
    rng: Generator,
    lengths: Sequence[Lengths] = ((6, 6, 4, 4), (5, 9, 3, 2), (1, 7, 2, 5), (8, 1, 3, 1)),
) -> None:
    """Each row of the result is the average of V that its query's weights give."""
    for each in lengths:
        attend(call, draw(rng, each), FORMULA, rows=each[0])


def attends_ragged_chunks(
    call: Call,
    rng: Generator,
    lengths: Sequence[Lengths] = ((10, 8, 4, 3), (7, 5, 2, 6)),
    rows: Sequence[int] = (4, 1, 3, 100),
) -> None:
    """A last chunk that is shorter, and chunks longer than Q, come out right."""
    hint = "range(0, len(Q), rows) has the first row of each chunk; a slice ends where Q ends."
    for each in lengths:
        for count in rows:
            attend(call, draw(rng, each), hint, rows=count)


def attends_large_scores(
    call: Call, rng: Generator, lengths: Lengths = (9, 12, 4, 3), scales: Sequence[float] = (40.0,)
) -> None:
    """Scores in the thousands give weights, not infinity or NaN."""
    hint = "exp(1000) is too large for a float: take each row's maximum off its scores first."
    attend(call, draw(rng, lengths), FORMULA, rows=4)
    for scale in scales:
        Q, K, V = draw(rng, lengths)
        attend(call, (scale * Q, scale * K, V), hint, rows=4)


def attends_narrow_types(
    call: Call,
    rng: Generator,
    lengths: Lengths = (11, 13, 8, 5),
    types: Sequence[str] = ("float32",),
) -> None:
    """float32 gives float32 or better, as precise as it holds."""
    for dtype in types:
        arrays = draw(rng, lengths, dtype)
        attend(call, arrays, "Let NumPy keep the type: no float16, no lists.", rows=4)


def little_memory(
    call: Call,
    rng: Generator,
    lengths: Lengths = (88, 52, 2, 2),
    rows: int = 4,
) -> None:
    """Never more scores than those of one chunk lie in memory: rows * len(K)."""
    hint = "Compute the scores of one chunk of Q, use them, and let the next chunk replace them."
    attend(call, draw(rng, lengths, "float32"), FORMULA, rows=rows)
    arrays, secret = draw(rng, lengths, "float32"), draw(rng, lengths, "float32")
    text = call_text(call, arrays, {"rows": rows})
    traced = call.trace(*arrays, rows=rows)
    log = expect_log(traced)
    expect_attention(call, arrays, hint, traced, rows=rows)
    expected, bound = attention(*secret)
    proof = proven(text, log, secret, lambda value: agree(value, expected, bound))
    most = max(rows * lengths[1], *(x.size for x in (*arrays, expected)))
    if proof.largest_buffer > most:
        fact = f"an array of {proof.largest_buffer} numbers is made, a chunk has {most} scores"
        raise CheckFailure(f"{text}: {fact}", hint)
    everything = lengths[0] * lengths[1]
    if 2 * proof.most_alive > everything:
        fact = f"{proof.most_alive} numbers are in use at a time, all scores are {everything}"
        raise CheckFailure(f"{text}: {fact}", hint)


def draw(rng: Generator, lengths: Lengths, dtype: str = "float64") -> tuple[Array, Array, Array]:
    """Return Q (queries, d), K (keys, d) and V (keys, width)."""
    queries, keys, d, width = lengths
    shapes = (queries, d), (keys, d), (keys, width)
    Q, K, V = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return Q, K, V


def attend(call: Call, arrays: tuple[Array, Array, Array], hint: str, rows: int) -> CallResult:
    """Call the function and ask for the right result."""
    return expect_attention(call, arrays, hint, call(*arrays, rows=rows), rows=rows)


@np.errstate(all="ignore")  # the result may be anything
def expect_attention(
    call: Call, arrays: tuple[Array, Array, Array], hint: str, result: CallResult, rows: int
) -> CallResult:
    text = call_text(call, arrays, {"rows": rows})
    value = expect_returned(call, result, text, hint).value
    expected, bound = attention(*arrays)
    if value is None or result.returned != "ndarray" or value.dtype.kind != "f":
        _, todo = cause_of_type(result) or ("", hint)
        fact = f"{text} returned {found(result)}, it has to be an array of floats"
        raise CheckFailure(fact, todo)
    if value.shape != expected.shape:
        fact = f"{text}: the shape is {value.shape}, expected {expected.shape}"
        raise CheckFailure(fact, "The result has the rows of Q and the columns of V.")
    if not np.isfinite(value).all():
        raise CheckFailure(f"{text}: the result holds NaN or infinity", hint)
    wrong = np.argwhere(np.abs(value - expected) > bound)
    if len(wrong):
        i, j = map(int, wrong[0])
        fact = f"row {i} is wrong: [{i}, {j}] is {value[i, j]:.6g}, expected {expected[i, j]:.6g}"
        cause = left_out(value, expected, rows, bound) or inexact(value, expected, arrays)
        if cause is not None:
            raise CheckFailure(f"{text}: {cause[0]}", cause[1])
        mistake, todo = explain(value[:rows], *arrays, bound, rows) or ("", hint)
        if not mistake and differs(call, arrays, {"rows": rows}, value):
            fact = "two calls with the same Q, K and V give different results"
            raise CheckFailure(f"{text}: {fact}", UNWRITTEN_ROWS)
        raise CheckFailure(f"{text}: {fact}{mistake and f'; it comes from {mistake}'}", todo)
    if not result.unchanged:
        raise CheckFailure(
            f"{text}: an input was changed by the call", "Q, K and V are the caller's."
        )
    return result


def left_out(value: Array, expected: Array, rows: int, bound: float) -> Cause | None:
    """Recognize chunks at the end that were not computed."""
    made = int(np.flatnonzero(value.any(axis=1)).max(initial=-1)) + 1
    if not 0 < made < len(value) or (np.abs(value[:made] - expected[:made]) > bound).any():
        return None
    one = made == len(value) - 1
    left = f"row {made} is" if one else f"rows {made} to {len(value) - 1} are"
    if len(value) - made == len(value) % rows:
        fact = f"{left} zero: the last chunk, which is shorter, was left out"
        return fact, "range(0, len(Q), rows) has the first row of each chunk; a slice ends with Q."
    fact = f"{left} zero: only the first {made} rows were computed"
    return fact, "Return after the loop, and step through all rows: range(0, len(Q), rows)."


def inexact(value: Array, expected: Array, arrays: tuple[Array, ...]) -> Cause | None:
    """Recognize numbers of a narrower type, and others that are nearly right."""
    off = float(np.abs(value - expected).max() / np.abs(expected).max())
    if off > NEARLY:
        return None
    for kind in ("float16", "float32"):
        eps = float(np.finfo(kind).eps)
        if eps > np.finfo(arrays[0].dtype).eps and np.array_equal(value, value.astype(kind)):
            return f"the values have the digits of {kind}", "Let NumPy keep the type of Q, K and V."
    return f"it is nearly right, off by {off:.1g} of the largest entry", NEARLY_RIGHT


def explain(value: Array, Q: Array, K: Array, V: Array, bound: float, rows: int) -> Cause | None:
    """Recognize a usual mistake in the first chunk; return it in words, and what to do about it."""
    d, q = Q.shape[1], Q[:rows].astype(np.float64)
    products = q @ K.astype(np.float64).T
    scores = products / np.sqrt(d)
    weights, whole = softmax(scores), np.exp(scores - scores.max())
    scale, along = (
        "d is Q.shape[1]: divide by np.sqrt(d).",
        "axis=1, keepdims=True: each row alone.",
    )
    mistakes = {
        "scores that are not divided by sqrt(d)": (softmax(products) @ V, scale),
        "scores that are divided by d, not by its root": (softmax(products / d) @ V, scale),
        "scores that are divided by the root of len(K)": (
            softmax(products / np.sqrt(len(K))) @ V,
            scale,
        ),
        "a softmax along the columns, not along each row": (softmax(scores.T).T @ V, along),
        "one softmax over the whole chunk": (whole / whole.sum() @ V, along),
        "weights that are not divided by their sum": (
            np.exp(scores - scores.max(1)[:, None]) @ V,
            "Divide each row by its sum, so that its weights add up to 1.",
        ),
        "a maximum or a sum without keepdims=True": (
            next((w @ V for w in lost_sides(scores) if near(w @ V, value, bound)), np.empty(0)),
            along,
        ),
        "the one key with the largest score": (
            V[scores.argmax(axis=1)],
            "Each row is an average of all rows of V, with the weights.",
        ),
        "the sum over the queries of a chunk": (
            np.broadcast_to((weights @ V).sum(axis=0), value.shape),
            "Each query has a row of its own: sum along the keys only.",
        ),
    }
    for mistake, (result, hint) in mistakes.items():
        if near(result, value, bound):
            return mistake, hint
    return None


def near(result: Array, value: Array, bound: float) -> bool:
    return result.shape == value.shape and bool((np.abs(value - result) <= bound).all())


def lost_sides(scores: Array) -> Iterator[Array]:
    """Yield weights whose maxima or sums lie along the wrong side, where both are as long."""
    if scores.shape[0] != scores.shape[1]:
        return
    for most in (True, False):
        for total in (True, False):
            weights = np.exp(scores - scores.max(axis=1, keepdims=most))
            yield weights / weights.sum(axis=1, keepdims=total)


def softmax(scores: Array) -> Array:
    """Return scores as weights, those of each row adding up to 1."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def attention(Q: Array, K: Array, V: Array) -> tuple[Array, float]:
    """Return attention in float64, and how far an entry may be off.

    A score is a sum of d products, so rounding moves it by at most ``d * eps`` times the sum of
    their magnitudes; a weight moves by as much, relatively, and an average of V by as much times
    its largest entry. Threefold, as in `tinytorch.utils.checking.tolerance`.
    """
    eps, d = float(np.finfo(Q.dtype).eps), Q.shape[1]
    Q, K, V = (x.astype(np.float64) for x in (Q, K, V))
    weights = softmax(Q @ K.T / np.sqrt(d))
    largest = float((np.abs(Q) @ np.abs(K).T).max()) / np.sqrt(d)
    bound = 3 * eps * ((d + 4) * largest + len(K) + 8) * float(np.abs(V).max())
    return weights @ V, bound
