"""What judge and worker say to each other: frames of raw bytes, checked on the trusted side.

A frame is a nonce of 16 bytes, the length of a header, the header as JSON, and a payload whose
length the header implies. No pickle and no npy header: nothing that comes from a student's process
is ever interpreted as more than numbers and short text.
"""

import json
import math
import struct
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "COUNTS",
    "DTYPES",
    "Garbled",
    "Layout",
    "ReplyHeader",
    "frame",
    "layout_of",
    "parse_reply",
    "place",
    "shorten",
]

Array: TypeAlias = NDArray[Any]

NONCE = 16
LENGTH = struct.Struct("<I")
MOST_HEADER = 4096  # bytes of a reply's header
MOST_TEXT = 300  # characters of one string in it
MOST_PRODUCTS = 4096  # different products in a record
DTYPES = frozenset(
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    + ("float16", "float32", "float64", "complex64", "complex128")
)
COUNTS = ("reads", "misses", "read_rows", "steps", "met", "second")


class Garbled(Exception):  # noqa: N818 (the student's process sent it: a result, not a bug)
    """Bytes that are no reply."""


@dataclass(frozen=True)
class Layout:
    """How an array lies in a buffer of `size` bytes, [0, 0] at `offset`."""

    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class ReplyHeader:
    """What a worker says about a call; `counts` are those of a watched call."""

    returned: str
    raised: tuple[tuple[str, ...], str] | None
    dtype: str | None
    shape: tuple[int, ...]
    products: int
    counts: tuple[int, ...] | None
    cost: int

    @property
    def value_bytes(self) -> int:
        """The length of the result in the payload."""
        return 0 if self.dtype is None else math.prod(self.shape) * np.dtype(self.dtype).itemsize


def frame(nonce: bytes, header: dict[str, Any], payload: bytes = b"") -> bytes:
    """Return one frame."""
    text = json.dumps(header).encode()
    return nonce + LENGTH.pack(len(text)) + text + payload


def layout_of(array: Array) -> Layout:
    """Return how `array` lies in the smallest buffer that keeps its strides."""
    reach = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    size = sum(map(abs, reach)) + array.itemsize if array.size else 0
    offset = -sum(r for r in reach if r < 0) if array.size else 0
    return Layout(array.shape, array.dtype.str, array.strides, offset, size)


def place(layout: Layout, buffer: bytearray) -> Array:
    """Return the array that lies in `buffer`, writeable."""
    return np.ndarray(layout.shape, layout.dtype, buffer, layout.offset, layout.strides)


def shorten(text: str, most: int = MOST_TEXT) -> str:
    """Return at most `most` printable characters: no control sequence, no lone surrogate."""
    clean = "".join(c if c.isprintable() else " " for c in text[: 2 * most])
    return clean if len(clean) <= most else clean[: most - 3] + "..."


def parse_reply(text: bytes, most_bytes: int) -> ReplyHeader:
    """Read a reply's header, believing nothing.

    Parameters
    ----------
    text : bytes
        The header as it came.
    most_bytes : int
        How long a result may be.

    Raises
    ------
    Garbled
        If it is not exactly what a worker writes.
    """
    fields = parse_json(text)
    if set(fields) != {"returned", "raised", "dtype", "shape", "products", "counts", "cost"}:
        raise Garbled("a reply has other fields than a reply has")
    header = ReplyHeader(
        returned=parse_text(fields["returned"]),
        raised=parse_raised(fields["raised"]),
        dtype=parse_dtype(fields["dtype"]),
        shape=parse_numbers(fields["shape"], 8),
        products=parse_number(fields["products"], MOST_PRODUCTS),
        counts=parse_counts(fields["counts"]),
        cost=parse_number(fields["cost"]),
    )
    if header.value_bytes > most_bytes:
        raise Garbled(f"a result of {header.value_bytes} bytes is announced")
    return header


def parse_json(text: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise Garbled("a reply's header is not JSON") from None
    if type(fields) is not dict:
        raise Garbled("a reply's header is no object")
    return fields


def parse_text(value: Any) -> str:
    if type(value) is not str:
        raise Garbled("text is missing in a reply")
    return shorten(value)


def parse_number(value: Any, most: int = 1 << 40) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Garbled("a number is missing in a reply, or out of range")
    return value


def parse_numbers(value: Any, most: int) -> tuple[int, ...]:
    if type(value) is not list or len(value) > most:
        raise Garbled("a list is missing in a reply, or too long")
    return tuple(parse_number(item) for item in value)


def parse_raised(value: Any) -> tuple[tuple[str, ...], str] | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 2 or type(value[0]) is not list or not value[0]:
        raise Garbled("an exception in a reply has no class and message")
    return tuple(parse_text(kind) for kind in value[0]), parse_text(value[1])


def parse_dtype(value: Any) -> str | None:
    if value is None:
        return None
    if type(value) is not str or value not in DTYPES:
        raise Garbled("a result has no dtype that is sent")
    return value


def parse_counts(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    counts = parse_numbers(value, len(COUNTS))
    if len(counts) != len(COUNTS):
        raise Garbled("a record is incomplete")
    return counts
