"""What a log proves: that it computes the right result of other numbers, and how it does so.

Only steps that the result depends on count, so a check or a debug print beside the work costs
nothing, and work for show proves nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Log, Step, View
from tito.tracing.names import PRODUCTS
from tito.tracing.products import Product, products_of
from tito.tracing.replay import CannotReplay, replay

__all__ = ["Product", "Proof", "Unproven", "prove"]

Array: TypeAlias = NDArray[Any]
NOTHING = 1e-9  # relative: what is left of a result whose products are all 0


class Unproven(Exception):
    """A log that does not compute what it has to, or cannot be repeated: why."""


def prove(log: Log, inputs: Sequence[Array], agrees: Callable[[Array], bool]) -> "Proof":
    """Repeat a log on other numbers and return what it proves.

    Parameters
    ----------
    log : Log
        What a call did.
    inputs : sequence of ndarray
        New numbers of the same shapes and dtypes as in the call, which its author never saw.
    agrees : callable
        Tells whether an array is the right result for `inputs`.

    Raises
    ------
    Unproven
        If the log cannot be repeated, or gives another result.
    """
    if log.result is None:
        raise Unproven("the result is not made of array operations that could be seen")
    steps = needed_steps(log)
    try:
        result = replay(log, inputs, steps)
    except CannotReplay as refused:
        raise Unproven(str(refused)) from None
    if not agrees(result):
        raise Unproven("the array operations that could be seen do not give the result")
    return Proof(log, inputs, tuple(steps))


@dataclass(frozen=True)
class Proof:
    """A log that computes the right result.

    Parameters
    ----------
    log : Log
        The log.
    inputs : sequence of ndarray
        The numbers that it was proven on.
    places : tuple of int
        The places of the steps that the result depends on, in order.
    """

    log: Log
    inputs: Sequence[Array]
    places: tuple[int, ...]

    @property
    def steps(self) -> int:
        """How many steps the result depends on."""
        return len(self.places)

    @cached_property
    def product_steps(self) -> tuple[int, ...]:
        """The places of steps that multiply numbers of A with numbers of B."""
        return tuple(multiplying_steps(self.log, self.places))

    @cached_property
    def products(self) -> tuple[Product, ...]:
        """All products of numbers of A with numbers of B, in order.

        Raises
        ------
        Unproven
            If they cannot be told.
        """
        try:
            return products_of(self.log, self.inputs, self.places, self.product_steps)
        except CannotReplay as refused:
            raise Unproven(str(refused)) from None

    def share(self, keep: Callable[[Product], bool]) -> float:
        """Return the share of the result that products make for which `keep` holds, 0 to 1.

        It is what remains of a result of positive numbers when all other products give 0, so that a
        product whose result is thrown away, or multiplied by 0, has no share.
        """
        kept: set[int] = set()
        others: set[int] = set()
        for product in self.products:
            (kept if keep(product) else others).add(product.step)
        kept -= others
        if not others and self._rest == 0:
            return 1.0
        everything = self._sum(kept | others)
        if not np.isfinite(everything) or everything <= 0:
            return 0.0
        if abs(self._rest) > NOTHING * everything and not kept:
            return 0.0
        share = (self._sum(kept) - self._rest) / everything
        return float(np.clip(share, 0, 1)) if np.isfinite(share) else 0.0

    @cached_property
    def _rest(self) -> float:
        """The sum of the result where all products give 0."""
        return self._sum(set())

    @cached_property
    def _positive(self) -> list[Array]:
        rng = np.random.default_rng([len(self.places), 11])
        return [rng.uniform(0.5, 1.5, x.shape).astype(x.dtype) for x in self.inputs]

    @cached_property
    def largest_buffer(self) -> int:
        """The elements of the largest buffer that is made, the result included."""
        return max(self.buffer_sizes, default=0)

    @property
    def buffer_sizes(self) -> list[int]:
        """The elements of each buffer that is made, the result included."""
        return [size // item for size, item, _, _ in self._lives()]

    @cached_property
    def most_alive(self) -> int:
        """The most bytes that lie in buffers at a time, each from its making to its last use."""
        changes: dict[int, int] = {}
        for size, _, first, last in self._lives():
            changes[first] = changes.get(first, 0) + size
            changes[last + 1] = changes.get(last + 1, 0) - size
        alive = np.cumsum([changes[place] for place in sorted(changes)])
        return int(alive.max(initial=0))

    def _sum(self, computed: set[int]) -> float:
        """The sum of the result where only these products are computed, and the others give 0."""
        multiplying = set(self.product_steps)

        def hook(place: int, step: Step, operands: list[Array]) -> bool:
            return place not in multiplying or place in computed

        try:
            result = replay(self.log, self._positive, self.places, hook)
        except CannotReplay as refused:
            raise Unproven(str(refused)) from None
        with np.errstate(all="ignore"):
            return float(np.sum(result, dtype=np.float64)) if result.dtype.kind != "c" else 0.0

    def _lives(self) -> list[tuple[int, int, int, int]]:
        """Bytes, bytes of an element, first and last step of every buffer that is written to."""
        lives: dict[int, list[int]] = {}
        for place in self.places:
            step = self.log.steps[place]
            written = [*step.targets(), *(r for r in step.results if r is not None)]
            for view in (*written, *step.operands()):
                if view.buffer in lives:
                    lives[view.buffer][3] = place
                elif view.buffer >= self.log.inputs and view.size:
                    size, item = self.log.buffers[view.buffer].size, np.dtype(view.dtype).itemsize
                    lives[view.buffer] = [size, item, place, place]
        assert self.log.result is not None
        if self.log.result.buffer in lives and self.places:
            lives[self.log.result.buffer][3] = self.places[-1]
        return [(size, item, first, last) for size, item, first, last in lives.values()]


def needed_steps(log: Log) -> list[int]:
    """Return the places of the steps that the result depends on, in order."""
    assert log.result is not None
    needed, kept = {log.result.buffer}, []
    for place in range(len(log.steps) - 1, -1, -1):
        step = log.steps[place]
        targets = step.targets()
        made = [r.buffer for r in step.results if r is not None]
        if needed.isdisjoint(made) and not any(t.buffer in needed for t in targets):
            continue
        kept.append(place)
        reads = {view.buffer for view in _reads(step)}
        whole = {t.buffer for t in targets if "where" not in step.kwargs and _covers(log, t)}
        if not step.name.endswith(".at") and step.name not in ("setitem", "function put"):
            needed -= whole
        needed.difference_update(made)
        needed |= reads
    return kept[::-1]


def multiplying_steps(log: Log, places: Sequence[int]) -> list[int]:
    """Return the steps where an operand that depends on A meets one that depends on B."""
    depends: dict[int, int] = {key: 1 << key for key in range(log.inputs)}
    found = []
    for place in places:
        step = log.steps[place]
        operands = [depends.get(view.buffer, 0) for view in step.operands()]
        if step.name in PRODUCTS and _meet(operands):
            found.append(place)
        together = 0
        for each in operands:
            together |= each
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
    """The views that a step reads; what it only writes to is left out."""
    operands = step.operands()
    return operands[1:] if step.name in ("assign", "function copyto") else operands


def _covers(log: Log, view: View) -> bool:
    """Whether a view is the whole of its buffer."""
    size = view.size * np.dtype(view.dtype).itemsize
    low, high = view.bounds()
    return size == log.buffers[view.buffer].size == high - low
