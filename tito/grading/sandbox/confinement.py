"""How a process that was forked from the warm parent shuts itself in before a student's code runs.

It leaves every namespace of the parent for one of its own, as bubblewrap does for a cold start:
its own users, processes, mounts, network, host name and message queues. Then it puts empty folders
in memory over those that can be written, takes on its limits, gives up all rights and filters its
system calls. Each step is one that bubblewrap or prlimit takes in the cold chain.
"""

import os
import resource
from collections.abc import Iterable, Mapping
from fcntl import ioctl
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from struct import pack

from tito.grading.sandbox import system
from tito.grading.sandbox.limits import SandboxLimits

__all__ = ["confine", "leave_namespaces"]

LINK_UP = 0x8914, pack("16sh22x", b"lo", 0x1 | 0x40)  # SIOCSIFFLAGS: IFF_UP and IFF_RUNNING
OWN_PROCESSES = 2  # the guard, who left the parent's users as well, and the first
SAFE = system.NO_SUID | system.NO_DEVICES


def leave_namespaces() -> None:
    """Leave the parent's namespaces; the user stays the same, and may do all in the new ones."""
    user, group = os.getuid(), os.getgid()
    system.unshare()
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")


def confine(
    limits: SandboxLimits,
    folders: Mapping[str, tuple[int, int]],
    kept: Iterable[str],
    files: Mapping[str, str],
    call_filter: bytes | None,
) -> None:
    """Shut this process in: the first one in its namespace of processes, with all rights in it.

    Parameters
    ----------
    limits : SandboxLimits
        What it may use.
    folders : Mapping[str, tuple[int, int]]
        The folders that can be written, each with its size in bytes and its mode.
    kept : Iterable[str]
        What was mounted below one of them and stays, such as an interpreter.
    files : Mapping[str, str]
        Files to make, by path.
    call_filter : bytes or None
        The filter of system calls.
    """
    system.mount("none", "/", flags=system.RECURSIVE | system.PRIVATE)
    _bring_up_loopback()
    below = [path for path in kept if any(path.startswith(f"{top}/") for top in folders)]
    held = {path: os.open(path, os.O_PATH) for path in below}
    for path, (size, mode) in folders.items():
        system.mount("tmpfs", path, "tmpfs", SAFE, f"size={size},mode={mode:o}")
    for path, handle in held.items():
        _bind_again(path, handle)
    system.mount("proc", "/proc", "proc", SAFE | system.NO_EXEC)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    for path, content in files.items():
        Path(path).write_text(content)
        os.chmod(path, 0o600)
    _take_on(limits)
    system.drop_capabilities()
    if call_filter is not None:
        system.filter_calls(call_filter)
    system.set_dumpable(True)  # the grader, of the same user, reaches the kernel's sockets by /proc


def _bind_again(path: str, handle: int) -> None:
    """Show what lay at `path` before the new folder above it, again there."""
    source, target = Path(f"/proc/self/fd/{handle}"), Path(path)
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    system.mount(str(source), path, flags=system.BIND | system.RECURSIVE)
    os.close(handle)


def _bring_up_loopback() -> None:
    with socket(AF_INET, SOCK_DGRAM) as any_socket:
        ioctl(any_socket, *LINK_UP)


def _take_on(limits: SandboxLimits) -> None:
    """Set the limits of `SandboxLimits.resource_limits`."""
    for name, values in limits.resources(OWN_PROCESSES).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), values)
