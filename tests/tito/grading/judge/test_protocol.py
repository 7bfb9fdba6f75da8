"""Frames: what goes over a line arrives, and nothing else is believed."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.grading.judge.protocol import (
    DTYPES,
    MOST_LOG,
    MOST_TEXT,
    Layout,
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
    assert Layout.read(json.loads(json.dumps(vars(layout)))) == layout
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


TEXT, CLASS = "text is missing", "has no class and message"
DTYPE, SHAPE, NUMBER = "no dtype that is sent", "a shape is missing", "a number is missing"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"extra": 1}, "other fields than a reply has"),
        ({"returned": None}, TEXT),
        ({"raised": []}, CLASS),
        ({"raised": {"ValueError": 1, "text": 2}}, CLASS),
        ({"raised": [[], "text"]}, CLASS),
        ({"raised": ["ValueError", "text"]}, CLASS),
        ({"raised": [["ValueError"], "text", "more"]}, CLASS),
        ({"raised": [["ValueError"], 3]}, TEXT),
        ({"raised": [[3], "text"]}, TEXT),
        ({"dtype": "object"}, DTYPE),
        ({"dtype": "O"}, DTYPE),
        ({"dtype": "float128"}, DTYPE),
        ({"dtype": "f8,f8"}, DTYPE),
        ({"dtype": ["float64"]}, DTYPE),
        ({"shape": [2, -3]}, NUMBER),
        ({"shape": [2.0, 3]}, NUMBER),
        ({"shape": [True, 3]}, NUMBER),
        ({"shape": "23"}, SHAPE),
        ({"shape": [1] * 9}, SHAPE),
        ({"shape": [(1 << 40) + 1, 0]}, NUMBER),
        ({"shape": [1 << 30, 1 << 30]}, "a result of 9223372036854775808 bytes"),
        ({"shape": [126]}, "a result of 1008 bytes is announced"),
        ({"log": -1}, NUMBER),
        ({"log": MOST_LOG + 1}, NUMBER),
        ({"log": 1.0}, NUMBER),
        ({"unlogged": None}, TEXT),
    ],
)
def test_parse_reply_stops_what_no_child_writes(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        parse(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        *({"dtype": dtype, "shape": []} for dtype in sorted(DTYPES)),
        {"shape": [1] * 8},
        {"shape": [1 << 40, 0]},
        {"shape": [125]},
        {"log": MOST_LOG},
    ],
)
def test_parse_reply_takes_what_a_child_may_write(changed: dict[str, Any]) -> None:
    header = parse(**changed)
    assert header.dtype == changed.get("dtype", "float64")
    assert list(header.shape) == changed.get("shape", [2, 3])
    assert header.log == changed.get("log", 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "is not JSON") for text in (b"", b"{", b"\xff", b"[" * 4000)),
        *((text, "is no object") for text in (b"null", b"[]", b"NaN", b"9" * 4096)),
        (b'{"returned": "x"}', "other fields"),
    ],
)
def test_parse_reply_stops_what_is_no_header(text: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
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


def test_shorten_says_that_it_left_something_out() -> None:
    assert shorten("x" * MOST_TEXT) == "x" * MOST_TEXT
    assert shorten("x" * (MOST_TEXT + 1)) == "x" * (MOST_TEXT - 3) + "..."
    assert shorten("a\x1b[1m\nb") == "a [1m b"
    assert shorten("abcdefgh", 6) == "abc..."


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
    for _ in range(3):
        one.send(frame({}, b"12345"), soon)
    assert other.receive(soon, 2, 5) == (b"{}", b"12345")
    with pytest.raises(ProtocolError, match="2 \\+ 5 bytes"):
        other.receive(soon, 100, 4)
    assert not other.drained()


def test_stream_stops_headers_that_are_too_long(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    one.send(frame({}, b"12345"), soon)
    with pytest.raises(ProtocolError, match="2 \\+ 5 bytes"):
        other.receive(soon, 1, 100)


def test_stream_serves_something_else_while_it_waits(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    reads, writes = os.pipe()

    class Bell:
        rings = 0

        def fileno(self) -> int:
            return reads

        def serve(self) -> None:
            self.rings += 1
            one.send(frame({"n": 1}), soon)

        def seconds(self) -> float | None:
            return None

    bell = Bell()
    os.write(writes, b"x")
    try:
        assert other.receive(soon, 100, 100, bell) == (b'{"n": 1}', b"")
    finally:
        os.close(reads)
        os.close(writes)
    assert bell.rings


def test_stream_waits_for_each_byte_of_a_frame(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    reads, writes = os.pipe()
    data = frame({"n": 1}, b"abc")
    waits = iter(range(len(data) + 5, -1, -1))

    class Drip:
        turns = 0

        def fileno(self) -> int:
            return reads

        def serve(self) -> None:
            if self.turns % 2 == 0:  # so that a wait comes before each byte
                one.send(data[self.turns // 2 : self.turns // 2 + 1], soon)
            self.turns += 1

        def seconds(self) -> float | None:
            return 0.0

    try:
        assert other.receive(lambda: next(waits), 100, 100, Drip()) == (b'{"n": 1}', b"abc")
    finally:
        os.close(reads)
        os.close(writes)


def test_stream_goes_on_once_the_other_side_is_ready(lines: tuple[Stream, Stream]) -> None:
    one, other = lines

    def left() -> float:
        other.drained()  # reads what has come
        return 20.0

    one.send(frame({}, bytes(1 << 22)), left)
    assert len(other.receive(soon, 100, 1 << 22)[1]) == 1 << 22

    def sending() -> float:
        one.send(frame({"n": 1}), soon)
        return 20.0

    assert other.receive(sending, 100, 100) == (b'{"n": 1}', b"")


def test_stream_closes_what_it_owns() -> None:
    (reads, to_it), (from_it, writes) = os.pipe(), os.pipe()
    Stream(reads, writes).close()
    assert os.read(from_it, 1) == b""
    with pytest.raises(BrokenPipeError):
        os.write(to_it, b"x")
    os.close(from_it)
    os.close(to_it)


def test_stream_gives_up_at_the_deadline(lines: tuple[Stream, Stream]) -> None:
    one, other = lines
    one.send(b"half", soon)
    with pytest.raises(TimeoutError):
        other.receive(lambda: 0.0, 100, 100)
    with pytest.raises(TimeoutError):
        one.send(bytes(1 << 24), lambda: 0.0)


@pytest.mark.parametrize("unread", [b"", b"x"])  # with unread bytes the connection is reset
def test_stream_notices_the_end_of_the_other_side(unread: bytes) -> None:
    one, other = socket.socketpair()
    other.send(unread)
    one.close()
    stream = Stream(other.fileno(), other.fileno())
    assert stream.drained()
    with pytest.raises(EOFError):
        stream.receive(soon, 100, 100)
    other.close()


def soon() -> float:
    return 20.0
