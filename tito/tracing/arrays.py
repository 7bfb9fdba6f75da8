"""Recorded arrays: subclasses of ndarray whose every operation goes through the recorder."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.buffers import is_same_memory
from tito.tracing.names import FUNCTIONS, PRODUCTS, QUERIES
from tito.tracing.operations import OWN

if TYPE_CHECKING:
    from tito.tracing.recorder import Recorder

__all__ = ["Flat", "Recorded", "is_masked", "kinds", "pickled", "plain", "restored"]

Array: TypeAlias = NDArray[Any]
# While a call is recorded, NumPy's own names stand for what is recorded.
ndarray, matrix, asarray, copy = np.ndarray, np.matrix, np.asarray, np.copy
UFUNCS = {name: value for name, value in vars(np).items() if isinstance(value, np.ufunc)}

POSITIONAL = {"dot": 2, "outer": 2, "clip": 3}


class Recorded(np.ndarray[Any, Any]):
    """An array whose operations are recorded; `kinds` makes the classes for one recorder."""

    recorder: ClassVar["Recorder"]
    is_matrix: ClassVar[bool] = False
    read_from: Any = None  # of a single number: the view that it was read from

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        if out is not None:
            kwargs["out"] = out
        run, name = getattr(ufunc, method), f"ufunc {ufunc.__name__}.{method}"
        if UFUNCS.get(ufunc.__name__) is not ufunc and ufunc.__name__ not in _ALIASES:
            return run(*_plain(inputs), **_plain_values(kwargs))
        if any(type(x) in (list, tuple) for x in inputs) and method != "at":
            inputs = tuple([np.asarray(x) if type(x) in (list, tuple) else x for x in inputs])
        arrays = sum(isinstance(x, (ndarray, np.generic)) for x in inputs)
        product = name in PRODUCTS and arrays > 1
        return self.recorder.perform(name, run, inputs, kwargs, product)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name, recorder = function.__name__, self.recorder
        if name in QUERIES or not recorder.active:
            return function(*_plain(args), **_plain_values(kwargs))
        if name in FUNCTIONS and function.__module__ != "numpy.linalg":
            label, most = f"function {name}", POSITIONAL.get(name, len(args))
            if len(args) > most:  # NumPy takes `out` by position, too
                args, kwargs = args[:most], {**kwargs, "out": args[most]}
            return recorder.perform(label, function, args, kwargs, label in PRODUCTS)
        inside = getattr(function, "_implementation", None)
        if inside is None:
            return function(*_plain(args), **_plain_values(kwargs))
        return inside(*args, **kwargs)

    def __getitem__(self, index: Any) -> Any:
        recorder, base, chosen = self.recorder, _base(self), _index(index)
        result = base[chosen]
        if not recorder.active:
            return result
        if isinstance(result, np.generic):
            parts = chosen if isinstance(chosen, tuple) else (chosen,)
            return recorder.number(asarray(base[(*parts, Ellipsis)]))
        if _is_basic(chosen):
            return recorder.wrap_view(result)
        return recorder.perform("getitem", _get, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        recorder, base, chosen = self.recorder, _base(self), _index(index)
        if not recorder.active:
            base[chosen] = plain(value)
        elif _is_basic(chosen):
            parts = chosen if isinstance(chosen, tuple) else (chosen,)
            if not any(part is Ellipsis for part in parts):
                parts = (*parts, Ellipsis)
            target = base[parts]
            if not is_same_memory(target, value):
                recorder.perform("assign", OWN["assign"], (recorder.wrap_view(target), value), {})
        else:
            recorder.perform("setitem", _set, (self, index, value), {})

    def __reduce_ex__(self, protocol: Any) -> Any:
        return pickled(_base(self))

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __copy__(self) -> Any:
        return self.copy()

    def view(self, *args: Any, **kwargs: Any) -> Any:
        kind = kwargs.get("type", args[-1] if args else None)
        result = ndarray.view(_base(self), *map(_real_kind, args), **_plain_values(kwargs))
        if isinstance(kind, type) and issubclass(kind, matrix):
            return self.recorder.wrap(ndarray.view(result, matrix))
        return result if is_masked(result) else self.recorder.wrap_view(result)

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other, **({} if out is None else {"out": out}))

    def copy(self, order: Any = "C") -> Any:
        return self.recorder.perform("function copy", copy, (self,), {"order": order})

    def astype(  # type: ignore[override]
        self,
        dtype: Any,
        order: str = "K",
        casting: str = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Any:
        if not copy and np.dtype(dtype) == self.dtype:
            return self
        return self.recorder.perform("astype", OWN["astype"], (self, np.dtype(dtype), order), {})

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        sides = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, plain(sides), **kwargs)

    def flatten(self, order: Any = "C") -> Any:
        return self.copy().reshape(-1) if order == "C" else self.copy().ravel(order)

    def fill(self, value: Any) -> None:
        self[...] = value

    def item(self, *index: Any) -> Any:
        place = index[0] if len(index) == 1 and isinstance(index[0], tuple) else index
        if len(place) == self.ndim:
            return self[tuple(place)]
        return self.reshape(-1)[place[0] if place else 0]

    def tolist(self) -> Any:
        if self.ndim == 0:
            return self[()]
        return [row.tolist() if row.ndim else row for row in self]

    @property
    def flat(self) -> Any:
        return Flat(self)

    @flat.setter
    def flat(self, value: Any) -> None:
        self.flat[:] = value

    def compress(self, condition: Any, axis: Any = None, out: Any = None) -> Any:
        return np.compress(condition, self, axis=axis, out=out)

    def sort(self, axis: Any = -1, *args: Any, **kwargs: Any) -> None:
        self[...] = np.sort(self, axis, *args, **kwargs)

    def byteswap(self, inplace: bool = False) -> Any:
        swapped = self.view(np.uint8).reshape(*self.shape, -1)[..., ::-1].copy()
        if not inplace:
            return swapped.view(self.dtype).reshape(self.shape)
        self[...] = swapped.view(self.dtype).reshape(self.shape)
        return self


class Flat:
    """What `flat` of an array is: its elements row by row, wherever they lie in memory."""

    def __init__(self, array: Recorded) -> None:
        self.base, self.index = array, 0

    @property
    def coords(self) -> tuple[int, ...]:
        return tuple([int(i) for i in np.unravel_index(self.index, self.base.shape)])

    def copy(self) -> Any:
        return self.base.reshape(-1).copy()

    __array__ = lambda self, dtype=None, copy=None: self.copy()  # noqa: E731

    def __len__(self) -> int:
        return self.base.size

    def __iter__(self) -> "Flat":
        return self

    def __next__(self) -> Any:
        if self.index >= self.base.size:
            self.index = 0
            raise StopIteration
        self.index += 1
        return self[self.index - 1]

    def __getitem__(self, index: Any) -> Any:
        line = self.base.reshape(-1)[index]
        return line if isinstance(line, RecordedNumber) else line.copy()

    def __setitem__(self, index: Any, value: Any) -> None:
        places = np.unravel_index(np.arange(self.base.size)[_index(index)], self.base.shape)
        if places[0].ndim and np.ndim(value):
            value = np.ravel(value)
            value = value if value.size == places[0].size else np.resize(value, places[0].size)
        self.base[places] = value


class RecordedNumber(Recorded):
    """A single number: an array without sides that is never changed in place."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(_base(self)[()])

    def __getitem__(self, index: Any) -> Any:
        return self if index in ((), Ellipsis) else super().__getitem__(index)

    def __iter__(self) -> Any:
        raise TypeError("iteration over a number")

    def __repr__(self) -> str:
        return repr(_base(self)[()])

    __str__ = lambda self: str(_base(self)[()])  # noqa: E731

    def __format__(self, spec: str) -> str:
        return format(_base(self)[()], spec)

    def __round__(self, digits: int = 0) -> Any:
        return np.round(self, digits)

    def is_integer(self) -> bool:
        return float(_base(self)).is_integer()

    def tolist(self) -> Any:
        return self

    def item(self, *index: Any) -> Any:
        return self


def _out_of_place(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    return lambda self, other: ufunc(self, other)


def _forwarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.__array_function__(function, (), (self, *args), kwargs)

    return forward


IN_PLACE = {
    "iadd": np.add, "isub": np.subtract, "imul": np.multiply, "itruediv": np.true_divide,
    "ifloordiv": np.floor_divide, "imod": np.remainder, "ipow": np.power, "imatmul": np.matmul,
}  # fmt: skip
# NumPy's functions of the same name and arguments are recorded; its methods are not.
METHODS = (
    np.ravel, np.repeat, np.take, np.cumsum, np.cumprod, np.trace, np.argmax, np.argmin,
    np.argsort, np.nonzero, np.put, np.searchsorted,
    np.choose,
)  # fmt: skip
for _name, _ufunc in IN_PLACE.items():
    setattr(RecordedNumber, f"__{_name}__", _out_of_place(_ufunc))
for _function in METHODS:
    setattr(Recorded, _function.__name__, _forwarded(_function))


class _Kind(type):
    """The class of a recorded kind, of which NumPy's own arrays are instances as well."""

    _stands_for: type

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls._stands_for)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls._stands_for)


def kinds(recorder: "Recorder") -> tuple[type, type, type]:
    """Return the classes of arrays, of single numbers and of matrices for one recorder."""

    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        made: Array = ndarray.__new__(cls, *_plain(args), **_plain_values(kwargs))
        return recorder.register(made)

    def new_matrix(cls: type, data: Any, dtype: Any = None, copy: bool = True) -> Any:
        if isinstance(data, str):
            return matrix(data, dtype)
        value = np.array(data, dtype=dtype) if copy else np.asarray(data, dtype=dtype)
        value = value if value.ndim == 2 else value.reshape(1, -1)
        return recorder.wrap(ndarray.view(value, matrix), as_matrix=True)

    names = {"recorder": recorder, "__module__": "numpy"}
    array = _Kind("ndarray", (Recorded,), {**names, "_stands_for": ndarray, "__new__": new})
    number = type("number", (RecordedNumber,), dict(names))
    both = {**names, "_stands_for": matrix, "is_matrix": True, "__new__": new_matrix}
    both |= {"__getitem__": _matrix_item, "__array_finalize__": matrix.__array_finalize__}
    return array, number, _Kind("matrix", (Recorded, matrix), both)


def pickled(array: Array) -> tuple[Any, ...]:
    """Return how to pickle an array, whose class is not np.ndarray while a call is recorded."""
    return restored, (array.tobytes(), array.dtype.str, array.shape)


def restored(data: bytes, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return an array from its pickle."""
    return np.frombuffer(data, dtype).reshape(shape).copy()


def is_masked(value: Any) -> bool:
    """Whether an array is a masked one, which performs its own operations."""
    return type(value).__module__.startswith("numpy.ma")


def plain(value: Any) -> Any:
    """Return `value` with every recorded array in it as a plain one on the same memory."""
    if isinstance(value, Recorded):
        return ndarray.view(value, matrix if value.is_matrix else ndarray)
    if type(value) in (list, tuple):
        return type(value)([plain(each) for each in value])
    if type(value) is slice:
        return slice(*[_whole(x) for x in (value.start, value.stop, value.step)])
    return value


def _matrix_item(self: Any, index: Any) -> Any:
    result = ndarray.view(self, matrix)[_index(index)]
    if isinstance(result, np.generic):
        return Recorded.__getitem__(self, index)
    return self.recorder.wrap(result)


_WHOLE = frozenset((int, type(None)))
_BASIC = frozenset((int, slice, type(None), type(Ellipsis)))
_ALIASES = frozenset({"clip"})  # np.clip is a function around it


def _base(array: Any) -> Array:
    return ndarray.view(array, ndarray)


def _plain(values: Any) -> list[Any]:
    return [plain(value) for value in values]


def _plain_values(values: dict[str, Any]) -> dict[str, Any]:
    return {key: plain(value) for key, value in values.items()}


def _whole(value: Any) -> Any:
    """An index as a Python integer, where it is one."""
    return value if value is None or type(value) is int else value.__index__()


def _real_kind(value: Any) -> Any:
    """Return the type to ask `view` for: ndarray in place of a recorded kind."""
    return ndarray if isinstance(value, type) and Recorded in value.__mro__ else value


def _index(index: Any) -> Any:
    """An index with plain arrays, and with whole numbers as Python's."""
    kind = type(index)
    if kind is int or (kind is slice and _is_simple(index)):
        return index
    if kind is tuple:
        return tuple([_index(part) for part in index])
    if isinstance(index, (np.integer, ndarray)) and index.ndim == 0 and index.dtype.kind in "iu":
        return int(_base(index)) if isinstance(index, ndarray) else int(index)
    return plain(index)


def _is_simple(index: slice) -> bool:
    start, stop, step = type(index.start), type(index.stop), type(index.step)
    return start in _WHOLE and stop in _WHOLE and step in _WHOLE


def _is_basic(index: Any) -> bool:
    return all(type(part) in _BASIC for part in (index if type(index) is tuple else (index,)))


def _get(array: Array, index: Any) -> Any:
    return array[_index(index)]


def _set(array: Array, index: Any, value: Any) -> None:
    array[_index(index)] = value
