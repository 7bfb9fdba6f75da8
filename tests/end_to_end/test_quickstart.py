"""nbgrader's own quickstart course: the same points in every cell, imported or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from shell import Tito

from tito.course import Course
from tito.lesson import Lesson, find_lesson, grade_id

pytestmark = pytest.mark.full
NOTEBOOKS = ("problem1", "problem2")
STUDENTS = ("blank", "solved", "mixed")
MIXED = {
    "squares": "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]\n",
    "sum_of_squares": "def sum_of_squares(n):\n    return sum(i * i for i in range(n + 1))\n",
    "sum_of_squares_equation": "It is a sum.",
    "part-b": "For those below zero.",
    "cell-d3df8cd59fd0eb74": "my_dictionary = {'one': 1}",
}
"""One of two points for squares, none for the error; right, but without calling squares."""

Scores = dict[tuple[str, str, str], tuple[float, float]]


def nbgrader(folder: Path, *arguments: str) -> None:
    programs = Path(sys.executable).parent  # nbgrader looks for alembic on the path
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr


def hand_in(student: str, source: Path, released: Path, to: Path) -> None:
    """Write what a student hands in: the release, its solutions from the source or their own."""
    notebook: Any = nbformat.read(released, as_version=4)
    solved = {grade_id(c): c.source for c in nbformat.read(source, as_version=4).cells}
    written = {"blank": {}, "solved": solved, "mixed": MIXED}[student]
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("solution") and meta["grade_id"] in written:
            cell.source = written[meta["grade_id"]]
    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, to)


def scores(url: str, assignment: str) -> Scores:
    """The points of each cell of each student, and what is to be had."""
    with Gradebook(url) as gradebook:
        return {
            (submission.student.id, notebook.name, grade.name): (grade.score, grade.max_score)
            for submission in gradebook.find_assignment(assignment).submissions
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@pytest.fixture(params=["", "--autotest"], ids=["asserts", "autotests"])
def quickstart(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The quickstart course, graded by nbgrader alone."""
    nbgrader(tmp_path, "quickstart", "quick", *filter(None, [request.param]))
    course = tmp_path / "quick"
    nbgrader(course, "generate_assignment", "ps1")
    for student in STUDENTS:
        for name in NOTEBOOKS:
            source, released = (course / f / "ps1" / f"{name}.ipynb" for f in ("source", "release"))
            hand_in(student, source, released, course / "submitted" / student / "ps1" / source.name)
    nbgrader(course, "autograde", "ps1")
    return course


def test_quickstart_course_is_graded_to_the_same_points(
    quickstart: Path, plain_course: Course, tito: Tito
) -> None:
    theirs = scores(f"sqlite:///{quickstart}/gradebook.db", "ps1")
    lessons = []
    for name in NOTEBOOKS:
        source = quickstart / "source" / "ps1" / f"{name}.ipynb"
        done = tito("lesson", "import", source)
        assert done.returncode == 0, done.stderr
        assert tito("lesson", "check", name).returncode == 0
        assert tito("nbgrader", "generate", name).returncode == 0
        lesson = find_lesson(Course.read(plain_course.root), name)
        assert [*lesson.released_files()] == ["jupyter.png"]
        assert "AUTOTEST" not in lesson.released.read_text(encoding="utf-8")
        for student in STUDENTS:
            hand_in(student, source, lesson.released, lesson.handed_in(student))
        assert tito("nbgrader", "autograde", name, "--jobs", "2").returncode == 0
        lessons.append(lesson)
    assert graded(lessons) == theirs
    assert sum(s for (who, *_), (s, _) in theirs.items() if who == "solved") == 3
    assert 0 < sum(s for (who, *_), (s, _) in theirs.items() if who == "mixed") < 3

    forget(lessons)
    for lesson in lessons:
        nbgrader(plain_course.root, "autograde", lesson.assignment)
    assert graded(lessons) == theirs


def graded(lessons: list[Lesson]) -> Scores:
    found: Scores = {}
    for lesson in lessons:
        found |= scores(lesson.course.gradebook_url, lesson.assignment)
    return found


def forget(lessons: list[Lesson]) -> None:
    """Take all grades out of the gradebook, and what was graded out of the tree."""
    shutil.rmtree(lessons[0].course.assignments / "autograded")
    with Gradebook(lessons[0].course.gradebook_url) as gradebook:
        for student in STUDENTS:
            gradebook.remove_student(student)
    assert graded(lessons) == {}
