"""nbgrader's course tree: what is put into it is complete, and what is in it is not trusted."""

import errno
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from rights import read_only

from tito.errors import TitoError
from tito.grading.gradebook.course_tree import (
    NotStored,
    assignment_lock,
    handed_in_at,
    put_in_place,
)
from tito.lesson import Lesson

NOTEBOOK = '{"metadata": {}}'


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


def test_put_in_place_names_a_folder_that_nobody_may_look_into(
    lesson: Lesson, folder: Path
) -> None:
    (folder / "closed" / "inside").mkdir(parents=True)
    (folder / "closed" / "table.csv").write_text("1", encoding="utf-8")
    with read_only(folder):
        (folder / "closed").chmod(0)
        left_out = put_in_place(lesson, "ada", NOTEBOOK, [])
    assert left_out == ["closed cannot be read: Permission denied"]


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


@pytest.mark.parametrize("data", [b"soon", b"\xff\xfe", b"9" * 90])
def test_handed_in_at_of_no_time(lesson: Lesson, folder: Path, data: bytes) -> None:
    (folder / "timestamp.txt").write_bytes(data)
    with pytest.raises(TitoError, match="holds no time"):
        handed_in_at(lesson, "ada")


def test_handed_in_at_follows_no_link(lesson: Lesson, folder: Path) -> None:
    (folder / "timestamp.txt").symlink_to("/etc/hostname")
    with pytest.raises(TitoError, match="a link, not a regular file"):
        handed_in_at(lesson, "ada")


def test_assignment_lock_lets_one_in_at_a_time(lesson: Lesson) -> None:
    second = assignment_lock(lesson)
    with assignment_lock(lesson), pytest.raises(TitoError, match="is being graded already"):
        second.__enter__()
    with assignment_lock(lesson):
        pass


def test_assignment_lock_ends_with_its_process(lesson: Lesson) -> None:
    code = (
        "import os\nfrom pathlib import Path\n"
        "from tito.course import Course\nfrom tito.lesson import find_lesson\n"
        "from tito.grading.gradebook.course_tree import assignment_lock\n"
        "with assignment_lock(find_lesson(Course.read(Path('.')), 'kernels')):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = lesson.course.root
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -9
    with assignment_lock(lesson):
        pass
