"""Filters of system calls in classic BPF, as seccomp(2) describes it, for x86-64 and 64-bit ARM."""

import errno
import struct
from collections.abc import Sequence

__all__ = [
    "BITS",
    "CLONE",
    "COLUMNS",
    "EQUAL",
    "ERRNO",
    "KILL_PROCESS",
    "for_call",
    "program",
    "unless",
    "when",
]

COLUMNS = {"x86_64": 0, "aarch64": 1}
"""Where a machine's numbers stand in tables of calls."""
CLONE, CLONE3 = (56, 220), (435, 435)
ARCHITECTURES = (0xC000003E, 0xC00000B7)  # AUDIT_ARCH_* of linux/audit.h
X32 = 0x40000000  # the bit of x86-64's second table of calls, which would go round the numbers

# Opcodes of linux/bpf_common.h and returns of linux/seccomp.h
LOAD, EQUAL, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
# Offsets in struct seccomp_data; the low half of an argument, as both machines are little-endian
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, (16, 24)


def program(column: int, steps: list[bytes]) -> bytes:
    """Return the filter of a machine that takes `steps` for a call, and allows what they let go."""
    opening = [
        _step(LOAD, ARCHITECTURE),
        *unless(EQUAL, [ARCHITECTURES[column]], KILL_PROCESS),
        _step(LOAD, NUMBER),
        *(when(AT_LEAST, [X32], KILL_PROCESS) if column == 0 else []),
        # It carries its flags in memory, where a filter cannot look; glibc falls back on clone.
        *when(EQUAL, [CLONE3[column]], ERRNO | errno.ENOSYS),
    ]
    return b"".join([*opening, *steps, _step(RETURN, ALLOW)])


def when(test: int, values: Sequence[int], verdict: int) -> list[bytes]:
    """Return `verdict` if the test holds for one of `values`, else go on."""
    pairs = ((_step(test, value, if_false=1), _step(RETURN, verdict)) for value in values)
    return [step for pair in pairs for step in pair]


def unless(test: int, values: Sequence[int], verdict: int) -> list[bytes]:
    """Return `verdict` if the test holds for none of `values`, else go on."""
    left = len(values)
    tests = [_step(test, value, if_true=left - place) for place, value in enumerate(values)]
    return [*tests, _step(RETURN, verdict)]


def for_call(number: int, argument: int, steps: list[bytes]) -> list[bytes]:
    """Take `steps` on an argument of this one call, 0 or 1, and allow what they let go on."""
    block = [_step(LOAD, ARGUMENTS[argument]), *steps, _step(RETURN, ALLOW)]
    return [_step(EQUAL, number, if_false=len(block)), *block]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction, struct sock_filter; both jumps count the instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
