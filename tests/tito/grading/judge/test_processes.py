"""Ending processes, emptying folders, and the filter of a timed child, each in its own process.

A test runs its code in a fresh interpreter: what it does to the process is not to be undone.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tito.grading.judge import processes
from tito.grading.judge.processes import (
    Patience,
    cpu_seconds,
    has_own_limits,
    is_asleep,
    thread_count,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")

HEAD = """
import os, signal, subprocess, sys, threading, time
from tito.grading.judge.processes import *
from tito.grading.judge.forkless import forbid_processes

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
"""


def said(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-c", HEAD + code], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_end_children_leaves_no_process_that_a_child_has_started() -> None:
    code = """
adopt_orphans()
def leave():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    time.sleep(60)
pid = child(leave)
while not has_others(pid, False):
    pass
print(end_children(pid, False).code)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("none")
"""
    assert said(code) == "-9\nnone"


def test_end_children_counts_the_time_of_all() -> None:
    code = """
adopt_orphans()
r, w = os.pipe()
def compute():
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
def both():
    if os.fork() == 0:
        compute()
        os.write(w, b"x")
        time.sleep(60)
    compute()
    os._exit(3)
pid = child(both)
os.read(r, 1)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
ended = end_children(pid, False)
print(ended.code, 0.19 < ended.seconds < 0.5)
print(end_children(pid, False))
"""
    assert said(code) == "3 True\nEnded(code=0, seconds=0.0)"


def test_has_others_knows_of_children_that_have_ended() -> None:
    code = """
adopt_orphans()
r, w = os.pipe()
def start(first):
    if first:
        subprocess.run(["/bin/true"])
    os.write(w, b"x")
    time.sleep(60)
for first in (True, False):
    pid = child(lambda: start(first))
    os.read(r, 1)
    print(has_others(pid, False))
    end_children(pid, False)
"""
    assert said(code) == "True\nFalse"


def test_is_asleep_knows_whether_a_thread_runs() -> None:
    code = """
r, w = os.pipe()
def spin():
    while True: pass
def work(spins):
    if spins: threading.Thread(target=spin, daemon=True).start()
    os.write(w, b"x")
    time.sleep(60)
for spins in (True, False):
    pid = child(lambda: work(spins))
    os.read(r, 1)
    while not (spins or is_asleep(pid)): pass
    print(is_asleep(pid))
    os.kill(pid, 9)
"""
    assert said(code) == "False\nTrue"


def test_cpu_seconds_reads_the_clock_of_another_process() -> None:
    code = """
r, w = os.pipe()
def work():
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    os.write(w, b"x")
    time.sleep(60)
pid = child(work)
os.read(r, 1)
print(0.1 <= cpu_seconds(pid) < 0.3)
os.kill(pid, 9)
"""
    assert said(code) == "True"


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("subprocess.run(['/bin/true'])", -31),
        ("os.fork()", -31),
        ("os.posix_spawn('/bin/true', ['true'], {})", -31),
        ("import multiprocessing as m; m.Process(target=print).start()", -31),
        ("threading.Thread(target=len, args=((),)).start()", 0),
        ("os.setsid()", 0),
    ],
)
def test_forbid_processes_ends_who_starts_one(work: str, code: int) -> None:
    script = f"""
def work():
    os.close(2)
    forbid_processes()
    {work}
print(os.waitstatus_to_exitcode(os.waitpid(child(work), 0)[1]))
"""
    assert said(script) == str(code)


def test_forbid_processes_says_why_the_kernel_takes_no_filter() -> None:
    code = """
try:
    while True: forbid_processes()  # the kernel takes so many instructions in all
except OSError as error:
    print(error)
"""
    assert said(code) == "[Errno 12] Cannot allocate memory"


def test_wipe_empties_folders_of_any_depth_and_mode(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "deep"
        folder.mkdir()
        (folder / "file").touch()
    (tmp_path / "wiped-0").touch()
    (tmp_path / "link").symlink_to("/usr")
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    (closed / "inner").chmod(0)
    closed.chmod(0)
    tmp_path.chmod(0)
    scratch = (str(tmp_path), str(tmp_path / "missing"))
    code = "from tito.grading.judge import processes\nprocesses.SCRATCH = "
    assert said(f"{code}{scratch}\nwipe()") == ""
    assert list(tmp_path.iterdir()) == []
    assert os.path.isdir("/usr/bin")


def test_wipe_leaves_what_is_mounted_and_what_links_lead_to(tmp_path: Path) -> None:
    scratch, outside = tmp_path / "scratch", tmp_path / "outside"
    kept = [scratch / "mounted" / "file", scratch / "above" / "mounted" / "file"]
    for file in (*kept, scratch / "above" / "other", scratch / "folder" / "file"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    outside.mkdir(mode=0o750)
    (scratch / "folder" / "link").symlink_to(outside)
    (scratch / "above").chmod(0)
    code = f"""
from pathlib import Path
from tito.grading.judge import processes
processes.SCRATCH = ({str(scratch)!r},)
processes._mount_points = lambda: set(map(Path, {[str(file.parent) for file in kept]}))
wipe()
"""
    assert said(code) == ""
    assert sorted(path for path in scratch.rglob("*") if path.is_file()) == sorted(kept)
    assert sorted(path.name for path in scratch.iterdir()) == ["above", "mounted"]
    assert [path.stat().st_mode & 0o777 for path in (scratch / "above", outside)] == [0o755, 0o750]


def test_patience_gives_back_what_a_child_waited_for_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, waited = os.getpid(), [3.0]
    before = {f"/proc/{own}/schedstat": 3.0}
    monkeypatch.setattr(processes, "_has_ended", lambda child: child != own)
    monkeypatch.setattr(processes, "_waited_for_cpu", before.__getitem__)
    monkeypatch.setattr(processes, "_waited", lambda child: waited[0] * (child == own))
    left = Patience(own, -1.0, 2.0)
    assert left() < 0
    waited[0] = 4.5
    assert 0 < left() < 0.6
    waited[0] = 99.0
    assert 0.9 < left() < 1.1  # at most so much
    assert 0 < Patience(own, 0.9, 2.0)() <= 0.9  # not yet


def test_patience_is_over_with_the_child() -> None:
    command = ["/bin/sh", "-c", "read line; exit 3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        left = Patience(process.pid, 50.0, 1.0)
        assert 40 < left() <= 50
        assert process.stdin is not None
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        for _ in range(2):
            with pytest.raises(EOFError):
                left()
    assert process.returncode == 3


def test_processes_are_counted_and_timed_as_the_kernel_does() -> None:
    own, none = os.getpid(), (1 << 22) + 1  # above the kernel's largest number
    assert thread_count(own) > thread_count(none) == 0
    assert not is_asleep(own)
    assert not is_asleep(none)
    before = time.process_time()
    assert before <= cpu_seconds(own) <= time.process_time()


def test_waiting_for_a_cpu_is_that_of_the_thread_that_waited_most(tmp_path: Path) -> None:
    def most() -> float:
        files = Path("/proc/self/task").glob("*/schedstat")
        return max((int(file.read_text().split()[1]) / 1e9 for file in files), default=0.0)

    before = most()
    assert before <= processes._waited(os.getpid()) <= most()
    assert processes._waited((1 << 22) + 1) == 0.0
    file = tmp_path / "schedstat"
    assert processes._waited_for_cpu(str(file)) == 0.0
    for text, seconds in (("1 2500000000 3", 2.5), ("1 x", 0.0), ("1", 0.0)):
        file.write_text(text)
        assert processes._waited_for_cpu(str(file)) == seconds


def test_a_process_sets_what_it_says() -> None:
    """The numbers to ask with are those of linux/prctl.h."""
    code = """
import ctypes
from tito.grading.judge.processes import _prctl
me, value = os.getpid(), ctypes.c_int()
def stay():
    die_with_parent(me)
    LIBC.prctl(2, ctypes.byref(value))
    os._exit(value.value)
for work in (stay, lambda: die_with_parent(me + 1)):
    print(os.waitstatus_to_exitcode(os.waitpid(child(work), 0)[1]))
for wanted in (False, True):
    set_dumpable(wanted)
    print(LIBC.prctl(3, 0, 0, 0, 0))
adopt_orphans()
LIBC.prctl(37, ctypes.byref(value))
print(value.value)
LIBC.prctl(15, ctypes.c_char_p(b"a) S 1"))  # its name
print(is_asleep(me))
try:
    _prctl(9999, 0)
except OSError as error:
    print(error)
"""
    assert said(code).split("\n") == [*"91011", "False", "[Errno 22] Invalid argument"]


def test_has_own_limits_notices_limits_that_somebody_has_set() -> None:
    assert has_own_limits()
    code = """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
print(has_own_limits())
"""
    assert said(code) == "False"


def test_supervisor_imports_nothing_that_only_the_judge_needs() -> None:
    """It starts anew for each submission."""
    code = """
import tito.grading.judge.supervisor
heavy = "nbformat IPython nbgrader psutil jupytext tito.lesson tito.course tito.grading.judge.judge"
print([name for name in heavy.split() if name in sys.modules])
"""
    assert said(code) == "[]"
