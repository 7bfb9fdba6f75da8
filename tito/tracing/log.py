"""The log of a call: its array operations in order, with operands as views of buffers.

A log is untrusted data, sent as JSON. `decode` accepts only a log whose views lie inside their
buffers, so that a replay touches no other memory.
"""

import base64
import binascii
import gc
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "DTYPES",
    "MOST_STEPS",
    "Buffer",
    "Log",
    "LogError",
    "Number",
    "Step",
    "View",
    "decode",
    "encode",
    "many_objects",
]

DTYPES = frozenset(
    np.dtype(name).str
    for name in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    + ("float16", "float32", "float64", "complex64", "complex128", "longdouble", "clongdouble")
)
MUTATING = frozenset(
    ("assign", "setitem", "function copyto", "function put", "function fill_diagonal")
    + ("function putmask", "function place")
)
"""Steps that write to their first operand."""
MOST_STEPS = 200_000
MOST_BUFFER = 1 << 30  # bytes of one buffer
MOST_SIDES = 16
MOST_DEPTH = 8
MOST_LISTS = 3 << 20  # in a log, so that parsing it takes no more memory than a long one does
MOST_ITEMS = 100_000  # of one list among the operands


class LogError(ValueError):
    """Bytes that are not a log."""


class View(NamedTuple):
    """An array in a buffer: where its first element lies, and the steps to the others in bytes."""

    buffer: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def bounds(self) -> tuple[int, int]:
        """Return the first byte in the buffer, and the one after the last."""
        if not self.size:
            return self.offset, self.offset
        reach = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        low = self.offset + sum(r for r in reach if r < 0)
        high = self.offset + sum(r for r in reach if r > 0)
        return low, high + np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Buffer:
    """A piece of memory: made by a step, or known beforehand.

    `origin` is ``made``, ``input``, or ``known`` for contents that came from elsewhere.
    """

    size: int
    origin: str
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Number:
    """A single number with a dtype of its own, as `np.float32(2)` is one."""

    dtype: str
    value: bool | int | float | complex


class Step(NamedTuple):
    """One operation: its name, its thread, its operands, and the arrays that it made."""

    name: str
    thread: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[View | None, ...] = ()

    def operands(self) -> list[View]:
        """Return all views among the arguments, nested ones as well, `out` left out."""
        found: list[View] = []
        for value in self.args:
            if type(value) is View:
                found.append(value)
            elif type(value) in (list, tuple):
                _collect(value, found)
        for key, value in self.kwargs.items():
            if key != "out":
                _collect(value, found)
        return found

    def targets(self) -> list[View]:
        """Return the views that the step writes to."""
        found: list[View] = []
        if self.kwargs:
            _collect(self.kwargs.get("out"), found)
        if self.name in MUTATING or self.name.endswith(".at"):
            found += [x for x in self.args[:1] if isinstance(x, View)]
        return found


@dataclass(frozen=True)
class Log:
    """What a call did.

    Parameters
    ----------
    buffers : sequence of Buffer
        Its memory; the first ones are the inputs.
    steps : sequence of Step
        Its operations, in order.
    result : View or None
        Where its result lies; None where that is not known.
    overflow : bool
        Whether it took more steps than are logged.
    inputs : int
        How many of the buffers are inputs.
    """

    buffers: Sequence[Buffer]
    steps: Sequence[Step]
    result: View | None
    overflow: bool = False
    inputs: int = 0


@contextmanager
def many_objects() -> Iterator[None]:
    """Stop garbage collection in the block, which makes as many objects as a long log has."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@many_objects()
def encode(log: Log) -> bytes:
    """Return the log as JSON, in which each view and each name stands once."""
    views: dict[View, int] = {}
    names: dict[str, int] = {}

    def value(x: Any) -> Any:
        if isinstance(x, View):
            return views.setdefault(x, len(views))
        if isinstance(x, (list, tuple)):
            return ["list" if isinstance(x, list) else "tuple", *map(value, x)]
        if isinstance(x, slice):
            return ["slice", value(x.start), value(x.stop), value(x.step)]
        if isinstance(x, np.dtype):
            return ["dtype", x.str]
        if isinstance(x, Number):
            return ["number", x.dtype, *_parts(x.value)]
        if isinstance(x, complex):
            return ["complex", x.real, x.imag]
        return ["..."] if x is Ellipsis else ["=", x]

    steps = [
        [
            names.setdefault(step.name, len(names)),
            step.thread,
            [value(x) for x in step.args],
            {k: value(v) for k, v in step.kwargs.items()},
            [None if r is None else value(r) for r in step.results],
        ]
        for step in log.steps
    ]
    result = None if log.result is None else value(log.result)
    data = {
        "inputs": log.inputs,
        "buffers": [[b.size, b.origin, base64.b64encode(b.content).decode()] for b in log.buffers],
        "views": [[v.buffer, v.offset, v.shape, v.strides, v.dtype] for v in views],
        "names": list(names),
        "steps": steps,
        "result": result,
        "overflow": log.overflow,
    }
    return json.dumps(data, separators=(",", ":")).encode()


@many_objects()
def decode(data: bytes, most_bytes: int = 1 << 24) -> Log:
    """Return the log in `data`, which is not trusted.

    Raises
    ------
    LogError
        If it is longer than `most_bytes`, or is not exactly a log.
    """
    if len(data) > most_bytes:
        raise LogError(f"a log of {len(data)} bytes, at most {most_bytes} are read")
    if data.count(b"[") + data.count(b"{") > MOST_LISTS:
        raise LogError("a log of more lists than are read")
    try:
        return _Reader(json.loads(data)).log()
    except LogError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise LogError(f"not a log: {type(error).__name__}") from None


class _Reader:
    """Builds a log from parsed JSON; raises where it is not as `encode` writes it."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        _expect(type(data) is dict, "no object")
        self.buffers = [_buffer(*each) for each in _list(data["buffers"], MOST_STEPS * 2)]
        self.views = [self._view(*each) for each in _list(data["views"], MOST_STEPS * 4)]
        self.names = [_text(each) for each in _list(data["names"], 1000)]

    def log(self) -> Log:
        steps = [self._step(*each) for each in _list(self.data["steps"], MOST_STEPS)]
        result = self.data["result"]
        inputs = _integer(self.data["inputs"], 0, min(16, len(self.buffers)))
        _expect(all(b.origin == "input" for b in self.buffers[:inputs]), "inputs come first")
        _expect(all(b.origin != "input" for b in self.buffers[inputs:]), "inputs come first")
        _expect(type(self.data["overflow"]) is bool, "overflow")
        return Log(
            self.buffers,
            steps,
            None if result is None else self._reference(result),
            self.data["overflow"],
            inputs,
        )

    def _view(self, buffer: Any, offset: Any, shape: Any, strides: Any, dtype: Any) -> View:
        view = View(
            _integer(buffer, 0, len(self.buffers) - 1),
            _integer(offset, 0, MOST_BUFFER),
            tuple(_integer(n, 0, MOST_BUFFER) for n in _list(shape, MOST_SIDES)),
            tuple(_integer(n, -MOST_BUFFER, MOST_BUFFER) for n in _list(strides, MOST_SIDES)),
            _text(dtype),
        )
        _expect(dtype in DTYPES and len(view.shape) == len(view.strides), "a view")
        _expect(view.size <= MOST_BUFFER, "a view's size")
        low, high = view.bounds()
        _expect(low >= 0 and high <= self.buffers[view.buffer].size, "a view outside its buffer")
        return view

    def _reference(self, index: Any) -> View:
        return self.views[_integer(index, 0, len(self.views) - 1)]

    def _step(self, name: Any, thread: Any, args: Any, kwargs: Any, results: Any) -> Step:
        _expect(type(kwargs) is dict and len(kwargs) <= 16, "arguments")
        made = tuple(
            None if each is None else self._reference(each) for each in _list(results, 1000)
        )
        return Step(
            self.names[_integer(name, 0, len(self.names) - 1)],
            _integer(thread, 0, 10_000),
            tuple(self._value(each) for each in _list(args, 100)),
            {_text(key): self._value(each) for key, each in kwargs.items()},
            made,
        )

    def _value(self, encoded: Any, depth: int = 0) -> Any:
        if type(encoded) is int:
            return self._reference(encoded)
        _expect(depth < MOST_DEPTH, "depth")
        kind, *rest = _list(encoded, MOST_ITEMS)
        if kind == "=" and len(rest) == 1:
            return _literal(rest[0])
        return _VALUES[kind](self, rest, depth)

    def _items(self, rest: list[Any], depth: int) -> list[Any]:
        return [self._value(each, depth + 1) for each in rest]


def _number(rest: list[Any]) -> Number:
    dtype, *parts = rest
    _expect(dtype in DTYPES and 1 <= len(parts) <= 2, "a number")
    values = [_literal(part) for part in parts]
    _expect(all(isinstance(x, (bool, int, float)) for x in values), "a number")
    return Number(dtype, values[0] if len(values) == 1 else complex(*values))


_VALUES: dict[str, Callable[[_Reader, list[Any], int], Any]] = {
    "list": lambda reader, rest, depth: reader._items(rest, depth),
    "tuple": lambda reader, rest, depth: tuple(reader._items(rest, depth)),
    "slice": lambda reader, rest, depth: slice(*reader._items(rest[:3], depth)),
    "dtype": lambda reader, rest, depth: np.dtype(_dtype(rest[0])),
    "number": lambda reader, rest, depth: _number(rest),
    "complex": lambda reader, rest, depth: complex(float(rest[0]), float(rest[1])),
    "...": lambda reader, rest, depth: Ellipsis,
}


def _collect(value: Any, found: list[View]) -> None:
    if isinstance(value, View):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _collect(each, found)


def _parts(value: complex) -> list[Any]:
    return [value.real, value.imag] if isinstance(value, complex) else [value]


def _buffer(size: Any, origin: Any, content: Any) -> Buffer:
    _expect(origin in ("input", "made", "known"), "a buffer's origin")
    try:
        data = base64.b64decode(_text(content, 1 << 24), validate=True)
    except binascii.Error:
        raise LogError("not a log: a buffer's content") from None
    found = Buffer(_integer(size, 0, MOST_BUFFER), origin, data)
    _expect(not data or (origin == "known" and len(data) == found.size), "a buffer's content")
    return found


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise LogError(f"not a log: {what}")


def _list(value: Any, most: int) -> list[Any]:
    _expect(type(value) is list and len(value) <= most, "a list")
    return value  # type: ignore[no-any-return]


def _integer(value: Any, least: int, most: int) -> int:
    _expect(type(value) is int and least <= value <= most, "a number out of range")
    return value  # type: ignore[no-any-return]


def _text(value: Any, most: int = 100) -> str:
    _expect(type(value) is str and len(value) <= most, "text")
    return value  # type: ignore[no-any-return]


def _dtype(value: Any) -> str:
    _expect(type(value) is str and value in DTYPES, "a dtype")
    return value  # type: ignore[no-any-return]


def _literal(value: Any) -> Any:
    simple = value is None or type(value) in (bool, float)
    text = type(value) is str and len(value) <= 200
    whole = type(value) is int and abs(value) < 1 << 64
    _expect(simple or text or whole, "a literal")
    return value
