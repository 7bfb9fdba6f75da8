"""Every command of the guides runs, in the order in which it stands there."""

import shutil
from pathlib import Path

import nbgrader
import pytest
from classroom import SAMPLES, hand_in
from documents import commands, run
from edits import edit

from tito.course import Course
from tito.grading.gradebook.grades import read_grades
from tito.lesson import Lesson, find_lesson

pytestmark = pytest.mark.full
QUICKSTART = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "source"

# Run by other means: what each stands for and the test that does it.
ELSEWHERE = {
    "make setup": "this environment",
    "source .venv/bin/activate": "tests/end_to_end/test_handout.py",
    "python -m venv .venv": "tests/end_to_end/test_handout.py",
    'python -m pip install -e ".[lab]"': "tests/end_to_end/test_handout.py",
    "jupyter lab": "tests/end_to_end/test_browser.py",
}


def guide(root: Path, name: str) -> list[str]:
    """The commands of a guide that are run here."""
    found = commands((root / "docs" / f"{name}.md").read_text(encoding="utf-8"))
    assert len(found) > 5
    return [line for line in found if not line.startswith(tuple(ELSEWHERE))]


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    """The lesson of a course in which nothing is generated yet."""
    return find_lesson(plain_course, "kernels")


def test_students_guide_runs_on_solved_work(root: Path, lesson: Lesson) -> None:
    run("tito nbgrader generate kernels")
    for command in guide(root, "student"):
        run(command)
        if command == "tito notebook kernels":
            shutil.copy(hand_in(SAMPLES["complete"], lesson, Path("work")), lesson.working_copy)
            shutil.copy(lesson.working_copy, lesson.notebook_name)


def test_instructors_guide_leads_to_grades(root: Path, lesson: Lesson) -> None:
    for command in guide(root, "instructor"):
        if command.startswith("tito roster"):
            Path("class.csv").write_text("id\nada\ngrace\n", encoding="utf-8")
        if command.startswith("tito nbgrader collect"):
            for name in ("complete", "late"):
                hand_in(SAMPLES[name], lesson, Path("hand-ins"))
        run(command)
    found = read_grades(lesson).submissions
    assert {one.student: one.score for one in found} == {"ada": 80, "grace": 80}
    assert Path("all-grades.csv").read_text(encoding="utf-8").count("\n") == 3
    assert [*Path("..").glob("assignments-2*/gradebook.db")]


def test_authors_guide_leads_to_a_release(root: Path, plain_course: Course) -> None:
    shutil.copytree(QUICKSTART / "ps1", "homework")
    for command in guide(root, "authoring"):
        run(command)
    course = Course.read(plain_course.root)
    assert [*course.lessons][-2:] == ["12_sums", "13_squares"]
    found = {path.name for path in Path("sums-handout").iterdir()}
    assert {"sums.ipynb", "squares.ipynb", "jupyter.png"} <= found
    assert not [*Path("sums-handout").rglob("checks.py")]


def test_remedies_leave_every_grade_as_it_was(root: Path, graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    before = read_grades(lesson)
    checks = lesson.folder / "checks.py"
    for command in guide(root, "in_case_of"):
        if "--reason" in command and "--student" not in command:
            edit(checks, "(0.4, 3)", "(0.45, 3)")
        run(command)
    assert read_grades(lesson) == before
