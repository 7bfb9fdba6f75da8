"""Products in a log: which rows, inner indices and columns each of them multiplies.

The log is repeated on matrices whose numbers all differ, and every operand of a product is looked
up among them: copies of numbers, padded with zeros or not, show where they come from.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.costs import CORES, operations_on
from tito.tracing.log import Log, Step, View
from tito.tracing.replay import CannotReplay, Uses, replay

__all__ = ["Product", "products_of"]

Array: TypeAlias = NDArray[Any]
Indices: TypeAlias = frozenset[int]
MOST_BATCH = 4096
MOST_READ = 1 << 29  # numbers that are compared with those of A and B
SLOW = 16  # how many comparisons it takes to look one up


@dataclass(frozen=True)
class Product:
    """One product of numbers of A (m, n) with numbers of B (n, p).

    Parameters
    ----------
    step : int
        Its index in the log.
    thread : int
        Its thread; 0 is the one that called the function.
    rows, inner, columns : int
        Its sides.
    times : int
        How many of these sides the step takes at once.
    row_set, inner_set, column_set : frozenset of int, or None
        Which rows of A, inner indices and columns of B; None where that is not known.
    operations : int, optional
        How many its step takes at most: numbers of a diagonal have many rows and columns, and are
        few.
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
    operations: int | None = None

    @property
    def work(self) -> int:
        """Its multiplications."""
        of_sides = self.rows * self.inner * self.columns * self.times
        return of_sides if self.operations is None else min(of_sides, self.operations)


def products_of(
    log: Log,
    inputs: Sequence[Array],
    steps: Sequence[int],
    candidates: Sequence[tuple[int, bool]],
    uses: Uses,
) -> tuple[Product, ...]:
    """Return the products that steps take, in order.

    Parameters
    ----------
    log, inputs, steps, uses :
        As for `replay`.
    candidates : sequence of (int, bool)
        The steps that may multiply, and whether an operand may hold products itself: then the step
        counts only if its operands are numbers of A and of B.

    Raises
    ------
    CannotReplay
        If the log cannot be repeated.
    """
    found: list[Product] = []
    chosen = dict(candidates)
    codes = Codes(inputs[0], inputs[1])

    def hook(index: int, step: Step, operands: list[Array]) -> float:
        if index in chosen:
            products = list(_products(codes, index, step, operands))
            if not chosen[index] or all(x.row_set is not None for x in products):
                each = _operations(step, operands) // max(1, len(products))
                found.extend([replace(x, operations=each) for x in products])
        return 1.0

    replay(log, [*codes.inputs, *inputs[2:]], steps, hook, uses)
    return tuple(found)


class Codes:
    """Matrices whose numbers show their position, as no two are equal but for their sign.

    They are those that a log was proven on, each changed as little as makes it unlike the others:
    nothing in a log can detect that it is being read.
    """

    def __init__(self, A: Array, B: Array) -> None:
        both = np.concatenate([A.ravel(), B.ravel()])
        values: Array = _distinct(both)
        self.inputs: list[Array] = [
            values[: A.size].reshape(A.shape),
            values[A.size :].reshape(B.shape),
        ]
        self.values = values
        self._left = MOST_READ
        self._numbers: dict[float, int] = {}
        self._tables: dict[str, tuple[Array, Array]] = {}

    def read(self, operand: Array) -> tuple[str, Indices, Indices] | None:
        """Return ``A`` or ``B`` and the two sets of indices; None if the numbers are no copies."""
        values = np.asarray(operand)
        self._left -= values.size
        if self._left < 0:
            raise CannotReplay("its products are made of more numbers than are looked at")
        if values.size == 1 and values.dtype == self.values.dtype:
            return self._read_number(values.item())
        if values.dtype.kind == "c" and not values.imag.any():
            values = values.real
        if values.dtype.kind not in "fiu" or not values.size:
            return None
        found = self._corners(values) or self._find(values[values != 0])
        if found is None:
            return None
        name, first, second = found
        return name, _set(first), _set(second)

    def _read_number(self, value: float) -> tuple[str, Indices, Indices] | None:
        if not self._numbers:
            self._numbers = {x: position for position, x in enumerate(self.values.tolist())}
        position = self._numbers.get(value)
        found = None if position is None else self._indices(np.array([position]))
        if found is None:
            return None
        name, first, second = found
        return name, frozenset(first.tolist()), frozenset(second.tolist())

    def _find(self, values: Array) -> tuple[str, Array, Array] | None:
        """Return the matrix and the indices of numbers that are copies, one by one."""
        self._left -= SLOW * values.size
        for dtype in dict.fromkeys((self.values.dtype.str, values.dtype.str, "<f4")):
            table, order = self._table(dtype)
            if not len(table) or not values.size:
                continue
            sizes = np.abs(values)
            at = np.minimum(np.searchsorted(table, sizes.astype(dtype)), len(table) - 1)
            positions = order[at]
            if (table[at] == sizes).all() and not (values * self.values[positions] < 0).any():
                return self._indices(positions)
        return None

    def _indices(self, positions: Array) -> tuple[str, Array, Array] | None:
        A, B = self.inputs
        if (positions < A.size).all():
            return "A", *divmod(positions, A.shape[1])
        if (positions >= A.size).all():
            return "B", *divmod(positions - A.size, B.shape[1])
        return None

    def _table(self, dtype: str) -> tuple[Array, Array]:
        """Return the sizes of all numbers as a dtype has them, in order, and where they stand."""
        if dtype not in self._tables:
            sizes = np.abs(self.values).astype(dtype)
            order = np.argsort(sizes)
            table = sizes[order]
            clear = np.dtype(dtype).kind == self.values.dtype.kind and (np.diff(table) > 0).all()
            self._tables[dtype] = (table, order) if clear else (table[:0], order[:0])
        return self._tables[dtype]

    def _corners(self, values: Array) -> tuple[str, Array, Array] | None:
        """Read a large matrix by its first row and column, if these determine all of it."""
        if values.ndim != 2 or values.size <= 64:
            return None
        column, row = self._find(values[:, 0]), self._find(values[0])
        if column is None or row is None or column[0] != row[0]:
            return None
        whole = self.inputs["AB".index(row[0])]
        for first, second, turned in ((column[1], row[2], values), (row[1], column[2], values.T)):
            if np.array_equal(whole[np.ix_(first, second)], turned):
                return row[0], first, second
        return None


def _distinct(values: Array) -> Array:
    """Return numbers of the same dtype, no two of equal size, each as near as possible."""
    if values.dtype.kind != "f":
        return np.arange(1, values.size + 1).astype(values.dtype)
    whole = np.abs(values).view(f"u{values.itemsize}").astype(np.int64)
    order = np.argsort(whole)
    count = np.arange(values.size)
    whole[order] = np.maximum.accumulate(np.maximum(whole[order], 1) - count) + count
    sizes = whole.astype(f"u{values.itemsize}").view(values.dtype)
    moved: Array = np.copysign(sizes, values)
    return moved


def _set(numbers: Array) -> Indices:
    return frozenset(np.unique(numbers).tolist())


def _operations(step: Step, operands: list[Array]) -> int:
    """Return how many operations a step on these operands takes at most."""
    arrays = iter(operands)
    args = [next(arrays) if isinstance(x, View) else x for x in step.args]
    named = {key: x for key, x in step.kwargs.items() if key != "out"}
    kwargs = {key: next(arrays) if isinstance(x, View) else x for key, x in named.items()}
    return operations_on(step.name, args, kwargs)[1]


def _products(codes: Codes, index: int, step: Step, operands: list[Array]) -> Iterator[Product]:
    """Yield the products that a step takes: one, or one for each pair of a stack."""
    if len(operands) > 2:
        yield _of_several(codes, index, step, operands)
        return
    pairs = _pairs(step, operands)
    if len(pairs) > MOST_BATCH:
        a, b = pairs[0]
        yield Product(index, step.thread, *_sides(step, a, b), times=len(pairs))
        return
    for a, b in pairs:
        found = [each for each in (codes.read(a), codes.read(b)) if each is not None]
        read = {name: (first, second) for name, first, second in found}
        if len(read) == 2:
            yield _product(index, step.thread, read["A"], read["B"])
        elif (a.any() and b.any()) or not (a.size and b.size):
            yield Product(index, step.thread, *_sides(step, a, b))
        # A product of zeros only, such as one of padding, multiplies nothing of A and B.


def _product(index: int, thread: int, of_a: Sequence[Indices], of_b: Sequence[Indices]) -> Product:
    (rows, left), (upper, columns) = of_a, of_b
    inner = left & upper
    return Product(index, thread, len(rows), len(inner), len(columns), 1, rows, inner, columns)


def _of_several(codes: Codes, index: int, step: Step, operands: list[Array]) -> Product:
    """Return the product that an einsum of three or more arrays takes."""
    read = {"A": [_NONE, _NONE], "B": [_NONE, _NONE]}
    for operand in operands:
        found = codes.read(operand)
        if found is not None:
            name, first, second = found
            read[name] = [read[name][0] | first, read[name][1] | second]
        elif not np.isin(operand, (0, 1)).all():
            side = max(x.size for x in operands)
            return Product(index, step.thread, side, side, side)
    return _product(index, step.thread, read["A"], read["B"])


_NONE: Indices = frozenset()


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
    name = step.name.partition(" ")[2].removeprefix("multiply.").partition(".")[0]
    if name in ("multiply", "__call__"):
        shape = (1, 1, 1, *np.broadcast_shapes(a.shape, b.shape))
        return math.prod(shape[:-2]), shape[-2], shape[-1]
    if name in ("outer", "kron", "correlate", "convolve"):
        return a.size, 1, b.size
    if name in ("vecdot", "vdot") or (a.ndim == 1 and b.ndim == 1):
        return 1, a.shape[-1] if a.ndim else 1, 1
    inner = a.shape[-1] if a.ndim else 1
    return max(1, a.size // max(1, inner)), inner, max(1, b.size // max(1, inner))
