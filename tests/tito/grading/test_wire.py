"""Frames: what goes over the wire arrives, and nothing else is believed."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.grading.wire import (
    COUNTS,
    MOST_TEXT,
    Garbled,
    frame,
    layout_of,
    parse_reply,
    place,
    shorten,
)

GOOD: dict[str, Any] = {
    "returned": "ndarray",
    "cost": 0,
    "raised": None,
    "dtype": "float64",
    "shape": [2, 3],
    "products": 1,
    "counts": [0] * len(COUNTS),
}
SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def parse(**changed: Any) -> Any:
    return parse_reply(json.dumps(GOOD | changed).encode(), 1000)


VIEWS = {
    "plain": lambda x: x,
    "transposed": lambda x: x.T,
    "steps": lambda x: x[::2, ::3],
    "reversed": lambda x: x[::-1, ::-2],
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
    "empty": lambda x: x[:0],
    "fortran": np.asfortranarray,
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_layout_of_keeps_values_and_strides(view: str, dtype: str) -> None:
    array = VIEWS[view](np.arange(48).reshape(6, 8).astype(dtype))
    layout = layout_of(array)
    placed = place(layout, bytearray(layout.size))
    placed[...] = array
    np.testing.assert_array_equal(placed, array)
    assert (placed.strides, placed.dtype) == (array.strides, array.dtype)
    assert placed.flags.writeable


def test_parse_reply_reads_what_a_worker_writes() -> None:
    header = parse()
    assert (header.shape, header.value_bytes) == ((2, 3), 48)
    assert parse(dtype=None, shape=[]).value_bytes == 0
    raised = parse(raised=[["ValueError", "Exception"], "no"]).raised
    assert raised == (("ValueError", "Exception"), "no")


@pytest.mark.parametrize(
    "changed",
    [
        {"extra": 1},
        {"returned": None},
        {"raised": []},
        {"raised": [[], "text"]},
        {"raised": ["ValueError", "text"]},
        {"raised": [["ValueError"], 3]},
        {"dtype": "object"},
        {"dtype": "O"},
        {"dtype": "float128"},
        {"dtype": "f8,f8"},
        {"dtype": ["float64"]},
        {"shape": [2, -3]},
        {"shape": [2.0, 3]},
        {"shape": [True, 3]},
        {"shape": "23"},
        {"shape": [1] * 9},
        {"shape": [1 << 60]},
        {"shape": [1 << 30, 1 << 30]},
        {"shape": [126]},
        {"products": -1},
        {"products": 1 << 20},
        {"counts": [0]},
        {"counts": {}},
        {"counts": ["0"] * len(COUNTS)},
    ],
)
def test_parse_reply_stops_what_no_worker_writes(changed: dict[str, Any]) -> None:
    with pytest.raises(Garbled):
        parse(**changed)


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"[]", b"{", b"\xff", b"NaN", b'{"returned": "x"}', b"[" * 4000, b"9" * 4096],
)
def test_parse_reply_stops_what_is_no_header(text: bytes) -> None:
    with pytest.raises(Garbled):
        parse_reply(text, 1000)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_parse_reply_of_any_bytes_is_garbled(text: bytes) -> None:
    with pytest.raises(Garbled):
        parse_reply(text, 1000)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(GOOD)), SOME_JSON)
def test_parse_reply_of_any_field_is_garbled_or_within_bounds(field: str, value: Any) -> None:
    try:
        header = parse(**{field: value})
    except Garbled:
        return
    assert header.value_bytes <= 1000
    assert len(header.returned) <= MOST_TEXT


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=2000))
def test_shorten_leaves_nothing_that_a_terminal_obeys(text: str) -> None:
    short = shorten(text)
    assert len(short) <= MOST_TEXT
    assert short.isprintable()
    short.encode()


def test_frame_says_how_long_its_header_is() -> None:
    data = frame(b"n" * 16, {"a": 1}, b"payload")
    assert data == b"n" * 16 + b"\x08\x00\x00\x00" + b'{"a": 1}' + b"payload"
