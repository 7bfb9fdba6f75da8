"""Watches a sandbox's memory where the machine gives no control group that would bound it.

The limit on address space holds for each process, so without this a sandbox could use as many
times its memory as it may have processes.
"""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["watch_memory"]

SECONDS_BETWEEN = 0.1
KIB = 1024


def watch_memory(
    pid: int, handle: int, limit: int, overrun: Callable[[], None]
) -> threading.Thread:
    """Kill a sandbox as soon as it uses too much memory; return at once, watch until it ends.

    Parameters
    ----------
    pid, handle : int
        The sandbox's first process, by its number and by a descriptor that ends with it.
    limit : int
        Bytes for all its processes together, shared ones counted once.
    overrun : Callable[[], None]
        Called, in another thread, before it is killed.

    Returns
    -------
    threading.Thread
        What watches; it ends with the sandbox.
    """
    own = os.dup(handle)  # the caller may close its own at any time
    thread = threading.Thread(target=_watch, args=(pid, own, limit, overrun), daemon=True)
    thread.start()
    return thread


def _watch(pid: int, handle: int, limit: int, overrun: Callable[[], None]) -> None:
    try:
        while not select.select([handle], [], [], SECONDS_BETWEEN)[0]:
            if _resident(pid) > limit and _proportional(pid) > limit:
                overrun()
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                return
    finally:
        os.close(handle)


def _resident(pid: int) -> int:
    """Bytes in memory, shared ones counted for each process: quick to read, and never too few."""
    return sum(map(_resident_of, _family(pid)))


def _proportional(pid: int) -> int:
    """Bytes in memory, shared ones divided among those that share them."""
    return sum(map(_proportional_of, _family(pid)))


def _resident_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it has ended
        return 0


def _proportional_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended, or hides itself and then counts in full
        return _resident_of(pid)
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:"))


def _family(pid: int) -> Iterator[int]:
    """Yield the process and all below it; what its parent left is the first process's child."""
    yield pid
    for thread in _listed(f"/proc/{pid}/task"):
        try:
            children = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
