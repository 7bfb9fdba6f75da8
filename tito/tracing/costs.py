"""What a step of a log would cost to repeat, computed from its operands before it is taken."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CORES", "TooMuch", "cost_of", "flat", "operations_on"]

Array: TypeAlias = NDArray[Any]
Cost: TypeAlias = tuple[int, int]
"""Elements that are made, and elementary operations."""

CORES = {"matmul": (2, 2), "vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}
MOST_EINSUM = 4  # arrays; the search for an order of more takes long
MOST_TOGETHER = (
    1 << 22
)  # operations of an einsum of three or more arrays: it may use as much memory


class TooMuch(Exception):
    """A step whose cost is not known, or too high."""


def cost_of(name: str, args: list[Any], kwargs: dict[str, Any]) -> Cost:
    """Return upper bounds of the elements that a step makes and of the operations it takes.

    Those on other types than NumPy's floats count more, as they take longer.
    """
    made, operations = operations_on(name, args, kwargs)
    arrays = [x for x in flat([*args, *kwargs.values()]) if isinstance(x, np.ndarray)]
    return made, operations * (1 if all(x.dtype.char in "fd" for x in arrays) else 8)


def operations_on(name: str, args: list[Any], kwargs: dict[str, Any]) -> Cost:
    """Return the same bounds whatever the types are."""
    arrays = [x for x in flat([*args, *kwargs.values()]) if isinstance(x, np.ndarray)]
    short = name.rpartition(" ")[2].partition(".")[0]
    method = name.rpartition(".")[2]
    special = _COSTS.get(short)
    if special is not None:
        made, operations = special(args, kwargs, arrays)
    elif short in CORES and method == "__call__" and len(arrays) > 1:
        made, operations = _matmul(short, kwargs, arrays[0], arrays[1])
    elif name.startswith("ufunc ") and method == "__call__" or name == "function where":
        made = operations = math.prod(np.broadcast_shapes(*[x.shape for x in arrays]))
    elif method in METHODS:
        made, operations = METHODS[method](args, kwargs, arrays)
    else:
        made = operations = sum(x.size for x in arrays) + len(args)
    return made, max(operations, made, *[x.size for x in arrays], 1)


def flat(values: Any) -> list[Any]:
    """Return all that lists hold, and lists in lists."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += flat(value)
        else:
            found.append(value)
    return found


def _whole(value: Any) -> list[int]:
    """The whole numbers in sides, counts or widths, however they are written."""
    if isinstance(value, np.ndarray) and value.size > 64:
        raise TooMuch("sides that are a large array")
    numbers: list[Any] = np.asarray(value).ravel().tolist()
    if not all(isinstance(x, int) for x in numbers):
        raise TooMuch("sides that are no whole numbers")
    return [max(0, x) for x in numbers]


def _given(args: list[Any], kwargs: dict[str, Any], place: int, *names: str) -> Any:
    """An argument by place or name; None if it is not given."""
    if len(args) > place:
        return args[place]
    return next((kwargs[name] for name in names if name in kwargs), None)


def _filled(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    return (math.prod(_whole(_given(args, kwargs, 0, "shape"))),) * 2


def _like(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    shape = kwargs.get("shape")
    return (sum(x.size for x in arrays) if shape is None else math.prod(_whole(shape)),) * 2


def _square(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    rows = max(_whole(_given(args, kwargs, 0, "N", "n")))
    columns = _given(args, kwargs, 1, "M")
    return (rows * (max(_whole(columns)) if isinstance(columns, (int, np.integer)) else rows),) * 2


def _range(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    ends = [*args, *[kwargs[key] for key in ("start", "stop", "step") if key in kwargs]]
    numbers = [float(x) for x in ends if np.isreal(x) and np.size(x) == 1 and np.ndim(x) == 0]
    start, stop, step = {1: [0.0, *numbers, 1.0], 2: [*numbers, 1.0]}.get(len(numbers), numbers)
    return (int(max(0.0, (stop - start) / step)) + 1,) * 2


def _spaced(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    count = _given(args, kwargs, 2, "num")
    number = 50 if count is None else max(_whole(count))
    return (number * max([1, *[x.size for x in arrays]]),) * 2


def _tiled(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    times = math.prod(_whole(_given(args, kwargs, 1, "reps", "repeats", "shape", "new_shape")))
    return (np.size(_given(args, kwargs, 0, "A", "a")) * times,) * 2


def _repeated(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    repeats = np.asarray(_given(args, kwargs, 1, "repeats"))
    most = max(0, int(repeats.max(initial=0)))
    return (np.size(_given(args, kwargs, 0, "a")) * most,) * 2


def _padded(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    array = np.asarray(_given(args, kwargs, 0, "array"))
    widths = _whole(_given(args, kwargs, 1, "pad_width"))
    pairs = [sum(widths[i : i + 2]) for i in range(0, len(widths), 2)]
    each = pairs if len(widths) == 2 * array.ndim else [2 * max(widths, default=0)] * array.ndim
    made = math.prod([n + more for n, more in zip(array.shape, each, strict=True)])
    return made, made * max(1, array.ndim)


def _diagonal(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    array = arrays[0]
    offset = abs(max(_whole(np.abs(_given(args, kwargs, 1, "k") or 0)), default=0))
    return ((array.size + offset) ** 2 if array.ndim < 2 else array.size,) * 2


def _flat_diagonal(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    offset = max(_whole(np.abs(_given(args, kwargs, 1, "k") or 0)), default=0)
    return ((np.size(args[0]) + offset) ** 2,) * 2


def _indexed(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    """The elements that an advanced index chooses."""
    array, index = args[:2]
    parts = index if isinstance(index, tuple) else (index,)
    chosen, used = 1, 0
    for part in parts:
        if isinstance(part, (list, np.ndarray)):
            some = np.asarray(part)
            chosen = max(chosen, 1) * some.size if some.ndim > 1 else max(chosen, some.size)
            used += max(1, some.ndim) if some.dtype == bool else 1
        elif part is not None and part is not Ellipsis:
            used += isinstance(part, (int, np.integer))
    sides: list[int] = sorted(array.shape, reverse=True)
    return (chosen * math.prod(sides[: max(0, array.ndim - used)]),) * 2


def _chosen(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    if kwargs.get("axis") is None and len(args) < 3:
        return (sum(x.size for x in arrays) + len(flat(args)),) * 2
    index = np.size(_given(args, kwargs, 1, "indices"))
    array = np.asarray(_given(args, kwargs, 0, "a", "arr"))
    return (array.size // max(1, min(array.shape, default=1)) * index,) * 2


def _together(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    return (math.prod([max(1, x.size) for x in arrays[:2]]),) * 2


def _by_segments(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    """Those of `reduceat`: a segment ends where the next begins, or after one element."""
    array, starts = np.asarray(args[0]), np.asarray(args[1], dtype=float).ravel()
    along = array.shape[_given(args, kwargs, 2, "axis") or 0]
    lengths = np.maximum(np.diff(starts, append=along), 1).clip(max=along)
    others = array.size // max(1, along)
    return others * len(starts), others * int(lengths.sum())


def _broadcast(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    return (math.prod(np.broadcast_shapes(*[x.shape for x in arrays])) * (1 + len(arrays)),) * 2


def _counted(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    least = _given(args, kwargs, 2, "minlength")
    highest = int(np.max(np.asarray(_given(args, kwargs, 0, "x")), initial=0)) + 1
    return (max([highest, arrays[0].size, *_whole(least or 0)]),) * 2


def _dot(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    if len(arrays) < 2:
        return (sum(x.size for x in arrays) + len(flat(args)),) * 2
    a, b = arrays[:2]
    inner = a.shape[-1] if a.ndim and b.ndim else 1
    return a.size * b.size // max(1, inner) ** 2, a.size * b.size // max(1, inner)


def _tensordot(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    a, b = arrays[:2]
    axes = _given(args, kwargs, 2, "axes")
    axes = 2 if axes is None else axes
    left = axes[0] if isinstance(axes, (list, tuple)) else range(a.ndim - int(axes), a.ndim)
    left = [left] if isinstance(left, int) else left
    inner = math.prod([a.shape[axis] for axis in left])
    return a.size * b.size // max(1, inner) ** 2, a.size * b.size // max(1, inner)


def _matmul(short: str, kwargs: dict[str, Any], a: Array, b: Array) -> Cost:
    core = CORES[short]
    if "axes" in kwargs or "axis" in kwargs:
        return (max(1, a.size) * max(1, b.size),) * 2
    batch = [x.shape[: max(0, x.ndim - n)] for x, n in zip((a, b), core, strict=True)]
    sides = math.prod(np.broadcast_shapes(*batch))
    rows = a.shape[-2] if core[0] == 2 and a.ndim > 1 else 1
    columns = b.shape[-1] if core[1] == 2 and b.ndim > 1 else 1
    made = sides * rows * columns
    return made, made * (a.shape[-1] if a.ndim else 1)


def _einsum(args: list[Any], kwargs: dict[str, Any], arrays: list[Array]) -> Cost:
    given = [x for x in args if isinstance(x, np.ndarray)]
    if len(given) > MOST_EINSUM:
        raise TooMuch("an einsum of many arrays")
    made, total = _einsum_sides(args, given)
    if len(given) > 2 and total > MOST_TOGETHER:
        raise TooMuch("an einsum of large arrays")
    return made, total * max(1, len(given) - 1)


def _einsum_sides(args: list[Any], arrays: list[Array]) -> Cost:
    everything = math.prod([max(1, x.size) for x in arrays])
    text = args[0] if args and isinstance(args[0], str) else ""
    left, arrow, right = text.replace(" ", "").partition("->")
    names: list[Any] = left.replace("...", "").split(",")
    if not text:  # the letters are numbers in lists
        names = [[x for x in each if x is not Ellipsis] for each in args[1 : 2 * len(arrays) : 2]]
        last = args[2 * len(arrays) :]
        arrow, right = ("->", last[0]) if last else ("", "")
    if len(names) != len(arrays):
        return everything, everything
    sides: dict[Any, int] = {}
    rest = 1
    for letters, array in zip(names, arrays, strict=True):
        own = array.shape[max(0, array.ndim - len(letters)) :]
        rest *= math.prod(array.shape[: array.ndim - len(own)])
        for letter, n in zip(letters, own, strict=False):
            sides[letter] = max(n, sides.get(letter, 1))
    kept = set(right) if arrow else set(sides)
    made = math.prod([n for letter, n in sides.items() if letter in kept]) * rest
    return made, math.prod(sides.values()) * rest


METHODS = {"outer": _together, "reduceat": _by_segments, "at": _indexed}
_COSTS: dict[str, Callable[[list[Any], dict[str, Any], list[Array]], Cost]] = {
    "zeros": _filled, "ones": _filled, "empty": _filled, "full": _filled,
    "zeros_like": _like, "ones_like": _like, "empty_like": _like, "full_like": _like,
    "eye": _square, "identity": _square, "tri": _square, "arange": _range, "linspace": _spaced,
    "tile": _tiled, "repeat": _repeated, "pad": _padded, "diag": _diagonal,
    "diagflat": _flat_diagonal, "getitem": _indexed, "setitem": _indexed, "take": _chosen,
    "take_along_axis": _together, "choose": _broadcast,
    "outer": _together, "kron": _together, "correlate": _together, "convolve": _together,
    "dot": _dot, "inner": _dot, "vdot": _dot, "tensordot": _tensordot, "einsum": _einsum,
    "bincount": _counted,
}  # fmt: skip
