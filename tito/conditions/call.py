"""Calling a student's function: in this process as in a child, with one type of result.

A condition is given a `Call` and does not know whether the function runs in this process, as in the
notebook, or in a child of the supervisor, as under the judge. So both give the same facts.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.checking import name_of
from tito.tracing import LATE_PARTS, Log, Proof
from tito.tracing.buffers import address_bounds
from tito.tracing.logging_cost import seconds_of_a_product
from tito.tracing.observe import Observation, Raised, observe
from tito.tracing.rendezvous import Rendezvous, late_threads

__all__ = ["Call", "CallResult", "LocalCall", "NoAnswer"]

Array: TypeAlias = NDArray[Any]

NOT_HELD = "the BLAS here cannot be held to one thread"
PATIENCE = 1.5  # seconds that products of a notebook wait for another one


class NoAnswer(Exception):  # noqa: N818 (a call without a result is a finding, not a bug)
    """A call without a result: it took too long, or its process ended.

    Parameters
    ----------
    fact, hint : str
        What happened, and where to look.
    """

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(fact, hint)
        self.fact, self.hint = fact, hint


@dataclass(frozen=True)
class CallResult:
    """What is known about a call.

    Parameters
    ----------
    value : ndarray or None
        The result; a number is an array without sides.
    returned : str
        The name of the result's type; empty if an exception was raised.
    raised : Raised or None
        The exception that was raised instead.
    unchanged : bool
        Whether the operands hold the same bytes as before.
    log : Log or None
        The array operations of a traced call.
    unlogged : str
        Why a traced call has no log.
    together : tuple of int
        The steps of the products that waited for one another at the same time.
    seconds, reference : float
        CPU seconds of a timed call, and of ``A @ B`` on the same arrays, measured in the same way.
    logging : float
        CPU seconds that its log adds for each product.
    untimed : str
        Why these seconds say nothing about speed.
    """

    value: Array | None
    returned: str
    raised: Raised | None
    unchanged: bool
    log: Log | None = None
    unlogged: str = ""
    together: tuple[int, ...] = ()
    seconds: float = 0.0
    reference: float = 0.0
    logging: float = 0.0
    untimed: str = ""


class Call(Protocol):
    """One function of a student, wherever it runs."""

    @property
    def __name__(self) -> str:
        """The function's name."""

    @property
    def cut(self) -> str | None:
        """The option that says how the product is cut, or None."""

    @property
    def proofs(self) -> dict[Any, Proof]:
        """The proofs of its calls, by shapes and options."""

    def __call__(self, *arrays: Array, **options: Any) -> CallResult:
        """Call it with copies of its operands, and with its other arguments by name."""

    def trace(self, *arrays: Array, meet: int = 0, **options: Any) -> CallResult:
        """Call it with traced operands; with `meet`, that many products wait for one another."""

    def time(self, *arrays: Array, **options: Any) -> CallResult:
        """Take the CPU time of one traced call, and of ``A @ B`` in the same way."""


class LocalCall:
    """A function in this process.

    Parameters
    ----------
    function : callable
        Takes arrays, and its other arguments by name.
    cut : str, optional
        The option that says how the product is cut.
    begin : callable, optional
        Called before each call.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        cut: str | None = None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        for part in LATE_PARTS:
            importlib.import_module(part)
        self.function, self.cut, self._begin = function, cut, begin
        self.proofs: dict[Any, Proof] = {}
        self.__name__ = name_of(function)

    def __call__(self, *arrays: Array, **options: Any) -> CallResult:
        """Call it with copies of its operands that have the same strides."""
        self._begin()
        mine = tuple(map(copy_with_strides, arrays))
        return self._result(observe(self.function, mine, options), mine, arrays)

    def trace(self, *arrays: Array, meet: int = 0, **options: Any) -> CallResult:
        """Call it with traced operands; with `meet`, that many products wait for one another."""
        self._begin()
        mine = tuple(np.array(x, order="C") for x in arrays)
        if not meet:
            seen = observe(self.function, mine, options, traced=True)
            return self._result(seen, mine, arrays)
        gate = Rendezvous(meet, PATIENCE)
        with late_threads(first_last=meet == 1):
            seen = observe(self.function, mine, options, gate=gate, traced=True)
        return self._result(seen, mine, arrays, together=gate.together)

    def time(self, *arrays: Array, **options: Any) -> CallResult:
        """Take the CPU time of one traced call, and of ``A @ B`` in the same way."""
        self._begin()
        mine = tuple(np.array(x, order="C") for x in arrays)
        with one_blas_thread() as is_held:
            np.matmul(*mine)  # BLAS is awake before anything is timed
            start = time.process_time()
            observe(np.matmul, mine, {}, traced=True)
            between = time.process_time()
            seen = observe(self.function, mine, options, traced=True)
            end = time.process_time()
        spent = {"seconds": end - between, "reference": between - start}
        spent |= {"logging": seconds_of_a_product()}
        return self._result(seen, mine, arrays, **spent, untimed="" if is_held else NOT_HELD)

    def _result(
        self, seen: Observation, mine: tuple[Array, ...], given: tuple[Array, ...], **more: Any
    ) -> CallResult:
        kept = all(x.tobytes() == y.tobytes() for x, y in zip(mine, given, strict=True))
        value = None if seen.value is None else seen.value.copy()  # threads may still write to it
        return CallResult(value, seen.returned, seen.raised, kept, seen.log, seen.unlogged, **more)


def copy_with_strides(array: Array) -> Array:
    """Return a writeable copy that lies in memory as `array` does."""
    first, low, high = address_bounds(array)
    memory = bytearray(high - low)
    copy: Array = np.ndarray(array.shape, array.dtype, memory, first - low, array.strides)
    copy[...] = array
    return copy
