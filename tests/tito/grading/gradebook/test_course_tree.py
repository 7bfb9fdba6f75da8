"""nbgrader's course tree: what is put into it is complete, and what is in it is not trusted."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.course_tree import (
    NotStored,
    fingerprint,
    graded_fingerprint,
    handed_in_at,
    put_in_place,
    the_only_grader,
)
from tito.lesson import Lesson

NOTEBOOK = '{"metadata": {"tito": {"fingerprint": "f"}}}'


@pytest.fixture
def folder(lesson: Lesson) -> Path:
    """The folder in which ada handed in a notebook."""
    path = lesson.handed_in("ada").parent
    path.mkdir(parents=True)
    (path / lesson.notebook_name).write_text("{}", encoding="utf-8")
    return path


def test_put_in_place_copies_what_lies_beside_the_notebook(lesson: Lesson, folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("1,2\n", encoding="utf-8")
    (folder / "notes.pyc").write_bytes(b"")
    put_in_place(lesson, "ada", NOTEBOOK, ["*.pyc"])
    place = lesson.handed_in("ada", "autograded")
    assert place.read_text(encoding="utf-8") == NOTEBOOK
    assert (place.parent / "data" / "table.csv").read_text(encoding="utf-8") == "1,2\n"
    assert not (place.parent / "notes.pyc").exists()
    assert place.stat().st_mode & 0o777 == 0o444


def test_put_in_place_again_removes_what_is_no_longer_handed_in(
    lesson: Lesson, folder: Path
) -> None:
    (folder / "old.txt").write_text("old", encoding="utf-8")
    put_in_place(lesson, "ada", NOTEBOOK, [])
    (folder / "old.txt").unlink()
    place = lesson.handed_in("ada", "autograded")
    (place.parent / f"{place.name}.partial").write_text("half", encoding="utf-8")
    put_in_place(lesson, "ada", NOTEBOOK, [])
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_put_in_place_follows_nothing_that_a_student_laid_there(
    lesson: Lesson, folder: Path
) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")
    left_out = put_in_place(lesson, "ada", NOTEBOOK, [])
    assert sorted(left_out) == [
        "passwd is a link, not a regular file",
        "pipe is not a regular file",
    ]
    place = lesson.handed_in("ada", "autograded")
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_put_in_place_says_when_a_folder_is_in_the_way(lesson: Lesson, folder: Path) -> None:
    place = lesson.handed_in("ada", "autograded")
    place.parent.parent.mkdir(parents=True)
    place.parent.write_text("a file where a folder has to be", encoding="utf-8")
    with pytest.raises(NotStored, match="of ada cannot be written"):
        put_in_place(lesson, "ada", NOTEBOOK, [])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_put_in_place_of_a_full_disk_is_the_whole_classs_matter(
    lesson: Lesson, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tito.grading.gradebook.course_tree.write_whole", full)
    with pytest.raises(TitoError) as told:
        put_in_place(lesson, "ada", NOTEBOOK, [])
    assert not isinstance(told.value, NotStored)


def test_put_in_place_takes_names_of_any_length_and_bytes(lesson: Lesson, folder: Path) -> None:
    names = ["a" * 250, os.fsdecode(b"caf\xe9.csv")]
    for name in names:
        (folder / name).write_text("1", encoding="utf-8")
    assert put_in_place(lesson, "ada", NOTEBOOK, []) == []
    place = lesson.handed_in("ada", "autograded")
    assert {path.name for path in place.parent.iterdir()} == {*names, place.name}


def test_put_in_place_replaces_a_folder_by_a_file_and_a_file_by_a_folder(
    lesson: Lesson, folder: Path
) -> None:
    place = lesson.handed_in("ada", "autograded").parent
    (folder / "a").mkdir()
    (folder / "a" / "deep.csv").write_text("1", encoding="utf-8")
    (folder / "b").write_text("1", encoding="utf-8")
    put_in_place(lesson, "ada", NOTEBOOK, [])
    shutil.rmtree(folder / "a")
    (folder / "b").unlink()
    (folder / "a").write_text("2", encoding="utf-8")
    (folder / "b").mkdir()
    (folder / "b" / "deep.csv").write_text("2", encoding="utf-8")
    put_in_place(lesson, "ada", NOTEBOOK, [])
    assert (place / "a").read_text(encoding="utf-8") == "2"
    assert (place / "b" / "deep.csv").read_text(encoding="utf-8") == "2"


def test_put_in_place_leaves_out_what_is_in_the_way_of_the_release(
    lesson: Lesson, folder: Path
) -> None:
    given = lesson.course.assignments / "source" / lesson.assignment
    (given / "data").mkdir()
    (given / "data" / "table.csv").write_text("given", encoding="utf-8")
    (folder / "data").write_text("a file", encoding="utf-8")
    left_out = put_in_place(lesson, "ada", NOTEBOOK, [])
    assert left_out == ["data is in the way of a file of the release"]
    place = lesson.handed_in("ada", "autograded").parent
    assert (place / "data" / "table.csv").read_text(encoding="utf-8") == "given"


def test_put_in_place_leaves_out_a_file_of_many_gigabytes_unread(
    lesson: Lesson, folder: Path
) -> None:
    (folder / "huge.bin").touch()
    os.truncate(folder / "huge.bin", 2**40)
    left_out = put_in_place(lesson, "ada", NOTEBOOK, [])
    assert left_out == ["huge.bin is larger than the 64 MiB allowed"]


def test_put_in_place_leaves_out_what_nobody_may_read(
    lesson: Lesson, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "secret.csv").write_text("1", encoding="utf-8")
    opened = os.open

    def guarded(path: Path, *more: int) -> int:
        if Path(path).name == "secret.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, *more)

    monkeypatch.setattr("tito.files.os.open", guarded)
    left_out = put_in_place(lesson, "ada", NOTEBOOK, [])
    assert left_out == ["secret.csv cannot be read: Permission denied"]


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"metadata": {}}', '{"metadata": 3}'])
def test_graded_fingerprint_of_something_else_is_none(lesson: Lesson, text: str) -> None:
    path = lesson.handed_in("ada", "autograded")
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert graded_fingerprint(lesson, "ada") == ""
    assert graded_fingerprint(lesson, "nobody") == ""


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-01 12:00:00 UTC", datetime(2026, 3, 1, 12)),
        ("2026-03-01 12:00:00+02:00", datetime(2026, 3, 1, 10)),
        ("", None),
    ],
)
def test_handed_in_at(lesson: Lesson, folder: Path, text: str, time: datetime | None) -> None:
    assert handed_in_at(lesson, "ada") is None
    (folder / "timestamp.txt").write_text(text, encoding="utf-8")
    assert handed_in_at(lesson, "ada") == time


@pytest.mark.parametrize("data", [b"soon", b"\xff\xfe", b"9" * 400])
def test_handed_in_at_of_no_time(lesson: Lesson, folder: Path, data: bytes) -> None:
    (folder / "timestamp.txt").write_bytes(data)
    with pytest.raises(TitoError, match="holds no time"):
        handed_in_at(lesson, "ada")


def test_handed_in_at_follows_no_link(lesson: Lesson, folder: Path) -> None:
    (folder / "timestamp.txt").symlink_to("/etc/hostname")
    with pytest.raises(TitoError, match="a link, not a regular file"):
        handed_in_at(lesson, "ada")


def test_the_only_grader_lets_one_in_at_a_time(lesson: Lesson) -> None:
    second = the_only_grader(lesson)
    with the_only_grader(lesson), pytest.raises(TitoError, match="is being graded already"):
        second.__enter__()
    with the_only_grader(lesson):
        pass


def test_the_only_grader_ends_with_its_process(lesson: Lesson) -> None:
    code = (
        "import os\nfrom pathlib import Path\n"
        "from tito.course import Course\nfrom tito.lesson import find_lesson\n"
        "from tito.grading.gradebook.course_tree import the_only_grader\n"
        "with the_only_grader(find_lesson(Course.read(Path('.')), 'kernels')):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = lesson.course.root
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -9
    with the_only_grader(lesson):
        pass


# The fingerprint: what the grade depends on, and nothing else.


@pytest.fixture
def submitted(plain_course: Course) -> Path:
    """The notebook that a student handed in, in a course tree with its source and release."""
    tree = plain_course.assignments
    path = tree / "submitted" / "ada" / "11_kernels" / "kernels.ipynb"
    for folder in ("source", "release"):
        file = tree / folder / "11_kernels" / "kernels.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(folder, encoding="utf-8")
    path.parent.mkdir(parents=True)
    path.write_text("submitted", encoding="utf-8")
    path.with_name("timestamp.txt").write_text("2027-01-31 12:00:00 UTC", encoding="utf-8")
    return path


DEPENDS_ON = {
    "notebook": "submitted/ada/11_kernels/kernels.ipynb",
    "timestamp": "submitted/ada/11_kernels/timestamp.txt",
    "source": "source/11_kernels/kernels.ipynb",
    "release": "release/11_kernels/kernels.ipynb",
    "checks": "../modules/source/11_kernels/checks.py",
}


@pytest.mark.parametrize("change", ["edited", "deleted"])
@pytest.mark.parametrize("name", DEPENDS_ON.values(), ids=DEPENDS_ON)
def test_fingerprint_changes_with_what_the_grade_depends_on(
    submitted: Path, plain_course: Course, name: str, change: str
) -> None:
    before = fingerprint(submitted, plain_course)
    file = plain_course.assignments / name
    if change == "deleted":
        file.unlink()
    else:
        file.write_text("edited", encoding="utf-8")
    assert fingerprint(submitted, plain_course) != before


def test_fingerprint_stays_while_nothing_of_that_changes(
    submitted: Path, plain_course: Course
) -> None:
    before = fingerprint(submitted, plain_course)
    os.utime(submitted, (0, 0))
    submitted.with_name("notes.txt").write_text("new", encoding="utf-8")
    other = plain_course.assignments / "submitted" / "grace" / "11_kernels"
    other.mkdir(parents=True)
    (other / "kernels.ipynb").write_text("another", encoding="utf-8")
    assert fingerprint(submitted, plain_course) == before


def test_fingerprint_tells_the_files_apart(submitted: Path, plain_course: Course) -> None:
    before = fingerprint(submitted, plain_course)
    source, release = (
        plain_course.assignments / DEPENDS_ON[name] for name in ("source", "release")
    )
    source.write_text("sourcer", encoding="utf-8")
    release.write_text("elease", encoding="utf-8")
    assert fingerprint(submitted, plain_course) != before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFO")
def test_fingerprint_takes_no_file_for_what_it_is(submitted: Path, plain_course: Course) -> None:
    submitted.unlink()
    os.mkfifo(submitted)
    assert len(fingerprint(submitted, plain_course)) == 64


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cell_seconds = 30", "cell_seconds = 31"),
        ("late_penalty_per_day = 0.10", "late_penalty_per_day = 0.20"),
        ("due = 2027-01-31", "due = 2027-02-01"),
    ],
    ids=["limits", "penalty", "deadline"],
)
def test_fingerprint_changes_with_the_settings_that_a_grade_depends_on(
    submitted: Path, plain_course: Course, before: str, after: str
) -> None:
    settings = plain_course.root / "settings.ini"
    text = settings.read_text(encoding="utf-8")
    assert before in text
    settings.write_text(text.replace(before, after), encoding="utf-8")
    changed = Course.read(plain_course.root)
    assert fingerprint(submitted, changed) != fingerprint(submitted, plain_course)


def test_fingerprint_stays_with_settings_that_no_grade_depends_on(
    submitted: Path, plain_course: Course
) -> None:
    changed = replace(plain_course, title="Another", sandbox="off", show_marking=True)
    assert fingerprint(submitted, changed) == fingerprint(submitted, plain_course)
