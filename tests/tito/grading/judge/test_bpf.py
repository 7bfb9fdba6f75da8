"""What the filter of a timed child says of each call, for both machines that it is written for.

A filter runs in the kernel of one machine only; here its instructions are followed one by one.
"""

import errno
import platform
import struct

import pytest

from tito.grading.judge.bpf import COLUMNS, EQUAL, KILL_PROCESS, for_call, program, unless, when
from tito.grading.judge.forkless import filter_program, forbid_processes

ALLOW, NO_CLONE3 = 0x7FFF0000, 0x00050000 | errno.ENOSYS
THREAD = 0x00010000
CALLS = {  # by machine: its architecture, and the numbers of read, clone, fork and vfork
    "x86_64": (0xC000003E, 0, 56, (57, 58)),
    "aarch64": (0xC00000B7, 63, 220, ()),
}


def verdict(filter_bytes: bytes, architecture: int, number: int, first: int, second: int) -> int:
    """Return what a filter says of a call with these arguments."""
    data = struct.pack("=IIQQQ", number, architecture, 0, first, second)
    place, value = 0, 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("=HBBI", filter_bytes, 8 * place)
        place += 1
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return int(operand)
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            place += if_true if holds[code] else if_false


@pytest.mark.parametrize("machine", CALLS)
def test_filter_program_ends_what_starts_a_process_and_nothing_else(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    architecture, read, clone, forks = CALLS[machine]
    rules, other = filter_program(), next(CALLS[x][0] for x in CALLS if x != machine)

    def says(number: int, flags: int = 0, called_by: int = architecture) -> int:
        return verdict(rules, called_by, number, flags, 0)

    assert [says(number) for number in (read, read + 1, 435)] == [ALLOW, ALLOW, NO_CLONE3]
    assert {says(number) for number in forks} <= {KILL_PROCESS}
    flags = (17, THREAD | 0x3D0F00, THREAD)
    assert [says(clone, flag) for flag in flags] == [KILL_PROCESS, ALLOW, ALLOW]
    assert says(read, called_by=other) == KILL_PROCESS


def test_program_ends_calls_of_the_second_table_of_one_machine() -> None:
    x86, arm = (program(COLUMNS[machine], []) for machine in CALLS)
    calls = [0x3FFFFFFF, 0x40000000, 0x40000065]
    said = [verdict(x86, CALLS["x86_64"][0], number, 0, 0) for number in calls]
    assert said == [ALLOW, KILL_PROCESS, KILL_PROCESS]
    assert verdict(arm, CALLS["aarch64"][0], 0x40000000, 0, 0) == ALLOW


def test_for_call_looks_at_one_argument_of_one_call() -> None:
    steps = [*for_call(7, 0, unless(EQUAL, [1, 2, 3], 5)), *for_call(8, 1, when(EQUAL, [1, 2], 6))]
    rules = program(0, steps)

    def says(number: int, first: int, second: int) -> int:
        return verdict(rules, CALLS["x86_64"][0], number, first, second)

    assert [says(7, first, 9) for first in range(5)] == [5, ALLOW, ALLOW, ALLOW, 5]
    assert [says(8, 1, second) for second in range(4)] == [ALLOW, 6, 6, ALLOW]
    assert says(9, 0, 1) == ALLOW


def test_forbid_processes_refuses_machines_that_it_has_no_filter_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="^\\[Errno 38\\] no filter for riscv64$"):
        forbid_processes()
