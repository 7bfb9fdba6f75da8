"""Read what the operating system says about this process and its memory."""

from collections.abc import Callable
from typing import Any

import psutil

__all__ = ["physical_bytes", "resident_bytes", "resident_percent", "thread_count"]


def resident_bytes() -> int | None:
    """Return the bytes of this process that lie in physical memory; None if not known."""
    memory = _if_allowed(psutil.Process().memory_info)
    return None if memory is None else int(memory.rss)


def physical_bytes() -> int:
    """Return the bytes of physical memory in this machine."""
    return int(psutil.virtual_memory().total)


def resident_percent() -> float | None:
    """Return the share of physical memory that this process holds, in percent, or None."""
    resident = resident_bytes()
    return None if resident is None else 100 * resident / physical_bytes()


def thread_count() -> int | None:
    """Return the threads of this process, those of libraries included; None if not known."""
    count = _if_allowed(psutil.Process().num_threads)
    return None if count is None else int(count)


def _if_allowed(ask: Callable[[], Any]) -> Any:
    """Return what `ask` returns; None where the system does not allow the question."""
    try:
        return ask()
    except (psutil.Error, OSError, NotImplementedError):
        return None
