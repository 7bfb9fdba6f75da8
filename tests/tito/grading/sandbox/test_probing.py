"""The probe as a whole: every attempt is stopped, and would not be without the sandbox."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tito.grading.sandbox import (
    ProbeLine,
    Start,
    probe,
    require_sandbox,
    run_in_sandbox,
    student_view,
    warm_start,
)
from tito.grading.sandbox.janitor import own_folder
from tito.grading.sandbox.probing import refuse, seen_from_outside
from tito.grading.sandbox.tools import find_tools


@pytest.fixture(scope="module", params=[run_in_sandbox, warm_start])
def lines(request: pytest.FixtureRequest) -> list[ProbeLine]:
    return probe(request.param)


def test_probe_holds_in_every_line(lines: list[ProbeLine]) -> None:
    assert [line for line in lines if not line.holds] == []


@pytest.mark.parametrize(
    "name",
    [
        "read the home folder",
        "read the passwords",
        "read the solved kernels",
        "import the solved kernels",
        "write system",
        "write interpreter",
        "connect to a server on this machine",
        "connect to another machine",
        "connect to an abstract Unix socket",
        "see another process",
        "kill another process",
        "hold a capability",
        "make a user namespace",
        "mount a file system",
        "trace a process",
        "inherit an open file",
        "inherit a variable",
        "allocate too much memory",
        "write too large a file",
        "fill the scratch folder",
        "fill the shared memory",
        "open too many files",
        "start too many threads",
        "start too many processes",
        "use too much CPU time",
        "take too long",
        "leave a process behind",
        "end a process of the grader",
    ],
)
def test_probe_tries_and_is_stopped(lines: list[ProbeLine], name: str) -> None:
    assert [line.stopped for line in lines if line.name == name] == [True]


@pytest.mark.parametrize("name", ["threads", "a pool of processes", "NumPy", "the student edition"])
def test_probe_lets_honest_work_through(lines: list[ProbeLine], name: str) -> None:
    assert [line.stopped for line in lines if line.name == name] == [False]


def test_require_sandbox_goes_on_where_it_holds(start: Start) -> None:
    require_sandbox(start)


def test_attempts_succeed_without_the_sandbox(tmp_path: Path) -> None:
    """Else a probe that is stopped would show nothing: here each of these gets what it is after."""
    tools = find_tools()
    secret = tmp_path / "secret"
    secret.write_text("x")
    with subprocess.Popen([tools.sh, "-c", "read -r _"], stdin=subprocess.PIPE) as victim:
        targets = {
            "read": {"a file": [str(secret)]},
            "write": {"a folder": str(tmp_path)},
            "tcp": 9,
            "abstract": "nobody",
            "victim": victim.pid,
            "mark": "made-inside",
            "variables": [],
            "memory_mib": 16,
            "file_mib": 1,
            "open_files": 16,
            "scratch_mib": 1,
            "processes": 4,
        }
        requests, replies = os.pipe(), os.pipe()
        os.write(requests[1], json.dumps(targets).encode())
        os.close(requests[1])
        # A mount namespace of its own is all that this one has: for the attempts that mount.
        subprocess.run(
            [
                *(tools.bwrap, "--dev-bind", "/", "/", tools.sh, "-c"),
                'exec "$@" 3<&0 4>&1 </dev/null',
                *("sh", sys.executable, "-m", "tito.grading.sandbox.hostile", "look"),
            ],
            stdin=requests[0],
            stdout=replies[1],
            check=True,
        )
        os.close(replies[1])
        os.close(requests[0])
        with open(replies[0], encoding="utf-8") as file:
            reports = [json.loads(line) for line in file]
        assert victim.wait() != 0
    through = {report["name"] for report in reports if not report["stopped"]}
    assert through >= {
        "read a file",
        "write a folder",
        "see another process",
        "kill another process",
        "allocate too much memory",
        "write too large a file",
        "fill the scratch folder",
        "fill the shared memory",
        "open too many files",
        "start too many threads",
        "start too many processes",
        "make uncounted memory",
        "inherit a variable",
        "trace a process",
    }


def test_probe_finds_a_hole() -> None:
    folder = own_folder()
    leaky = student_view().plus(str(folder), folder)
    start = partial(run_in_sandbox, view=leaky)
    (let_through,) = [line for line in probe(start) if not line.holds]
    assert let_through.name == "read the grader's folder"
    refusal = refuse([let_through])
    assert refusal is not None
    assert let_through.name in refusal.fact
    assert "--sandbox off" in refusal.remedy


def test_refuse_says_nothing_if_all_holds() -> None:
    assert refuse([ProbeLine("read", True, ""), ProbeLine("threads", False, "", True)]) is None


def test_probe_knows_its_own_memory_from_the_course(tmp_path: Path) -> None:
    made = ProbeLine("write course", False, "made it")
    targets = {"write": {"course": str(tmp_path)}, "mark": "made-inside"}
    assert seen_from_outside(made, targets).stopped
    (tmp_path / "made-inside").touch()
    assert seen_from_outside(made, targets) == made
    assert list(tmp_path.iterdir()) == []
