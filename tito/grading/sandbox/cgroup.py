"""A control group for each sandbox, where the machine allows one.

It bounds the memory and the number of processes of the whole sandbox, which the limits of single
processes cannot. Version 2 has one tree of groups, version 1 one for each controller.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tito.course import Limits
from tito.errors import TitoError
from tito.files import MIB

__all__ = ["Group", "group_stems", "make_group"]

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids")

# The processes of the bwrap command, besides the student's own.
OWN_PROCESSES = 8

SECONDS_TO_EMPTY = 2.0


@dataclass(frozen=True)
class Group:
    """The folders of one sandbox's control group: one in version 2, up to two in version 1."""

    folders: tuple[Path, ...] = ()

    @property
    def procs_files(self) -> list[str]:
        """The files into which a process writes 0 to move itself, and its children, in."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    @property
    def bounds_memory(self) -> bool:
        """Whether it has a limit of memory."""
        limits = ("memory.max", "memory.limit_in_bytes")
        return any((folder / name).exists() for folder in self.folders for name in limits)

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel killed a process in it because memory ran out."""
        return any(_oom_kills(folder) > 0 for folder in self.folders)

    def remove(self) -> None:
        """Remove the group once its processes have ended; else leave it to the cleanup."""
        deadline = time.monotonic() + SECONDS_TO_EMPTY
        for folder in self.folders:
            while not _removed(folder) and time.monotonic() < deadline:
                time.sleep(0.01)


def group_stems(process: int) -> list[str]:
    """Return the prefixes of the paths of all groups that the process with this id makes."""
    return [f"{parent}/tito-{process}-" for parent in _parents().values()]


def make_group(limits: Limits) -> Group:
    """Make a group with `limits`; it has no folder where the machine does not allow groups."""
    name = f"tito-{os.getpid()}-{secrets.token_hex(4)}"
    folders = tuple(dict.fromkeys(parent / name for parent in _parents().values()))
    for folder in folders:
        try:
            folder.mkdir()
        except OSError as error:
            Group(folders).remove()
            fact = f"The control group {folder} cannot be made: {error.strerror}."
            raise TitoError(fact, "Remove the groups tito-* that were left there.") from None
        for setting, value in _settings(limits):
            with suppress(OSError):  # a machine has those of its version; a probe tests the sum
                if (folder / setting).exists():
                    (folder / setting).write_text(str(value))
    return Group(folders)


def _settings(limits: Limits) -> Iterator[tuple[str, int]]:
    memory = limits.memory_mib * MIB
    yield from (("memory.max", memory), ("memory.swap.max", 0), ("memory.oom.group", 1))
    yield from (("memory.limit_in_bytes", memory), ("memory.memsw.limit_in_bytes", memory))
    yield ("pids.max", limits.processes + OWN_PROCESSES)


@cache
def _parents() -> dict[str, Path]:
    """Where groups can be made, by controller."""
    own = dict(_own_groups())
    if "" in own and (unified := _unified_parent(own[""])):
        return dict.fromkeys(CONTROLLERS, unified)
    places = {name: ROOT / name / own[name].lstrip("/") for name in CONTROLLERS if name in own}
    return {name: place for name, place in places.items() if _can_make(place, name)}


def _own_groups() -> Iterator[tuple[str, str]]:
    """Yield each controller, "" for version 2, and the path of this process's group."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            yield from ((name, path) for name in controllers.split(","))


def _unified_parent(own: str) -> Path | None:
    """Return the nearest group of version 2, our own or above, that delegates both controllers."""
    path = ROOT / own.lstrip("/")
    for folder in (path, *path.parents):
        with suppress(OSError):
            delegated = (folder / "cgroup.subtree_control").read_text().split()
            if set(CONTROLLERS) <= set(delegated) and _can_make(folder, "memory"):
                return folder
        if folder == ROOT:
            break
    return None


def _can_make(parent: Path, controller: str) -> bool:
    """Return whether this process can make, limit and enter groups below `parent`, by trying it."""
    trial = parent / f"tito-{os.getpid()}-trial-{secrets.token_hex(4)}"
    limit = {"memory": ("memory.max", "memory.limit_in_bytes"), "pids": ("pids.max",)}[controller]
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        return any((trial / name).exists() for name in limit) and _can_enter(trial)
    finally:
        _removed(trial)


def _can_enter(group: Path) -> bool:
    """Return whether this process may write to the group and to the one above, as moving needs."""
    return os.access(group / "cgroup.procs", os.W_OK) and os.access(
        group.parent / "cgroup.procs", os.W_OK
    )


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _oom_kills(folder: Path) -> int:
    """Read the counter of version 2 or of version 1."""
    for name in ("memory.events", "memory.oom_control"):
        with suppress(OSError):
            for line in (folder / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0
