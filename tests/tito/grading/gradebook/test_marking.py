"""Marking schemes, model answers and hidden tests: on no page of feedback unless it is wanted."""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import copy_course
from edits import with_settings
from nbformat import v4
from nbgrader.preprocessors import OverwriteCells

from tito.course import Course
from tito.grading.gradebook.assignment import generate, nbgrader_api
from tito.grading.gradebook.feedback import write_feedback
from tito.grading.gradebook.marking import HideMarking
from tito.grading.intake.rebuild import NOTE_KEY
from tito.lesson import Lesson, find_lesson, read_notebook

HIDDEN_TEST = "assert matmul_custom(ones, ones)[0, 0] == 12345.0"
REGION = re.compile(r"### BEGIN (SOLUTION|MARK SCHEME|HIDDEN TESTS)\n(.*?)### END \1", re.DOTALL)
WORDS = re.compile(r"\w+")


def cell(source: str, kind: str = "code", **flags: Any) -> Any:
    made = (v4.new_code_cell if kind == "code" else v4.new_markdown_cell)(source)
    made.metadata["nbgrader"] = nbformat.from_dict({"grade_id": "x", **flags})
    return made


def hidden(given: Any) -> Any:
    """Return the cell as a page of feedback shows it."""
    return HideMarking().preprocess_cell(given, {}, 0)[0]


REGIONS = {
    "marking scheme": "Why?\n\n### BEGIN MARK SCHEME\n1 B\n### END MARK SCHEME\n",
    "hidden test": "Why?\n### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS",
    "model answer": "Why?\n    ### BEGIN SOLUTION\nB\n    ### END SOLUTION",
    "without an end": "Why?\n### BEGIN MARK SCHEME\n1 B",
    "two": "### BEGIN MARK SCHEME\na\n### END MARK SCHEME\nWhy?\n# BEGIN HIDDEN TESTS\nb",
}


@pytest.mark.parametrize("source", REGIONS.values(), ids=REGIONS)
@pytest.mark.parametrize("kind", ["code", "markdown"])
def test_hide_marking_takes_a_region_out(source: str, kind: str) -> None:
    assert hidden(cell(source, kind, locked=True)).source == "Why?"


def test_hide_marking_leaves_a_student_what_they_wrote() -> None:
    source = REGIONS["hidden test"]
    assert hidden(cell(source, solution=True)).source == source
    assert hidden(cell("x = 1\n\n", locked=True)).source == "x = 1\n\n"


def test_hide_marking_takes_the_lines_of_a_hidden_test_out_of_a_traceback() -> None:
    given = cell(REGIONS["hidden test"], grade=True, locked=True)
    given.outputs = [v4.new_output("error", ename="E", evalue="x", traceback=["---> 2 assert x"])]
    assert hidden(given).outputs[0].traceback == ["E: x"]


# The whole way: the lesson's own schemes and answers, and a hidden test put into one of its checks.


@pytest.fixture
def lesson(with_hidden_test: Path, tmp_path: Path) -> Lesson:
    """A lesson with a hidden test, of which ada's notebook is graded; to change at will."""
    folder = shutil.copytree(with_hidden_test, tmp_path / "course")
    return find_lesson(Course.read(folder), "kernels")


@pytest.fixture(scope="module")
def with_hidden_test(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that lesson's course; never changed."""
    folder = copy_course(root, tmp_path_factory.mktemp("hidden") / "course")
    lesson = find_lesson(Course.read(folder), "kernels")
    text = lesson.source.read_text(encoding="utf-8")
    head, cell_of, rest = text.partition('"grade_id": "test-vectorized-immediate"')
    line, newline, rest = rest.partition("\n")
    test = f"### BEGIN HIDDEN TESTS\n{HIDDEN_TEST}\n### END HIDDEN TESTS\n"
    lesson.source.write_text(f"{head}{cell_of}{line}{newline}{test}{rest}", encoding="utf-8")
    generate(lesson)
    api = nbgrader_api(lesson.course)
    facts = {"notebook": lesson.name, "assignment": lesson.assignment}
    resources = {"nbgrader": {**facts, "db_url": api.coursedir.db_url}}
    released = read_notebook(lesson.released)
    graded, _ = OverwriteCells(config=api.config).preprocess(released, resources)
    path = lesson.handed_in("ada", "autograded")
    path.parent.mkdir(parents=True)
    nbformat.write(graded, path)
    with api.gradebook as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission(lesson.assignment, "ada")
    return folder


def secrets_of(lesson: Lesson) -> list[str]:
    """Return the lines of the source's schemes, model answers and hidden tests, by their words."""
    regions = REGION.findall(lesson.source.read_text(encoding="utf-8"))
    assert {kind for kind, _ in regions} == {"SOLUTION", "MARK SCHEME", "HIDDEN TESTS"}
    lines = [" ".join(WORDS.findall(line)) for _, text in regions for line in text.split("\n")]
    return [line for line in lines if len(line) > 40] + [" ".join(WORDS.findall(HIDDEN_TEST))]


def found_on(page: Path, wanted: list[str]) -> list[str]:
    text = re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))
    shown = " ".join(WORDS.findall(html.unescape(text)))
    return [line for line in wanted if line in shown]


def by_tito(lesson: Lesson) -> Path:
    (page,) = write_feedback(lesson, "ada")
    return page


def by_nbgrader(lesson: Lesson) -> Path:
    command = Path(sys.executable).with_name("nbgrader")
    done = subprocess.run(
        [command, "generate_feedback", lesson.assignment], cwd=lesson.course.root, check=False
    )
    assert done.returncode == 0
    return lesson.handed_in("ada", "feedback").with_suffix(".html")


@pytest.mark.parametrize("write", [by_tito, pytest.param(by_nbgrader, marks=pytest.mark.full)])
def test_feedback_shows_no_scheme_no_model_answer_and_no_hidden_test(
    lesson: Lesson, write: Any
) -> None:
    autograded = lesson.handed_in("ada", "autograded").read_text(encoding="utf-8")
    assert "BEGIN MARK SCHEME" in autograded  # graders see it
    assert HIDDEN_TEST in autograded
    page = write(lesson)
    assert found_on(page, secrets_of(lesson)) == []
    assert "BEGIN MARK SCHEME" not in page.read_text(encoding="utf-8")


def test_feedback_shows_schemes_and_hidden_tests_where_the_settings_say_so(lesson: Lesson) -> None:
    changed = with_settings(lesson.course, "show_marking = no", "show_marking = yes")
    found = found_on(by_tito(changed), secrets_of(lesson))
    assert " ".join(WORDS.findall(HIDDEN_TEST)) in found
    assert len(found) > 4


def test_feedback_folder_holds_nothing_but_the_page(lesson: Lesson) -> None:
    shutil.rmtree(lesson.course.assignments / "feedback", ignore_errors=True)
    page = by_tito(lesson)
    assert [path.name for path in page.parent.iterdir()] == [page.name]


def test_feedback_says_how_a_cell_was_read(lesson: Lesson) -> None:
    path = lesson.handed_in("ada", "autograded")
    notebook = nbformat.read(path, as_version=4)
    solution = next(c for c in notebook.cells if c.get("id") == "matmul-vectorized")
    solution.metadata[NOTE_KEY] = "This cell was found in 2 parts."
    nbformat.write(notebook, path)
    assert "This cell was found in 2 parts." in by_tito(lesson).read_text(encoding="utf-8")
