"""Starting and ending a sandbox, and that it leaves nothing behind, however it ends."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tito.course import Limits
from tito.grading.sandbox.cgroup import group_stems
from tito.grading.sandbox.cleanup import runtime_dir
from tito.grading.sandbox.process import SandboxProcess, run_in_sandbox

Run = Callable[..., Any]

# A grader of its own: it starts a sandbox whose processes hold the pipe on descriptor 4 open, says
# what there is to clear away, and then does what the test tells it.
GRADER = """
import os, signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # below nohup it would be ignored
from tito.grading.sandbox.process import run_in_sandbox
from tito.grading.sandbox.cgroup import group_stems
from tito.grading.sandbox.cleanup import runtime_dir
alive = int(sys.argv[1])
nothing = os.open(os.devnull, os.O_RDONLY)
inside = "import os, time\\nos.fork(); os.setsid() if os.getpid() > 1 else 0\\n"
inside += "os.write(4, b'x'); time.sleep(600)"
process = run_in_sandbox([sys.executable, '-c', inside], pass_fds=(nothing, alive))
os.close(alive)
print(runtime_dir(), *group_stems(os.getpid()), flush=True)
input()
"""


@contextmanager
def grader(ending: str) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """Run GRADER; give it, a descriptor that ends with all its sandboxes, and its traces."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", GRADER + ending, str(writer)],
        pass_fds=[writer],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    with process:
        assert process.stdout is not None
        traces = process.stdout.readline().split()
        assert os.read(reader, 1) == b"x"
        assert os.path.isdir(traces[0])
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
        yield process, reader, traces
        process.kill()
    os.close(reader)


def ends(reader: int) -> bool:
    """Whether every process that holds the other end of the pipe ends; waits for it."""
    while select.select([reader], [], [], 30)[0]:
        if not os.read(reader, 99):
            return True
    return False


def launch(code: str, limits: Limits, stack: ExitStack) -> tuple[SandboxProcess, int]:
    """Start Python code; return its sandbox and where to read what it writes to descriptor 4."""
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    nothing = os.open(os.devnull, os.O_RDONLY)
    command = [sys.executable, "-c", code]
    process = run_in_sandbox(command, pass_fds=(nothing, writer), limits=limits)
    os.close(nothing)
    os.close(writer)
    return stack.enter_context(process), reader


def count(reader: int, wanted: int) -> int:
    """Count bytes until there are as many as wanted, or the end."""
    seen = 0
    while seen < wanted and (chunk := os.read(reader, wanted - seen)):
        seen += len(chunk)
    return seen


def cleared(traces: list[str]) -> bool:
    """Whether folder and groups are gone; waits for the cleanup, which needs a moment."""
    folder, *stems = (Path(trace) for trace in traces)
    poll = select.poll()
    for _ in range(100):
        left = [folder] if folder.exists() else []
        left += [found for stem in stems for found in stem.parent.glob(f"{stem.name}*")]
        if not left:
            return True
        poll.poll(100)
    return False


def test_run_in_sandbox_passes_two_pipes_and_the_exit_status(run: Run) -> None:
    result = run("say(os.read(3, 99).decode()); raise SystemExit(7)", given=b"question")
    assert (result.status, result.said, result.overrun) == (7, "question", "")


def test_run_in_sandbox_leads_prints_nowhere(run: Run) -> None:
    assert run("print('noise'); os.write(1, b'noise'); say('answer')").said == "answer"


def test_run_in_sandbox_reports_a_command_that_does_not_exist() -> None:
    with run_in_sandbox(["/no/such/program"]) as process:
        assert process.wait() == 127


@pytest.mark.parametrize(("later", "overrun"), [(1e-6, ""), (-1e-6, "notebook_seconds")])
def test_overrun_goes_by_when_a_sandbox_died_and_not_by_when_it_is_waited_for(
    later: float, overrun: str
) -> None:
    with run_in_sandbox(["sleep", "600"]) as process:
        watchdog = process._watchdog
        assert watchdog is not None
        process.kill()
        watchdog.join()
        process._deadline = watchdog.ended + later
        assert (process.wait(), process.overrun) == (137, overrun)


def test_kill_ends_all_processes_of_the_sandbox() -> None:
    code = "import os, time\nfor _ in range(3): os.fork()\nos.write(4, b'x'); time.sleep(600)"
    with ExitStack() as stack:
        process, reader = launch(code, Limits(), stack)
        assert count(reader, 8) == 8
        process.kill()
        assert process.wait() == 137
        assert ends(reader)
        assert not os.path.exists(f"/proc/{process.pid}")


def test_one_thread_may_wait_while_another_kills() -> None:
    for _ in range(10):
        process = run_in_sandbox(["sleep", "600"])
        with ThreadPoolExecutor(3) as threads:
            codes = [threads.submit(process.wait) for _ in range(2)]
            threads.submit(process.kill).result()
        assert [code.result() for code in codes] == [137, 137]


def test_signals_reach_nothing_but_the_sandbox(run: Run) -> None:
    """The first process is the command itself."""
    code = """
reached = []
for pid in range(1, 70000):
    try: os.kill(pid, 0)
    except ProcessLookupError: continue
    reached.append(pid)
say(reached)
"""
    assert run(code).said == "[1]"


def test_twenty_in_a_row_leave_nothing(run: Run) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        assert run(f"say({number})").said == str(number)
    assert len(os.listdir("/proc/self/fd")) == before
    stems = [Path(stem) for stem in group_stems(os.getpid())]
    assert [found for stem in stems for found in stem.parent.glob(f"{stem.name}*")] == []
    assert [path.name for path in runtime_dir().iterdir()] == ["edition"]


def test_several_at_a_time_do_not_share_the_limit_of_processes() -> None:
    code = "import os, time\nfor _ in range(3): os.fork()\nos.write(4, b'x'); time.sleep(600)"
    limits = Limits(processes=8)
    with ExitStack() as stack:
        readers = [launch(code, limits, stack)[1] for _ in range(4)]
        assert [count(reader, 8) for reader in readers] == [8, 8, 8, 8]


@pytest.mark.parametrize("ending", ["process.kill(); process.wait()", ""], ids=["ends", "forgets"])
def test_a_grader_that_ends_its_sandbox_or_forgets_it_leaves_nothing(ending: str) -> None:
    with grader(ending) as (process, alive, traces):
        assert process.wait() == 0
        assert ends(alive)
        assert cleared(traces)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_grader_that_is_killed_leaves_nothing(number: int) -> None:
    with grader("time.sleep(600)") as (process, alive, traces):
        process.send_signal(number)
        assert process.wait() == -number
        assert ends(alive)
        assert cleared(traces)


def test_a_forked_grader_has_its_runtime_dir() -> None:
    """A pool of graders: the parent's folder must outlive the child that used it."""
    code = """
import os
from tito.grading.sandbox.process import run_in_sandbox
from tito.grading.sandbox.cleanup import runtime_dir
mine = runtime_dir()
child = os.fork()
if child == 0:
    assert runtime_dir() != mine
    with run_in_sandbox(["/bin/true"]) as process:
        os._exit(process.wait())
assert os.waitpid(child, 0)[1] == 0
assert mine.is_dir()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
