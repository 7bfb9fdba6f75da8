"""Products in a log: which rows, inner indices and columns each of them multiplies.

The log is repeated on matrices whose numbers say where they stand: A[i, k] holds a code of i and k,
B[k, j] the negative code of k and j. Products give 0, so a code is never changed by arithmetic; an
operand whose numbers are codes, padded with zeros or not, shows what it is made of.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Log, Step
from tito.tracing.replay import replay

__all__ = ["Product", "products_of"]

Array: TypeAlias = NDArray[Any]
Indices: TypeAlias = frozenset[int]
MOST_BATCH = 4096
CORES = {"matmul": (2, 2), "vecdot": (1, 1), "matvec": (2, 1), "vecmat": (1, 2)}


@dataclass(frozen=True)
class Product:
    """One product of numbers of A (m, n) with numbers of B (n, p).

    Parameters
    ----------
    step : int
        Its place in the log.
    thread : int
        Who took it; 0 is the thread that called the function.
    rows, inner, columns : int
        Its sides.
    times : int
        How many of these sides the step takes at once.
    row_set, inner_set, column_set : frozenset of int, or None
        Which rows of A, inner indices and columns of B; None where that cannot be told.
    """

    step: int
    thread: int
    rows: int
    inner: int
    columns: int
    times: int = 1
    row_set: Indices | None = None
    inner_set: Indices | None = None
    column_set: Indices | None = None


def products_of(
    log: Log, inputs: Sequence[Array], places: Sequence[int], multiplying: Sequence[int]
) -> tuple[Product, ...]:
    """Return the products that the steps at `multiplying` take, in order.

    Raises
    ------
    CannotReplay
        If the log cannot be repeated on codes.
    """
    (m, n), p = inputs[0].shape, inputs[1].shape[1]
    codes = _Codes(m, n, p)
    found: list[Product] = []
    chosen = set(multiplying)

    def hook(place: int, step: Step, operands: list[Array]) -> bool:
        if place not in chosen:
            return True
        found.extend(_products(codes, place, step, operands))
        return False

    coded = [x.astype(inputs[i].dtype) for i, x in enumerate(codes.matrices())]
    replay(log, coded, places, hook)
    return tuple(found)


class _Codes:
    """The codes of places in A and in B."""

    def __init__(self, m: int, n: int, p: int) -> None:
        self.m, self.n, self.p = m, n, p
        self.base = 1 << max(n, p, 1).bit_length()

    def matrices(self) -> tuple[Array, Array]:
        i, k, j = (np.arange(1, size + 1) for size in (self.m, self.n, self.p))
        return i[:, None] * self.base + k, -(k[:, None] * self.base + j)

    def read(self, operand: Array) -> tuple[str, Indices, Indices] | None:
        """Return ``A`` or ``B`` and the two sets of indices; None if the numbers are no codes."""
        values = np.asarray(operand)
        if values.dtype.kind not in "fiu" or not values.size:
            return None
        values = _corners(values)
        values = values[values != 0].astype(np.float64)
        if not values.size or not np.isfinite(values).all() or (values != np.rint(values)).any():
            return None
        name = "A" if values[0] > 0 else "B"
        first, second = np.divmod(np.abs(values).astype(np.int64), self.base)
        most = (self.m, self.n) if name == "A" else (self.n, self.p)
        signs = (values > 0) if name == "A" else (values < 0)
        inside = (first >= 1) & (first <= most[0]) & (second >= 1) & (second <= most[1])
        if not (signs & inside).all():
            return None
        return name, _set(first - 1), _set(second - 1)


def _corners(values: Array) -> Array:
    """The first row and column of a matrix that they determine; else all numbers."""
    if values.ndim == 2 and values.size > 64 and values.dtype.kind == "f":
        column, row = values[:, :1], values[:1]
        if np.array_equal(values, column + row - values[0, 0]) and column.all() and row.all():
            return np.concatenate([column.ravel(), row.ravel()])
    return values


def _set(numbers: Array) -> Indices:
    return frozenset(np.unique(numbers).tolist())


def _products(codes: _Codes, place: int, step: Step, operands: list[Array]) -> Iterator[Product]:
    """Yield the products that a step takes: one, or one for each pair of a stack."""
    pairs = _pairs(step, operands)
    if len(pairs) > MOST_BATCH:
        a, b = pairs[0]
        yield Product(place, step.thread, *_sides(step, a, b), times=len(pairs))
        return
    for a, b in pairs:
        read = {found[0]: found[1:] for found in (codes.read(a), codes.read(b)) if found}
        if len(read) == 2:
            rows, left = read["A"]
            upper, columns = read["B"]
            inner = left & upper
            sides = len(rows), len(inner), len(columns)
            yield Product(place, step.thread, *sides, 1, rows, inner, columns)
        elif a.any() and b.any() or not (a.size and b.size):
            yield Product(place, step.thread, *_sides(step, a, b))
        # A product of zeros only, such as one of padding, multiplies nothing of A and B.


def _pairs(step: Step, operands: list[Array]) -> list[tuple[Array, Array]]:
    a, b = operands[:2]
    core = CORES.get(step.name.removeprefix("ufunc ").partition(".")[0])
    if core is None or (a.ndim <= core[0] and b.ndim <= core[1]):
        return [(a, b)]
    batch = [x.shape[: max(0, x.ndim - n)] for x, n in zip((a, b), core, strict=True)]
    together = np.broadcast_shapes(*batch)
    if math.prod(together) > MOST_BATCH:
        first = (0,) * len(batch[0]), (0,) * len(batch[1])
        return [(a[first[0]], b[first[1]])] * math.prod(together)
    left = np.broadcast_to(a, together + a.shape[len(batch[0]) :])
    right = np.broadcast_to(b, together + b.shape[len(batch[1]) :])
    return [(left[index], right[index]) for index in np.ndindex(*together)]


def _sides(step: Step, a: Array, b: Array) -> tuple[int, int, int]:
    """Return rows, inner size and columns by the operands' shapes alone."""
    name = step.name.partition(" ")[2].partition(".")[0]
    if name == "multiply":
        shape = (1, 1, 1, *np.broadcast_shapes(a.shape, b.shape))[-3:]
        return shape[0], shape[1], shape[2]
    if name == "outer":
        return a.size, 1, b.size
    if name in ("vecdot", "vdot") or (a.ndim == 1 and b.ndim == 1):
        return 1, a.shape[-1] if a.ndim else 1, 1
    inner = a.shape[-1] if a.ndim else 1
    return max(1, a.size // max(1, inner)), inner, max(1, b.size // max(1, inner))
