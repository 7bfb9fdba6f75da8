"""The probe's untrusted program: what a hostile submission tries, and what an honest one needs.

``python -P -m tito.grading.sandbox.attempts SET`` reads what there is to attack as JSON from
descriptor 3 and writes one line of JSON for each attempt to descriptor 4. An attempt that is
stopped raises; one that succeeds returns what it gained. Nothing here is secret or trusted.
"""

import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["Targets"]

Targets = dict[str, Any]
"""What there is to attack, by name; written by tito.grading.sandbox.probe."""

MIB = 1 << 20
FILES_BETWEEN = 256
CLONE_NEWUSER, PTRACE_TRACEME = 0x10000000, 0


class Stopped(Exception):  # noqa: N818 (it is not an error)
    """The attempt was stopped, though no call failed."""


# Anything else is a mistake in an attempt, which then has not been stopped by the sandbox.
REFUSALS = (Stopped, OSError, MemoryError, ModuleNotFoundError)


def read(paths: list[str]) -> str:
    """Try to see any of these files and folders."""
    found = [path for path in paths if os.path.lexists(path)]
    if not found:
        raise Stopped("nothing is there")
    return ", ".join(found)


def import_any(modules: list[str]) -> str:
    """Try to import any of these modules."""
    found = [name for name in modules if _imports(name)]
    if not found:
        raise Stopped("nothing is there")
    return ", ".join(found)


def _imports(module: str) -> bool:
    with suppress(ModuleNotFoundError):
        importlib.import_module(module)
        return True
    return False


def write(folder: str, mark: str) -> str:
    """Try to leave a file in a folder."""
    path = Path(folder, mark)
    path.touch(exist_ok=False)
    return f"made {path}"


def connect(port: int) -> str:
    """Try to reach a server on the grader's machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return "connected"


def connect_abstract(name: str) -> str:
    """Try to reach a server on the grader's machine by an abstract Unix address."""
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect("\0" + name)
        return "connected"


def connect_outside() -> str:
    """Try to find a way to another machine; UDP sends nothing on connecting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("192.0.2.1", 9))
        return "there is a route"


def kill(victim: int) -> str:
    """Try to kill a process of the grader's machine."""
    os.kill(victim, signal.SIGKILL)
    return "killed"


def hold_capabilities() -> str:
    """Look for any capability, or for a way to get one by a set-user-id program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    held = [name for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
    if not held and status["NoNewPrivs"] == "1":
        raise Stopped("none")
    return ", ".join(held) or "new privileges"


def call(name: str, *arguments: object) -> str:
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


def inherit_files() -> str:
    """Look for open files of the grader's."""
    numbers = {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, 3, 4}
    found = [number for number in numbers if os.path.exists(f"/proc/self/fd/{number}")]
    if not found:
        raise Stopped("none")
    return f"descriptors {found}"


def inherit_variables(known: list[str]) -> str:
    """Look for variables of the grader's environment."""
    found = sorted(set(os.environ) - set(known))
    if not found:
        raise Stopped("none")
    return ", ".join(found)


def allocate(mib: int) -> str:
    """Try to allocate more than the memory there may be."""
    return f"{len(bytearray(mib * MIB)) // MIB} MiB"


def write_large_file(mib: int) -> str:
    """Try to write a file that is larger than one may be."""
    with tempfile.TemporaryFile(dir="/tmp", buffering=0) as file:
        for _ in range(mib + 1):
            if file.write(bytes(MIB)) < MIB:
                file.write(bytes(1))
    return f"{mib + 1} MiB"


def fill(folder: str, mib: int) -> str:
    """Try to write more into a folder than there is room for."""
    with tempfile.TemporaryDirectory(dir=folder) as below:
        for number in range(mib + 1):
            Path(below, str(number)).write_bytes(bytes(MIB))
    return f"{mib + 1} MiB in {folder}"


def start_many_processes(most: int) -> str:
    """Try to start more processes than there may be."""
    children: list[int] = []
    try:
        for _ in range(most + 1):
            child = os.fork()
            if child == 0:
                time.sleep(600)
                os._exit(0)
            children.append(child)
        return f"{len(children)} processes"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def compute() -> str:
    """Compute without end, in a child: a first process ignores the soft limit's signal."""
    child = os.fork()
    while child == 0:
        pass
    os._exit(128 + os.WTERMSIG(os.waitpid(child, 0)[1]))


def sleep() -> str:
    """Wait without end, and ignore every signal that can be ignored."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(600)


def make_files() -> str:
    """Make empty files without end; write now and then how many there are."""
    number = 0
    while True:
        for _ in range(FILES_BETWEEN):
            open(f"/tmp/{number}", "w").close()
            number += 1
        os.write(4, b"%d\n" % number)


def share_memory(most: int) -> str:
    """Use twice the memory limit, in processes that each stay below it; write how much is used."""
    part, children = most // 4, list[int]()
    for _ in range(8):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            hoard = bytearray(b"x") * (part * MIB)
            os.write(writer, b"x")
            time.sleep(600)
            del hoard
        os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        children = [one for one in [*children, child] if os.waitpid(one, os.WNOHANG)[0] == 0]
        os.write(4, b"%d\n" % (len(children) * part))
    return f"{8 * part} MiB"


def work_honestly() -> str:
    """Use threads, a pool of processes, NumPy and the student edition."""
    from multiprocessing import get_context

    import numpy as np

    importlib.import_module("tinytorch")
    results: list[float] = []
    threads = [
        threading.Thread(target=lambda: results.append((np.ones((9, 9)) @ np.ones(9))[0]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with get_context("fork").Pool(2) as pool:
        return f"{sum(results):.0f} {pool.map(abs, [-1, -2])}"


def _look(targets: Targets) -> Iterator[tuple[str, Callable[[], str]]]:
    for name, paths in targets["read"].items():
        yield f"read {name}", partial(read, paths)
    yield "import a solved lesson", partial(import_any, targets["solved"])
    for name, folder in targets["write"].items():
        yield f"write {name}", partial(write, folder, targets["mark"])
    yield "connect to a server on this machine", partial(connect, targets["tcp"])
    yield "connect to an abstract Unix socket", partial(connect_abstract, targets["abstract"])
    yield "connect to another machine", connect_outside
    yield "kill another process", partial(kill, targets["victim"])
    yield "hold a capability", hold_capabilities
    yield "make a user namespace", partial(call, "unshare", CLONE_NEWUSER)
    yield "mount a file system", partial(call, "mount", b"none", b"/tmp", b"tmpfs", 0, None)
    yield "trace a process", partial(call, "ptrace", PTRACE_TRACEME, 0, 0, 0)
    yield "inherit an open file", inherit_files
    yield "inherit a variable", partial(inherit_variables, targets["variables"])
    limits = targets["limits"]
    yield "allocate too much memory", partial(allocate, limits["memory_mib"])
    yield "write too large a file", partial(write_large_file, limits["file_mib"])
    yield "fill the scratch folder", partial(fill, "/tmp", limits["scratch_mib"])
    yield "fill the shared memory", partial(fill, "/dev/shm", limits["scratch_mib"])
    yield "start too many processes", partial(start_many_processes, limits["processes"])


def _main(name: str) -> None:
    with open(3, encoding="utf-8") as file:
        targets = json.load(file)
    endless: dict[str, Callable[[], str]] = {
        "compute": compute,
        "sleep": sleep,
        "files": make_files,
        "memory": partial(share_memory, targets["limits"]["memory_mib"]),
    }
    if name in endless:  # the sandbox has to end it
        endless[name]()
        return
    attempts = _look(targets) if name == "look" else [("honest work", work_honestly)]
    for title, attempt in attempts:
        stopped, detail = _make(attempt)
        line = {"name": title, "stopped": stopped, "detail": detail}
        os.write(4, json.dumps(line).encode() + b"\n")


def _make(attempt: Callable[[], str]) -> tuple[bool, str]:
    try:
        return False, attempt()
    except Exception as error:
        if isinstance(error, REFUSALS):
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return True, f"Stopped: {reason}"
        return False, f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    _main(sys.argv[1])
