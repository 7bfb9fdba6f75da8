"""Calling a function once and noting what can be noted from inside its process."""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.costs import COSTS
from tito.grading.meeting import Meeting
from tito.grading.recorder import Watch, recorded, recording
from tito.grading.steps import counting_steps

__all__ = ["Observation", "Record", "cache_misses", "observe"]

Array: TypeAlias = NDArray[Any]
NUMBERS = (bool, int, float)


@dataclass(frozen=True)
class Record:
    """What a watched call did.

    Parameters
    ----------
    products : tuple of (rows, inner, columns, times)
        The sides of every product, and how often one of these sides was taken.
    reads : int
        How many single elements were read.
    misses : int
        How many of these reads a cache that holds three blocks and a bit would have missed.
    read_rows : int
        The most rows of a matrix with the inner size of A from which single elements were read.
    steps : int
        Python steps taken.
    met : bool
        Whether two products were inside at the same time.
    second : int
        Multiplications of the thread or process that did the most but one.
    """

    products: tuple[tuple[int, int, int, int], ...]
    reads: int
    misses: int
    read_rows: int
    steps: int
    met: bool
    second: int


@dataclass(frozen=True)
class Observation:
    """What came back, before anybody judges it; `raised` holds class names and the message.

    A number comes back as an array without sides, and `returned` says what it was. `cost` is what
    was asked for by `measure`.
    """

    value: Array | None
    returned: str
    raised: tuple[tuple[str, ...], str] | None
    record: Record | None
    cost: int = 0


def observe(
    function: Callable[..., Any],
    arrays: tuple[Array, ...],
    options: dict[str, Any],
    *,
    factor: int = 0,
    vary: bool = False,
    count_steps: bool = False,
    meet: bool = False,
    measure: str = "",
) -> Observation:
    """Call ``function(*arrays, **options)`` once; where its cost is measured, several times.

    Parameters
    ----------
    function : callable
        A student's function.
    arrays : tuple of ndarray
        Its operands; they are not copied. Those of a recorded call are the two of a product.
    options : dict
        Its other arguments.
    factor : int
        What recorded products are multiplied by; 0: nothing is recorded.
    vary : bool
        Whether each product gets a factor of its own.
    count_steps : bool
        Whether Python steps are counted, which slows Python down tenfold.
    meet : bool
        Whether products wait for one another.
    measure : str
        A name in `tito.grading.costs.COSTS`, or nothing.
    """
    if measure:
        return _measured(function, arrays, options, measure)
    if not factor:
        return call(function, arrays, options)
    A, B = arrays
    meeting = Meeting() if meet else None
    watch = Watch(factor, vary, meeting)
    with recording(watch, function) as kind, counting_steps(count_steps) as steps:
        seen = call(function, (recorded(A, kind), recorded(B, kind)), options)
    side = max([v for v in options.values() if isinstance(v, int)], default=1)
    record = Record(
        products=tuple((*product[:3], times) for product, times in watch.products.items()),
        reads=len(watch.reads),
        misses=cache_misses(watch.reads, 3 * side * side + 4 * side),
        read_rows=max([s[0] for s in watch.read_from if s[1:] == A.shape[1:]], default=0),
        steps=steps.count,
        met=meeting is not None and meeting.met,
        second=sorted([0, 0, *watch.work.values()])[-2],
    )
    return Observation(seen.value, seen.returned, seen.raised, record)


def _measured(
    function: Callable[..., Any], arrays: tuple[Array, ...], options: dict[str, Any], measure: str
) -> Observation:
    seen: list[Observation] = []

    def once() -> Array | None:
        seen[:] = [call(function, arrays, options)]
        return seen[0].value

    cost = COSTS[measure](once, arrays)
    return replace(seen[0], cost=cost)


def call(
    function: Callable[..., Any], arrays: tuple[Array, ...], options: dict[str, Any]
) -> Observation:
    try:
        with warnings.catch_warnings(action="ignore"):
            result = function(*arrays, **options)
            if type(result) is Fraction:
                result = float(result)
    except (Exception, SystemExit) as error:
        kinds = tuple(kind.__name__ for kind in type(error).__mro__[:-1])
        return Observation(None, "", (kinds, str(error)), None)
    if type(result) in NUMBERS or isinstance(result, np.generic):
        return Observation(np.asarray(result), type(result).__name__, None, None)
    if not isinstance(result, np.ndarray):
        return Observation(None, type(result).__name__, None, None)
    return Observation(np.ndarray.view(result, np.ndarray), "ndarray", None, None)


def cache_misses(addresses: Iterable[int], capacity: int) -> int:
    """Return how many reads miss a cache that keeps the `capacity` elements used last."""
    kept: OrderedDict[int, None] = OrderedDict()
    misses = 0
    for address in addresses:
        if address in kept:
            kept.move_to_end(address)
            continue
        misses += 1
        kept[address] = None
        if len(kept) > capacity:
            kept.popitem(last=False)
    return misses
