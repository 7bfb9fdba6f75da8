"""The operations that a replay may take: a short list of NumPy's, with their cost beforehand."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Number

__all__ = ["NotAllowed", "find_operation", "operations_of"]

Array: TypeAlias = NDArray[Any]

UFUNCS = frozenset(
    "add subtract multiply divide true_divide floor_divide remainder mod fmod power float_power "
    "negative positive absolute abs fabs rint sign conjugate conj exp exp2 expm1 log log2 log10 log1p "
    "sqrt square cbrt reciprocal maximum minimum fmax fmin greater greater_equal less less_equal "
    "equal not_equal logical_and logical_or logical_not logical_xor isnan isinf isfinite signbit "
    "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift sin cos tan sinh cosh tanh "
    "arctan hypot copysign trunc floor ceil ldexp matmul vecdot matvec vecmat clip divmod modf".split()
)
METHODS = frozenset(("__call__", "reduce", "accumulate", "reduceat", "outer", "at"))
FUNCTIONS = frozenset(
    "dot inner outer vdot tensordot einsum concatenate block tile repeat where copyto clip take roll "
    "zeros_like empty_like ones_like full_like copy reshape ravel cumsum cumprod trace diag diagflat "
    "tril triu take_along_axis choose compress argmax argmin argsort sort nonzero flatnonzero "
    "real imag fill_diagonal put pad nan_to_num array_equal kron delete append insert".split()
)
CREATORS = frozenset(
    "zeros empty ones full eye identity arange linspace tri array asarray asanyarray "
    "ascontiguousarray asfortranarray require copy".split()
)
MOST_SHAPE = 1 << 27  # elements of an array that a step makes
PLAIN_OPTIONS = frozenset(
    "out axis dtype casting order subok keepdims initial where axes optimize mode constant_values "
    "indices_or_sections reps shape newshape copy ndmin fill_value k N M num endpoint "
    "a b repeats subscripts shift offset prepend obj values arr kind posinf neginf nan "
    "a_min a_max min max decimals start stop step equal_nan device like a1 a2 x y".split()
)


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
        found: Callable[..., Any] = getattr(getattr(np, ufunc, None), method, None)
        if found is not None:
            return found
    if kind == "function" and rest in FUNCTIONS:
        return getattr(np, rest)  # type: ignore[no-any-return]
    if kind == "create" and rest in CREATORS:
        return _empty if rest == "empty" else getattr(np, rest)
    if name in _OWN:
        return _OWN[name]
    raise NotAllowed(f"{name!r} is not among the operations that are repeated")


def operations_of(name: str, args: list[Any], kwargs: dict[str, Any]) -> int:
    """Return at most how many elementary operations a step takes, and how many it makes.

    Raises
    ------
    NotAllowed
        If an option is none of the list, or the step would make too large an array.
    """
    if not PLAIN_OPTIONS.issuperset(kwargs):
        raise NotAllowed(f"an option of {name!r} that is not repeated")
    arrays = [x for x in _flat([*args, *kwargs.values()]) if isinstance(x, np.ndarray)]
    short = name.rpartition(" ")[2]
    if name == "function einsum":
        return _einsum_operations(args, arrays)
    if name == "function kron" or ".outer" in short or short in ("outer", "inner", "tensordot", "dot"):
        shapes = math.prod(max(1, x.size) for x in arrays[:2])
        inner = _inner_size(short, arrays)
        _expect_size(shapes // max(1, inner * inner))
        return shapes // max(1, inner)
    if short.partition(".")[0] in ("matmul", "vecdot", "matvec", "vecmat") and len(arrays) > 1:
        return _matmul_operations(short, arrays[0], arrays[1])
    if name.startswith("create ") or short in ("tile", "repeat", "full_like", "zeros_like", "pad",
                                               "empty_like", "ones_like", "diag", "diagflat"):
        numbers = [abs(int(x)) for x in _flat([*args, *kwargs.values()])
                   if isinstance(x, (int, np.integer, float)) and abs(x) < 1 << 62]
        if short in ("arange", "linspace"):
            made = max([1, *numbers])
        else:
            made = math.prod(max(1, n) for n in numbers if short not in ("full",)) * max(
                [1, *(x.size for x in arrays)]
            )
        _expect_size(made if short != "full" else _shape_size(args))
        return made
    shape = np.broadcast_shapes(*(x.shape for x in arrays)) if _spreads(name) else ()
    made = math.prod(shape)
    _expect_size(made)
    return max(made, sum(x.size for x in arrays))


def _spreads(name: str) -> bool:
    return name.startswith("ufunc ") and name.endswith("__call__") or name == "function where"


def _shape_size(args: list[Any]) -> int:
    sides = args[0] if args and isinstance(args[0], (list, tuple)) else args[:1]
    return math.prod(max(1, abs(int(n))) for n in sides)


def _inner_size(short: str, arrays: list[Array]) -> int:
    """The length that a product sums over, 1 where there is none or it is unclear."""
    if short in ("dot", "inner") and len(arrays) > 1 and arrays[0].ndim and arrays[1].ndim:
        return arrays[0].shape[-1]
    return 1


def _matmul_operations(short: str, a: Array, b: Array) -> int:
    kind = short.partition(".")[0]
    core = {"matmul": (2, 2), "vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}[kind]
    batch = [x.shape[: max(0, x.ndim - n)] for x, n in zip((a, b), core, strict=True)]
    sides = math.prod(np.broadcast_shapes(*batch))
    rows = a.shape[-2] if core[0] == 2 and a.ndim > 1 else 1
    inner = a.shape[-1] if a.ndim else 1
    columns = b.shape[-1] if core[1] == 2 and b.ndim > 1 else 1
    _expect_size(sides * rows * columns)
    return sides * rows * inner * columns


def _einsum_operations(args: list[Any], arrays: list[Array]) -> int:
    total = math.prod(max(1, x.size) for x in arrays)
    text = args[0] if args and isinstance(args[0], str) else ""
    letters = text.partition("->")[0].replace(" ", "").replace("...", "").split(",")
    if text and len(letters) == len(arrays):
        sizes: dict[str, int] = {}
        for names, array in zip(letters, arrays, strict=True):
            for letter, n in zip(names, array.shape[array.ndim - len(names) :], strict=False):
                sizes[letter] = max(n, sizes.get(letter, 1))
        rest = math.prod(math.prod(x.shape[: x.ndim - len(n)]) or 1
                         for n, x in zip(letters, arrays, strict=True))
        total = math.prod(sizes.values()) * rest
    return total


def _expect_size(elements: int) -> None:
    if elements > MOST_SHAPE:
        raise NotAllowed(f"an array of {elements} elements is more than a replay makes")


def _flat(values: Any) -> list[Any]:
    found = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += _flat(value)
        else:
            found.append(value.value if isinstance(value, Number) else value)
    return found


def _empty(*args: Any, **kwargs: Any) -> Array:
    """Memory that nobody has written yet: NaN shows whoever reads it."""
    array: Array = np.empty(*args, **kwargs)
    array[...] = np.nan if array.dtype.kind in "fc" else 113
    return array


def _copy(array: Array) -> Array:
    return array.copy()


def _astype(array: Array, dtype: Any, order: Any) -> Array:
    return array.astype(dtype, order=order)


def _get(array: Array, index: Any) -> Any:
    return array[index]


def _set(array: Array, index: Any, value: Any) -> None:
    array[index] = value


def _assign(target: Array, value: Any) -> None:
    target[...] = value


_OWN = {
    "copy": _copy, "astype": _astype, "getitem": _get, "setitem": _set, "assign": _assign
}  # fmt: skip
