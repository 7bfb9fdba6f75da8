"""`make demo`: the whole way, twice, and never over a real class."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from classroom import MOST, read_samples

from tito.course import Course
from tito.lesson import find_lesson

pytestmark = pytest.mark.full

DEMO = Path(__file__).parents[1] / "support" / "demo.py"


def run_demo() -> subprocess.CompletedProcess[str]:
    """Run the demonstration in the current folder."""
    return subprocess.run([sys.executable, DEMO], capture_output=True, text=True, check=False)


def test_demo_grades_a_class_twice_alike(plain_course: Course) -> None:
    first, second = run_demo(), run_demo()
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    table = first.stdout.partition("$ tito nbgrader report kernels")[2]
    assert table == second.stdout.partition("$ tito nbgrader report kernels")[2]
    lines = table.splitlines()
    assert {s.student for s in read_samples()} <= {line.partition(" ")[0] for line in lines}
    assert re.search(rf"8 graded, median [\d.]+ of {MOST:g}, \d+ answers open\.", table)
    assert "assignments/feedback" in table


def test_demo_refuses_where_a_real_class_is(plain_course: Course) -> None:
    path = find_lesson(plain_course, "kernels").handed_in("someone-real")
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    done = run_demo()
    assert done.returncode == 1
    assert "1 other students" in done.stderr
    assert path.read_text(encoding="utf-8") == "{}"
