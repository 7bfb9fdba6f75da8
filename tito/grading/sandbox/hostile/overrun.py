"""Attempts to use more than the limits allow, of everything that has one."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

from tito.grading.sandbox.hostile import Targets

__all__ = [
    "allocate",
    "burn",
    "fill_devices",
    "fill_scratch",
    "fill_shared_memory",
    "leave_process",
    "open_many_files",
    "remember_secretly",
    "sleep",
    "start_many_processes",
    "start_many_threads",
    "write_large_file",
]

CHUNK = 1 << 20


def allocate(targets: Targets) -> str:
    """Try to allocate more than the memory there may be."""
    bytearray(targets["memory_mib"] * CHUNK)
    return f"{targets['memory_mib']} MiB"


def remember_secretly(_: Targets) -> str:
    """Try to make memory that no limit of a process counts."""
    os.close(os.memfd_create("hidden"))
    return "made"


def write_large_file(targets: Targets) -> str:
    """Try to write a file that is larger than one may be."""
    return _fill("/tmp", targets["file_mib"] + 1)


def fill_scratch(targets: Targets) -> str:
    """Try to write more files than there is room for."""
    return _fill_with_files("/tmp", targets)


def fill_shared_memory(targets: Targets) -> str:
    """Try to use up the machine's memory by files in it."""
    return _fill_with_files("/dev/shm", targets)


def fill_devices(targets: Targets) -> str:
    """Try the same in /dev."""
    return _fill_with_files("/dev", targets)


def open_many_files(targets: Targets) -> str:
    """Try to open more files than one may."""
    files = []
    try:
        for _ in range(targets["open_files"] + 1):
            files.append(os.open("/dev/null", os.O_RDONLY))
        return f"{len(files)} files"
    finally:
        for file in files:
            os.close(file)


def start_many_threads(targets: Targets) -> str:
    """Try to start more threads than there may be processes."""
    done = threading.Event()
    started = 0
    try:
        for _ in range(targets["processes"] + 1):
            threading.Thread(target=done.wait, daemon=True).start()
            started += 1
        return f"{started} threads"
    finally:
        done.set()


def start_many_processes(targets: Targets) -> str:
    """Try to start more processes than there may be."""
    children: list[int] = []
    try:
        for _ in range(targets["processes"] + 1):
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


def burn(_: Targets) -> str:
    """Compute without end."""
    while True:
        pass


def sleep(_: Targets) -> str:
    """Wait without end, deaf to every signal that one can be deaf to."""
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(600)


def leave_process(_: Targets) -> str:
    """End, and leave a process behind that has nothing to do with its parent any longer."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    return "left one behind"


def _fill(folder: str, mib: int) -> str:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(mib):
            if file.write(bytes(CHUNK)) < CHUNK:
                file.write(bytes(1))
    return f"{mib} MiB in {folder}"


def _fill_with_files(folder: str, targets: Targets) -> str:
    names = [
        os.path.join(folder, f"filler{number}") for number in range(targets["scratch_mib"] + 1)
    ]
    try:
        for name in names:
            Path(name).write_bytes(bytes(CHUNK))
        return f"{len(names)} MiB in {folder}"
    finally:
        for name in names:
            Path(name).unlink(missing_ok=True)
