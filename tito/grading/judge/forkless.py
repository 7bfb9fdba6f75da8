"""The filter of system calls that ends a timed child when it starts a process.

The CPU time of a process of somebody else cannot be told, and that of its own only when it has been
waited for; so a timed child has threads and nothing else.
"""

import ctypes
import errno
import os
import platform

from tito.grading.judge import bpf
from tito.grading.judge.processes import LIBC

__all__ = ["filter_program", "forbid_processes"]

FORKS = ((57, 58), ())  # fork and vfork, which only start processes
CLONE_THREAD = 0x00010000
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
    steps = filter_program()
    program = _Program(len(steps) // 8, steps)
    for option, value, pointer in (
        (SET_NO_NEW_PRIVS, 1, None),
        (SET_SECCOMP, MODE_FILTER, ctypes.byref(program)),
    ):
        if LIBC.prctl(option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def filter_program() -> bytes:
    """Return the filter for this machine; raise OSError if there is none."""
    column = bpf.COLUMNS.get(platform.machine())
    if column is None:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    no_thread = bpf.unless(bpf.BITS, [CLONE_THREAD], bpf.KILL_PROCESS)
    forks = bpf.when(bpf.EQUAL, FORKS[column], bpf.KILL_PROCESS)
    return bpf.program(column, [*forks, *bpf.for_call(bpf.CLONE[column], 0, no_thread)])
