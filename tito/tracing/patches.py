"""While a call is recorded, NumPy's creators of arrays return recorded ones."""

import copyreg
import functools
import math
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tito.tracing.arrays import UFUNCS, Recorded, pickled, plain
from tito.tracing.names import CREATORS, FROM_DATA, MATH_FUNCTIONS, OF_LISTS, QUERIES
from tito.tracing.stand_ins import (
    Ndenumerate,
    Nditer,
    Ufunc,
    as_operand,
    call_for_each,
    following_operands,
    holds_recorded,
    math_of,
    number_type,
)

if TYPE_CHECKING:
    from tito.tracing.recorder import Recorder

__all__ = ["LATE_PARTS", "patched"]

LATE_PARTS = tuple(
    f"numpy.{part}" for part in ("ctypeslib", "fft", "ma", "polynomial", "random", "testing")
)
"""What NumPy loads when it is first used. Such a module keeps the names that it finds then: load
those that a function uses before a call of it is recorded."""

NUMBERS = (np.float64, np.float32, np.float16, np.complex64, np.complex128)
UNCHANGED = OF_LISTS | QUERIES
CHECKED = type(np.dot)  # NumPy's functions that arrays of other kinds may take over

ndarray, matrix = np.ndarray, np.matrix
vectorize: Any = np.vectorize


@contextmanager
def patched(recorder: "Recorder", function: Callable[..., Any]) -> Iterator[None]:
    """Replace the makers of arrays in NumPy and in the module of `function`; undo it at the end."""
    new = _replacements(recorder)
    undo: list[Callable[[], Any]] = []
    replacer = Replacer(recorder, new, undo)
    try:
        for namespace in _namespaces(function):
            own = namespace is not vars(np) and namespace is not vars(math)
            for name, value in list(namespace.items()):
                if id(value) in new:
                    _put(namespace, name, new[id(value)], undo)
                elif own:
                    replacer.replace(namespace, name, value)
        copyreg.pickle(ndarray, pickled)
        undo.append(lambda: copyreg.dispatch_table.pop(ndarray, None))
        _replace_vectorize(recorder, undo)
        yield
    finally:
        for step in reversed(undo):
            step()


def _replacements(recorder: "Recorder") -> dict[int, Any]:
    """Return what replaces NumPy's objects, by their id."""
    new: dict[int, Any] = {}
    for name, value in vars(np).items():
        if name in CREATORS:
            new[id(value)] = _creating(recorder, name)
        elif type(value) is CHECKED and value.__name__ not in UNCHANGED:
            new[id(value)] = following_operands(recorder, value)
    new |= {id(ufunc): Ufunc(recorder, ufunc) for ufunc in UFUNCS.values()}
    for name in (*MATH_FUNCTIONS, "sumprod"):
        if hasattr(math, name):
            new[id(getattr(math, name))] = math_of(recorder, name)
    new |= {id(kind): number_type(recorder, kind) for kind in NUMBERS}
    new[id(np.nditer)] = type("nditer", (Nditer,), {"recorder": recorder})
    new[id(np.ndenumerate)] = Ndenumerate
    new[id(ndarray)], new[id(matrix)] = recorder.array_kind, recorder.matrix_kind
    new[id(np.asmatrix)] = functools.partial(recorder.matrix_kind, copy=False)
    return new


def _put(container: Any, key: Any, value: Any, undo: list[Callable[[], Any]]) -> None:
    """Replace a value; undoing it keeps what the call itself has stored there since."""
    before = container[key]
    container[key] = value

    def put_back() -> None:
        now = container[key : key + 1] if type(container) is list else [container.get(key)]
        if now and now[0] is value:
            container[key] = before

    undo.append(put_back)


class Replacer:
    """Replaces arrays and functions that a module holds: in names, defaults, caches and closures.

    Parameters
    ----------
    recorder : Recorder
        Makes the recorded arrays.
    new : dict of id to object
        What replaces NumPy's functions.
    undo : list of callable
        Receives what restores each value.
    """

    def __init__(
        self, recorder: "Recorder", new: dict[int, Any], undo: list[Callable[[], Any]]
    ) -> None:
        self._recorder, self._new, self._undo = recorder, new, undo

    def replace(self, container: Any, name: Any, value: Any) -> None:
        """Replace a value of `container`, or what the value itself holds."""
        instead = self._instead_of(value)
        if instead is not value:
            _put(container, name, instead, self._undo)
        elif type(value) in (list, dict) and len(value) < 1000:
            for key, each in list(value.items() if type(value) is dict else enumerate(value)):
                if (instead := self._instead_of(each)) is not each:
                    _put(value, key, instead, self._undo)
        elif isinstance(value, types.FunctionType) and value.__module__ != __name__:
            self._replace_in(value)
        elif isinstance(value, functools._lru_cache_wrapper):
            value.cache_clear()
            self._undo.append(value.cache_clear)
        elif isinstance(value, type) and value.__module__ == container.get("__name__"):
            for key, each in list(vars(value).items()):
                if (instead := self._instead_of(each)) is not each:
                    is_function = isinstance(instead, types.FunctionType)  # NumPy's bind no object
                    self._set(value, key, each, staticmethod(instead) if is_function else instead)
                elif isinstance(each, types.FunctionType):
                    self._replace_in(each)
        elif type(value).__module__ == container.get("__name__") and hasattr(value, "__dict__"):
            self.replace({}, "", vars(value))

    def _instead_of(self, value: Any) -> Any:
        """Return what replaces a value: itself where it may stay."""
        if type(value) is ndarray and self._recorder.can_log(value):
            return self._recorder.wrap_view(value)
        if id(value) in self._new:
            return self._new[id(value)]
        if type(value) is staticmethod and id(value.__func__) in self._new:
            return staticmethod(self._new[id(value.__func__)])
        if type(value) is functools.partial and id(value.func) in self._new:
            return functools.partial(self._new[id(value.func)], *value.args, **value.keywords)
        return value

    def _replace_in(self, function: types.FunctionType) -> None:
        """Replace what a function holds: its defaults and its closure."""
        defaults, named = function.__defaults__ or (), function.__kwdefaults__ or {}
        for each in (*defaults, *named.values()):
            if type(each) in (list, dict):
                self.replace({}, "", each)
        self.replace({}, "", named)
        held = tuple(map(self._instead_of, defaults))
        if any(one is not other for one, other in zip(held, defaults, strict=True)):
            self._set(function, "__defaults__", defaults, held)
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            if (instead := self._instead_of(value)) is not value:
                self._set(cell, "cell_contents", value, instead)

    def _set(self, owner: Any, name: str, before: Any, value: Any) -> None:
        self._undo.append(functools.partial(setattr, owner, name, before))
        setattr(owner, name, value)


def _namespaces(function: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the namespaces to search: NumPy's, math's, the student's, and that of `function`."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__wrapped__", function)
    call = vars(type(function)).get("__call__")
    found = [vars(np), vars(math), vars(sys.modules["__main__"])]
    for each in (function, call, getattr(function, "__func__", None)):
        own = getattr(each, "__globals__", None)
        if own is not None and all(own is not other for other in found):
            found.append(own)
    return found


def _replace_vectorize(recorder: "Recorder", undo: list[Callable[[], Any]]) -> None:
    """Let functions that `np.vectorize` made, also before the call, run in Python."""
    original = vectorize._vectorize_call

    def call(self: Any, func: Callable[..., Any], args: Any) -> Any:
        made = call_for_each(self, func, args) if recorder.active and args else None
        return original(self, func, args) if made is None else made

    vectorize._vectorize_call = call
    undo.append(lambda: setattr(vectorize, "_vectorize_call", original))


def _creating(recorder: "Recorder", name: str) -> Callable[..., Any]:
    original = vars(np)[name]

    @functools.wraps(original)
    def create(*args: Any, **kwargs: Any) -> Any:
        if not recorder.active:
            return original(*args, **kwargs)
        if kwargs.get("like", 0) is None:
            del kwargs["like"]
        if name in FROM_DATA and args:
            if type(args[0]) not in (list, tuple):  # lists stay lists
                args = (as_operand(recorder, args[0]), *args[1:])
            if name == "fromiter" and not isinstance(args[0], ndarray):
                args = (list(args[0]), *args[1:])
                if holds_recorded(args[0]):
                    dtype = args[1] if args[1:] else kwargs.get("dtype")
                    return np.array(args[0], dtype=np.dtype(dtype).base)
        value = original(*map(plain, args), **{key: plain(each) for key, each in kwargs.items()})
        if name in FROM_DATA and not _any_recorded((*args, *kwargs.values())):
            return recorder.wrap(recorder.register(value)) if recorder.can_log(value) else value
        return recorder.log_new(f"create {name}", value, args, kwargs)

    return create


def _any_recorded(values: Any) -> bool:
    return any(
        isinstance(each, Recorded) or (isinstance(each, (list, tuple)) and _any_recorded(each))
        for each in values
    )
