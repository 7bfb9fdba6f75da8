"""The filter of system calls that ends a timed child when it starts a process.

The CPU time of a process of somebody else cannot be told, and that of its own only when it has been
waited for; so a timed child has threads and nothing else. Classic BPF, see seccomp(2).
"""

import ctypes
import errno
import os
import platform
import struct

from tito.grading.judge.processes import LIBC

__all__ = ["forbid_processes"]

# AUDIT_ARCH of linux/audit.h, clone, clone3, and calls that only start processes: fork, vfork
MACHINES = {
    "x86_64": (0xC000003E, 56, 435, (57, 58)),
    "aarch64": (0xC00000B7, 220, 435, ()),
}
X32 = 0x40000000  # the bit of x86-64's second table of calls
CLONE_THREAD = 0x00010000
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16  # offsets in struct seccomp_data
LOAD, EQUAL, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
SET_NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2  # linux/prctl.h


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def forbid_processes() -> None:
    """Have the kernel end this process with SIGSYS when it starts another one; threads may start.

    Raises
    ------
    OSError
        If the kernel does not take the filter, or this machine is not one that it is written for.
    """
    steps = _filter()
    program = _Program(len(steps) // 8, steps)
    for option, value, pointer in (
        (SET_NO_NEW_PRIVS, 1, None),
        (SET_SECCOMP, MODE_FILTER, ctypes.byref(program)),
    ):
        if LIBC.prctl(option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _filter() -> bytes:
    if platform.machine() not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    architecture, clone, clone3, forks = MACHINES[platform.machine()]
    return b"".join(
        (
            _step(LOAD, ARCHITECTURE),
            _step(EQUAL, architecture, 1, 0),
            _step(RETURN, KILL_PROCESS),
            _step(LOAD, NUMBER),
            *_when(AT_LEAST, X32, KILL_PROCESS),
            *(step for number in forks for step in _when(EQUAL, number, KILL_PROCESS)),
            *_when(EQUAL, clone3, ERRNO | errno.ENOSYS),  # its flags lie in memory; clone's do not
            _step(EQUAL, clone, 1, 0),
            _step(RETURN, ALLOW),
            _step(LOAD, FIRST),
            _step(BITS, CLONE_THREAD, 1, 0),
            _step(RETURN, KILL_PROCESS),
            _step(RETURN, ALLOW),
        )
    )


def _when(test: int, value: int, verdict: int) -> tuple[bytes, bytes]:
    return _step(test, value, 0, 1), _step(RETURN, verdict)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction, struct sock_filter; both jumps count the instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
