"""Frames: what goes over a line arrives, and nothing else is believed."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.grading.judge.protocol import (
    MOST_TEXT,
    ProtocolError,
    Stream,
    frame,
    layout_of,
    parse_reply,
    place,
    shorten,
)

GOOD: dict[str, Any] = {
    "returned": "ndarray",
    "raised": None,
    "dtype": "float64",
    "shape": [2, 3],
    "unlogged": "",
    "log": 0,
}
SOME_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def parse(**changed: Any) -> Any:
    return parse_reply(json.dumps(GOOD | changed).encode(), 1000)


VIEWS: dict[str, Callable[[Any], Any]] = {
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


def test_parse_reply_reads_what_a_child_writes() -> None:
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
        {"log": -1},
        {"log": 1 << 30},
        {"log": 1.0},
        {"unlogged": None},
    ],
)
def test_parse_reply_stops_what_no_child_writes(changed: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        parse(**changed)


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"[]", b"{", b"\xff", b"NaN", b'{"returned": "x"}', b"[" * 4000, b"9" * 4096],
)
def test_parse_reply_stops_what_is_no_header(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_reply(text, 1000)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_parse_reply_of_any_bytes_is_an_error(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_reply(text, 1000)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(GOOD)), SOME_JSON)
def test_parse_reply_of_any_field_is_an_error_or_within_bounds(field: str, value: Any) -> None:
    try:
        header = parse(**{field: value})
    except ProtocolError:
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


def test_frame_says_how_long_its_parts_are() -> None:
    data = frame({"a": "\u00e9"}, b"payload")
    assert data[:12] == (11).to_bytes(4, "little") + (7).to_bytes(8, "little")
    assert data[12:] == '{"a": "\u00e9"}'.encode() + b"payload"


def test_frame_takes_text_that_is_not_unicode() -> None:
    assert b'"?"' in frame({"a": "\udcff"})


@pytest.fixture
def lines() -> Iterator[tuple[Stream, Stream]]:
    one, other = socket.socketpair()
    yield Stream(one.fileno(), one.fileno()), Stream(other.fileno(), other.fileno())
    one.close()
    other.close()


def test_stream_passes_frames_on_whole(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    one.send(frame({"n": 1}, b"abc") + frame({"n": 2}), soon)
    assert other.receive(soon, 100, 100) == (b'{"n": 1}', b"abc")
    assert not other.drained()
    assert other.receive(soon, 100, 100) == (b'{"n": 2}', b"")
    assert other.drained()


def test_stream_stops_frames_that_are_too_long(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    one.send(frame({}, b"12345"), soon)
    with pytest.raises(ProtocolError, match="2 \\+ 5 bytes"):
        other.receive(soon, 100, 4)


def test_stream_gives_up_at_the_deadline(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    one.send(b"half", soon)
    with pytest.raises(TimeoutError):
        other.receive(lambda: 0.0, 100, 100)
    with pytest.raises(TimeoutError):
        one.send(bytes(1 << 24), lambda: 0.0)


def test_stream_notices_the_end_of_the_other_side() -> None:
    one, other = socket.socketpair()
    one.close()
    stream = Stream(other.fileno(), other.fileno())
    assert stream.drained()
    with pytest.raises(EOFError):
        stream.receive(soon, 100, 100)
    other.close()


def soon() -> float:
    return 20.0
