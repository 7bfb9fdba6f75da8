"""Measure the memory of one call, in bytes, with the standard library's tracemalloc.

What Python's own allocators and NumPy's buffers take is traced, to the byte. What a library takes
behind their back (the work space of a BLAS, memory maps) is not. Tracing makes code slower, several
times so where it creates many small objects: never read a clock while it is on.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["MemoryUse", "measure_memory"]


@dataclass(frozen=True)
class MemoryUse:
    """Traced bytes around one call: in use before it, after it, and at most during it."""

    before: int
    after: int
    highest: int

    @property
    def kept(self) -> int:
        """Bytes the call left behind, its result included; below 0 when it freed more."""
        return self.after - self.before

    @property
    def peak(self) -> int:
        """Most bytes in use at one time during the call, beyond those in use before it."""
        return self.highest - self.before


def measure_memory(call: Callable[[], Any]) -> MemoryUse:
    """Make one call under tracemalloc and return what it used.

    Tracing that was on stays on and loses nothing but its record of the peak; tracing that was
    off is off again afterwards, whatever ``call`` raises.
    """
    with _tracing():
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = call()
        after, highest = tracemalloc.get_traced_memory()
        del result  # held until here, so that `after` counts it
    return MemoryUse(before, after, highest)


@contextmanager
def _tracing() -> Iterator[None]:
    """Trace allocations inside, and leave tracemalloc as it was found."""
    was_on = tracemalloc.is_tracing()
    if was_on:
        gc.collect()  # old garbage freed during the call would count as memory it gave back
    else:
        tracemalloc.start()
    try:
        yield
    finally:
        if not was_on:
            tracemalloc.stop()
