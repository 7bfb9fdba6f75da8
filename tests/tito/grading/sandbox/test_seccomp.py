"""The filter of system calls: what it denies, by number, and what it must let through."""

import json
import platform
from collections.abc import Callable
from typing import Any

import pytest

from tito.grading.judge.bpf import COLUMNS
from tito.grading.sandbox.seccomp import DENIED, filter_program

Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(
    platform.machine() not in COLUMNS, reason="no filter is written for this machine"
)

CALL = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    ctypes.set_errno(0)
    result = libc.syscall(*map(ctypes.c_long, arguments))
    return errno.errorcode.get(ctypes.get_errno(), 'ok') if result == -1 else 'ok'
"""


def column() -> int:
    return COLUMNS[platform.machine()]


def test_filter_is_a_whole_number_of_instructions() -> None:
    program = filter_program()
    assert program is not None
    assert len(program) % 8 == 0
    assert len(program) // 8 <= 4096  # BPF_MAXINSNS


def test_filter_denies_every_listed_call(run: Run) -> None:
    numbers = {name: numbers[column()] for name, numbers in DENIED.items()}
    code = f"{CALL}\nsay({{name for name, n in {numbers}.items() if call(n, 0, 0, 0) != 'EPERM'}})"
    assert run(code).said == "set()"


def test_filter_sends_clone3_back_to_clone(run: Run) -> None:
    assert run(f"{CALL}\nsay(call(435, 0, 0))").said == "ENOSYS"


@pytest.mark.parametrize("flag", [0x20000, 0x10000000, 0x20000000, 0x40000000])
def test_filter_denies_a_clone_into_new_namespaces(run: Run, flag: int) -> None:
    number = (56, 220)[column()]
    assert run(f"{CALL}\nsay(call({number}, {flag} | 17, 0, 0, 0, 0))").said == "EPERM"


def test_filter_allows_four_families_of_sockets(run: Run) -> None:
    number = (41, 198)[column()]
    code = f"{CALL}\nsay([f for f in range(46) if call({number}, f, 2, 0) != 'EAFNOSUPPORT'])"
    families = set(json.loads(run(code).said))
    assert families <= {1, 2, 10, 16}
    assert {1, 2, 16} <= families


def test_filter_denies_typing_into_a_terminal(run: Run) -> None:
    code = f"""{CALL}
import fcntl
master, slave = os.openpty()
for request in (0x5412, 0x541C, 0x1_0000_5412):
    say(call({(16, 29)[column()]}, slave, request, 0))
say(len(fcntl.ioctl(slave, 0x5413, bytes(8))))
"""
    assert run(code).said.split() == ["EPERM", "EPERM", "EPERM", "8"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is a table of x86-64")
def test_filter_kills_what_takes_the_second_table_of_calls(run: Run) -> None:
    child = f"{CALL}\nchild = os.fork()\nif child == 0: call(0x40000000 | 101); os._exit(0)\n"
    code = child + "say(os.WTERMSIG(os.waitpid(child, 0)[1]))"
    assert run(code).said == str(31)  # SIGSYS


def test_filter_is_in_force_without_a_way_back(run: Run) -> None:
    code = (
        "say([l.split()[1] for l in open('/proc/self/status') if l.startswith(('Secc', 'NoNew'))])"
    )
    assert run(code).said == "['1', '2', '1']"
