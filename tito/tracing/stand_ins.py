"""Stand-ins, while a call is recorded, for the parts of NumPy that bypass recorded arrays.

Lists of recorded arrays, plain views of known buffers, iterators over elements, and the types that
convert numbers: NumPy would read all of them in C, without the recorder.
"""

import functools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tito.tracing.arrays import Flat, Recorded, plain
from tito.tracing.names import METHODS
from tito.tracing.operations import on_numbers

if TYPE_CHECKING:
    from tito.tracing.recorder import Recorder

__all__ = [
    "Nditer",
    "Ufunc",
    "as_operand",
    "call_for_each",
    "Ndenumerate",
    "following_operands",
    "holds_recorded",
    "math_of",
    "number_type",
]

ndarray, nditer, generic, original_asarray = np.ndarray, np.nditer, np.generic, np.asarray
OPERANDS = ("a", "b", "x", "m", "v", "A", "arr", "array")
VALUES = (float, int, bool, complex, str, bytes, type(None), range, np.generic)


def holds_recorded(values: Any) -> bool:
    """Whether lists hold recorded arrays, or numbers that are not whole ones (sides, indices)."""
    for each in values:
        if isinstance(each, Recorded):
            if each.ndim or each.dtype.kind in "fc":
                return True
        elif isinstance(each, (list, tuple)) and holds_recorded(each):
            return True
    return False


def as_operand(recorder: "Recorder", value: Any) -> Any:
    """Return an operand as NumPy has to see it, so that what was recorded in it is followed."""
    kind = type(value)
    if kind in (list, tuple):
        return np.array(value) if holds_recorded(value) else value
    if kind is ndarray:
        return recorder.wrap_known(value)
    if isinstance(value, (Recorded, *VALUES)):
        return value
    return as_array(recorder, value)


def as_array(recorder: "Recorder", value: Any) -> Any:
    """Return what NumPy would convert, as an array on the same memory where it has any."""
    if isinstance(value, Flat):
        return value.copy()
    if isinstance(value, deque) or (isinstance(value, Sequence) and not _has_memory(value)):
        return list(value)
    if isinstance(value, type) or not (_has_memory(value) or hasattr(value, "__array__")):
        return value
    if isinstance(value, ndarray):
        return recorder.wrap_known(value)
    made = value.__array__() if hasattr(value, "__array__") else original_asarray(value)
    return recorder.wrap_known(made) if type(made) is ndarray else made


def _has_memory(value: Any) -> bool:
    if isinstance(value, VALUES):
        return False
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def following_operands(recorder: "Recorder", function: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of NumPy's functions that also follows what was recorded inside its operands."""

    def follow(*args: Any, **kwargs: Any) -> Any:
        if recorder.active:
            args = tuple([as_operand(recorder, x) for x in args])
            for key, value in kwargs.items():
                if key in OPERANDS:
                    kwargs[key] = as_operand(recorder, value)
            out = kwargs.get("out")
            if out is not None:
                several = type(out) is tuple
                kwargs["out"] = tuple(
                    [as_operand(recorder, x) for x in (out if several else [out])]
                )
                kwargs["out"] = kwargs["out"] if several else kwargs["out"][0]
        return function(*args, **kwargs)

    follow.__name__, follow.__doc__ = function.__name__, function.__doc__
    follow.__wrapped__ = function  # type: ignore[attr-defined]
    return follow


class Ufunc:
    """A ufunc that also follows what was recorded inside its operands."""

    def __init__(self, recorder: "Recorder", ufunc: np.ufunc) -> None:
        self._recorder, self._ufunc = recorder, ufunc
        self._call = following_operands(recorder, ufunc)
        self.__name__ = ufunc.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._ufunc, name)
        if name in METHODS:
            value = following_operands(self._recorder, value)
            setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return repr(self._ufunc)

    def __reduce__(self) -> str:
        return self._ufunc.__name__


class Nditer:
    """What `np.nditer` is: it yields elements as views of memory, here recorded ones."""

    recorder: "Recorder"

    def __init__(self, op: Any, flags: Any = (), *args: Any, **kwargs: Any) -> None:
        several = type(op) in (list, tuple)
        operands = [as_operand(self.recorder, x) for x in (op if several else [op])]
        if not args and "op_dtypes" not in kwargs:
            flags = [x for x in flags if x not in ("buffered", "growinner", "delay_bufalloc")]
        given = plain(operands) if several else plain(operands[0])
        self._real: Any = nditer(given, flags, *args, **kwargs)
        for each in self._real.operands:
            self.recorder.register(each)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([self._shown(each) for each in value])
        return self.recorder.wrap_view(value)

    def __iter__(self) -> "Nditer":
        return self

    def __next__(self) -> Any:
        return self._shown(next(self._real))

    def __getitem__(self, index: Any) -> Any:
        return self._shown(self._real[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self[index][...] = value

    def __len__(self) -> int:
        return len(self._real)

    def __enter__(self) -> "Nditer":
        self._real.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._real.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return self._shown(value) if name in ("operands", "value", "itviews") else value


class Ndenumerate:
    """What `np.ndenumerate` is."""

    def __init__(self, arr: Any) -> None:
        array = np.asarray(arr)
        self._pairs: Iterator[Any] = ((index, array[index]) for index in np.ndindex(array.shape))

    def __iter__(self) -> Iterator[Any]:
        return self._pairs

    def __next__(self) -> Any:
        return next(self._pairs)


def call_for_each(vectorize: Any, function: Callable[..., Any], args: Any) -> Any:
    """What `np.vectorize` does with a function of numbers, but in Python."""
    if vectorize.signature is not None:
        return None
    arrays = [np.asarray(each) for each in args]
    shape = np.broadcast_shapes(*[each.shape for each in arrays])
    if not math.prod(shape):
        return None
    spread = [np.broadcast_to(each, shape) for each in arrays]

    def number(array: Any, index: Any) -> Any:
        return array[index] if isinstance(array, Recorded) else array[index].item()

    results = [function(*[number(x, index) for x in spread]) for index in np.ndindex(*shape)]
    columns = list(zip(*results, strict=True)) if isinstance(results[0], tuple) else [results]
    types = vectorize.otypes or [None] * len(columns)
    made = [np.array(c, dtype=t).reshape(shape) for c, t in zip(columns, types, strict=True)]
    if not shape:
        made = [each[()] for each in made]
    return tuple(made) if isinstance(results[0], tuple) else made[0]


def number_type(recorder: "Recorder", kind: type) -> type:
    """Return a stand-in for a type of numbers: called on a recorded one, it converts that."""

    class Stand(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, kind)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, kind)

        def __call__(cls, *args: Any) -> Any:
            shown = [as_operand(recorder, x) for x in args] if recorder.active else args
            if shown and isinstance(shown[0], Recorded):
                converted = shown[0].astype(kind)
                return converted if converted.ndim else converted[()]
            return kind(*args)

        def __eq__(cls, other: Any) -> bool:
            return other is cls or other is kind

        def __hash__(cls) -> int:
            return hash(kind)

    return Stand(kind.__name__, (kind,), {"dtype": np.dtype(kind), "__module__": "numpy"})


def math_of(recorder: "Recorder", name: str) -> Callable[..., Any]:
    """Return a function of `math` that follows recorded numbers."""
    original = getattr(math, name)

    @functools.wraps(original)
    def compute(*args: Any) -> Any:
        shown = args
        if recorder.active:
            listed = (list(x) if isinstance(x, Iterator) else x for x in args)
            shown = tuple(as_operand(recorder, x) for x in listed)
        if not any(isinstance(x, Recorded) for x in shown):
            return original(*shown)
        if name == "sumprod":
            shown, function = (np.multiply(*shown),), "fsum"
        else:
            function = name
        return recorder.perform(f"math {function}", on_numbers(function), shown, {})

    return compute
