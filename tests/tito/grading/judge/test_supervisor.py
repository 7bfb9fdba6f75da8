"""What a hostile cell can do in the sandbox to the supervisor and to other checks: nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from tito.conditions.call import NoAnswer
from tito.grading.judge.connection import Connection
from tito.grading.judge.remote import RemoteCall

Remote = Callable[..., RemoteCall]

A = np.ones((2, 2))

LEFT = """
def left(folder):
    mounts = [line.split()[4] for line in open("/proc/self/mountinfo")]
    mounted = {m.split("/")[2] for m in mounts if m.startswith(folder + "/")}
    return sorted(set(os.listdir(folder)) - mounted)
"""
SAY = "\ndef f(A):\n    raise RuntimeError(repr(said))\n"


def said(remote: Remote, connection: Connection, source: str) -> str:
    """Return what a cell's variable `said` holds; its child is ended."""
    call = remote(LEFT + source + SAY, connection)
    raised = call(A).raised
    call.close()
    assert raised is not None
    return raised.message


def attempts(*codes: str) -> str:
    """A cell that tries each expression and says which of them worked."""
    lines = ["import ctypes, signal", "said = []", "P = os.getppid()"]
    for code in codes:
        lines += ["try:", f"    said.append(({code!r}, {code}))", "except Exception: pass"]
    return "\n".join(lines)


def test_child_reaches_neither_memory_nor_descriptors_of_the_supervisor(
    remote: Remote, inside: Connection
) -> None:
    source = attempts(
        "open(f'/proc/{P}/mem', 'rb')",
        "open(f'/proc/{P}/mem', 'r+b')",
        "os.listdir(f'/proc/{P}/fd')",
        "open(f'/proc/{P}/fd/4', 'wb')",
        "open(f'/proc/{P}/environ').read()",
        "os.read(3, 1)",
        "os.write(4, b'x')",
        "signal.pidfd_send_signal(os.pidfd_open(1), 0) or 1 / 0",
    )
    assert said(remote, inside, source) == "[]"


@pytest.mark.parametrize("signal", ["KILL", "STOP", "TERM", "SEGV", "XCPU", "INT"])
def test_child_cannot_end_the_supervisor(remote: Remote, inside: Connection, signal: str) -> None:
    source = f"import signal\nos.kill(1, signal.SIG{signal})\nsaid = os.getppid()"
    assert said(remote, inside, source) == "1"


def test_child_finds_no_other_process_and_an_empty_scratch(
    remote: Remote, inside: Connection
) -> None:
    leave = """
import subprocess
for folder in ("/tmp", "/dev/shm"):
    with open(f"{folder}/scipy.py", "w") as file: file.write("x = 1")
    os.makedirs(f"{folder}/a/b/c", mode=0o700)
    os.chmod(f"{folder}/a", 0)
    if os.stat(folder).st_uid == os.getuid(): os.chmod(folder, 0)
subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)
said = len([n for n in os.listdir("/proc") if n.isdigit()]) > 3
"""
    look = """
said = sorted(int(n) for n in os.listdir("/proc") if n.isdigit()) == [1, os.getpid()]
said = said, left("/tmp"), left("/dev/shm")
"""
    assert said(remote, inside, leave) == "True"
    assert said(remote, inside, look) == "(True, [], [])"


def test_child_that_forks_without_end_is_ended(remote: Remote, inside: Connection) -> None:
    source = """
def f(A):
    while True:
        try: os.fork()
        except OSError: pass
"""
    call = remote(source, inside, call_seconds=0.3)
    with pytest.raises(NoAnswer, match="longer"):
        call(A)
    assert said(remote, inside, "said = len(left('/tmp'))") == "0"


def test_child_that_lowers_the_limits_of_the_supervisor_gets_another_one(
    remote: Remote, inside: Connection
) -> None:
    source = """
import resource
resource.prlimit(1, resource.RLIMIT_NOFILE, (12, 12))
said = 1
"""
    said(remote, inside, source)
    limit = "import resource\nsaid = resource.prlimit(1, resource.RLIMIT_NOFILE)[0] > 12"
    assert said(remote, inside, limit) == "True"


def test_child_that_uses_up_its_cpu_time_is_told_so(remote: Remote, inside: Connection) -> None:
    source = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
def f(A):
    while True: pass
"""
    with pytest.raises(NoAnswer, match="CPU time"):
        remote(source, inside)(A)


def test_child_that_needs_too_much_memory_costs_its_call(
    remote: Remote, inside: Connection
) -> None:
    call = remote("def f(A):\n    return np.ones(1 << 40)\n", inside)
    raised = call(A).raised
    assert raised is not None
    assert raised.kinds[0] in ("MemoryError", "_ArrayMemoryError")


def test_child_cannot_answer_for_a_later_check(remote: Remote, inside: Connection) -> None:
    """What a cell writes to the line before it is asked costs its own check."""
    source = """
import gc
from tito.grading.judge.protocol import Stream, frame
for stream in [x for x in gc.get_objects() if type(x) is Stream]:
    try: stream.send(frame({"errors": [], "defined": True}) * 3, lambda: 1.0)
    except OSError: pass
"""
    call = remote(source + "def f(A): return A", inside)
    with pytest.raises(NoAnswer, match="no proper reply"):
        call(A)
    assert said(remote, inside, "said = 1") == "1"


def test_child_closes_the_gate_without_effect_on_others(remote: Remote, inside: Connection) -> None:
    source = "import gc, socket\ndef f(A, B):\n    os.closerange(3, 100)\n    return A @ B\n"
    with pytest.raises(NoAnswer):
        remote(source, inside, call_seconds=2.0).trace(A, A, meet=2)
    assert said(remote, inside, "said = 1") == "1"


def test_timed_child_finds_nobody_who_works_for_it(remote: Remote, inside: Connection) -> None:
    """A server that an earlier check left behind is gone when a call is timed."""
    serve = """
import socket
if os.fork() == 0:
    line = socket.socket(socket.AF_UNIX)
    line.bind("/tmp/server")
    line.listen()
    time.sleep(600)
while not os.path.exists("/tmp/server"): pass
said = 1
"""
    ask = "def f(A, B):\n    return A @ B * (not os.path.exists('/tmp/server'))\n"
    assert said(remote, inside, serve) == "1"
    np.testing.assert_array_equal(remote(ask, inside).time(A, A).value, A @ A)


def test_timed_child_does_not_see_its_operands_before_its_time_counts(
    remote: Remote, inside: Connection
) -> None:
    source = """
import sys
frame = sys._getframe()
while "memory" not in frame.f_locals: frame = frame.f_back
early = any(bytes(frame.f_locals["memory"]))
def f(A, B):
    return A @ B * (not early)
"""
    np.testing.assert_array_equal(remote(source, inside).time(A, A).value, A @ A)
