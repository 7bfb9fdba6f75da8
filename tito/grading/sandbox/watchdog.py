"""The watchdog ends a sandbox that uses too much of what no limit per process bounds.

That is the number of files in the folders in memory, whose bookkeeping is the kernel's memory, and,
where the machine gives no control group, the memory of all processes and files together. Without
it a sandbox could use as many times its memory as it may have processes.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tito.course import Limits
from tito.files import MIB
from tito.grading.sandbox.mounts import SCRATCH, SHARED_MEMORY

__all__ = ["Watchdog"]

MILLISECONDS_BETWEEN = 100
KIB = 1024


class Watchdog(threading.Thread):
    """A thread that watches a sandbox until it ends, and kills it where it exceeds a limit.

    Parameters
    ----------
    pid, handle : int
        The sandbox's first process, by its number and by a descriptor that ends with it.
    limits : Limits
        What all of it may use together: ``memory_mib`` and ``files``.
    memory : bool
        Whether to watch the memory as well.

    Attributes
    ----------
    overrun : str
        The field of `Limits` for which it was killed, if any.
    ended : float
        When the sandbox ended, by `time.monotonic`; 0 before.
    """

    def __init__(self, pid: int, handle: int, limits: Limits, *, memory: bool) -> None:
        super().__init__(daemon=True, name="sandbox watchdog")
        self.overrun = ""
        self.ended = 0.0
        self._pid = pid
        self._handle = os.dup(handle)  # the caller may close its own at any time
        self._limits = limits
        self._memory = memory

    def run(self) -> None:
        """Watch until the sandbox ends."""
        end = select.poll()
        end.register(self._handle, select.POLLIN)
        try:
            while not end.poll(MILLISECONDS_BETWEEN):
                if not self.overrun and (found := self._exceeded()):
                    self.overrun = found
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            self.ended = time.monotonic()
        finally:
            os.close(self._handle)

    def _exceeded(self) -> str:
        """Return the limit that is exceeded now, if any."""
        files, stored = _files_in_memory(self._pid)
        if files > self._limits.files:
            return "files"
        most = self._limits.memory_mib * MIB - stored
        # Resident memory is quick to read and never too low: only above the limit read the other.
        if self._memory and all(
            sum(map(bytes_of, _family(self._pid))) > most for bytes_of in (_resident, _proportional)
        ):
            return "memory_mib"
        return ""


def _files_in_memory(pid: int) -> tuple[int, int]:
    """The number of files in the folders that can be written, and the bytes in them."""
    files = size = 0
    for folder in (SCRATCH, SHARED_MEMORY):
        with suppress(OSError):  # it has ended
            system = os.statvfs(f"/proc/{pid}/root{folder}")
            files += system.f_files - system.f_ffree
            size += (system.f_blocks - system.f_bfree) * system.f_frsize
    return files, size


def _resident(pid: int) -> int:
    """Return the bytes of a process in memory, shared ones counted in full."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # it has ended
        return 0


def _proportional(pid: int) -> int:
    """Return the bytes of a process in memory, shared ones divided by how many share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended, or hides itself and then counts in full
        return _resident(pid)
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:"))


def _family(pid: int) -> Iterator[int]:
    """Yield the process and its descendants; orphans are children of the first process."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _family(int(child))
