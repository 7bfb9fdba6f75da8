"""Processes and the folders they write to: start one, end all, and account for their CPU time.

Only the supervisor uses this. It is the subreaper of all that its children start, so that nothing
that they leave behind gets out of its sight.
"""

import ctypes
import itertools
import os
import resource
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "LIBC",
    "Ended",
    "Patience",
    "adopt_orphans",
    "cpu_seconds",
    "die_with_parent",
    "end_children",
    "has_others",
    "has_own_limits",
    "is_asleep",
    "set_dumpable",
    "thread_count",
    "wipe",
]

LIBC = ctypes.CDLL(None, use_errno=True)

# linux/prctl.h
SET_PDEATHSIG, SET_DUMPABLE, SET_CHILD_SUBREAPER = 1, 4, 36
SCRATCH = ("/tmp", "/dev/shm", "/run", "/var/tmp")
LIMITS = {number: resource.getrlimit(number) for number in range(16)}
PROCESS_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h
REAPED_FAULTS = 8  # of the fields of /proc/PID/stat that follow the name


@dataclass(frozen=True)
class Ended:
    """How a child ended, and the CPU seconds that it and all it started had used."""

    code: int
    seconds: float


class Patience:
    """The seconds left for a child: those it waited for a CPU are given back to it.

    Parameters
    ----------
    child : int
        Its process id.
    seconds : float
        What it may take.
    most : float
        How much of its waiting is given back.
    """

    def __init__(self, child: int, seconds: float, most: float) -> None:
        self._child, self._most = child, most
        self._until = time.monotonic() + seconds
        self._before = _waited_for_cpu(f"/proc/{child}/schedstat")

    def __call__(self) -> float:
        """Return the seconds left; raise EOFError if the child has ended."""
        if _has_ended(self._child):
            raise EOFError
        left = self._until - time.monotonic()
        if left > 0:
            return left
        return left + min(self._most, _waited(self._child) - self._before)


def set_dumpable(wanted: bool) -> None:
    """Say whether processes of the same user may read and write this one's memory."""
    _prctl(SET_DUMPABLE, int(wanted))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends before it."""
    _prctl(SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """End this process when its parent ends."""
    _prctl(SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def cpu_seconds(child: int) -> float:
    """Return the CPU time that a process has used, in all its threads."""
    return time.clock_gettime((~child << 3) | PROCESS_CLOCK)


def thread_count(child: int) -> int:
    """Return how many threads a process has; 0 if it has ended."""
    with suppress(OSError):
        return len(os.listdir(f"/proc/{child}/task"))
    return 0


def is_asleep(child: int) -> bool:
    """Tell whether no thread of a process runs, or would if it had a CPU."""
    with suppress(OSError, IndexError):
        threads = os.listdir(f"/proc/{child}/task")
        return all(_status(f"{child}/task/{thread}")[0] == b"S" for thread in threads)
    return False


def has_others(child: int, alone: bool) -> bool:
    """Tell whether a child has started processes: some live, or it has waited for some.

    The child may have ended, but nobody has waited for it.
    """
    if int(_status(child)[REAPED_FAULTS]):
        return True
    if alone:
        return bool(set(_processes()) - {os.getpid(), child})
    return bool(_descendants() - {child})


def has_own_limits() -> bool:
    """Whether this process has the limits that it began with: others of its user can set them."""
    return all(resource.getrlimit(number) == limits for number, limits in LIMITS.items())


def end_children(child: int, alone: bool) -> Ended:
    """Kill every process but this one, and wait until all are gone.

    Parameters
    ----------
    child : int
        The one whose end is told.
    alone : bool
        Whether all other processes are our own: in the sandbox. Else it is our descendants.
    """
    code, seconds = 0, 0.0
    _kill(alone)
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return Ended(code, seconds)
        seconds += usage.ru_utime + usage.ru_stime
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
        _kill(alone)


def wipe() -> None:
    """Empty the folders of the sandbox that can be written; what is mounted in them stays."""
    mounts = _mount_points()
    for folder in map(Path, SCRATCH):
        with suppress(OSError):  # another one's, or there is none
            folder.chmod(0o1777)  # a child may have closed it, to keep what is in it
        if os.access(folder, os.W_OK):
            _empty(folder, mounts)


def _mount_points() -> set[Path]:
    """Return where file systems are mounted: an interpreter may lie below /tmp."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return {Path(line.split()[4].replace("\\040", " ")) for line in lines}


def _empty(folder: Path, mounts: set[Path]) -> None:
    """Remove all that is in a folder; folders in it are emptied into it, however deep they are."""
    names, above = itertools.count(), {path for mount in mounts for path in mount.parents}
    kept = {str(path) for path in mounts | above if path.parent == folder}
    while entries := [entry for entry in os.scandir(folder) if entry.path not in kept]:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            os.chmod(entry.path, stat.S_IRWXU)
            for inner in list(os.scandir(entry.path)):
                if inner.is_dir(follow_symlinks=False):
                    os.chmod(inner.path, stat.S_IRWXU)  # else it cannot be moved
                    os.rename(inner.path, _unused(folder, names))
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
    for path in map(Path, kept):
        with suppress(PermissionError):  # another one's: nobody here has written to it
            path.chmod(0o755)
        if path not in mounts and os.access(path, os.W_OK):
            _empty(path, mounts)


def _unused(folder: Path, names: Iterator[int]) -> Path:
    return next(path for n in names if not os.path.lexists(path := folder / f"wiped-{n}"))


def _kill(alone: bool) -> None:
    if alone:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # all but this process and the namespace's first
        return
    for pid in _descendants():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _descendants() -> set[int]:
    parents = {}
    for pid in _processes():
        with suppress(OSError, IndexError):
            parents[pid] = int(_status(pid)[1])
    found: set[int] = set()
    level = {os.getpid()}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level} - found
        found |= level
    return found


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _status(pid: int | str) -> list[bytes]:
    """Return the fields of /proc/PID/stat that follow the name, which may hold anything."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()


def _waited(child: int) -> float:
    """Return the seconds that the thread of a process that waited most has waited for a CPU."""
    with suppress(OSError):
        threads = os.listdir(f"/proc/{child}/task")
        return max(_waited_for_cpu(f"/proc/{child}/task/{n}/schedstat") for n in threads)
    return 0.0


def _waited_for_cpu(schedstat: str) -> float:
    with suppress(OSError, ValueError, IndexError), open(schedstat, encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e9
    return 0.0


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _prctl(option: int, value: int) -> None:
    if LIBC.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
