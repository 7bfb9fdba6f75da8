"""Attempts to reach what lies outside: files, networks, processes, privileges."""

import ctypes
import importlib
import os
import signal
import socket
from pathlib import Path

from tito.grading.sandbox.hostile import Attempt, Stopped, Targets

__all__ = [
    "become_root",
    "connect_abstract",
    "connect_outside",
    "connect_tcp",
    "hold_capabilities",
    "import_solution",
    "inherit_files",
    "inherit_variables",
    "kill_process",
    "make_user_namespace",
    "mount",
    "open_vsock",
    "read",
    "see_process",
    "trace",
    "write",
]

CLONE_NEWUSER = 0x10000000
PTRACE_TRACEME = 0


def read(paths: list[str]) -> Attempt:
    """Try to see any of these files and folders."""

    def attempt(_: Targets) -> str:
        found = [path for path in paths if os.path.lexists(path)]
        if not found:
            raise Stopped("nothing is there")
        return ", ".join(found)

    return attempt


def import_solution(_: Targets) -> str:
    """Try to import the solved kernels."""
    return str(importlib.import_module("tinytorch.core.kernels").__file__)


def write(folder: str) -> Attempt:
    """Try to leave a file in a folder."""

    def attempt(targets: Targets) -> str:
        path = Path(folder, targets["mark"])
        path.touch(exist_ok=False)
        return f"made {path}"

    return attempt


def connect_tcp(targets: Targets) -> str:
    """Try to reach a server on the grader's machine."""
    with socket.create_connection(("127.0.0.1", targets["tcp"]), timeout=1):
        return "connected"


def connect_outside(_: Targets) -> str:
    """Try to find a way to another machine; UDP sends nothing on connecting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))
        return "there is a route"


def connect_abstract(targets: Targets) -> str:
    """Try to reach a server on the grader's machine by an abstract Unix address."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect("\0" + targets["abstract"])
        return "connected"


def open_vsock(_: Targets) -> str:
    """Try a family of sockets that no network namespace confines."""
    with socket.socket(getattr(socket, "AF_VSOCK", 40), socket.SOCK_STREAM):
        return "opened"


def see_process(targets: Targets) -> str:
    """Try to see a process of the grader's machine."""
    seen = os.listdir(f"/proc/{targets['victim']}")
    return f"{len(seen)} entries"


def kill_process(targets: Targets) -> str:
    """Try to kill a process of the grader's machine."""
    os.kill(targets["victim"], signal.SIGKILL)
    return "killed"


def hold_capabilities(_: Targets) -> str:
    """Look for any capability, or for a way to get one by a set-user-id program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    held = [name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
    if not held and status["NoNewPrivs"] == "1":
        raise Stopped("none")
    return ", ".join(held) or "new privileges"


def become_root(_: Targets) -> str:
    """Try to become user 0."""
    os.setuid(0)
    return "root"


def make_user_namespace(_: Targets) -> str:
    """Try to make a namespace in which one is root."""
    return _call("unshare", CLONE_NEWUSER)


def mount(_: Targets) -> str:
    """Try to mount a file system."""
    return _call("mount", b"none", b"/tmp", b"tmpfs", 0, None)


def trace(_: Targets) -> str:
    """Try to trace a process."""
    return _call("ptrace", PTRACE_TRACEME, 0, 0, 0)


def inherit_files(_: Targets) -> str:
    """Look for open files of the grader's."""
    found = {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, 3, 4}
    ours = {number for number in found if _leads_to_proc(number)}
    if found == ours:
        raise Stopped("none")
    return f"descriptors {sorted(found - ours)}"


def inherit_variables(targets: Targets) -> str:
    """Look for variables of the grader's environment."""
    found = sorted(set(os.environ) - set(targets["variables"]))
    if not found:
        raise Stopped("none")
    return ", ".join(found)


def _call(name: str, *arguments: object) -> str:
    """Call a function of the C library in a child, since some attempts change the caller."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
        os.write(writer, str(0 if result != -1 else ctypes.get_errno()).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as file:
        error = int(file.read() or -1)
    if error:
        raise Stopped(os.strerror(error) if error > 0 else "killed")
    return name


def _leads_to_proc(number: int) -> bool:
    """Whether it is the folder that is being listed, or has been closed since."""
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith("/proc/")
    except OSError:
        return True
