"""A run as an instructor has it: watched, stopped, killed, crowded out, and taken up again."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from classroom import LITTLE, hand_in
from crowd import (
    CLASS,
    POINTS,
    assert_all_graded_once,
    await_submissions,
    events,
    fill,
    finish,
    start,
)
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.basis import recorded_basis
from tito.grading.gradebook.course_tree import assignment_lock
from tito.grading.sandbox.tools import find_tools
from tito.lesson import Lesson


@pytest.fixture
def crowd(lesson: Lesson) -> Lesson:
    """The lesson of a course in which a class has handed in."""
    return fill(lesson)


def processes_of(course: Course) -> list[str]:
    """What runs in the course's folder, by command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if Path(os.readlink(entry / "cwd")) == course.root:
                    found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def test_events_are_json_and_the_summary_is_for_people(lesson: Lesson, tito: Tito) -> None:
    fill(lesson, 3)
    done = tito("nbgrader", "autograde", "kernels", "--json", "--jobs", "2")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in told] == ["started", *["submission"] * 3, "finished"]
    assert told[0]["total"] == 3
    assert {event["score"] for event in told[1:-1]} == {POINTS}
    assert all({"intake", "run", "judge"} <= event["seconds"].keys() for event in told[1:-1])
    assert told[-1]["graded"] == 3
    assert "3 graded, 0 unchanged, 0 failed" in done.stderr
    again = tito("nbgrader", "autograde", "kernels")
    assert (again.returncode, again.stdout) == (0, "")
    assert "0 graded, 3 unchanged, 0 failed" in again.stderr


def test_lines_and_the_log_say_what_happened(lesson: Lesson, tito: Tito, tmp_path: Path) -> None:
    hand_in(LITTLE, lesson, lesson.course.assignments / "submitted")
    broken = lesson.handed_in("broken")
    broken.parent.mkdir(parents=True)
    broken.write_text("[]", encoding="utf-8")
    done = tito("nbgrader", "autograde", "kernels", "--log", tmp_path / "log")
    assert done.returncode == 0
    assert f"{LITTLE.student}: graded, {POINTS:g} points" in done.stderr
    assert "broken: rejected: The file is JSON, but not a notebook" in done.stderr
    assert "Ask for the notebook again" in done.stderr
    assert "2 graded (1 rejected), 0 unchanged, 0 failed" in done.stderr
    assert '"seed": ' in (tmp_path / "log").read_text(encoding="utf-8")


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_says_how_to_go_on_and_leaves_nothing(crowd: Lesson, number: int) -> None:
    process = start("--jobs", "2")
    await_submissions(process, 3)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == 130
    assert "are left: run the same command again" in said
    assert "Traceback" not in said
    assert_ends(lambda: processes_of(crowd.course) == [])
    kept = sum(bool(recorded_basis(crowd, f"s{n:02}")) for n in range(CLASS))
    assert kept >= 3
    finish()
    assert_all_graded_once(crowd)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 4))]
)
def test_killed_run_is_finished_by_the_same_command(crowd: Lesson, seed: int) -> None:
    """Killed again and again, at whatever moment; each run goes on where the last one was."""
    moments = random.Random(seed)
    for _ in range(2):
        process = start("--jobs", "2")
        await_submissions(process, moments.randrange(1, 4))
        time.sleep(moments.random() * 0.3)  # so that it is in the middle of something
        process.kill()
        process.communicate()
        assert_ends(lambda: processes_of(crowd.course) == [])
    process = start("--jobs", "2")
    told = [event for event in events(process) if event["event"] == "finished"]
    assert process.wait() == 0
    assert told[0]["kept"], "what was graded before the kill was graded again"
    process.communicate()
    assert_all_graded_once(crowd)


@pytest.mark.full
def test_killed_worker_costs_no_grade(crowd: Lesson) -> None:
    process = start("--jobs", "2")
    await_submissions(process, 2)
    killed = kill_below(process, "multiprocessing.forkserver")
    _, said = process.communicate()
    assert killed
    assert process.returncode == 0, said
    assert_all_graded_once(crowd)


def kill_below(process: "subprocess.Popen[str]", name: str) -> int:
    """Kill what runs below a process and has `name` in its command line; return how many it was."""
    killed = 0
    for below in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any(name in word for word in below.cmdline()):
                below.kill()
                killed += 1
    return killed


def assert_ends(condition: Callable[[], bool]) -> None:
    """Wait until something is so: what was killed needs a moment to be gone."""
    for _ in range(100):
        if condition():
            return
        time.sleep(0.1)
    assert condition()


def test_second_grader_is_turned_away(crowd: Lesson, tito: Tito) -> None:
    with assignment_lock(crowd):
        done = tito("nbgrader", "autograde", "kernels")
    assert done.returncode == 1
    assert "is being graded already" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_locked_gradebook_is_waited_for(crowd: Lesson) -> None:
    with locked(crowd.course):
        process = start("--jobs", "2")
        time.sleep(8)  # longer than SQLite waits by itself
        assert process.poll() is None
    process.communicate()
    assert process.returncode == 0
    assert_all_graded_once(crowd)


@contextmanager
def locked(course: Course) -> Iterator[None]:
    database = sqlite3.connect(course.assignments / "gradebook.db", isolation_level=None)
    database.execute("begin exclusive")
    try:
        yield
    finally:
        database.close()


def elsewhere(course: Course, *mounts: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    """Grade in a mount namespace in which a folder of the course is not what it was."""
    command = f"{before} exec {sys.executable} -m tito nbgrader autograde kernels --sandbox off"
    bwrap = [find_tools().bwrap, "--dev-bind", "/", "/", *mounts, "sh", "-c", command]
    return subprocess.run(bwrap, cwd=course.root, capture_output=True, text=True, check=False)


def trouble(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that says what is wrong; the rest are progress, a warning and the summary."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("tito: ")]
    return line


@pytest.mark.full
def test_read_only_folder_is_one_clear_line(crowd: Lesson) -> None:
    tree = str(crowd.course.assignments)
    line = trouble(elsewhere(crowd.course, "--ro-bind", tree, tree))
    assert "assignments cannot be written: Read-only file system" in line
    finish()
    assert_all_graded_once(crowd)


@pytest.mark.full
def test_full_disk_is_one_clear_line_and_what_was_graded_is_kept(crowd: Lesson) -> None:
    tree = crowd.course.assignments / "autograded"
    tree.mkdir(exist_ok=True)
    done = elsewhere(crowd.course, "--size", str(1 << 18), "--tmpfs", str(tree))
    assert "The disk of assignments is full. Make room." in trouble(done)
    assert "are left." in done.stderr
    finish()
    assert_all_graded_once(crowd)


@pytest.mark.full
def test_full_disk_of_the_gradebook_is_one_clear_line(crowd: Lesson) -> None:
    tree = crowd.course.assignments
    fill = "dd if=/dev/zero of=assignments/filler bs=1k 2>/dev/null; "
    copy = tree.with_name("copy")
    shutil.copytree(tree, copy)
    done = elsewhere(
        crowd.course,
        *("--size", str(1 << 22), "--tmpfs", str(tree)),
        before=f"cp -r copy/. assignments/; {fill}",
    )
    assert "is full" in trouble(done)
