"""What a log proves: that it computes the right result of other numbers, and how it does so.

Only steps that the result depends on count, so a check or a debug print beside the work costs
nothing, and work for show proves nothing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Log, Step, View, many_objects
from tito.tracing.names import PRODUCTS
from tito.tracing.products import Product, products_of
from tito.tracing.replay import CannotReplay, Uses, last_uses, replay

__all__ = ["Product", "Proof", "Unproven", "Unwritten", "prove"]

Array: TypeAlias = NDArray[Any]
SAME = (
    1e-3  # relative: how nearly products that are larger make more; float32 and sums of large parts
)
UNKNOWN = 1 << 8  # bytes; more than those of any number
FEWER = (8 / 7) ** 2  # times the textbook's; two levels of Strassen's algorithm
MATRIX_PRODUCTS = ("ufunc matmul.__call__", "function dot")
ZEROED = {"create empty": "create zeros", "function empty_like": "function zeros_like"}
COMPUTED = 1 << 16  # above the inputs' bits: memory that may hold a product


class Unproven(Exception):
    """A log that does not compute what it has to, or cannot be repeated: why."""


class Unwritten(Unproven):
    """A log that gives the right result only where new memory happens to hold zeros."""


@many_objects()
def prove(log: Log, inputs: Sequence[Array], agrees: Callable[[Array], bool]) -> "Proof":
    """Repeat a log on other numbers and return what it proves.

    Parameters
    ----------
    log : Log
        What a call did.
    inputs : sequence of ndarray
        New numbers of the same shapes and dtypes as in the call, which its author never saw.
    agrees : callable
        Returns whether an array is the right result for `inputs`.

    Raises
    ------
    Unwritten
        If it reads memory that was never written, and would give the right result if that was 0.
    Unproven
        If the log cannot be repeated, or gives another result.
    """
    if log.result is None:
        raise Unproven("the result is not made of array operations that could be seen")
    steps = needed_steps(log)
    try:
        uses = last_uses(log, steps)
        result = replay(log, inputs, steps, uses=uses)
    except CannotReplay as refused:
        raise Unproven(str(refused)) from None
    if not agrees(result):
        if _agrees_with_zeros(log, inputs, steps, agrees):
            raise Unwritten("it reads memory that nothing was written to")
        raise Unproven("the array operations that could be seen do not give the result")
    return Proof(log, inputs, tuple(steps), result, uses)


@dataclass(frozen=True)
class Proof:
    """A log that computes the right result.

    Parameters
    ----------
    log : Log
        The log.
    inputs : sequence of ndarray
        The numbers that it was proven on.
    needed : tuple of int
        The indices of the steps that the result depends on, in order.
    result : ndarray
        What it computes from these numbers.
    uses : Uses
        Which buffers are used for the last time at each step.
    """

    log: Log
    inputs: Sequence[Array]
    needed: tuple[int, ...]
    result: Array
    uses: Uses

    @property
    def steps(self) -> int:
        """How many steps the result depends on."""
        return len(self.needed)

    @cached_property
    def product_steps(self) -> tuple[int, ...]:
        """The indices of the steps that multiply numbers of A with numbers of B."""
        return tuple(dict.fromkeys(x.step for x in self.products))

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """All products of numbers of A with numbers of B, in order.

        Raises
        ------
        Unproven
            If they are not known.
        """
        candidates = multiplying_steps(self.log, self.needed)
        try:
            return products_of(self.log, self.inputs, self.needed, candidates, self.uses)
        except CannotReplay as refused:
            raise Unproven(str(refused)) from None

    @np.errstate(all="ignore")
    def share(self, keep: Callable[[Product], bool]) -> float:
        """Return the share of the result that products make for which `keep` holds, 0 to 1.

        It is what remains of the result when all other products give 0, less what remains when all
        do. A product whose result is thrown away, or multiplied by 0, has no share; nor have
        products that decide about a result but are no part of it: twice as large, they have to make
        twice as much, and each by itself only its part. Products that do a part of the
        multiplications have little more than that part of the result (fast algorithms take fewer:
        Strassen's saves an eighth in each level).
        """
        kept = {x.step for x in self.products if keep(x)}
        kept -= {x.step for x in self.products if not keep(x)}
        steps = frozenset(kept)
        if steps not in self._shares:
            self._shares[steps] = self._share(steps) if steps else 0.0
        return self._shares[steps]

    @cached_property
    def _shares(self) -> dict[frozenset[int], float]:
        return {}

    def _share(self, kept: frozenset[int]) -> float:
        without, whole = self._nothing, _wide(self.result)
        every = len(kept) == len(self.product_steps)
        alone = (whole if every else self._result(kept)) - without
        rng = np.random.default_rng(len(self.needed))
        factor = float(rng.uniform(1.5, 3)) if self.result.dtype.kind in "fc" else 2.0
        larger = self._result(kept, factor) - without
        if self.result.ndim != 2 or not self._is_local(kept):
            return 0.0
        if not np.allclose(larger, factor * alone, rtol=SAME, atol=SAME * _most(larger)):
            return 0.0
        square = np.vdot(whole, whole).real
        part = float(np.vdot(alone, whole).real / square)
        if not np.isfinite(part):
            return 0.0
        return float(max(0.0, min(part, 1.0, FEWER * self._work(kept))))

    def _is_local(self, kept: frozenset[int]) -> bool:
        """Whether a product that chance picks makes no more of the result than its own part.

        That has its rows and columns, or twice as many (fast algorithms add one to two parts). One
        that makes a factor of the result has a part in all of it.
        """
        step = np.random.default_rng().choice(sorted(kept))
        rows = columns = 0
        for x in self.products:
            if x.step == step:
                longest = max(x.rows, x.inner, x.columns) if x.row_set is None else 0
                rows += 2 * x.times * max(x.rows, longest)
                columns += 2 * x.times * max(x.columns, longest)
        whole = _wide(self.result)
        others = self._result(frozenset(self.product_steps) - {int(step)})
        changed = np.abs(others - whole) > SAME * _most(whole)
        return bool(changed.any(axis=1).sum() <= rows and changed.any(axis=0).sum() <= columns)

    def _work(self, steps: frozenset[int]) -> float:
        """The multiplications of products at these steps, as a share of the textbook's."""
        done = sum(x.work for x in self.products if x.step in steps)
        return float(done / max(1, self.inputs[0].size * self.inputs[1].shape[1]))

    def multiplies_only_blocks(self, size: int) -> bool:
        """Return whether all products are of blocks, by shapes alone, which costs no replay.

        True only where each step that multiplies is a product of two matrices no longer than `size`
        on any side, and those longer than half of it on every side take at least half of the
        textbook's multiplications.
        """
        work = 0
        for index, _ in multiplying_steps(self.log, self.needed):
            step = self.log.steps[index]
            shapes = [view.shape for view in step.operands()]
            if step.name not in MATRIX_PRODUCTS or [len(shape) for shape in shapes] != [2, 2]:
                return False
            sides = (*shapes[0], shapes[1][1])
            if max(sides) > size:
                return False
            if 2 * min(sides) > size:
                work += math.prod(sides)
        return bool(2 * work >= self.inputs[0].size * self.inputs[1].shape[1])

    @cached_property
    def largest_buffer(self) -> int:
        """The elements of the largest buffer that is made, for the result or beside it."""
        lives = self._lives(range(len(self.log.steps)))
        return max((size // item for size, item, _, _ in lives), default=0)

    @property
    def buffer_sizes(self) -> list[int]:
        """The elements of each buffer that is made, the result included."""
        return [size // item for size, item, _, _ in self._lives(self.needed)]

    @cached_property
    def most_alive(self) -> int:
        """The most elements that are in buffers at a time, each from its first to its last use."""
        changes: dict[int, int] = {}
        for size, item, first, last in self._lives(self.needed):
            changes[first] = changes.get(first, 0) + size // item
            changes[last + 1] = changes.get(last + 1, 0) - size // item
        alive = np.cumsum([changes[index] for index in sorted(changes)])
        return int(alive.max(initial=0))

    @cached_property
    def _nothing(self) -> Array:
        """The result where no product is computed."""
        return self._result(frozenset())

    def _result(self, computed: frozenset[int], factor: float = 1.0) -> Array:
        """The result where only these products are computed, times a factor; others give 0."""
        multiplying = set(self.product_steps)

        def hook(index: int, step: Step, operands: list[Array]) -> float:
            if index not in multiplying:
                return 1.0
            return factor if index in computed else 0.0

        try:
            return _wide(replay(self.log, self.inputs, self.needed, hook, self.uses))
        except CannotReplay as refused:
            raise Unproven(str(refused)) from None

    def _lives(self, steps: Sequence[int]) -> list[tuple[int, int, int, int]]:
        """Bytes, bytes of an element, first and last step of every buffer that is written to."""
        lives: dict[int, list[int]] = {}
        for index in steps:
            step = self.log.steps[index]
            written = [*step.targets(), *(r for r in step.results if r is not None)]
            for view in (*written, *step.operands()):
                if view.buffer in lives:
                    lives[view.buffer][3] = index
                    lives[view.buffer][1] = min(lives[view.buffer][1], _bytes_of_number(view))
                elif view.buffer >= self.log.inputs and view.size:
                    size, item = self.log.buffers[view.buffer].size, _bytes_of_number(view)
                    lives[view.buffer] = [size, item, index, index]
        given = self.inputs[0].itemsize
        return [
            (size, given if item == UNKNOWN else item, first, last)
            for size, item, first, last in lives.values()
        ]


def _agrees_with_zeros(
    log: Log, inputs: Sequence[Array], steps: Sequence[int], agrees: Callable[[Array], bool]
) -> bool:
    """Whether a log gives the right result where all that it makes empty is zero."""
    zeroed = [step._replace(name=ZEROED.get(step.name, step.name)) for step in log.steps]
    try:
        return zeroed != list(log.steps) and agrees(
            replay(replace(log, steps=zeroed), inputs, steps)
        )
    except CannotReplay:
        return False


def needed_steps(log: Log) -> list[int]:
    """Return the indices of the steps that the result depends on, in order."""
    assert log.result is not None
    needed, kept = {log.result.buffer}, []
    for index in range(len(log.steps) - 1, -1, -1):
        step = log.steps[index]
        targets = step.targets()
        made = [r.buffer for r in step.results if r is not None]
        if needed.isdisjoint(made) and not any(t.buffer in needed for t in targets):
            continue
        kept.append(index)
        reads = {view.buffer for view in _reads(step)}
        needed -= {t.buffer for t in targets if "where" not in step.kwargs and _covers(log, t)}
        needed.difference_update(made)
        needed |= reads
    return kept[::-1]


def multiplying_steps(log: Log, steps: Sequence[int]) -> list[tuple[int, bool]]:
    """Return the steps where an operand that depends on A meets one that depends on B.

    With each: whether one of these may hold a product already. Multiplying that once more, as a
    scale does, is no product of A and B.
    """
    depends: dict[int, int] = {key: 1 << key for key in range(log.inputs)}
    found = []
    for index in steps:
        step = log.steps[index]
        operands = [depends.get(view.buffer, 0) for view in step.operands()]
        together = 0
        for each in operands:
            together |= each
        if step.name in PRODUCTS and together & 3 == 3 and _meet(operands):
            found.append((index, bool(together & COMPUTED)))
            together |= COMPUTED
        for view in (*step.targets(), *(r for r in step.results if r is not None)):
            depends[view.buffer] = depends.get(view.buffer, 0) | together
    return found


def _meet(operands: list[int]) -> bool:
    """Whether one operand depends on A and another one on B."""
    return any(
        one & 1 and other & 2
        for i, one in enumerate(operands)
        for j, other in enumerate(operands)
        if i != j
    )


def _reads(step: Step) -> list[View]:
    """The views that a step reads: all operands, but for one that it only writes to."""
    operands = step.operands()
    return operands[1:] if step.name in ("assign", "function copyto") else operands


def _covers(log: Log, view: View) -> bool:
    """Whether a view is the whole of its buffer."""
    size = view.size * np.dtype(view.dtype).itemsize
    low, high = view.bounds()
    return size == log.buffers[view.buffer].size == high - low


def _wide(result: Array) -> Array:
    """A result as floats without rounding, with 0 for what is no number."""
    wide: Array = result.astype(np.complex128 if result.dtype.kind == "c" else np.float64)
    return np.nan_to_num(wide, nan=0.0, posinf=0.0, neginf=0.0)


def _most(values: Array) -> float:
    return float(np.abs(values).max(initial=0.0))


def _bytes_of_number(view: View) -> int:
    """The bytes of a real number, or of one in a complex number; `UNKNOWN` for single bytes."""
    dtype = np.dtype(view.dtype)
    size = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
    return size if size > 1 else UNKNOWN
