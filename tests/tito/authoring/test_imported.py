"""`tito lesson import`: an nbgrader notebook becomes a lesson as a whole, or nothing is written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from downloads import contents_of
from edits import edit
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from rights import read_only
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.assignment import generate, is_current
from tito.grading.gradebook.grades import read_grades
from tito.grading.pipeline.autograde import autograde
from tito.handout import write_handout
from tito.lesson import Lesson, find_lesson, grade_id, read_notebook
from tito.notebooks import instructor_notebook, save_notebook

PLAIN = {"grade": False, "locked": False, "schema_version": 3, "solution": False, "task": False}
TEST = {**PLAIN, "grade": True, "points": 2}
AUTOTESTS = """python3:
    dispatch: "type({{snippet}})"
    normalize: "str({{snippet}})"
    check: 'assert {{snippet}} == \"\"\"{{value}}\"\"\", \"\"\"{{message}}\"\"\"'
    templates:
        default:
            - test: "{{snippet}}"
              fail: "{{snippet}} is wrong"
"""


def code(source: str, **meta: object) -> Any:
    return new_code_cell(source, metadata={"nbgrader": {**PLAIN, **meta}} if meta else {})


def text(source: str, **meta: object) -> Any:
    return new_markdown_cell(source, metadata={"nbgrader": {**PLAIN, **meta}} if meta else {})


def cells() -> list[Any]:
    """A notebook that reads a file and a module beside it, has a hidden test and a task."""
    return [
        text("# Means"),
        code("%matplotlib inline\nimport csv\nfrom tools import half\n\n\n"),
        code(
            "def mean():\n    ### BEGIN SOLUTION\n    rows = csv.reader(open('data/rows.csv'))\n"
            "    numbers = [float(row[0]) for row in rows]\n    return half(sum(numbers))\n"
            "    ### END SOLUTION",
            solution=True, grade_id="mean",
        ),
        code("result = mean()"),
        code("result"),
        code(
            "assert result == 3\n### BEGIN HIDDEN TESTS\nassert mean() == 3\n### END HIDDEN TESTS",
            **{**TEST, "grade_id": "test-mean"},
        ),
        text(
            "Why?\n\n### BEGIN MARK SCHEME\nIt is.\n### END MARK SCHEME",
            task=True,
            points=3,
            grade_id="why",
            locked=True,
        ),
        code("late = 1"),
    ]  # fmt: skip


def write(path: Path, made: list[Any], **metadata: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    bare = [{key: value for key, value in cell.items() if key != "id"} for cell in made]
    notebook = {"cells": bare, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.fixture
def means(plain_course: Course, tmp_path: Path) -> Path:
    """A notebook with data, a module and what is of no use beside it."""
    path = write(tmp_path / "hw 1" / "My Means.ipynb", cells())
    for name, data in {
        "data/rows.csv": "1\n2\n3\n",
        "tools.py": "def half(x):\n    return x / 2\n",
        "gradebook.db": "",
        "other.ipynb": "{}",
        ".hidden": "",
        ".ipynb_checkpoints/a.csv": "",
    }.items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text(data, encoding="utf-8")
    return path


@pytest.fixture
def lesson(means: Path, plain_course: Course, tito: Tito) -> Lesson:
    """The lesson that the notebook becomes."""
    done = tito("lesson", "import", means, "--title", "All means")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "why: the task is a question now, with a cell below it for the answer.",
        "given-1, given-2: locked, as they define names for the graded cells.",
    ]
    return find_lesson(Course.read(plain_course.root), "my_means")


def test_import_keeps_ids_points_and_texts(lesson: Lesson) -> None:
    found = {grade_id(c): c for c in read_notebook(lesson.source).cells if grade_id(c)}
    points = {name: cell.metadata["nbgrader"].get("points") for name, cell in found.items()}
    assert points == {
        "given-1": None,
        "mean": None,
        "given-2": None,
        "given-3": None,
        "test-mean": 2,
        "question-why": None,
        "why": 3,
    }
    assert "### BEGIN HIDDEN TESTS" in found["test-mean"].source
    assert "### BEGIN MARK SCHEME" in found["question-why"].source
    assert found["given-1"].source.startswith("#| default_exp core.my_means\n#| export\n%matplot")
    assert found["given-2"].source == "result = mean()"  # it needs a solution: nothing exports it
    assert lesson.title == "All means"


def test_import_brings_what_lies_beside_the_notebook(lesson: Lesson) -> None:
    assert sorted(contents_of(lesson.files)) == ["data/rows.csv", "tools.py"]


@pytest.mark.full
def test_imported_lesson_is_graded_with_its_data(
    lesson: Lesson, tito: Tito, tmp_path: Path
) -> None:
    done = tito("lesson", "check", "my_means")
    assert (done.returncode, done.stdout.count("\n")) == (0, 2), done.stdout
    generate(lesson)
    released = lesson.released.read_text(encoding="utf-8")
    assert "HIDDEN" not in released
    assert "MARK SCHEME" not in released
    save_notebook(instructor_notebook(lesson), lesson.handed_in("ada"), force=False)
    save_notebook(read_notebook(lesson.released), lesson.handed_in("bob"), force=False)
    autograde(lesson)
    scores = {one.student: one.score for one in read_grades(lesson).submissions}
    assert scores == {"ada": 2, "bob": 0}
    (lesson.files / "data" / "rows.csv").write_text("1\n2\n4\n", encoding="utf-8")
    assert not is_current(lesson)
    generate(lesson)
    assert {one.status for one in autograde(lesson, dry_run=True)} == {"due"}
    (lesson.files / "old.csv").write_text("1", encoding="utf-8")
    generate(lesson)
    (lesson.files / "old.csv").unlink()
    assert not is_current(lesson)
    generate(lesson)
    assert sorted(lesson.released_files()) == ["data/rows.csv", "tools.py"]
    assert is_current(lesson)
    write_handout(lesson.course, tmp_path / "out")
    assert (tmp_path / "out" / "data" / "rows.csv").read_text("utf-8") == "1\n2\n4\n"


@pytest.mark.full
def test_students_of_an_imported_lesson_test_with_its_data(lesson: Lesson, tito: Tito) -> None:
    generate(lesson)
    assert tito("notebook", "my_means").returncode == 0
    assert (lesson.folder / "data" / "rows.csv").is_file()
    save_notebook(instructor_notebook(lesson), lesson.working_copy, force=True)
    done = tito("test", "my_means")
    assert done.returncode == 0, done.stdout
    (lesson.folder / "tools.py").unlink()
    assert "No module named 'tools'." in tito("test", "my_means").stdout


@pytest.mark.full
def test_import_upgrades_old_notebooks(plain_course: Course, tito: Tito, tmp_path: Path) -> None:
    path = tmp_path / "old" / "old.ipynb"
    path.parent.mkdir()
    old = {"cell_type": "code", "collapsed": False, "language": "python", "outputs": []}
    made = [
        {**old, "input": "x = 1", "metadata": {"nbgrader": {"solution": True, "grade_id": "x"}}},
        {
            **old,
            "input": "assert x == 1",
            "metadata": {"nbgrader": {"grade": True, "points": 1, "grade_id": "test-x"}},
        },
    ]
    notebook = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": made}]}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    done = tito("lesson", "import", path)
    assert done.returncode == 0, done.stderr
    assert tito("lesson", "check", "old").returncode == 0


@pytest.mark.full
def test_import_takes_the_autotests_of_the_course_above(
    plain_course: Course, tito: Tito, tmp_path: Path
) -> None:
    made = [
        code("x = 6", solution=True, grade_id="x"),
        code("### AUTOTEST x * 7", **{**TEST, "grade_id": "test-x"}),
    ]
    path = write(tmp_path / "theirs" / "source" / "ps1" / "auto.ipynb", made)
    assert "there is no autotests.yml" in tito("lesson", "import", path).stderr
    (tmp_path / "theirs" / "autotests.yml").write_text(AUTOTESTS, encoding="utf-8")
    assert tito("lesson", "import", path).returncode == 0
    assert tito("lesson", "check", "auto").returncode == 0
    lesson = find_lesson(Course.read(plain_course.root), "auto")
    generate(lesson)
    assert 'assert str(x * 7) == """42"""' in read_notebook(lesson.released).cells[1].source
    assert lesson.released_files() == {}
    assert is_current(lesson)
    lesson.autotests.write_text(AUTOTESTS.replace("is wrong", "is bad"), encoding="utf-8")
    assert not is_current(lesson)


@pytest.mark.parametrize("source", ["1 / 0", "### AUTOTEST x.y", "import os; os._exit(1)"])
def test_autotests_that_cannot_be_made_are_one_sentence(
    plain_course: Course, tito: Tito, tmp_path: Path, source: str
) -> None:
    edit(plain_course.root / "settings.ini", "cell_seconds = 30", "cell_seconds = 3")
    made = [SOLUTION, code(f"{source}\n### AUTOTEST x", **{**TEST, "grade_id": "test-x"})]
    path = write(tmp_path / "theirs" / "auto.ipynb", made)
    path.with_name("autotests.yml").write_text(AUTOTESTS, encoding="utf-8")
    assert tito("lesson", "import", path).returncode == 0
    for command in (["nbgrader", "generate"], ["lesson", "check"]):
        done = tito(*command, "auto")
        assert done.returncode == 1
        told = [line for line in done.stderr.splitlines() if line.startswith("tito: ")]
        assert len(told) == 1
        assert told[0].startswith("tito: nbgrader cannot make the autotests of auto: ")


SOLUTION = code("x = 1", solution=True, grade_id="x")
GRADED = code("assert x == 1", **{**TEST, "grade_id": "test-x"})
PICTURE = text("![](attachment:a.png)")
PICTURE.attachments = {"a.png": {"image/png": "aGk="}}
Make = Callable[[Path], object]


def graded(*made: Any, **metadata: object) -> Make:
    return lambda path: write(path, [SOLUTION, *made, GRADED], **metadata)


def beside(make: Make) -> Make:
    return lambda path: make(write(path, [SOLUTION, GRADED]))


def autotests(table: str) -> Make:
    test = code("### AUTOTEST x", **{**TEST, "grade_id": "test-x"})
    return lambda path: write(path, [SOLUTION, test]).with_name("autotests.yml").write_text(table)


REFUSED: dict[str, tuple[Make, str]] = {
    "no file": (lambda path: None, "is not there"),
    "a folder": (lambda path: path.mkdir(), "is no notebook"),
    "a circle": (lambda path: path.symlink_to(path), "is a link"),
    "a pipe": (os.mkfifo, "not a regular file"),
    "empty": (lambda path: path.write_bytes(b""), "is not a notebook"),
    "no JSON": (lambda path: path.write_text("def x(): pass"), "is not a notebook"),
    "a list": (lambda path: path.write_text("[]"), "is not a notebook"),
    "bytes": (lambda path: path.write_bytes(b"\xff\xfe{}"), "cannot be read"),
    "deep": (lambda path: path.write_text("[" * 100_000), "is not a notebook"),
    "no cells": (lambda path: write(path, []), "has no graded cell"),
    "nothing graded": (lambda path: write(path, [SOLUTION]), "has no graded cell"),
    "huge": (lambda path: path.write_bytes(b" " * (17 << 20)), "larger than the 16 MiB"),
    "many cells": (lambda path: write(path, [code("1")] * 2001), "has 2001 cells"),
    "twice": (graded(SOLUTION), "2 cells have the grade_id x."),
    "another language": (graded(language_info={"name": "R"}), "is written in R"),
    "a picture": (graded(PICTURE), "Cell number 2 holds a pasted picture."),
    "a new form": (graded(code("1", schema_version=9, grade_id="n")), "Cell n has nbgrader meta"),
    "no table": (graded(new_code_cell("1", metadata={"nbgrader": [1]})), "no table"),
    "no id": (graded(code("1", **TEST)), "Cell number 2 has nbgrader metadata"),
    "no points": (graded(code("1", **{**TEST, "points": "x", "grade_id": "n"})), "Cell n has"),
    "autotest at large": (
        graded(code("### AUTOTEST x", locked=True, grade_id="n")),
        "Cell n has AUTOTEST lines, but is no graded test.",
    ),
    "percent": (graded(code("y = 1\n# %%\nz = 2")), "the cell that begins with 'y = 1'"),
    "a link beside it": (
        beside(lambda path: path.with_name("a.csv").symlink_to("/etc/hostname")), "a.csv, beside"
    ),
    "a large file beside it": (
        beside(lambda path: path.with_name("a.csv").write_bytes(bytes(17 << 20))), "a.csv, beside"
    ),
    "many files beside it": (
        beside(lambda path: [path.with_name(f"{n}.csv").touch() for n in range(1001)]),
        "lie more than 16 MiB or 1000 files",
    ),
    "autotests cut short": (autotests("["), "autotests.yml"),
    "autotests of R": (autotests("ir: {}"), "autotests.yml"),
    "empty autotests": (autotests(""), "autotests.yml"),
}  # fmt: skip


NO_NOTEBOOK = ("no file", "a folder", "a circle", "a pipe", "huge")


@pytest.mark.parametrize("name", REFUSED)
def test_import_refuses_what_it_cannot_keep_in_one_sentence(
    plain_course: Course, tito: Tito, tmp_path: Path, name: str
) -> None:
    make, said = REFUSED[name]
    path = tmp_path / "theirs" / "x.ipynb"
    path.parent.mkdir()
    make(path)
    before = contents_of(plain_course.root)
    done = tito("lesson", "import", path)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == (2 if name in NO_NOTEBOOK else 1)
    assert contents_of(plain_course.root) == before


def test_import_from_the_course_itself_takes_not_the_course(
    plain_course: Course, tito: Tito
) -> None:
    write(plain_course.root / "x.ipynb", [SOLUTION, GRADED])
    done = tito("lesson", "import", "x.ipynb")
    assert "The folder of x.ipynb holds the whole course." in done.stderr


def test_import_needs_a_name_that_can_be_one(
    plain_course: Course, tito: Tito, tmp_path: Path
) -> None:
    path = write(tmp_path / "theirs" / "Übung 1.ipynb", [SOLUTION, GRADED])
    assert "A lesson cannot be called 'übung_1'." in tito("lesson", "import", path).stderr
    assert tito("lesson", "import", path, "--name", "30_exercise").returncode == 0
    again = tito("lesson", "import", path, "--name", "exercise")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


def test_import_writes_all_or_nothing(plain_course: Course, tito: Tito, tmp_path: Path) -> None:
    path = write(tmp_path / "theirs" / "x.ipynb", [SOLUTION, new_raw_cell("raw"), GRADED])
    before = contents_of(plain_course.root)
    with read_only(plain_course.root):
        done = tito("lesson", "import", path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert contents_of(plain_course.root) == before
    assert tito("lesson", "import", path).returncode == 0
