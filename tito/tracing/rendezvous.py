"""Whether products of one call run at the same time: each waits until enough of them wait.

No clock decides. Products that are taken one after another never wait together, however long the
first one waits. Those that do are computed in reverse order, one at a time, and only when all have
been computed do their threads go on, again one at a time: so a race between them shows in the
result.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Rendezvous", "late_threads"]

TURN = 0.5  # seconds that a product may take before the next one goes on
PAUSE = 0.005  # seconds between threads that go on after their products
DELAY = 0.02  # seconds; the thread that starts others has gone on by then
FIRST = 0.3  # seconds; all others have ended by then, and code that waits for them only has gone on
NAP = 0.001  # seconds
MOST_WAITING = 256


class Rendezvous:
    """A place where the products of a call wait for one another; a gate of `recording`.

    Parameters
    ----------
    wanted : int
        How many products have to wait at the same time.
    patience : float
        Seconds after the last arrival in which another product may come.
    alone : callable, optional
        Whether no other thread is there that could come; default: asks this process.
    clock : callable
        Seconds.

    Attributes
    ----------
    together : tuple of int
        The steps of the products that waited at the same time: the most there ever were.
    waiting : list of int
        The steps of the products that wait now, in order of arrival.
    """

    def __init__(
        self,
        wanted: int,
        patience: float = 5.0,
        alone: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.together: tuple[int, ...] = ()
        self._wanted, self._patience, self._clock = wanted, patience, clock
        self._alone = alone or (lambda: threading.active_count() == 1)
        self.waiting: list[int] = []
        self._queue: list[int] = []  # of those that waited together, to be computed: the next last
        self._inside: int | None = None
        self._computed: list[int] = []  # of those, the ones whose threads wait to go on
        self._passing: list[int] = []  # computed, and none of those
        self._until = 0.0  # when patience ends, or the turn of the product inside, or the pause
        self._opened = False
        self._free: set[int] = set()
        self._changed = threading.Condition()

    def enter(self, step: int) -> None:
        """Wait until this product may be computed."""
        with self._changed:
            self.arrive(step)
            self._wait(step)

    def leave(self, step: int) -> None:
        """Take note that the product has been computed; wait until its thread may go on."""
        with self._changed:
            self.depart(step)
            self._wait(step)

    def arrive(self, step: int) -> None:
        """Add a product that waits."""
        self.waiting.append(step)
        if self._opened or len(self.waiting) > MOST_WAITING:
            return
        self._until = self._clock() + self._patience
        if len(self.waiting) > len(self.together):
            self.together = tuple(self.waiting)

    def depart(self, step: int) -> None:
        """Take note that a product has been computed, or never will be."""
        if step != self._inside:
            self._passing.append(step)
            return
        self._inside = None
        self._computed.append(step)
        self._until = self._clock()

    def due(self) -> list[int]:
        """Return the steps that may go on now; each is returned once before and once after it."""
        if not self._opened and self._complete():
            self._opened = True
            self._queue, self.waiting = self.waiting, []
        steps, self._passing = self._passing, []
        if not self._opened:
            return steps
        steps += self.waiting
        self.waiting = []
        if self._inside is None or self._clock() >= self._until:
            steps += self._next()
        return steps

    def _next(self) -> list[int]:
        """Return the product whose turn it is, else the thread that may go on after its product."""
        if self._queue:
            self._inside = self._queue.pop()
            self._until = self._clock() + TURN
            return [self._inside]
        if self._computed and self._clock() >= self._until:
            self._until = self._clock() + PAUSE
            return [self._computed.pop(0)]
        return []

    def seconds(self) -> float | None:
        """Return how long until `due` may return more though nothing happens; None: for ever."""
        if self._queue or self._computed or (self.waiting and not self._opened):
            return max(0.0, self._until - self._clock())
        return None

    def _wait(self, step: int) -> None:
        while step not in self._free:
            self._free.update(self.due())
            self._changed.notify_all()
            if step not in self._free:
                self._changed.wait(self.seconds())
        self._free.discard(step)

    def _complete(self) -> bool:
        """Whether enough products wait, or no others will come."""
        if not self.waiting:
            return False
        enough = len(self.waiting) >= min(self._wanted, MOST_WAITING)
        return enough or self._clock() >= self._until or self._alone()


@contextmanager
def late_threads(first_last: bool = False) -> Iterator[None]:
    """Let each new thread begin late, so that it finds what its starter changes after the start.

    With `first_last`, the one that is started first begins last, and no sleep is long: code that
    waits for the others only, or for some time, returns before the first one has done its part.
    """
    run, sleep, started = threading.Thread.run, time.sleep, itertools.count()

    def begin_late(self: threading.Thread) -> None:
        sleep(FIRST if first_last and next(started) == 0 else DELAY)
        run(self)

    def nap(seconds: Any) -> None:
        sleep(min(seconds, NAP))

    threading.Thread.run = begin_late  # type: ignore[method-assign]
    if first_last:
        time.sleep = nap
    try:
        yield
    finally:
        threading.Thread.run = run  # type: ignore[method-assign]
        time.sleep = sleep
