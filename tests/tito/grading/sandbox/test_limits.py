"""Every limit of settings.ini, overrun one at a time; the probe tries them all at once."""

import dataclasses
import select
from collections.abc import Callable
from typing import Any

import pytest

from tito.course import Limits
from tito.grading.sandbox import cgroup
from tito.grading.sandbox.process import run_in_sandbox

Run = Callable[..., Any]

LIMITS = Limits(notebook_seconds=60, cpu_seconds=20, memory_mib=512, processes=24)


def less(**fields: int) -> Limits:
    return dataclasses.replace(LIMITS, **fields)


def without_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where no control group can be made: the watchdog alone counts memory."""
    monkeypatch.setattr(cgroup, "_parents", dict)


def test_notebook_seconds_end_a_sandbox_that_sleeps() -> None:
    with run_in_sandbox(["/bin/sleep", "600"], limits=less(notebook_seconds=1)) as process:
        assert process.wait() == 137
        assert process.overrun == "notebook_seconds"


def test_an_early_death_that_is_noticed_late_is_not_put_down_to_the_time() -> None:
    with run_in_sandbox(["/bin/true"], limits=less(notebook_seconds=1)) as process:
        waiting = select.poll()
        waiting.poll(1200)
        assert process.wait() == 0
        assert process.overrun == ""


def test_cpu_seconds_end_a_process_that_computes(run: Run) -> None:
    """The first process, which the signal does not reach, computes nothing: it starts others."""
    code = "while os.fork() == 0:\n  while True: pass\nos._exit(128 + os.WTERMSIG(os.wait()[1]))"
    assert run(code, less(cpu_seconds=1)).overrun == "cpu_seconds"


@pytest.mark.full
def test_cpu_seconds_end_a_program_that_ignores_the_first_signal(run: Run) -> None:
    code = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert run(code, less(cpu_seconds=1)).status == 137


def test_memory_of_one_process_is_refused(run: Run) -> None:
    code = "\ntry: bytearray(1 << 30)\nexcept MemoryError: say('refused')"
    assert run(code, LIMITS).said == "refused"


@pytest.mark.parametrize("group", [True, False])
def test_memory_of_all_processes_is_bounded(
    run: Run, group: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes less than the limit; some are killed, or the whole sandbox is."""
    if not group:
        without_groups(monkeypatch)
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


def test_shared_memory_is_not_counted_for_each_process(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_groups(monkeypatch)
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
if os.getpid() == 1:
    say(sum(name.isdigit() for name in os.listdir('/proc')))
"""
    result = run(code, LIMITS)
    counts = [int(count) for count in result.said.split()]
    assert counts
    assert max(counts) <= LIMITS.processes


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


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
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


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm"])
@pytest.mark.parametrize("make", ["os.mkdir(path)", "os.symlink('x', path)", "open(path, 'w')"])
def test_files_bound_what_takes_no_room(run: Run, folder: str, make: str) -> None:
    code = f"""
for n in range(10**7):
    path = '{folder}/%d' % n
    {make}
"""
    assert run(code, less(files=2000)).overrun == "files"


def test_limits_hold_for_a_first_process_that_hides_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the judge's supervisor does: no process of its user may look into it."""
    without_groups(monkeypatch)
    hide = "import ctypes\nctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
    fill = "for n in range(10**7): open('/tmp/%d' % n, 'w')"
    assert run(hide + fill, less(files=2000)).overrun == "files"
    eat = "os.fork(), os.fork()\nhog = b'x' * (150 << 20)\nimport time; time.sleep(60)"
    assert run(hide + eat, less(memory_mib=400)).overrun == "memory_mib"


def test_files_below_the_limit_are_no_trouble(run: Run) -> None:
    code = """
import time
for n in range(1500): open('/tmp/%d' % n, 'w').close()
time.sleep(0.3)
say(sum(name.isdigit() for name in os.listdir('/tmp')))
"""
    assert run(code, less(files=2000)).said == "1500"


def test_nothing_else_can_be_written(run: Run) -> None:
    """Look at every mount; the file system of pseudo-terminals takes no files."""
    code = """
mounts = {line.split()[4] for line in open('/proc/self/mountinfo')} - {'/proc', '/dev/pts'}
say(sorted(path for path in mounts if os.path.isdir(path) and os.access(path, os.W_OK)))
"""
    assert run(code).said == "['/dev/shm', '/tmp']"


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
    assert run(code, Limits()).said == "4096.0 [1, 2, 3]"


def test_a_spawned_pool_works_within_the_defaults(run: Run) -> None:
    code = """
from multiprocessing import get_context
with get_context('spawn').Pool(2) as pool: say(pool.map(abs, [-1, -2]))
"""
    assert run(code, Limits()).said == "[1, 2]"
