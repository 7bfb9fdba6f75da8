"""The filter of system calls: it denies what only an attacker needs.

It is an additional defence: without it the namespaces still hold, but more of the kernel can be
attacked.
"""

import errno
import platform
from functools import cache

from tito.grading.judge.bpf import (
    BITS,
    CLONE,
    COLUMNS,
    EQUAL,
    ERRNO,
    for_call,
    program,
    unless,
    when,
)

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
# AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, without which libzmq aborts. All four belong to the
# sandbox's own network; AF_VSOCK, for one, would not.
FAMILIES = (1, 2, 10, 16)
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: type into somebody's terminal
NAMESPACES = 0x7E020000  # the CLONE_NEW* flags of linux/sched.h that clone(2) takes


@cache
def filter_program() -> bytes | None:
    """Return the filter for `bwrap --seccomp`; None on a machine that it is not written for."""
    column = COLUMNS.get(platform.machine())
    if column is None:
        return None
    deny, no_family = ERRNO | errno.EPERM, ERRNO | errno.EAFNOSUPPORT
    steps = [
        *for_call(CLONE[column], 0, when(BITS, [NAMESPACES], deny)),
        *for_call(SOCKET[column], 0, unless(EQUAL, FAMILIES, no_family)),
        *for_call(IOCTL[column], 1, when(EQUAL, TERMINAL_INPUT, deny)),
        *when(EQUAL, [numbers[column] for numbers in DENIED.values()], deny),
    ]
    return program(column, steps)
