"""Calling a student's function and getting back what can be said about the call.

A condition is given a `Call` and cannot tell whether the function runs in this process, as in the
notebook, or in a child of the supervisor, as under the judge. So both say the same.
"""

import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.blas import one_blas_thread
from tito.tracing import Gate, Log, plain, recording
from tito.tracing.rendezvous import Rendezvous, late_threads

__all__ = [
    "CPUS", "Call", "CallResult", "LocalCall", "NoAnswer", "Observation", "Raised", "name_of",
    "observe", "pretend_cpus",
]  # fmt: skip

Array: TypeAlias = NDArray[Any]

# While a call is traced, NumPy's own names stand for what is recorded.
ndarray, asarray = np.ndarray, np.asarray

CPUS = 4
"""How many CPUs a function is shown, so that a grade does not depend on the machine."""
PATIENCE = 1.5  # seconds that products of a notebook wait for another one
NUMBERS = (bool, int, float)


class NoAnswer(Exception):  # noqa: N818 (a call that gave nothing back is a result, not a bug)
    """A call that gave nothing to judge: it took too long, or its process ended.

    Parameters
    ----------
    fact, hint : str
        What happened, and where to look.
    """

    def __init__(self, fact: str, hint: str) -> None:
        super().__init__(fact, hint)
        self.fact, self.hint = fact, hint


@dataclass(frozen=True)
class Raised:
    """An exception: the names of its class and of those above, the nearest first, and its text."""

    kinds: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Observation:
    """What came back from a function, in the process that called it."""

    value: Array | None
    returned: str
    raised: Raised | None = None
    log: Log | None = None
    unlogged: str = ""


@dataclass(frozen=True)
class CallResult:
    """What is known about a call.

    Parameters
    ----------
    value : ndarray or None
        The result; a number is an array without sides.
    returned : str
        The name of the type that came back; empty if something was raised.
    raised : Raised or None
        What was raised instead.
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


class Call(Protocol):
    """One function of a student, wherever it runs."""

    @property
    def __name__(self) -> str:
        """The function's name."""

    @property
    def cut(self) -> str | None:
        """The option that says how the product is cut, or None."""

    def __call__(self, *arrays: Array, **options: Any) -> CallResult:
        """Call it with copies of its operands, and with its other arguments by name."""

    def trace(self, *arrays: Array, meet: int = 0, **options: Any) -> CallResult:
        """Call it with traced operands; with `meet`, so many products wait for one another."""

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
    """

    def __init__(self, function: Callable[..., Any], cut: str | None = None) -> None:
        self.function, self.cut = function, cut
        self.__name__ = name_of(function)

    def __call__(self, *arrays: Array, **options: Any) -> CallResult:
        """Call it with copies of its operands that have the same strides."""
        mine = tuple(map(copy_with_strides, arrays))
        return self._result(observe(self.function, mine, options), mine, arrays)

    def trace(self, *arrays: Array, meet: int = 0, **options: Any) -> CallResult:
        """Call it with traced operands; with `meet`, so many products wait for one another."""
        mine = tuple(np.array(x, order="C") for x in arrays)
        if not meet:
            seen = observe(self.function, mine, options, traced=True)
            return self._result(seen, mine, arrays)
        gate = Rendezvous(meet, PATIENCE)
        with late_threads():
            seen = observe(self.function, mine, options, gate=gate, traced=True)
        return self._result(seen, mine, arrays, together=gate.together)

    def time(self, *arrays: Array, **options: Any) -> CallResult:
        """Take the CPU time of one traced call, and of ``A @ B`` in the same way."""
        mine = tuple(np.array(x, order="C") for x in arrays)
        with one_blas_thread():
            np.matmul(*mine)  # BLAS is awake before anything is timed
            start = time.process_time()
            observe(np.matmul, mine, {}, traced=True)
            between = time.process_time()
            seen = observe(self.function, mine, options, traced=True)
            end = time.process_time()
        spent = {"seconds": end - between, "reference": between - start}
        return self._result(seen, mine, arrays, **spent)

    def _result(
        self, seen: Observation, mine: tuple[Array, ...], given: tuple[Array, ...], **more: Any
    ) -> CallResult:
        kept = all(x.tobytes() == y.tobytes() for x, y in zip(mine, given, strict=True))
        return CallResult(
            seen.value, seen.returned, seen.raised, kept, seen.log, seen.unlogged, **more
        )


def observe(
    function: Callable[..., Any],
    arrays: tuple[Array, ...],
    options: dict[str, Any],
    gate: Gate | None = None,
    traced: bool = False,
) -> Observation:
    """Call ``function(*arrays, **options)`` once and return what came back.

    Parameters
    ----------
    function : callable
        A student's function.
    arrays : tuple of ndarray
        Its operands; they are not copied. Traced ones lie in memory row by row.
    options : dict
        Its other arguments.
    gate : Gate, optional
        Where its products wait for one another.
    traced : bool
        Whether its array operations are logged.
    """
    with warnings.catch_warnings(action="ignore"), pretend_cpus():
        if not traced:
            return _seen(function, arrays, options)[0]
        with recording(function, gate) as recorder:
            seen, result = _seen(function, tuple(map(recorder.take, arrays)), options)
        log = recorder.finish(result)
    if recorder.problem:
        return Observation(seen.value, seen.returned, seen.raised, None, recorder.problem)
    return Observation(seen.value, seen.returned, seen.raised, log)


@contextmanager
def pretend_cpus(count: int = CPUS) -> Iterator[None]:
    """Show this many CPUs to whoever asks in the block."""
    shown: list[tuple[Any, str, Any]] = [
        (os, "cpu_count", lambda: count),
        (os, "process_cpu_count", lambda: count),
        (os, "sched_getaffinity", lambda pid: set(range(count))),
        (multiprocessing, "cpu_count", lambda: count),
        (sys.modules.get("psutil"), "cpu_count", lambda logical=True: count),
    ]
    before = [(owner, name, vars(owner).get(name)) for owner, name, _ in shown if owner]
    kept = [(owner, name, original) for owner, name, original in before if original is not None]
    names = {(id(owner), name) for owner, name, _ in kept}
    for owner, name, pretended in shown:
        if owner and (id(owner), name) in names:
            setattr(owner, name, pretended)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def name_of(function: Callable[..., Any]) -> str:
    """Return a function's name; that of a partial, a decorated or a callable object as well."""
    while not isinstance(getattr(function, "__name__", None), str):
        inner = getattr(function, "func", None)
        if inner is None:
            return type(function).__name__
        function = inner
    return function.__name__


def copy_with_strides(array: Array) -> Array:
    """Return a writeable copy that lies in memory as `array` does."""
    reach = [(n - 1) * step for n, step in zip(array.shape, array.strides, strict=True)]
    size = sum(map(abs, reach)) + array.itemsize if array.size else 0
    offset = -sum(r for r in reach if r < 0) if array.size else 0
    copy: Array = np.ndarray(array.shape, array.dtype, bytearray(size), offset, array.strides)
    copy[...] = array
    return copy


def _seen(
    function: Callable[..., Any], arrays: tuple[Array, ...], options: dict[str, Any]
) -> tuple[Observation, Any]:
    try:
        result = function(*arrays, **options)
    except (Exception, SystemExit) as error:
        kinds = tuple(kind.__name__ for kind in type(error).__mro__[:-1])
        return Observation(None, "", Raised(kinds, _message(error))), None
    if type(result) is Fraction:
        result = float(result)
    value = plain(result)
    if isinstance(value, ndarray):
        is_number = value.ndim == 0 and type(result).__name__ == "number"
        returned = value.dtype.name if is_number else "ndarray"
        return Observation(ndarray.view(value, ndarray), returned), result
    if type(value) in NUMBERS or isinstance(value, np.generic):
        return Observation(asarray(value), type(value).__name__), result
    return Observation(None, type(value).__name__), result


def _message(error: BaseException) -> str:
    """The text of an exception, whose own code may raise."""
    try:
        return str(error)
    except Exception:
        return ""
