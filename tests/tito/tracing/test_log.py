"""Logs as data: what is written comes back, and nothing but a log is read."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.tracing import LogError, Unproven, decode, encode, prove, recording
from tito.tracing.log import Buffer, Log, Number, Step, View

VALUES = [None, True, -3, 2.5, "ij,jk", 1 + 2j, slice(1, None, 2), Ellipsis, np.dtype("f4")]


def some_log() -> Log:
    view = View(0, 8, (2, 3), (24, 8), "<f8")
    new = View(2, 0, (3,), (8,), "<f8")
    args = (view, [view, (view, 1)], Number("<f4", 2.5), Number("<c8", 1 + 2j), *VALUES)
    buffers = (Buffer(56, "input"), Buffer(8, "known", b"12345678"), Buffer(24, "made"))
    return Log(
        buffers, [Step("ufunc add.__call__", 1, args, {"out": (view,)}, (new, None))], new, False, 1
    )


def test_decode_returns_what_was_encoded() -> None:
    log = some_log()
    again = decode(encode(log))
    assert (again.buffers, again.result, again.overflow, again.inputs) == (
        list(log.buffers), log.result, log.overflow, log.inputs
    )  # fmt: skip
    assert again.steps == log.steps


def test_step_tells_operands_from_targets() -> None:
    (step,) = some_log().steps
    assert len(step.operands()) == 3
    assert step.targets() == [View(0, 8, (2, 3), (24, 8), "<f8")]
    assert Step("assign", 0, (step.results[0], 1.0), {}).targets() == [step.results[0]]


@pytest.mark.parametrize(
    ("path", "value"),
    {
        "view behind its buffer": (("views", 0, 1), 16),
        "view in front of its buffer": (("views", 0, 3), [-24, 8]),
        "view of no buffer": (("views", 0, 0), 3),
        "view of objects": (("views", 0, 4), "|O"),
        "view with a side below 0": (("views", 0, 2), [-1, 3]),
        "view with sides of fractions": (("views", 0, 2), [2.0, 3]),
        "view with steps of fractions": (("views", 0, 3), [24.0, 8]),
        "view of more elements than there may be": (("views", 0, 2), [1 << 20, 1 << 20]),
        "operand of no view": (("steps", 0, 2, 0), 7),
        "operand of a truth value": (("steps", 0, 2, 0), True),
        "made array of no view": (("steps", 0, 4, 0), 7),
        "thread below 0": (("steps", 0, 1), -1),
        "name that is not there": (("steps", 0, 0), 4),
        "literal that is long": (("steps", 0, 2, 0), ["=", "x" * 201]),
        "literal that is an object": (("steps", 0, 2, 0), ["=", {}]),
        "operand of an unknown kind": (("steps", 0, 2, 0), ["pickle", "x"]),
        "content of another length": (("buffers", 1, 2), "AAAA"),
        "content that is not base64": (("buffers", 1, 2), "\u00e9"),
        "input after others": (("buffers", 2, 1), "input"),
        "more inputs than buffers": (("inputs",), 4),
        "result of no view": (("result",), -1),
        "overflow that is a number": (("overflow",), 1),
        "steps that are none": (("steps",), {}),
    }.values(),
)
def test_decode_refuses(path: tuple[Any, ...], value: Any) -> None:
    data = json.loads(encode(some_log()))
    part = data
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(LogError):
        decode(json.dumps(data).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_decode_refuses_what_is_no_log(data: bytes) -> None:
    with pytest.raises(LogError):
        decode(data)


def test_decode_refuses_a_long_log() -> None:
    with pytest.raises(LogError, match="at most 100"):
        decode(encode(some_log()), most_bytes=100)


def kernel_of_many_kinds(A: Any, B: Any) -> Any:
    C = np.zeros((4, 5))
    for k in range(3):
        C += np.outer(A[:, k], B[k])
    C[[0, 1]] = C[[1, 0]]
    C[[0, 1]] = C[[1, 0]].copy()
    np.add.at(C, (slice(1, 3), [0, 1]), np.float32(0))
    D = np.full((5, 1), 0.0) + np.repeat(np.tile(B[:1, :1] * 0, (5, 1)), 1, axis=0)
    E = np.concatenate([np.add.reduce([C, C]) / 2, np.zeros_like(C)])[:4]
    return E[np.arange(4)] + np.einsum("ij,jk", np.pad(A, 1), D)[1:5, :1]


def kernel_of_numbers(A: Any, B: Any) -> Any:
    C = np.empty((4, 5))
    for i, j in np.ndindex(4, 5):
        C[i, j] = sum(A[i, k] * B[k, j] for k in range(3)) + 0 * math.exp(A[i, 0])
    return C


def kernel_of_stacks(A: Any, B: Any) -> Any:
    C = np.tensordot(A, B, axes=([1], [0])) + np.matmul(A[None], B)[0]
    C += np.multiply.outer(A, B).trace(axis1=1, axis2=2) + np.kron(A, B)[:4, :5] * 0
    rows, columns = np.nonzero(C != 0)
    return np.where(C == C, C, np.nan)[rows, columns].reshape(4, 5) / 3


def real_log(kernel: Any) -> str:
    A, B = np.ones((4, 3)), np.ones((3, 5))
    with recording(kernel) as recorder:
        result = kernel(recorder.add_input(A), recorder.add_input(B))
    return encode(recorder.finish(result)).decode()


REAL = [real_log(k) for k in (kernel_of_many_kinds, kernel_of_numbers, kernel_of_stacks)]
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 40), 1 << 40)
    | st.floats()
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=8,
)


@st.composite
def changed_logs(draw: st.DrawFn) -> bytes:
    """A real log with up to four places changed to anything, or to another place's value."""
    data = json.loads(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 4))):
        part, path = data, []
        while isinstance(part, (list, dict)) and part and (not path or draw(st.integers(0, 4))):
            key = draw(
                st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part)))
            )
            path.append((part, key))
            part = part[key]
        holder, key = path[-1]
        near = (
            [ANYTHING] if not isinstance(part, int) else [ANYTHING, st.integers(part - 9, part + 9)]
        )
        holder[key] = draw(st.one_of(*near))
    return json.dumps(data).encode()


@settings(max_examples=300, deadline=None)
@given(changed_logs())
def test_prove_survives_changed_logs(data: bytes) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.random((4, 3)), rng.random((3, 5))
    for right in (A @ B, None):  # a hostile log may give the right result, whatever else it does
        try:
            proof = prove(decode(data), [A, B], lambda C, right=right: agree(C, right))
            products = proof.products
            assert 0 <= proof.share(lambda each: True) <= 1
        except (LogError, Unproven):
            continue
        assert all(min(x.rows, x.inner, x.columns) >= 0 for x in products)
        assert proof.largest_buffer >= 0
        assert proof.most_alive >= 0


def agree(C: Any, right: Any) -> bool:
    return right is None or (C.shape == right.shape and np.allclose(C, right))


@pytest.mark.parametrize("text", REAL)
def test_prove_takes_the_logs_that_are_changed(text: str) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.random((4, 3)), rng.random((3, 5))
    assert prove(decode(text.encode()), [A, B], lambda C: agree(C, A @ B)).products


def test_decode_refuses_a_log_of_many_lists() -> None:
    with pytest.raises(LogError, match="lists"):
        decode(b"[" + b"[]," * (4 << 20) + b"[]]")
