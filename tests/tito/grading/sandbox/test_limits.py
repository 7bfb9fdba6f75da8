"""Every limit of settings.ini, overrun one at a time; the probe tries them all at once."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tito
from tito.course import Course, Limits
from tito.grading.sandbox import SandboxLimits, Start

Run = Callable[..., Any]

LIMITS = SandboxLimits(wall_seconds=60, cpu_seconds=20, memory_mib=512, processes=24)


def less(**fields: int) -> SandboxLimits:
    return dataclasses.replace(LIMITS, **fields)


def test_limits_come_from_the_settings() -> None:
    limits = Limits(notebook_seconds=1, cpu_seconds=2, memory_mib=3, processes=4, file_mib=5)
    taken = SandboxLimits.of(limits)
    assert dataclasses.astuple(taken)[:5] == (1, 2, 3, 4, 5)


def test_limits_of_the_settings_file_are_the_defaults() -> None:
    course = Course.find(Path(tito.__file__).parent)
    assert SandboxLimits.of(course.limits) == SandboxLimits()


def test_wall_seconds_end_a_sandbox_that_sleeps(start: Start) -> None:
    with start(["/bin/sleep", "600"], limits=less(wall_seconds=1)) as process:
        assert process.wait() == 137
        assert process.overrun == "wall_seconds"


def test_cpu_seconds_end_a_sandbox_that_computes(run: Run) -> None:
    assert run("while True: pass", less(cpu_seconds=1)).overrun == "cpu_seconds"


def test_cpu_seconds_end_a_program_that_ignores_the_first_signal(start: Start) -> None:
    code = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    with start([sys.executable, "-c", code], limits=less(cpu_seconds=1)) as process:
        assert process.wait() == 137


def test_memory_of_one_process_is_refused(run: Run) -> None:
    code = "\ntry: bytearray(1 << 30)\nexcept MemoryError: say('refused')"
    assert run(code, LIMITS).said == "refused"


def test_memory_of_all_processes_is_bounded(run: Run) -> None:
    """Each takes less than the limit; some are killed, or the whole sandbox is."""
    code = """
import time
children = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        hog = bytearray(b'x') * (300 << 20)
        time.sleep(2)
        os._exit(0)
    children.append(child)
say('survived', [os.waitpid(child, 0)[1] for child in children].count(0))
"""
    result = run(code, less(memory_mib=700))
    assert result.overrun == "memory_mib"
    assert result.said in ("", "survived 0", "survived 1", "survived 2")


def test_shared_memory_is_not_counted_for_each_process(run: Run) -> None:
    code = """
import time
base = bytearray(b'x') * (300 << 20)
children = []
for _ in range(6):
    child = os.fork()
    if child == 0:
        time.sleep(1)
        os._exit(0)
    children.append(child)
say([os.waitpid(child, 0)[1] for child in children])
"""
    result = run(code, less(memory_mib=700))
    assert (result.said, result.overrun) == ("[0, 0, 0, 0, 0, 0]", "")


def test_processes_stop_a_fork_bomb(run: Run) -> None:
    """Every process forks until it is refused; the first one still ends in good order."""
    code = """
import time
for _ in range(200):
    try:
        if os.fork() == 0:
            bomb = True
    except BlockingIOError:
        break
if os.getpid() == 2:
    say(sum(name.isdigit() for name in os.listdir('/proc')))
"""
    result = run(code, LIMITS)
    counts = [int(count) for count in result.said.split()]
    assert counts
    assert max(counts) <= LIMITS.processes + 1  # the sandbox's first process is one more


def test_processes_count_threads(run: Run) -> None:
    code = """
import threading
stop = threading.Event()
started = 0
try:
    for _ in range(100):
        threading.Thread(target=stop.wait, daemon=True).start()
        started += 1
except RuntimeError:
    say(started)
stop.set()
"""
    assert 0 < int(run(code, LIMITS).said) < LIMITS.processes


def test_file_mib_bound_a_file(run: Run) -> None:
    code = """
with open('/tmp/file', 'wb', buffering=0) as file:
    try:
        while True: file.write(bytes(1 << 16))
    except OSError as error: say(error.strerror, file.tell())
"""
    assert run(code, less(file_mib=1)).said == f"File too large {1 << 20}"


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/run"])
def test_scratch_mib_bound_what_can_be_written(run: Run, folder: str) -> None:
    code = f"""
n = 0
try:
    for n in range(1000): open('{folder}/%d' % n, 'wb').write(bytes(1 << 18))
except OSError as error: say(error.strerror, n)
"""
    reason, _, written = run(code, less(scratch_mib=2)).said.rpartition(" ")
    assert reason == "No space left on device"
    assert int(written) <= 2 * 4


def test_nothing_else_can_be_written(run: Run) -> None:
    """Look at every mount; the file system of pseudo-terminals takes no files."""
    code = """
mounts = {line.split()[4] for line in open('/proc/self/mountinfo')} - {'/proc', '/dev/pts'}
say(sorted(path for path in mounts if os.path.isdir(path) and os.access(path, os.W_OK)))
"""
    assert run(code).said == "['/dev/shm', '/run', '/tmp']"


def test_open_files_bound_a_process(run: Run) -> None:
    code = """
n = 0
try:
    while True: os.dup(0); n += 1
except OSError as error: say(error.strerror, n < 40)
"""
    assert run(code, less(open_files=40)).said == "Too many open files True"


def test_limits_cannot_be_raised(run: Run) -> None:
    code = """
import resource as r
for name in ('AS', 'CPU', 'NPROC', 'FSIZE', 'NOFILE', 'CORE'):
    which = getattr(r, 'RLIMIT_' + name)
    try: r.setrlimit(which, (r.RLIM_INFINITY, r.RLIM_INFINITY)); say(name)
    except (ValueError, OSError): pass
"""
    assert run(code).said == ""


def test_honest_threads_and_a_pool_work_within_the_defaults(run: Run) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
import numpy as np
with ThreadPoolExecutor(16) as pool:
    total = sum(pool.map(lambda n: float((np.ones((64, 64)) @ np.ones((64, 64)))[0, 0]), range(64)))
with get_context('fork').Pool(4) as pool:
    say(total, pool.map(abs, [-1, -2, -3]))
"""
    assert run(code, SandboxLimits()).said == "4096.0 [1, 2, 3]"


def test_a_spawned_pool_works_within_the_defaults(run: Run) -> None:
    code = """
from multiprocessing import get_context
with get_context('spawn').Pool(2) as pool: say(pool.map(abs, [-1, -2]))
"""
    assert run(code, SandboxLimits()).said == "[1, 2]"
