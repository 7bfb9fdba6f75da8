"""`tito lesson new`: a lesson that can be graded as it is written, or nothing at all."""

import os

import pytest
from downloads import contents_of
from rights import read_only
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.assignment import generate
from tito.grading.gradebook.grades import read_grades
from tito.grading.pipeline.autograde import autograde
from tito.lesson import find_lesson
from tito.notebooks import instructor_notebook, save_notebook

TAKEN = ["kernels", "11_other", "011_other", "12_kernels"]
BAD = [
    "a b",
    "../x",
    "/x",
    "Mean",
    "mean.py",
    "1mean",
    "ünder",
    "",
    "a" * 50,
    "١٢_mean",
    "a\nb",
    "-",
]


@pytest.mark.full
def test_new_lesson_is_graded_at_once(plain_course: Course, tito: Tito) -> None:
    assert tito("lesson", "new", "running_mean").returncode == 0
    assert tito("lesson", "check", "running_mean").stdout == "12_running_mean is well made.\n"
    lesson = find_lesson(Course.read(plain_course.root), "running_mean")
    assert (lesson.assignment, lesson.title) == ("12_running_mean", "Running mean")
    done = tito("test", "running_mean", "--source")
    assert done.returncode == 0, done.stdout
    assert tito("export", "running_mean").returncode == 0
    generate(lesson)
    submitted = lesson.handed_in("ada")
    save_notebook(instructor_notebook(lesson), submitted, force=False)
    blank = lesson.handed_in("bob")
    blank.parent.mkdir(parents=True)
    blank.write_bytes(lesson.released.read_bytes())
    autograde(lesson)
    scores = {one.student: one.score for one in read_grades(lesson).submissions}
    assert scores == {"ada": 3, "bob": 0}


def test_new_lesson_leaves_the_rest_of_the_settings_alone(plain_course: Course, tito: Tito) -> None:
    settings = plain_course.root / "settings.ini"
    before = settings.read_text(encoding="utf-8").splitlines()
    tito("lesson", "new", "20_means", "--title", "  Means: 50 %\nand more ")
    after = settings.read_text(encoding="utf-8").splitlines()
    added = ["[lesson 20_means]", "title = Means: 50 % and more", ""]
    at = after.index(added[0])
    assert after[at : at + 3] == added
    assert after[:at] + after[at + 3 :] == before
    assert find_lesson(Course.read(plain_course.root), "means").title == "Means: 50 % and more"


@pytest.mark.parametrize(
    "text",
    [
        "[course]\nid = a\ntitle = b",
        "\ufeff[course]\r\nid = a\r\ntitle = b\r\n\r\n[points]\r\n",
        "[course]\nid = a\ntitle = b\n\n# How late.\n[points]\n[grading]\n",
    ],
)
def test_new_lesson_finds_its_place_in_any_settings(
    plain_course: Course, tito: Tito, text: str
) -> None:
    settings = plain_course.root / "settings.ini"
    settings.write_text(text, encoding="utf-8", newline="")
    assert tito("lesson", "new", "first").returncode == 0
    assert list(Course.read(plain_course.root).lessons) == ["01_first"]
    assert "# How late.\n[points]" in settings.read_text("utf-8") or "How" not in text


@pytest.mark.parametrize("name", [*TAKEN, *BAD])
def test_new_lesson_refuses_a_name_in_one_sentence(
    plain_course: Course, tito: Tito, name: str
) -> None:
    before = contents_of(plain_course.root)
    done = tito("lesson", "new", "--", name)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("tito: ")
    assert contents_of(plain_course.root) == before


def test_new_lesson_refuses_a_title_that_would_end_the_text(
    plain_course: Course, tito: Tito
) -> None:
    done = tito("lesson", "new", "mean", "--title", '"""')
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_new_lesson_leaves_a_folder_that_is_there(plain_course: Course, tito: Tito) -> None:
    (plain_course.sources / "12_mean").mkdir()
    done = tito("lesson", "new", "mean")
    assert "There is a folder modules/source/12_mean already." in done.stderr
    assert done.returncode == 2


@pytest.mark.parametrize("part", ["", "modules/source"])
def test_new_lesson_writes_all_or_nothing(plain_course: Course, tito: Tito, part: str) -> None:
    before = contents_of(plain_course.root)
    with read_only(plain_course.root / part):
        done = tito("lesson", "new", "mean")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Permission denied" in done.stderr
    assert contents_of(plain_course.root) == before


def test_new_lesson_that_is_interrupted_leaves_nothing(
    plain_course: Course, tito: Tito, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents_of(plain_course.root)
    replace = os.replace

    def interrupted(source: str, target: str) -> None:
        if str(target).endswith("settings.ini"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    tito("lesson", "new", "mean")
    assert contents_of(plain_course.root) == before
