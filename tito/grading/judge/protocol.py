"""What judge, supervisor and child say to each other: frames of raw bytes, checked by who reads.

A frame is the length of a header and of a payload, the header as JSON, and the payload. No pickle
and no npy header: what comes from a student's process is never interpreted as more than numbers and
short text.
"""

import json
import math
import mmap
import os
import select
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.buffers import address_bounds

__all__ = [
    "DTYPES",
    "MOST_HEADER",
    "MOST_LOG",
    "Aside",
    "Layout",
    "Left",
    "ProtocolError",
    "ReplyHeader",
    "Stream",
    "frame",
    "layout_of",
    "pack",
    "parse_json",
    "parse_reply",
    "parse_text",
    "place",
    "shorten",
]

Array: TypeAlias = NDArray[Any]
Left: TypeAlias = Callable[[], float]
"""Returns the seconds that are left of a deadline."""

LENGTHS = struct.Struct("<IQ")
MOST_HEADER = 1 << 16  # bytes of a child's header
MOST_LOG = 16 << 20  # bytes of a log
MOST_TEXT = 300  # characters of one string in a header
AT_ONCE = 1 << 20  # bytes
PULSE = 0.25  # seconds; a deadline is looked at so often, and may move
DTYPES = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    + ("float16", "float32", "float64", "complex64", "complex128")
)
REPLY = frozenset(("returned", "raised", "dtype", "shape", "unlogged", "log"))


class ProtocolError(Exception):
    """Bytes that are no reply."""


class Aside(Protocol):
    """What is served while a stream waits."""

    def fileno(self) -> int:
        """The descriptor that tells when to serve."""

    def serve(self) -> None:
        """Do what can be done without waiting."""

    def seconds(self) -> float | None:
        """How long until it has to be served though nothing comes; None: for ever."""


@dataclass(frozen=True)
class Layout:
    """How an array lies in a buffer of `size` bytes, [0, 0] at `offset`."""

    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    offset: int
    size: int

    @classmethod
    def read(cls, fields: dict[str, Any]) -> "Layout":
        """Return the layout that `vars` made a mapping of."""
        shape, strides = tuple(fields["shape"]), tuple(fields["strides"])
        return cls(shape, fields["dtype"], strides, fields["offset"], fields["size"])


@dataclass(frozen=True)
class ReplyHeader:
    """What a child says about a call; `log` is the length of the log in bytes."""

    returned: str
    raised: tuple[tuple[str, ...], str] | None
    dtype: str | None
    shape: tuple[int, ...]
    unlogged: str
    log: int

    @property
    def value_bytes(self) -> int:
        """The length of the result in the payload."""
        return 0 if self.dtype is None else math.prod(self.shape) * np.dtype(self.dtype).itemsize


class Stream:
    """Frames over two descriptors; every wait has a deadline, and what comes is capped.

    Parameters
    ----------
    into, out : int
        What is read from and what is written to; they may be the same. The stream owns them.
    """

    def __init__(self, into: int, out: int) -> None:
        self.into, self.out = into, out
        for descriptor in {into, out}:
            os.set_blocking(descriptor, False)
        self._ahead = bytearray()

    def send(self, data: bytes, left: Left) -> None:
        """Send all of `data`; raise TimeoutError at the deadline."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self.out, rest[:AT_ONCE]) :]
            except BlockingIOError:
                _wait(self.out, select.POLLOUT, left)

    def receive(
        self, left: Left, most_header: int, most_payload: int, aside: Aside | None = None
    ) -> tuple[bytes, bytes]:
        """Return the header and the payload of the next frame.

        Raises
        ------
        TimeoutError
            At the deadline.
        EOFError
            If the other end is closed.
        ProtocolError
            If the frame is longer than it may be.
        """
        header, payload = LENGTHS.unpack(self._take(LENGTHS.size, left, aside))
        if header > most_header or payload > most_payload:
            raise ProtocolError(f"a reply of {header} + {payload} bytes is announced")
        return self._take(header, left, aside), self._take(payload, left, aside)

    def drained(self) -> bool:
        """Whether nothing lies there unread; the end of the other side counts as nothing."""
        with suppress(EOFError):
            self._read()
        return not self._ahead

    def close(self) -> None:
        """Close both descriptors."""
        for descriptor in {self.into, self.out}:
            os.close(descriptor)

    def _take(self, size: int, left: Left, aside: Aside | None) -> bytes:
        while len(self._ahead) < size:
            if self._read() is None:
                _wait(self.into, select.POLLIN, left, aside)
            elif aside is not None:
                aside.serve()
        got = bytes(memoryview(self._ahead)[:size])
        del self._ahead[:size]
        return got

    def _read(self) -> int | None:
        """Read what is there; return how much, None where nothing is yet."""
        try:
            piece = os.read(self.into, AT_ONCE)
        except BlockingIOError:
            return None
        except ConnectionError:
            piece = b""
        if not piece:
            raise EOFError
        self._ahead += piece
        return len(piece)


def _wait(descriptor: int, event: int, left: Left, aside: Aside | None = None) -> None:
    """Wait until `descriptor` is ready, or something aside was served; not past the deadline."""
    seconds = min(left(), PULSE)
    if seconds <= 0:
        raise TimeoutError
    poll = select.poll()
    poll.register(descriptor, event)
    if aside is not None:
        poll.register(aside.fileno(), select.POLLIN)
        pause = aside.seconds()
        seconds = seconds if pause is None else min(seconds, pause)
    poll.poll(1000 * seconds + 1)
    if aside is not None:
        aside.serve()


def frame(header: dict[str, Any], payload: bytes = b"") -> bytes:
    """Return one frame."""
    text = json.dumps(header, ensure_ascii=False).encode(errors="replace")
    return pack(text, payload)


def pack(text: bytes, payload: bytes) -> bytes:
    """Return the frame with this header and payload."""
    return LENGTHS.pack(len(text), len(payload)) + text + payload


def layout_of(array: Array) -> Layout:
    """Return how `array` lies in the smallest buffer that keeps its strides."""
    first, low, high = address_bounds(array)
    return Layout(array.shape, array.dtype.str, array.strides, first - low, high - low)


def place(layout: Layout, buffer: bytes | bytearray | mmap.mmap, start: int = 0) -> Array:
    """Return the array that lies in `buffer` from `start` on, writeable."""
    return np.ndarray(layout.shape, layout.dtype, buffer, start + layout.offset, layout.strides)


def shorten(text: str, most: int = MOST_TEXT) -> str:
    """Return at most `most` printable characters: no control sequence, no lone surrogate."""
    clean = "".join(c if c.isprintable() else " " for c in text[: 2 * most])
    return clean if len(clean) <= most else clean[: most - 3] + "..."


def parse_reply(text: bytes, most_bytes: int) -> ReplyHeader:
    """Read the header of a child's reply, believing nothing.

    Parameters
    ----------
    text : bytes
        The header as it came.
    most_bytes : int
        How long a result may be.

    Raises
    ------
    ProtocolError
        If it is not exactly what a child writes.
    """
    fields = parse_json(text)
    if set(fields) != REPLY:
        raise ProtocolError("a reply has other fields than a reply has")
    header = ReplyHeader(
        returned=parse_text(fields["returned"]),
        raised=_parse_raised(fields["raised"]),
        dtype=_parse_dtype(fields["dtype"]),
        shape=_parse_shape(fields["shape"]),
        unlogged=parse_text(fields["unlogged"]),
        log=_parse_number(fields["log"], MOST_LOG),
    )
    if header.value_bytes > most_bytes:
        raise ProtocolError(f"a result of {header.value_bytes} bytes is announced")
    return header


def parse_json(text: bytes) -> dict[str, Any]:
    """Return the JSON object that `text` holds; raise ProtocolError if it holds none."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a reply's header is not JSON") from None
    if type(fields) is not dict:
        raise ProtocolError("a reply's header is no object")
    return fields


def parse_text(value: Any) -> str:
    """Return a string, shortened; raise ProtocolError for anything else."""
    if type(value) is not str:
        raise ProtocolError("text is missing in a reply")
    return shorten(value)


def _parse_number(value: Any, most: int = 1 << 40) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ProtocolError("a number is missing in a reply, or out of range")
    return value


def _parse_shape(value: Any) -> tuple[int, ...]:
    if type(value) is not list or len(value) > 8:
        raise ProtocolError("a shape is missing in a reply, or too long")
    return tuple(_parse_number(item) for item in value)


def _parse_raised(value: Any) -> tuple[tuple[str, ...], str] | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 2 or type(value[0]) is not list or not value[0]:
        raise ProtocolError("an exception in a reply has no class and message")
    return tuple(parse_text(kind) for kind in value[0]), parse_text(value[1])


def _parse_dtype(value: Any) -> str | None:
    if value is None:
        return None
    if type(value) is not str or value not in DTYPES:
        raise ProtocolError("a result has no dtype that is sent")
    return value
