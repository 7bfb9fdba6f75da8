"""A class that handed in the same work, and a run over it as an instructor starts it.

Little of it is done, so that it is judged in a moment: what is tried on a crowd is the run.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from classroom import LITTLE, hand_in
from sqlalchemy import create_engine, text

from tito.grading.gradebook.basis import recorded_basis
from tito.grading.gradebook.grades import read_grades
from tito.lesson import Lesson

__all__ = [
    "CLASS",
    "POINTS",
    "assert_all_graded_once",
    "await_submissions",
    "events",
    "finish",
    "fill",
    "start",
]

POINTS = LITTLE.points
CLASS = 8


def fill(lesson: Lesson, students: int = CLASS) -> Lesson:
    """Have a class hand in the same work."""
    for number in range(students):
        sample = replace(LITTLE, student=f"s{number:02}")
        hand_in(sample, lesson, lesson.course.assignments / "submitted")
    return lesson


def start(*options: str) -> subprocess.Popen[str]:
    """Start `tito nbgrader autograde kernels` with events on a pipe."""
    command = [sys.executable, "-m", "tito", "nbgrader", "autograde", "kernels", "--json"]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish() -> None:
    """Grade the rest."""
    process = start("--jobs", "2")
    _, said = process.communicate()
    assert process.returncode == 0, said


def events(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def await_submissions(process: "subprocess.Popen[str]", number: int) -> None:
    """Read events until that many submissions are done."""
    seen = (event for event in events(process) if event["event"] == "submission")
    for _, _ in zip(range(number), seen, strict=False):
        pass


def assert_all_graded_once(lesson: Lesson) -> None:
    """Every submission has one entry, full points and a complete notebook; nothing is left over."""
    grades = read_grades(lesson)
    assert [s.score for s in grades.submissions] == [POINTS] * CLASS
    engine = create_engine(lesson.course.gradebook_url)
    with engine.connect() as database:
        count = database.scalar(text("select count(*) from submitted_assignment"))
    engine.dispose()
    assert count == CLASS
    tree = lesson.course.assignments / "autograded"
    assert not list(tree.rglob("*.partial"))
    for number in range(CLASS):
        assert recorded_basis(lesson, f"s{number:02}")
