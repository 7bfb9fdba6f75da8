"""A function in a worker: real processes, real pipes, and workers that do not keep to the rules."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tito.grading.calls import NoAnswer, Watching
from tito.grading.line import Launch, Lines, Process, launch_plain
from tito.grading.session import Limits, RemoteCall

A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
QUICK = Limits(call_seconds=20.0, load_seconds=20.0, result_bytes=4096)
RIGHT = "def f(A, B, **options):\n    return A @ B\n"


def remote(source: str, limits: Limits = QUICK, launch: Launch = launch_plain) -> RemoteCall:
    return RemoteCall("f", [("cell", source)], Lines(launch), limits)


def script(code: str) -> Launch:
    """A launcher of something that is no worker: it has the descriptors as `i` and `o`."""

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        prologue = "import os, sys, time; i, o = map(int, sys.argv[1:])\n"
        return launch_plain([sys.executable, "-S", "-c", prologue + code], descriptors)

    return launch


def test_remote_call_returns_the_product() -> None:
    call = remote(RIGHT)
    try:
        reply = call(A, B)
    finally:
        call.close()
        call.lines.drop()
    assert reply.value is not None
    np.testing.assert_array_equal(reply.value, A @ B)
    assert reply.unchanged


def test_remote_call_watches_as_a_local_one_does() -> None:
    call = remote(RIGHT)
    try:
        reply = call.watch(A, B, Watching(count_steps=True))
    finally:
        call.close()
        call.lines.drop()
    assert reply.record is not None
    assert reply.record.products == ((2, 3, 4, 1),)
    assert reply.record.steps > 0
    assert call.watched


@pytest.mark.parametrize(
    ("body", "returned"),
    [
        ("return [1]", "list"),
        ("return A.astype(object)", "object array"),
        ("return np.zeros(10000)", "float64 array"),
        ("return np.zeros((1,) * 9)", "float64 array"),
    ],
)
def test_remote_call_takes_no_result_that_it_cannot_check(body: str, returned: str) -> None:
    call = remote(f"import numpy as np\ndef f(A, B):\n    {body}\n")
    try:
        reply = call(A, B)
    finally:
        call.close()
        call.lines.drop()
    assert reply.value is None
    assert reply.returned.startswith(returned)


def test_remote_call_sees_a_changed_input() -> None:
    call = remote("def f(A, B):\n    C = A @ B\n    B[0, 0] += 1\n    return C\n")
    try:
        assert not call(A, B).unchanged
    finally:
        call.close()
        call.lines.drop()


def test_remote_call_starts_a_fresh_worker_after_a_death() -> None:
    call = remote("import os\ndef f(A, B):\n    return A @ B if A.any() else os._exit(0)\n")
    try:
        with pytest.raises(NoAnswer, match="ended"):
            call(0 * A, B)
        assert call(A, B).value is not None
    finally:
        call.close()
        call.lines.drop()


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("", "ended"),
        ("os.close(o); time.sleep(60)", "ended"),
        ("time.sleep(60)", "longer than"),
        ("os.write(o, b'early'); time.sleep(60)", "nobody asked|nonce|longer"),
        ("os.read(i, 16); os.write(o, bytes(40)); time.sleep(60)", "nonce"),
        ("n = os.read(i, 16); os.write(o, n + b'\\xff' * 4); time.sleep(60)", "header of"),
        ("n = os.read(i, 16); os.write(o, n + b'\\2\\0\\0\\0[]'); time.sleep(60)", "no object"),
        ("n = os.read(i, 16); os.write(o, n + b'\\2\\0\\0\\0{}'); time.sleep(60)", "not said"),
        ("n = os.read(i, 16); os.write(o, n[:9]); time.sleep(60)", "longer than"),
    ],
)
def test_remote_call_believes_no_broken_worker(code: str, fact: str) -> None:
    limits = Limits(call_seconds=2.0, load_seconds=2.0)
    with pytest.raises(NoAnswer, match=fact):
        remote(RIGHT, limits, script(code)).start()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.binary(min_size=1, max_size=80))
def test_remote_call_believes_no_bytes_after_the_nonce(noise: bytes) -> None:
    code = f"n = os.read(i, 16); os.write(o, n + {noise!r})"
    with pytest.raises(NoAnswer):
        remote(RIGHT, QUICK, script(code)).start()


def test_remote_call_leaves_no_descriptor_and_no_process(tmp_path: Path) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open descriptors are counted in /proc")
    started: list[Any] = []

    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        started.append(launch_plain(command, descriptors))
        return started[-1]  # type: ignore[no-any-return]

    before = os.listdir("/proc/self/fd")
    call = remote("import os\ndef f(A, B):\n    os._exit(0)\n", QUICK, launch)
    for _ in range(3):
        with pytest.raises(NoAnswer):
            call(A, B)
    call.close()
    call.lines.drop()
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert len(started) == 3
    assert all(isinstance(p, subprocess.Popen) and p.returncode is not None for p in started)
