"""The calls of the Linux kernel that Python does not offer, each a function that raises OSError."""

import ctypes
import os

__all__ = [
    "drop_capabilities",
    "filter_calls",
    "mount",
    "set_dumpable",
    "set_parent_death_signal",
    "unshare",
]

# linux/mount.h
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
# linux/sched.h: mount, cgroup, UTS, IPC, user, PID and network
NAMESPACES = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
# linux/prctl.h
SET_DEATH_SIGNAL, SET_DUMPABLE, SET_FILTER, DROP_BOUND, NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38
AMBIENT, AMBIENT_CLEAR_ALL, MODE_FILTER = 47, 4, 2
# linux/capability.h: _LINUX_CAPABILITY_VERSION_3, whose sets are two words each
CAPABILITY_VERSION = 0x20080522
INSTRUCTION = 8  # bytes of a struct sock_filter

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def unshare(namespaces: int = NAMESPACES) -> None:
    """Leave the namespaces, by default all but that of time; unshare(2)."""
    _checked(_libc.unshare(namespaces))


def mount(
    source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None
) -> None:
    """Mount `source` at `target`; mount(2)."""
    texts = (None if text is None else os.fsencode(text) for text in (source, target, kind))
    data = None if options is None else options.encode()
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), data))


def set_parent_death_signal(signal: int) -> None:
    """Let the kernel send `signal` when the parent dies; to gain rights afterwards undoes it."""
    _control(SET_DEATH_SIGNAL, signal)


def set_dumpable(dumpable: bool) -> None:
    """Say whether others of the same user may look into this process through /proc."""
    _control(SET_DUMPABLE, int(dumpable))


def drop_capabilities() -> None:
    """Give up all capabilities for good, whatever is executed from here on; capabilities(7)."""
    _control(NO_NEW_PRIVILEGES, 1)
    _control(AMBIENT, AMBIENT_CLEAR_ALL)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _control(DROP_BOUND, capability)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))


def filter_calls(program: bytes) -> None:
    """Let a filter of classic BPF decide on every further system call; seccomp(2)."""
    filled = _Program(len(program) // INSTRUCTION, program)
    _control(NO_NEW_PRIVILEGES, 1)
    _checked(_libc.prctl(SET_FILTER, MODE_FILTER, ctypes.byref(filled), 0, 0))


def _control(option: int, value: int) -> None:
    _checked(_libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
