"""The operations that a replay may take: a short list of NumPy's, with their cost beforehand."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Number
from tito.tracing.names import CREATORS, FUNCTIONS, METHODS, OPTIONS, UFUNCS

__all__ = ["NotAllowed", "find_operation", "operations_of"]

Array: TypeAlias = NDArray[Any]

MOST_SHAPE = 1 << 27  # elements of an array that a step makes
MOST_EINSUM = 4  # arrays; the search for an order of more takes long
_CORES = {"matmul": (2, 2), "vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}


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
        found = _empty if rest == "empty" else getattr(np, rest)
    else:
        found = _OWN.get(name)
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
    if not OPTIONS.issuperset(kwargs):
        raise NotAllowed(f"an option of {name!r} that is not repeated")
    values = _flat([*args, *kwargs.values()])
    arrays = [x for x in values if isinstance(x, np.ndarray)]
    short = name.rpartition(" ")[2].partition(".")[0]
    made, operations = _cost(name, short, args, arrays, values)
    if max(made, *(x.size for x in arrays), 0) > MOST_SHAPE:
        raise NotAllowed(f"an array of {made} elements is more than a replay makes")
    return max(operations, made, sum(x.size for x in arrays))


def _cost(
    name: str, short: str, args: list[Any], arrays: list[Array], values: list[Any]
) -> tuple[int, int]:
    """Return how many elements a step makes, and how many operations it takes; rather too many."""
    sizes = [x.size for x in arrays]
    if short == "einsum":
        return _einsum_cost(args, arrays)
    if short in _CORES and len(arrays) > 1:
        return _matmul_cost(short, arrays[0], arrays[1])
    if short in ("dot", "inner", "tensordot", "vdot") and len(arrays) > 1:
        inner = max(1, _inner_size(short, arrays[0], values))
        return sizes[0] * sizes[1] // inner**2, sizes[0] * sizes[1] // inner
    if name.endswith(".outer") or short in ("outer", "kron"):
        return math.prod(sizes[:2]), math.prod(sizes[:2])
    if name in ("getitem", "setitem"):
        return (_indexed_size(args[0], args[1]),) * 2
    if short in ("take", "take_along_axis", "compress", "choose", "put"):
        return math.prod(sizes[:2]), sum(sizes)
    if short in ("eye", "identity", "tri", "diag", "diagflat"):
        return max([1, *sizes, *_whole(values)]) ** 2, 0
    if short == "arange":
        return _arange_size(args), 0
    if name.startswith("create ") or short in ("tile", "repeat", "pad", "full_like", "zeros_like",
                                               "ones_like", "empty_like", "insert"):  # fmt: skip
        return math.prod(max(1, n) for n in _whole(values)) * max([1, *sizes]) + sum(sizes), 0
    if (name.startswith("ufunc ") and not name.endswith(".at")) or short == "where":
        made = math.prod(np.broadcast_shapes(*(x.shape for x in arrays)))
        return made, made
    return sum(sizes), sum(sizes)


def _inner_size(short: str, first: Array, values: list[Any]) -> int:
    """The length that a product sums over, rather too short."""
    if short != "tensordot":
        return first.shape[-1] if first.ndim else 1
    axes = [x for x in values if type(x) is int]
    if len(axes) == 1 and 0 <= axes[0] <= first.ndim:
        return math.prod(first.shape[first.ndim - axes[0] :])
    return min(first.shape, default=1)


def _whole(values: list[Any]) -> list[int]:
    """The whole numbers among operands, but not those of filling values of floats."""
    return [abs(x) for x in values if type(x) is int]


def _arange_size(args: list[Any]) -> int:
    numbers = [float(x) for x in args if isinstance(x, (int, float))]
    start, stop, step = {1: [0.0, *numbers, 1.0], 2: [*numbers, 1.0]}.get(len(numbers), numbers)
    return int(max(0.0, (stop - start) / step)) + 1


def _indexed_size(array: Array, index: Any) -> int:
    """The elements that an advanced index chooses."""
    parts = index if isinstance(index, tuple) else (index,)
    chosen, used = 1, 0
    for part in parts:
        if isinstance(part, (list, np.ndarray)):
            chosen = max(chosen, np.asarray(part).size)
            used += max(1, np.asarray(part).ndim) if np.asarray(part).dtype == bool else 1
        elif part is not None and part is not Ellipsis:
            used += isinstance(part, int)
    sides: list[int] = sorted(array.shape, reverse=True)
    return chosen * math.prod(sides[: max(0, array.ndim - used)])


def _matmul_cost(short: str, a: Array, b: Array) -> tuple[int, int]:
    core = _CORES[short]
    batch = [x.shape[: max(0, x.ndim - n)] for x, n in zip((a, b), core, strict=True)]
    sides = math.prod(np.broadcast_shapes(*batch))
    rows = a.shape[-2] if core[0] == 2 and a.ndim > 1 else 1
    columns = b.shape[-1] if core[1] == 2 and b.ndim > 1 else 1
    made = sides * rows * columns
    return made, made * (a.shape[-1] if a.ndim else 1)


def _einsum_cost(args: list[Any], arrays: list[Array]) -> tuple[int, int]:
    if len(arrays) > MOST_EINSUM:
        raise NotAllowed("an einsum of many arrays")
    everything = math.prod(max(1, x.size) for x in arrays)
    text = args[0] if args and isinstance(args[0], str) else ""
    names = text.partition("->")[0].replace(" ", "").replace("...", "").split(",")
    if len(names) != len(arrays):
        return everything, everything
    sides: dict[str, int] = {}
    rest = 1
    for letters, array in zip(names, arrays, strict=True):
        own = array.shape[max(0, array.ndim - len(letters)) :]
        rest *= math.prod(array.shape[: array.ndim - len(own)])
        for letter, n in zip(letters, own, strict=False):
            sides[letter] = max(n, sides.get(letter, 1))
    total = math.prod(sides.values()) * rest
    kept = set(text.partition("->")[2]) if "->" in text else set(sides)
    return math.prod(sides[x] for x in kept if x in sides) * rest, total


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
