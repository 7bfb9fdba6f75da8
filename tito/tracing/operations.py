"""The operations that a replay may take: a short list of NumPy's, each with its cost."""

import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.costs import TooMuch, cost_of, flat
from tito.tracing.log import DTYPES
from tito.tracing.names import (
    CREATORS,
    FUNCTIONS,
    MATH_FUNCTIONS,
    METHODS,
    OPTIONS,
    STRINGS,
    UFUNCS,
)

__all__ = ["OWN", "NotAllowed", "find_operation", "on_numbers", "operations_of"]

Array: TypeAlias = NDArray[Any]

MOST_SHAPE = 1 << 25  # elements of an array that a step makes
FEW = 8  # elementary operations on single numbers


class NotAllowed(Exception):
    """A step that a replay does not take."""


def find_operation(name: str) -> Callable[..., Any]:
    """Return the operation of a step's name.

    Raises
    ------
    NotAllowed
        If it is none of the short list.
    """
    kind, _, rest = name.partition(" ")
    ufunc, _, method = rest.partition(".")
    if kind == "ufunc" and ufunc in UFUNCS and method in METHODS:
        if ufunc == "clip":
            return np.clip
        found: Any = getattr(getattr(np, ufunc, None), method, None)
    elif (kind == "function" and rest in FUNCTIONS) or (kind == "create" and rest in CREATORS):
        found = _EMPTY.get(rest) or getattr(np, rest)
    elif kind == "math" and rest in MATH_FUNCTIONS:
        found = on_numbers(rest)
    else:
        found = OWN.get(name)
    if callable(found):
        operation: Callable[..., Any] = found
        return operation
    raise NotAllowed(f"{name!r} is not among the operations that are repeated")


def operations_of(name: str, args: list[Any], kwargs: dict[str, Any]) -> int:
    """Return at most how many elementary operations a step takes; refuse one that makes too much.

    Raises
    ------
    NotAllowed
        If an option is none of the list, or the step would make too large an array.
    """
    if not kwargs and name.endswith(".__call__") and all(map(_is_number, args)):
        return FEW  # most steps of a loop over single numbers
    if not OPTIONS.issuperset(kwargs):
        raise NotAllowed(f"an option of {name!r} that is not repeated")
    _check_texts(name, args, kwargs)
    try:
        made, operations = cost_of(name, args, kwargs)
    except TooMuch as problem:
        raise NotAllowed(str(problem)) from None
    if made > MOST_SHAPE:
        raise NotAllowed(f"an array of {made} elements is more than a replay makes")
    return operations


def _is_number(operand: Any) -> bool:
    return type(operand) is np.ndarray and operand.ndim == 0


def _check_texts(name: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Allow only strings that are modes, orders or types of numbers, none of texts or objects."""
    given = args[1:] if name == "function einsum" and args and type(args[0]) is str else args
    for text in flat([*given, *kwargs.values()]):
        if type(text) is str and text not in STRINGS and np.dtype(text).str not in DTYPES:
            raise NotAllowed(f"the string {text[:20]!r} is not allowed as an operand")


def _filled(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a creator whose unwritten memory holds NaN, so that reading it shows in the result."""

    def create(*args: Any, **kwargs: Any) -> Array:
        array: Array = make(*args, **kwargs)
        array[...] = np.nan if array.dtype.kind in "fc" else 113
        return array

    return create


_EMPTY = {"empty": _filled(np.empty), "empty_like": _filled(np.empty_like)}


def _copy(array: Array) -> Array:
    return array.copy()


def _astype(array: Array, dtype: Any, order: Any) -> Array:
    return array.astype(dtype, order=order)


def _assign(target: Array, value: Any) -> None:
    target[...] = value


def on_numbers(name: str) -> Callable[..., Any]:
    """Return a function of `math` as one of arrays without sides, or of one array for a sum."""
    function = _MATH[name]

    def compute(*args: Any) -> Any:
        given = [x.ravel().tolist() if name == "fsum" else float(x) for x in args]
        return np.float64(function(*given))

    return compute


_MATH = {name: getattr(math, name) for name in MATH_FUNCTIONS}
OWN: dict[str, Callable[..., Any]] = {
    "copy": _copy, "astype": _astype, "assign": _assign,
    "getitem": operator.getitem, "setitem": operator.setitem,
}  # fmt: skip
"""The steps that are no functions of NumPy's or of `math`."""
