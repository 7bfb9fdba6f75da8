"""The probe as a whole: every attempt is stopped, and would not be without the sandbox."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from tito.course import Course, Limits
from tito.grading.sandbox.cleanup import runtime_dir
from tito.grading.sandbox.mounts import student_mounts
from tito.grading.sandbox.probe import (
    ProbeLine,
    _seen_from_outside,
    _targets,
    failure,
    probe,
    require_sandbox,
)
from tito.grading.sandbox.process import run_in_sandbox
from tito.grading.sandbox.tools import find_tools


def test_probe_holds_in_every_line() -> None:
    lines = probe()
    assert [line for line in lines if not line.holds] == []
    assert [line.name for line in lines if line.honest] == ["honest work"]
    assert {line.name: line.detail for line in lines}["write system"].startswith(
        "Stopped: Read-only"
    )
    assert {line.name for line in lines} >= {
        "read the home folder",
        "import a solved lesson",
        "write system",
        "connect to a server on this machine",
        "kill another process",
        "mount a file system",
        "allocate too much memory",
        "start too many processes",
        "use too much CPU time",
        "take too long",
        "make too many files",
        "share out too much memory",
    }


def test_require_sandbox_goes_on_where_it_holds() -> None:
    require_sandbox()


def test_attempts_succeed_without_the_sandbox(tmp_path: Path) -> None:
    """Else a probe that is stopped would show nothing: here each of these gets what it is after."""
    tools = find_tools()
    secret = tmp_path / "secret"
    secret.write_text("x")
    small = Limits(memory_mib=16, file_mib=1, scratch_mib=1, processes=4)
    with subprocess.Popen([tools.sh, "-c", "read -r _"], stdin=subprocess.PIPE) as victim:
        targets = {
            "read": {"a file": [str(secret)]},
            "solved": ["tinytorch.core.kernels"],
            "write": {"a folder": str(tmp_path)},
            "tcp": 9,
            "abstract": "nobody",
            "victim": victim.pid,
            "mark": "made-inside",
            "variables": [],
            "limits": asdict(small),
        }
        requests, replies = os.pipe(), os.pipe()
        os.write(requests[1], json.dumps(targets).encode())
        os.close(requests[1])
        # A mount namespace of its own is all that this one has: for the attempts that mount.
        subprocess.run(
            [
                *(tools.bwrap, "--dev-bind", "/", "/", tools.sh, "-c"),
                'exec "$@" 3<&0 4>&1 </dev/null',
                *("sh", sys.executable, "-P", "-m", "tito.grading.sandbox.attempts", "look"),
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
        "import a solved lesson",
        "write a folder",
        "kill another process",
        "allocate too much memory",
        "write too large a file",
        "fill the scratch folder",
        "fill the shared memory",
        "start too many processes",
        "inherit a variable",
        "trace a process",
    }


def test_probe_finds_a_hole() -> None:
    folder = runtime_dir()
    mounts = student_mounts()
    leaky = replace(mounts, binds={**mounts.binds, str(folder): str(folder)})
    lines = probe(partial(run_in_sandbox, mounts=leaky))
    (let_through,) = [line for line in lines if not line.holds]
    assert let_through.name == "read the grader's folder"
    refusal = failure([let_through])
    assert refusal is not None
    assert let_through.name in refusal.fact
    assert "--sandbox off" in refusal.remedy


def test_failure_is_none_if_all_holds() -> None:
    assert failure([ProbeLine("read", True, ""), ProbeLine("threads", False, "", True)]) is None


def test_probe_knows_its_own_memory_from_the_course(tmp_path: Path) -> None:
    made = ProbeLine("write course", False, "made it")
    targets = {"write": {"course": str(tmp_path)}, "mark": "made-inside"}
    assert _seen_from_outside(made, targets).stopped
    (tmp_path / "made-inside").touch()
    assert _seen_from_outside(made, targets) == made
    assert list(tmp_path.iterdir()) == []


def test_probe_tries_to_reach_the_course_that_is_graded(plain_course: Course) -> None:
    lines = {line.name: line for line in probe(course=plain_course)}
    for name in ("read the course", "read the checks", "write course"):
        assert lines[name].holds
    assert "/checks.py" in _targets(plain_course)["read"]["the checks"][0]
