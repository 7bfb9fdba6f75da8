"""One call of a student's function in the process that it runs in, and its result."""

import linecache
import multiprocessing
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.arrays import plain
from tito.tracing.log import Log
from tito.tracing.recorder import Gate, recording

__all__ = [
    "CPUS",
    "Observation",
    "Raised",
    "observe",
    "place_of",
    "pretend_cpus",
]

Array: TypeAlias = NDArray[Any]

# While a call is traced, NumPy's own names stand for what is recorded.
ndarray, asarray = np.ndarray, np.asarray

CPUS = 4
"""How many CPUs a function is shown, so that a grade does not depend on the machine."""
NUMBERS = (bool, int, float)


@dataclass(frozen=True)
class Raised:
    """An exception: the names of its class and of those above, the nearest first, and its text.

    `place` is the line of the student that raised, where the process that asks can see it.
    """

    kinds: tuple[str, ...]
    message: str
    place: str = ""


@dataclass(frozen=True)
class Observation:
    """The result of a call, in the process that called."""

    value: Array | None
    returned: str
    raised: Raised | None = None
    log: Log | None = None
    unlogged: str = ""


def observe(
    function: Callable[..., Any],
    arrays: tuple[Array, ...],
    options: dict[str, Any],
    gate: Gate | None = None,
    traced: bool = False,
) -> Observation:
    """Call ``function(*arrays, **options)`` once and return its result.

    Parameters
    ----------
    function : callable
        A student's function.
    arrays : tuple of ndarray
        Its operands; they are not copied. Traced ones lie in memory row by row.
    options : dict
        Its other arguments.
    gate : Gate, optional
        Makes its products wait for one another.
    traced : bool
        Whether its array operations are logged.
    """
    with warnings.catch_warnings(action="ignore"), pretend_cpus():
        if not traced:
            return _seen(function, arrays, options)[0]
        with recording(function, gate) as recorder:
            seen, result = _seen(function, tuple(map(recorder.add_input, arrays)), options)
        log = recorder.finish(result)
    if recorder.problem:
        return Observation(seen.value, seen.returned, seen.raised, None, recorder.problem)
    return Observation(seen.value, seen.returned, seen.raised, log)


@contextmanager
def pretend_cpus() -> Iterator[None]:
    """Make every function that counts CPUs return `CPUS` in the block."""
    shown: list[tuple[Any, str, Any]] = [
        (os, "cpu_count", lambda: CPUS),
        (os, "process_cpu_count", lambda: CPUS),
        (os, "sched_getaffinity", lambda pid: set(range(CPUS))),
        (multiprocessing, "cpu_count", lambda: CPUS),
        (sys.modules.get("psutil"), "cpu_count", lambda logical=True: CPUS),
    ]
    shown = [each for each in shown if each[0] is not None and each[1] in vars(each[0])]
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in shown]
    for owner, name, pretended in shown:
        setattr(owner, name, pretended)
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def _seen(
    function: Callable[..., Any], arrays: tuple[Array, ...], options: dict[str, Any]
) -> tuple[Observation, Any]:
    try:
        result = function(*arrays, **options)
    except (Exception, SystemExit) as error:
        kinds = tuple(kind.__name__ for kind in type(error).__mro__[:-1])
        raised = Raised(kinds, _message(error), place_of(function, error))
        return Observation(None, "", raised), None
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


def place_of(function: Callable[..., Any], error: BaseException) -> str:
    """Say which line of the student's cells raised; a notebook keeps their text in linecache."""
    names = getattr(function, "__globals__", None)
    steps = traceback.walk_tb(error.__traceback__)
    own = [(frame.f_code, line) for frame, line in steps if frame.f_globals is names]
    if not own:
        return ""
    code, number = own[-1]
    text = linecache.getline(code.co_filename, number).strip()
    file = code.co_filename
    cell = f"cell {file[1:-1]}" if file.startswith("<") else f"the cell that defines {code.co_name}"
    return f"Line {number} of {cell}{f': `{text}`' if text else ''} raised {type(error).__name__}."
