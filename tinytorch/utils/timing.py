"""Measure how long a call takes: passes over an inner loop, repeated until the figure is steady.

A *pass* reads the clocks, makes ``inner_loops`` calls and reads the clocks again. Inner loops make
it long against the clock's resolution; repeated passes show how far the figure can be trusted.
Whatever else the machine does only ever adds time, so the fastest pass is the best estimate of
what a call costs, and the spread shows how much was added to the others.
"""

import gc
import statistics
import time
import timeit
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from keyword import iskeyword
from math import ceil
from typing import Any

__all__ = [
    "BUDGET_SECONDS",
    "MAX_REPEATS",
    "PASS_SECONDS",
    "SYSTEM_CLOCK",
    "WIDE_SPREAD",
    "Call",
    "Clock",
    "Pass",
    "Timing",
    "interleave",
    "measure",
    "run_once",
    "without_gc",
]

Call = Callable[[], Any]
Loop = Callable[[int], object]

PASS_SECONDS = 0.005
"""Shortest pass that is kept: 50,000 steps of the coarsest wall clock in use (100 ns, Windows)."""
BUDGET_SECONDS = 1.0
"""No further pass begins once the passes of a call have taken this long together."""
MAX_REPEATS = 20
WIDE_SPREAD = 0.10
"""A `Timing.spread` above this means that something else kept the machine busy."""
_MAX_LOOPS = 1_000_000


@dataclass(frozen=True)
class Clock:
    """Clocks that never run backwards, in nanoseconds: wall, process and calling thread."""

    wall: Callable[[], int] = time.perf_counter_ns
    cpu: Callable[[], int] = time.process_time_ns
    thread: Callable[[], int] = time.thread_time_ns


SYSTEM_CLOCK = Clock()


@dataclass(frozen=True)
class Pass:
    """One timed pass: seconds for all of its ``loops`` calls.

    ``wall`` is what one waits, ``cpu`` the CPU time of the process, ``thread`` that of the thread
    that called.
    """

    wall: float
    cpu: float
    loops: int
    thread: float = 0.0


@dataclass(frozen=True)
class Timing:
    """Passes over one call, all with the same number of inner loops."""

    passes: tuple[Pass, ...]

    @property
    def repeats(self) -> int:
        """Number of passes."""
        return len(self.passes)

    @property
    def inner_loops(self) -> int:
        """Number of calls in each pass."""
        return self.passes[0].loops

    @property
    def minimum(self) -> float:
        """Seconds per call of the fastest pass."""
        return min(self._seconds)

    @property
    def median(self) -> float:
        """Median over the passes of the seconds per call."""
        return statistics.median(self._seconds)

    @property
    def spread(self) -> float | None:
        """Distance between the quartiles as a share of the median; None for a single pass."""
        if self.repeats < 2 or self.median == 0:
            return None
        low, _, high = statistics.quantiles(self._seconds, n=4, method="inclusive")
        return (high - low) / self.median

    @property
    def cores(self) -> float:
        """CPU seconds per wall second of all passes: the number of cores kept busy.

        One short pass would not do: the CPU clock advances in steps, of 1/64 s on Windows and
        elsewhere of up to 1/100 s for a thread that is running on another core.
        """
        return self._share([one.cpu for one in self.passes])

    @property
    def thread_cores(self) -> float:
        """CPU seconds of the calling thread per wall second of all passes: 1 if it never waited."""
        return self._share([one.thread for one in self.passes])

    def _share(self, seconds: list[float]) -> float:
        wall = sum(one.wall for one in self.passes)
        return sum(seconds) / wall if wall else 0.0

    @property
    def _seconds(self) -> list[float]:
        return [one.wall / one.loops for one in self.passes]


def measure(call: Call, clock: Clock = SYSTEM_CLOCK) -> tuple[Timing, Any]:
    """Time ``call`` and return the timing and what its first timed call returned.

    How often it runs follows from how long it takes. A short call runs in passes of about 5 ms,
    20 of them; one of more than a second runs once; in between, passes go on until they have
    taken a second together.
    """
    first, result = run_once(call, clock)
    calls = _loop_of(call)
    passes = [_calibrate(calls, first, clock)]
    while len(passes) < MAX_REPEATS and _total(passes) < BUDGET_SECONDS:
        passes.append(_run_pass(calls, passes[0].loops, clock))
    return Timing(tuple(passes)), result


def interleave(calls: Mapping[str, Call], clock: Clock = SYSTEM_CLOCK) -> dict[str, Timing]:
    """Time several calls in turns, so that a machine that drifts drifts for all of them alike.

    Each round makes one pass over every call and starts one call further on than the round
    before. Rounds end after 20, or once they have taken a second for each call.
    """
    loops = {name: _loop_of(call) for name, call in calls.items()}
    passes = {
        name: [_calibrate(loops[name], run_once(call, clock)[0], clock)]
        for name, call in calls.items()
    }
    names = list(calls)
    for _ in range(MAX_REPEATS - 1):
        if sum(map(_total, passes.values())) >= BUDGET_SECONDS * len(names):
            break
        names = names[1:] + names[:1]
        for name in names:
            passes[name].append(_run_pass(loops[name], passes[name][0].loops, clock))
    return {name: Timing(tuple(done)) for name, done in passes.items()}


def run_once(call: Call, clock: Clock = SYSTEM_CLOCK) -> tuple[Pass, Any]:
    """Make one call and return its pass and what it returned."""
    with without_gc():
        thread, cpu, wall = clock.thread(), clock.cpu(), clock.wall()
        result = call()
        wall, cpu = clock.wall() - wall, clock.cpu() - cpu
        thread = clock.thread() - thread
    return Pass(wall * 1e-9, cpu * 1e-9, 1, thread * 1e-9), result


@contextmanager
def without_gc() -> Iterator[None]:
    """Keep the garbage collector from running inside, and leave it as it was found."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _run_pass(calls: Loop, loops: int, clock: Clock) -> Pass:
    """Time ``loops`` calls in a row; what they return is dropped."""
    with without_gc():
        thread, cpu, wall = clock.thread(), clock.cpu(), clock.wall()
        calls(loops)
        wall, cpu = clock.wall() - wall, clock.cpu() - cpu
        thread = clock.thread() - thread
    return Pass(wall * 1e-9, cpu * 1e-9, loops, thread * 1e-9)


def _loop_of(call: Call) -> Loop:
    """Return timeit's own loop over a call.

    It passes the arguments of a `functools.partial` itself, whose call would add some nanoseconds.
    """
    statement, names = "call()", {"call": call}
    if isinstance(call, partial) and all(map(_can_be_written, call.keywords)):
        values = {f"a{place}": value for place, value in enumerate(call.args)}
        words = {f"k{place}": name for place, name in enumerate(call.keywords)}
        passed = [*values, *(f"{name}={value}" for value, name in words.items())]
        statement = f"call({', '.join(passed)})"
        names = {"call": call.func, **values}
        names |= {value: call.keywords[name] for value, name in words.items()}
    inner: Any = timeit.Timer(statement, globals=names)
    return lambda loops: inner.inner(repeat(None, loops), int)  # int() stands for timeit's clock


def _can_be_written(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)


def _calibrate(calls: Loop, first: Pass, clock: Clock) -> Pass:
    """Return a pass with enough loops to be long against the clock: ``first`` if that is."""
    done = first
    while done.wall < PASS_SECONDS and done.loops < _MAX_LOOPS:
        wanted = ceil(1.2 * done.loops * PASS_SECONDS / max(done.wall, 1e-9))
        done = _run_pass(calls, min(wanted, 10 * done.loops, _MAX_LOOPS), clock)
    return done


def _total(passes: list[Pass]) -> float:
    return sum(one.wall for one in passes)
