"""Recording one call: every array operation becomes a step of a log.

A log is not trusted: the grader repeats it on other numbers (`replay`), and a log that computes the
product of numbers that its author never saw is an algorithm for that product. So the recorder only
has to miss no operation that honest code uses.
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.arrays import is_masked, kinds, plain
from tito.tracing.buffers import BufferMap, Root, address_bounds, owner_of
from tito.tracing.log import DTYPES, MOST_STEPS, Buffer, Log, Number, Step, View
from tito.tracing.operations import OWN
from tito.tracing.patches import patched

__all__ = ["Gate", "Recorder", "recording"]

Array: TypeAlias = NDArray[Any]
# While a call is recorded, NumPy's own names stand for what is recorded.
ndarray, matrix, asarray = np.ndarray, np.matrix, np.asarray

MOST_KNOWN = 8 << 20  # bytes of contents that came from elsewhere
MOST_DEPTH = 8


class Gate(Protocol):
    """Where products wait for one another."""

    def enter(self, step: int) -> None:
        """Wait until this product may be computed."""

    def leave(self, step: int) -> None:
        """Take note that it has been computed."""


class Unloggable(Exception):
    """An operand that a log cannot hold."""


@contextmanager
def recording(function: Callable[..., Any], gate: Gate | None = None) -> Iterator["Recorder"]:
    """Record the array operations of the block; close the recorder at its end.

    Parameters
    ----------
    function : callable
        What will be called: creators that its module imported by name are recorded, too.
    gate : Gate, optional
        Where products wait for one another.
    """
    recorder = Recorder(gate)
    try:
        with patched(recorder, function):
            yield recorder
    finally:
        recorder.open = False


class Recorder:
    """The log of one call while it runs.

    Attributes
    ----------
    open : bool
        Whether operations are recorded: not in a forked child, nor after the call.
    problem : str
        Why there is no log; empty while there is one.
    overflow : bool
        Whether the call took more steps than a log holds.
    """

    def __init__(self, gate: Gate | None = None) -> None:
        self.array_kind, self.number_kind, self.matrix_kind = kinds(self)
        self.gate, self.open, self.problem, self.overflow = gate, True, "", False
        self._lock = threading.RLock()
        self._buffers: list[Buffer] = []
        self._steps: list[Step | None] = []
        self._map = BufferMap()
        self._kept: list[Array] = []
        self._known = 0
        self._inputs = 0
        self._threads = itertools.count()
        self._own = threading.local()
        self._process = os.getpid()
        self.thread()  # the one that calls the function is number 0

    def add_input(self, array: Array) -> Array:
        """Return an input, which lies in memory row by row, as a recorded array on that memory."""
        if not array.flags.c_contiguous:
            raise ValueError(f"an input lies in memory row by row, got strides {array.strides}")
        self._buffers.append(Buffer(max(array.nbytes, 1), "input"))
        self._map.add(array, len(self._buffers) - 1)
        self._kept.append(array)
        self._inputs += 1
        return ndarray.view(array, self.array_kind)

    def finish(self, result: Any) -> Log:
        """Return the log; `result` is what the call returned."""
        self.open = False
        where = None
        if isinstance(result, ndarray):
            with self._lock:
                where = self._find(result)
        steps = [step for step in self._steps if step is not None]
        return Log(tuple(self._buffers), steps, where, self.overflow, self._inputs)

    @property
    def active(self) -> bool:
        """Whether this process records."""
        return self.open and os.getpid() == self._process

    def perform(
        self,
        name: str,
        run: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        product: bool = False,
    ) -> Any:
        """Run an operation on plain arrays; log it; return its results as recorded arrays."""
        given = [plain(x) for x in args]
        named = {key: plain(value) for key, value in kwargs.items()}
        if not self.active:
            return run(*given, **named)
        index = self._begin(name, args, kwargs)
        gate = self.gate if product and index is not None else None
        try:
            if gate is not None:
                gate.enter(index or 0)
            result = run(*given, **named)
        except BaseException:
            self._drop(index)
            raise
        finally:
            if gate is not None:
                gate.leave(index or 0)
        return self._end(index, result, any(isinstance(x, matrix) for x in given))

    def wrap(self, value: Any, as_matrix: bool = False) -> Any:
        """Return an array as a recorded one on the same memory; anything else as it is."""
        if isinstance(value, np.generic):
            value = asarray(value)
        if not isinstance(value, ndarray) or is_masked(value):
            return value
        if value.ndim == 0 and not as_matrix:
            return ndarray.view(value, self.number_kind)
        as_matrix = as_matrix or isinstance(value, matrix)
        return ndarray.view(value, self.matrix_kind if as_matrix else self.array_kind)

    def wrap_view(self, value: Array) -> Array:
        """Return a part of an array as a recorded array, one without sides as well."""
        is_matrix = isinstance(value, matrix)
        return ndarray.view(value, self.matrix_kind if is_matrix else self.array_kind)

    def log_new(self, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Log an array that a creator made of `args`; return it as a recorded one."""
        if not self.active or not self.can_log(value):
            return value
        with self._lock:
            if self._find(value) is not None:
                return self.wrap(value)
        index = self._begin(name, args, kwargs)
        return self._end(index, value, isinstance(value, matrix))

    def wrap_known(self, array: Array) -> Array:
        """Return a plain array as a recorded one if it lies in a known buffer."""
        with self._lock:
            known = array.size > 0 and self._find(array) is not None
        return self.wrap_view(array) if known else array

    def can_log(self, value: Any) -> bool:
        """Whether a log can hold this array."""
        return isinstance(value, ndarray) and value.dtype.str in DTYPES

    def register(self, value: Array) -> Array:
        """Make a buffer of the memory of a recorded array that was made without a step."""
        if self.active and value.size and value.dtype.str in DTYPES:
            with self._lock:
                try:
                    self._describe(value)
                except Unloggable as problem:
                    self._give_up(str(problem))
        return value

    def number(self, element: Array) -> Any:
        """Return a single number that was read from `element`, an array without sides.

        Integers are sides and indices: they are not recorded, and arithmetic on them is no step.
        """
        if element.dtype.kind in "iu":
            return element[()]
        with self._lock:
            view = self._find(element)
            if view is None or view.buffer < self._inputs:
                number: Any = ndarray.view(element.copy(), self.number_kind)
                number.read_from = view
                return number
        return self.perform("copy", OWN["copy"], (ndarray.view(element, self.array_kind),), {})

    def thread(self) -> int:
        """Return the number of this thread; 0 is the one that calls the function."""
        if not hasattr(self._own, "number"):
            self._own.number = next(self._threads)
        number: int = self._own.number
        return number

    def _begin(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
        with self._lock:
            if self.problem or self.overflow:
                return None
            if len(self._steps) >= MOST_STEPS:
                self.overflow = True
                return None
            try:
                given = tuple([self._describe(x) for x in args])
                named = {key: self._describe(value) for key, value in kwargs.items()}
            except Unloggable as problem:
                self._give_up(str(problem))
                return None
            self._steps.append(Step(name, self.thread(), given, named))
            return len(self._steps) - 1

    def _drop(self, index: int | None) -> None:
        if index is not None:
            self._steps[index] = None

    def _end(self, index: int | None, result: Any, as_matrix: bool) -> Any:
        many = isinstance(result, (list, tuple))
        results = list(result) if many else [result]
        plain_results = [asarray(r) if isinstance(r, np.generic) else r for r in results]
        if index is not None:
            with self._lock:
                before = len(self._buffers)
                made = tuple([self._note(r, before) for r in plain_results])
                step = self._steps[index]
                if step is not None:
                    self._steps[index] = Step(step.name, step.thread, step.args, step.kwargs, made)
        wrapped = [self.wrap(r, as_matrix and getattr(r, "ndim", 0) > 0) for r in plain_results]
        if not many:
            return wrapped[0]
        return wrapped if type(result) is list else tuple(wrapped)

    def _note(self, result: Any, before: int) -> View | None:
        """Return the view of memory that an operation made; None where it made none.

        Two results may lie in one buffer: those from the number `before` on are the operation's.
        """
        if not isinstance(result, ndarray) or not result.size:
            return None
        dtype = result.dtype.str
        if dtype not in DTYPES:
            self._give_up(f"an array of {result.dtype}")
            return None
        first, low, high = address_bounds(result)
        root = self._map.find(low, high)
        if root is not None and root.key < before:
            return None
        root = root or self._add(result, "made", b"", (low, high))
        return View(root.key, first - root.start, result.shape, result.strides, dtype)

    def _add(
        self,
        array: Array,
        origin: str,
        content: bytes = b"",
        bounds: tuple[int, int] | None = None,
    ) -> Root:
        owner = owner_of(array)
        if owner is not array or bounds is None:
            bounds = address_bounds(owner)[1:]
        if not owner.flags.owndata:
            self._kept.append(owner)  # NumPy does not know how long its memory lives
        self._buffers.append(Buffer(max(bounds[1] - bounds[0], 1), origin, content))
        return self._map.add(owner, len(self._buffers) - 1, bounds)

    def _find(self, array: Array) -> View | None:
        source: View | None = getattr(array, "read_from", None)
        if source is not None:
            return source
        if not array.size:
            zeros = (0,) * array.ndim
            return View(0, 0, array.shape, zeros, array.dtype.str) if self._inputs else None
        first, low, high = address_bounds(array)
        root = self._map.find(low, high)
        if root is None:
            return None
        return View(root.key, first - root.start, array.shape, array.strides, array.dtype.str)

    def _describe(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, ndarray):
            return self._describe_array(value)
        if value is None or value is Ellipsis or type(value) in (bool, int, float, complex, str):
            if type(value) is str and len(value) > 200:
                raise Unloggable("a long text")
            return value
        if type(value) in (list, tuple) and depth < MOST_DEPTH:
            return type(value)([self._describe(each, depth + 1) for each in value])
        if type(value) is slice:
            return plain(value)
        if isinstance(value, np.generic) and value.dtype.str in DTYPES:
            return Number(value.dtype.str, _python_number(value))
        if isinstance(value, (type, np.dtype)):
            return self._describe_dtype(value)
        if isinstance(value, range):
            return list(value)
        raise Unloggable(f"an operand of type {type(value).__name__}")

    def _describe_dtype(self, value: Any) -> Any:
        try:
            dtype = np.dtype(value)
        except TypeError:
            raise Unloggable(f"the type {value!r}"[:100]) from None
        if dtype.str not in DTYPES:
            raise Unloggable(f"an array of {dtype}")
        return dtype

    def _describe_array(self, array: Array) -> View:
        if array.dtype.str not in DTYPES:
            raise Unloggable(f"an array of {array.dtype}")
        view = self._find(array)
        if view is None:
            owner = owner_of(array)
            if owner.dtype.str not in DTYPES or not _is_dense(owner):
                raise Unloggable("memory of an unusual layout")
            self._add(array, "known", self._content(owner))
            view = self._find(array)
        if view is None:
            raise Unloggable("memory that is not found again")
        return view

    def _content(self, owner: Array) -> bytes:
        """Return the bytes of memory that no step made; empty where all are zero."""
        flat = ndarray.view(owner, ndarray).ravel(order="K")
        if not flat.view(np.uint8).any():
            return b""
        self._known += flat.nbytes
        if self._known > MOST_KNOWN:
            raise Unloggable("too many numbers that came from elsewhere")
        return flat.tobytes()

    def _give_up(self, problem: str) -> None:
        self.problem = self.problem or problem


def _python_number(value: np.generic) -> bool | int | float | complex:
    """A number as Python has it; one of a longer type than Python's is narrowed."""
    number: Any = value.item()
    if isinstance(number, np.generic):
        return complex(number) if value.dtype.kind == "c" else float(number)
    return number  # type: ignore[no-any-return]


def _is_dense(array: Array) -> bool:
    return array.flags.c_contiguous or array.flags.f_contiguous
