"""nbgrader's course tree: what is put into it is complete, and what is in it is not trusted."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tito.errors import TitoError
from tito.grading.tree import (
    graded_fingerprint,
    handed_in_at,
    put_in_place,
    strange_entries,
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
    assert strange_entries(folder) == ["passwd", "pipe"]
    put_in_place(lesson, "ada", NOTEBOOK, [])
    place = lesson.handed_in("ada", "autograded")
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_put_in_place_says_when_a_folder_is_in_the_way(lesson: Lesson, folder: Path) -> None:
    place = lesson.handed_in("ada", "autograded")
    place.parent.parent.mkdir(parents=True)
    place.parent.write_text("a file where a folder has to be", encoding="utf-8")
    with pytest.raises(TitoError, match="cannot be written"):
        put_in_place(lesson, "ada", NOTEBOOK, [])


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
    with pytest.raises(TitoError, match="no regular file"):
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
        "from tito.grading.tree import the_only_grader\n"
        "with the_only_grader(find_lesson(Course.read(Path('.')), 'kernels')):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    root = lesson.course.root
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -9
    with the_only_grader(lesson):
        pass
