"""Calling a student's function and getting back what can be said about the call.

A condition is given a `Call` and cannot tell whether the function runs in this process, as in the
notebook, or in a sandboxed worker, as under the judge. So both say the same.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.observation import Observation, Record, observe

__all__ = ["KNOBS", "Call", "LocalCall", "NoAnswer", "Raised", "Reply", "Watching"]

Array: TypeAlias = NDArray[Any]

KNOBS = {"matmul_cache_optimized": "block_size", "matmul_parallel": "num_processes"}
"""The option that says how a function cuts the product; functions without one are not listed."""


class NoAnswer(Exception):  # noqa: N818 (a call that gave nothing back is a result, not a bug)
    """A call that gave nothing to judge: it took too long, or its process ended.

    Parameters
    ----------
    fact, hint : str
        What happened, and where to look.
    """

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(f"{fact}\nHint: {hint}")
        self.fact, self.hint = fact, hint


@dataclass(frozen=True)
class Raised:
    """An exception that the function raised: the names of its classes, and its message."""

    kinds: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Reply:
    """What a call gave back.

    Parameters
    ----------
    value : ndarray or None
        The result; None when it is neither an array nor a number.
    returned : str
        The type of the result, in words; ``ndarray`` for an array.
    raised : Raised or None
        What was raised instead.
    unchanged : bool
        Whether the operands hold the bytes that they held before.
    record : Record or None
        What a watched call did.
    scale : int
        What the result of a watched call was divided by: the secret factor of its products.
    cost : int
        Of a measured call, what was measured.
    """

    value: Array | None
    returned: str
    raised: Raised | None
    unchanged: bool
    record: Record | None = None
    scale: int = 1
    cost: int = 0


class Call(Protocol):
    """One function of a student, wherever it runs."""

    @property
    def __name__(self) -> str:
        """The function's name."""

    @property
    def knob(self) -> str | None:
        """The option that says how the product is cut, or None."""

    def __call__(self, *arrays: Array, **options: Any) -> Reply:
        """Call it with its operands, and with its other arguments by name."""

    def measure(self, what: str, *arrays: Array, **options: Any) -> Reply:
        """Call it for what it costs: one of `tito.grading.costs.COSTS`."""

    def watch(self, A: Array, B: Array, how: "Watching", **options: Any) -> Reply:
        """Call it on recorded arrays."""


@dataclass(frozen=True)
class Watching:
    """What to do in a watched call.

    Parameters
    ----------
    vary : bool
        Give each recorded product a secret factor of its own, not all the same one.
    count_steps : bool
        Count Python steps.
    meet : bool
        Have products wait for one another.
    """

    vary: bool = False
    count_steps: bool = False
    meet: bool = False


class LocalCall:
    """A function in this process.

    Parameters
    ----------
    function : callable
        Takes arrays, and its other arguments by name.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = function.__name__
        self.knob = KNOBS.get(function.__name__)

    def __call__(self, *arrays: Array, **options: Any) -> Reply:
        """Call it with copies of its operands that have the same strides."""
        return self._reply(arrays, options, factor=0)

    def measure(self, what: str, *arrays: Array, **options: Any) -> Reply:
        """Call it for what it costs."""
        return self._reply(arrays, options, factor=0, measure=what)

    def watch(self, A: Array, B: Array, how: Watching, **options: Any) -> Reply:
        """Call it on recorded arrays."""
        return self._reply((A, B), options, factor=draw_factor(), **asdict(how))

    def _reply(self, arrays: tuple[Array, ...], options: dict[str, Any], **watching: Any) -> Reply:
        mine = tuple(map(copy_with_strides, arrays))
        seen = observe(self.function, mine, options, **watching)
        kept = all(x.tobytes() == y.tobytes() for x, y in zip(mine, arrays, strict=True))
        return reply(seen, unchanged=kept, factor=watching["factor"])


def reply(seen: Observation, *, unchanged: bool, factor: int) -> Reply:
    """Return what was seen as a reply, the secret factor of a watched call taken out again."""
    raised = None if seen.raised is None else Raised(*seen.raised)
    value = seen.value
    if factor and value is not None:
        value = value / factor  # a power of two: exact
    return Reply(value, seen.returned, raised, unchanged, seen.record, factor or 1, seen.cost)


def draw_factor() -> int:
    """Return a secret power of two: 8 to 1024."""
    return 1 << (3 + secrets.randbelow(8))


def span(array: Array) -> tuple[int, int]:
    """Return how many bytes from first to last element, and at which of them [0, 0] lies."""
    reach = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    if array.size == 0:
        return 0, 0
    return sum(map(abs, reach)) + array.itemsize, -sum(r for r in reach if r < 0)


def copy_with_strides(array: Array) -> Array:
    """Return a writeable copy that lies in memory as `array` does."""
    size, offset = span(array)
    copy: Array = np.ndarray(array.shape, array.dtype, bytearray(size), offset, array.strides)
    copy[...] = array
    return copy
