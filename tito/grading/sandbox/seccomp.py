"""The filter of system calls: what a student's code never needs and an attacker does.

Classic BPF, as seccomp(2) describes it, for x86-64 and 64-bit ARM. It is one line of defence more:
without it the namespaces still hold, but the kernel shows more of itself to be attacked.
"""

import errno
import platform
import struct
from collections.abc import Sequence
from functools import cache

__all__ = ["DENIED", "filter_program"]

# name: number on x86-64, number on 64-bit ARM
DENIED = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # namespaces and mounts
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "setns": (308, 268),
    "unshare": (272, 97),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # large and often attacked parts of the kernel
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "syslog": (103, 116),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    # memory that no limit of a process counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}

SOCKET = (41, 198)
IOCTL = (16, 29)
CLONE = (56, 220)
CLONE3 = (435, 435)

# AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 of linux/audit.h
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

X32 = 0x40000000  # the bit of x86-64's second table of calls, which would go round the numbers
# AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, without which libzmq aborts. All four belong to the
# sandbox's own network; AF_VSOCK, for one, would not.
FAMILIES = (1, 2, 10, 16)
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into somebody's terminal
NAMESPACES = 0x7E020000  # the CLONE_NEW* flags of linux/sched.h that clone(2) takes

# Opcodes of linux/bpf_common.h and returns of linux/seccomp.h
LOAD, JUMP_EQUAL, JUMP_ABOVE_OR_EQUAL, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
KILL_PROCESS, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
# Offsets in struct seccomp_data; the low half of an argument, as both machines are little-endian
NUMBER, ARCHITECTURE, FIRST, SECOND = 0, 4, 16, 24


@cache
def filter_program() -> bytes | None:
    """Return the filter for `bwrap --seccomp`; None on a machine that it is not written for."""
    if platform.machine() not in MACHINES:
        return None
    column, architecture = MACHINES[platform.machine()]
    deny = ERRNO | errno.EPERM
    program = [
        _step(LOAD, ARCHITECTURE),
        *_unless(JUMP_EQUAL, [architecture], KILL_PROCESS),
        _step(LOAD, NUMBER),
        *(_when(JUMP_ABOVE_OR_EQUAL, [X32], KILL_PROCESS) if column == 0 else []),
        # It carries its flags in memory, where a filter cannot look; glibc falls back on clone.
        *_when(JUMP_EQUAL, [CLONE3[column]], ERRNO | errno.ENOSYS),
        *_for_call(CLONE[column], _step(LOAD, FIRST), _when(JUMP_BITS, [NAMESPACES], deny)),
        *_for_call(
            SOCKET[column],
            _step(LOAD, FIRST),
            _unless(JUMP_EQUAL, FAMILIES, ERRNO | errno.EAFNOSUPPORT),
        ),
        *_for_call(IOCTL[column], _step(LOAD, SECOND), _when(JUMP_EQUAL, TERMINAL_INPUT, deny)),
        *_when(JUMP_EQUAL, [numbers[column] for numbers in DENIED.values()], deny),
        _step(RETURN, ALLOW),
    ]
    return b"".join(program)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction, struct sock_filter; both jumps count the instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _when(test: int, values: Sequence[int], verdict: int) -> list[bytes]:
    """Return `verdict` if the test holds for one of `values`, else go on."""
    return [
        step
        for value in values
        for step in (_step(test, value, if_false=1), _step(RETURN, verdict))
    ]


def _unless(test: int, values: Sequence[int], verdict: int) -> list[bytes]:
    """Return `verdict` if the test holds for none of `values`, else go on."""
    left = len(values)
    tests = [_step(test, value, if_true=left - place) for place, value in enumerate(values)]
    return [*tests, _step(RETURN, verdict)]


def _for_call(number: int, load: bytes, steps: list[bytes]) -> list[bytes]:
    """Take `steps` for this one call, after the load, and allow what they let through."""
    block = [load, *steps, _step(RETURN, ALLOW)]
    return [_step(JUMP_EQUAL, number, if_false=len(block)), *block]
