"""A function in a child: real processes and pipes, and children that do not keep to the rules."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.conditions.call import NoAnswer
from tito.conditions.results import Inconclusive
from tito.grading.judge.connection import Connection, Launch, Process, launch_plain
from tito.grading.judge.protocol import frame
from tito.grading.judge.remote import JudgeLimits, OutOfTime, RemoteCall
from tito.tracing import prove

Remote = Callable[..., RemoteCall]

A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
RIGHT = "def f(A, B, **options):\n    return A @ B\n"
THREADS = """
from concurrent.futures import ThreadPoolExecutor
def f(A, B, n=2):
    with ThreadPoolExecutor(n) as pool:
        return np.vstack(list(pool.map(lambda rows: rows @ B, np.array_split(A, n))))
"""
IN_TURN = "def f(A, B, n=2):\n    return np.vstack([rows @ B for rows in np.array_split(A, n)])\n"
POOL = """
from multiprocessing import Pool
def product(a, b):
    return np.asarray(a).view(np.ndarray) @ np.asarray(b).view(np.ndarray)
def f(A, B):
    with Pool(2) as pool:
        return np.vstack(pool.starmap(product, [(a, B) for a in np.array_split(A, 2)]))
"""


def test_remote_call_returns_the_product(remote: Remote, connection: Connection) -> None:
    result = remote(RIGHT, connection)(A, B)
    np.testing.assert_array_equal(result.value, A @ B)
    assert (result.unchanged, result.raised, result.returned) == (True, None, "ndarray")


def test_remote_call_passes_strides_on(remote: Remote, connection: Connection) -> None:
    source = "def f(A, B):\n    return np.array([A.strides, B.strides])\n"
    result = remote(source, connection)(A.T, B[::-1, ::2])
    assert result.value is not None
    assert result.value.tolist() == [list(A.T.strides), list(B[::-1, ::2].strides)]


def test_remote_call_brings_a_log_that_can_be_proven(
    remote: Remote, connection: Connection
) -> None:
    log = remote(RIGHT, connection).trace(A, B).log
    assert log is not None
    fresh = [np.random.default_rng(3).random(x.shape) for x in (A, B)]
    proof = prove(log, fresh, lambda C: bool(np.allclose(C, fresh[0] @ fresh[1])))
    assert proof.steps == 1


def test_remote_call_has_threads_wait_for_one_another(
    remote: Remote, connection: Connection
) -> None:
    result = remote(THREADS, connection).trace(A, B, meet=2, n=2)
    np.testing.assert_array_equal(result.value, A @ B)
    assert len(result.together) == 2
    assert len(remote(IN_TURN, connection).trace(A, B, meet=2, n=2).together) == 1


def test_remote_call_shows_a_race(remote: Remote, connection: Connection) -> None:
    source = """
import threading
def f(A, B, n=2):
    C, scratch = np.zeros((len(A), B.shape[1])), np.zeros((len(A) // n, B.shape[1]))
    def work(rows):
        np.matmul(A[rows], B, out=scratch)
        C[rows] = scratch
    threads = [threading.Thread(target=work, args=([i],)) for i in range(n)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return C
"""
    result = remote(source, connection).trace(A, B, meet=2)
    assert result.value is not None
    last = [A[[row, row]] @ B for row in range(2)]  # whichever thread wrote last, both take it
    assert any(np.array_equal(result.value, product) for product in last)


@pytest.mark.parametrize(
    ("body", "returned"),
    [
        ("return [1]", "list"),
        ("return A.astype(object)", "object array"),
        ("return np.zeros((1,) * 9)", "float64 array"),
        ("return np.zeros(600, dtype='float64')", "float64 array of 0 MiB"),
    ],
)
def test_remote_call_takes_no_result_that_it_cannot_check(
    remote: Remote, connection: Connection, body: str, returned: str
) -> None:
    result = remote(f"def f(A, B):\n    {body}\n", connection, result_bytes=4096)(A, B)
    assert result.value is None
    assert result.returned.startswith(returned)


def test_remote_call_sees_a_changed_input(remote: Remote, connection: Connection) -> None:
    source = "def f(A, B):\n    C = A @ B\n    B[0, 0] += 1\n    return C\n"
    assert not remote(source, connection)(A, B).unchanged


@pytest.mark.parametrize(
    ("source", "kinds", "message"),
    [
        ("def f(A, B): raise ValueError('größer')", "ValueError", "größer"),
        ("def f(A, B): raise ValueError('\\udcff' * 9)", "ValueError", " " * 9),
        ("def f(A, B): raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("def f(A, B): sys.exit(3)", "SystemExit", "3"),
        ("def f(A, B): input()", "EOFError", "EOF when reading a line"),
        ("def f(A, B): f(A, B)", "RecursionError", "maximum recursion"),
    ],
)
def test_remote_call_returns_what_was_raised(
    remote: Remote, connection: Connection, source: str, kinds: str, message: str
) -> None:
    raised = remote(source, connection)(A, B).raised
    assert raised is not None
    assert raised.kinds[0] == kinds
    assert message in raised.message


@pytest.mark.parametrize(
    "source",
    [
        "from functools import partial\nf = partial(lambda s, A, B: s * (A @ B), 1)",
        "class F:\n    def __call__(self, A, B): return A @ B\nf = F()",
        "from functools import wraps\ndef deco(g):\n    @wraps(g)\n    def h(*a): return g(*a)\n"
        "    return h\n@deco\ndef f(A, B): return A @ B",
    ],
)
def test_remote_call_calls_whatever_can_be_called(
    remote: Remote, connection: Connection, source: str
) -> None:
    call = remote(source, connection)
    np.testing.assert_array_equal(call(A, B).value, A @ B)
    assert call.trace(A, B).log is not None


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("def f(A, B): os._exit(3)", "ended during a call with exit code 3"),
        ("def f(A, B): os.kill(os.getpid(), 11)", "ended during a call by signal 11"),
        ("def f(A, B): os.closerange(3, 99); time.sleep(60)", "ended|longer"),
        ("def f(A, B):\n    while True: pass", "a call took longer than 1 s"),
        ("while True: pass", "loading the cells took longer than 1 s"),
        ("os._exit(0)", "ended during loading the cells with exit code 0"),
        ("raise OSError('nö')", "f is not defined: cell raised OSError: nö"),
        ("g = 1", "f is not defined"),
        ("f = 1", "f is not defined"),
    ],
)
def test_remote_call_says_why_there_is_no_answer(
    remote: Remote, connection: Connection, source: str, fact: str
) -> None:
    call = remote(source, connection, call_seconds=1.0, load_seconds=1.0)
    with pytest.raises(NoAnswer, match=fact):
        call(A, B)


def test_remote_call_starts_a_fresh_child_after_a_death(
    remote: Remote, connection: Connection
) -> None:
    call = remote("def f(A, B):\n    return A @ B if A.any() else os._exit(0)\n", connection)
    with pytest.raises(NoAnswer, match="ended"):
        call(0 * A, B)
    assert call(A, B).value is not None


def test_remote_call_starts_a_fresh_child_where_threads_wait_for_ever(
    remote: Remote, connection: Connection
) -> None:
    source = """
import threading
def f(A, B):
    for _ in range(20):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    return np.array(threading.active_count())
"""
    call = remote(source, connection)
    assert [int(call(A, B).value) for _ in range(3)] == [21, 41, 21]


def test_remote_call_is_over_with_the_time_of_the_submission(connection: Connection) -> None:
    call = RemoteCall("f", None, [("cell", RIGHT)], connection, JudgeLimits(), time.monotonic())
    with pytest.raises(OutOfTime):
        call(A, B)


class Ended:
    """A supervisor that a limit of its sandbox has ended."""

    def __init__(self, overrun: str) -> None:
        self.overrun = overrun

    def kill(self) -> None:
        """It has ended."""

    def wait(self) -> int:
        """Return the status of a process that was killed."""
        return 137


def ended_by(limit: str) -> Launch:
    return lambda command, descriptors: Ended(limit)


def test_remote_call_blames_no_condition_for_a_sandbox_without_time(remote: Remote) -> None:
    with pytest.raises(OutOfTime):
        remote(RIGHT, Connection(ended_by("notebook_seconds")))(A, B)


def test_remote_call_names_the_limit_that_ended_the_sandbox(remote: Remote) -> None:
    with pytest.raises(NoAnswer, match="f needed more memory"):
        remote(RIGHT, Connection(ended_by("memory_mib")))(A, B)


def test_remote_call_reads_long_errors_of_many_cells(connection: Connection) -> None:
    failing = [(f"cell{i}", f"raise ValueError('{chr(0x1F600) * 300}')") for i in range(4)]
    cells = [("given", "import numpy as np"), ("cell", RIGHT), *failing]
    call = RemoteCall("f", None, cells, connection, JudgeLimits(), time.monotonic() + 300)
    np.testing.assert_array_equal(call(A, B).value, A @ B)


def test_remote_call_works_with_descriptors_above_1024(remote: Remote) -> None:
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    connection = Connection(launch_plain)
    try:
        np.testing.assert_array_equal(remote(RIGHT, connection)(A, B).value, A @ B)
    finally:
        connection.drop()
        for descriptor in held:
            os.close(descriptor)


def test_connection_that_could_not_start_leaves_nothing_and_says_so_again() -> None:
    def fails(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        raise OSError("no process can be started")

    connection, before = Connection(fails), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with pytest.raises(OSError, match="no process can be started"):
            connection.start()
    assert len(os.listdir("/proc/self/fd")) == before


def test_remote_call_of_a_process_pool_gives_results_and_no_method(
    remote: Remote, connection: Connection
) -> None:
    call = remote(POOL, connection)
    np.testing.assert_array_equal(call(A, B).value, A @ B)
    try:
        assert "other processes" in call.trace(A, B).unlogged
    except Inconclusive as doubt:
        assert "other processes" in str(doubt)  # noqa: PT017


@pytest.mark.parametrize("end", ["os._exit(1)", "time.sleep(60)", "raise ValueError"])
def test_remote_call_leaves_a_failure_beside_other_processes_to_a_person(
    remote: Remote, connection: Connection, end: str
) -> None:
    source = f"def f(A, B):\n    if os.fork() == 0: time.sleep(60)\n    {end}\n"
    with pytest.raises(Inconclusive, match="other processes"):
        remote(source, connection, call_seconds=1.0).trace(A, B)


def test_remote_call_times_a_call_and_the_reference(remote: Remote, connection: Connection) -> None:
    large = [np.random.default_rng(n).random((400, 400), dtype=np.float32) for n in (1, 2)]
    source = "def f(A, B):\n    return [A @ B for _ in range(100)][0]\n"
    result = remote(source, connection).time(*large)
    assert result.value is not None
    assert np.allclose(result.value, large[0] @ large[1], rtol=1e-4)
    assert result.log is not None
    assert result.seconds > 3 * result.reference > 0


def test_remote_call_counts_the_time_of_threads_and_of_loops_before_it_says_ready(
    remote: Remote, connection: Connection
) -> None:
    """Work that is done in a thread while the child waits for its inputs is in the account."""
    source = """
import threading
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
def f(A, B):
    until = time.process_time() + 0.2  # of all threads, however busy the machine is
    while time.process_time() < until:
        time.sleep(0.01)
    return A @ B
"""
    assert remote(source, connection).time(A, B).seconds > 0.1


def test_remote_call_times_nothing_that_starts_processes(
    remote: Remote, connection: Connection
) -> None:
    with pytest.raises(Inconclusive, match="processes"):
        remote(POOL, connection).time(A, B)
    with pytest.raises(NoAnswer, match="not defined"):
        remote("g = 1", connection).time(A, B)
    with pytest.raises(NoAnswer, match="exit code 5"):
        remote("def f(A, B): os._exit(5)", connection).time(A, B)


def script(code: str) -> Launch:
    """A launcher of something that is no supervisor: it has the descriptors as `i` and `o`."""

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        prologue = "import os, sys, time; i, o = map(int, sys.argv[1:])\n"
        return launch_plain([sys.executable, "-S", "-c", prologue + code], descriptors)

    return launch


@pytest.mark.parametrize(
    "code",
    [
        "",
        "os.close(o); time.sleep(60)",
        "os.write(o, b'\\xff' * 12); time.sleep(60)",
        "os.write(o, b'\\2\\0\\0\\0' + bytes(8) + b'[]'); time.sleep(60)",
    ],
)
def test_remote_call_believes_no_broken_supervisor(remote: Remote, code: str) -> None:
    with pytest.raises(NoAnswer, match="watches"):
        remote(RIGHT, Connection(script(code)))(A, B)


HEADER: dict[str, Any] = {
    "returned": "ndarray",
    "raised": None,
    "dtype": "float64",
    "shape": [2, 4],
}
HEADER |= {"unlogged": "", "log": 0}
SENT = A.tobytes() + B.tobytes()


def replying(reply: bytes) -> str:
    """A cell that replies to the supervisor itself, before its function returns."""
    return f"""
import gc
from tito.grading.judge.protocol import Stream
def f(A, B):
    (line,) = [x for x in gc.get_objects() if type(x) is Stream][-1:]
    line.send({reply!r}, lambda: 9.0)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("reply", "fact"),
    [
        (frame(HEADER, SENT), "not as long as it says"),
        (frame({**HEADER, "dtype": "O"}, SENT), "no dtype"),
        (frame({**HEADER, "shape": [1 << 40]}, SENT), "is announced"),
        (frame({**HEADER, "shape": [0, 1 << 40, 1 << 40]}, SENT), "reply"),
        (frame({**HEADER, "x": 1}, SENT), "other fields"),
        (frame(HEADER, SENT + bytes(64)) + b"more", "more bytes came"),
        (b"\xff" * 12, "is announced"),
    ],
)
def test_remote_call_believes_no_reply_that_is_not_whole(
    remote: Remote, connection: Connection, reply: bytes, fact: str
) -> None:
    with pytest.raises(NoAnswer, match=fact):
        remote(replying(reply), connection, call_seconds=3.0)(A, B)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.binary(min_size=12, max_size=80))
def test_remote_call_believes_no_bytes(noise: bytes) -> None:
    connection = Connection(launch_plain)
    cells = [("given", "import time"), ("cell", replying(noise))]
    limits = JudgeLimits(call_seconds=0.5)
    call = RemoteCall("f", None, cells, connection, limits, time.monotonic() + 60)
    with pytest.raises(NoAnswer):
        call(A, B)
    connection.drop()


def test_remote_call_leaves_no_descriptor_and_no_process(remote: Remote) -> None:
    started: list[Any] = []

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        started.append(launch_plain(command, descriptors))
        return started[-1]  # type: ignore[no-any-return]

    before = os.listdir("/proc/self/fd")
    connection = Connection(launch)
    for end in ("os._exit(0)", "os.kill(os.getppid(), 9)"):
        call = remote(f"def f(A, B):\n    {end}\n", connection)
        for _ in range(2):
            with pytest.raises(NoAnswer):
                call(A, B)
    connection.drop()
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert all(process.returncode is not None for process in started)
