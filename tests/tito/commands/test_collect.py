"""`tito nbgrader collect` as a person types it: what it prints, and its exit code."""

import hashlib
from pathlib import Path

import pytest
from downloads import content, download, names_of
from shell import Tito

from tito.course import Course


@pytest.fixture
def canvas(plain_course: Course) -> Path:
    return download(plain_course.root / "submissions.zip", names_of("canvas"))


def test_collect_prints_the_receipt_of_each_notebook(plain_course: Course, tito: Tito) -> None:
    folder = plain_course.root / "in" / "ada"
    folder.mkdir(parents=True)
    (folder / "kernels.ipynb").write_bytes(content("a"))
    done = tito("nbgrader", "collect", "kernels", "in")
    assert done.stdout == f"{hashlib.sha256(content('a')).hexdigest()[:12]}  ada\n"
    assert (done.returncode, done.stderr.splitlines()[1:]) == (
        *(0, ["1 collected, 0 unchanged, 0 refused."]),
    )


def test_collect_ends_with_1_if_a_file_was_not_taken(canvas: Path, tito: Tito) -> None:
    done = tito("nbgrader", "collect", "kernels", canvas)
    assert done.returncode == 1
    assert "1161: collected: took kernels.ipynb, and not notes.txt\n" in done.stderr
    assert "yılmazelif (1169): refused: it holds no kernels.ipynb: text.html\n" in done.stderr
    assert done.stderr.splitlines()[-1] == "29 collected, 0 unchanged, 1 refused."
    assert len(done.stdout.splitlines()) == 29


def test_collect_shows_who_maps_to_whom_in_80_columns(canvas: Path, tito: Tito) -> None:
    done = tito("nbgrader", "collect", "kernels", canvas, "--dry-run")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "1142     " in done.stdout
    assert not Path("assignments").exists()


def test_collect_takes_a_download_as_the_system_that_is_forced(
    plain_course: Course, tito: Tito
) -> None:
    folder = plain_course.root / "in" / "around"
    folder.mkdir(parents=True)
    (folder / "doejane_1141_7_kernels.ipynb").write_bytes(content("a"))
    assert "around" in tito("nbgrader", "collect", "kernels", "in").stdout
    assert "1141" in tito("nbgrader", "collect", "kernels", "in", "--from", "canvas").stdout


def test_collect_says_what_lies_there_if_nothing_is_a_submission(
    plain_course: Course, tito: Tito
) -> None:
    folder = plain_course.root / "in"
    folder.mkdir()
    (folder / "kernels.ipynb").write_bytes(content("a"))
    done = tito("nbgrader", "collect", "kernels", "in")
    assert done.returncode == 1
    assert "in/kernels.ipynb: not taken: its name tells no student\n" in done.stderr
    assert "No submission of 11_kernels lies in in." in done.stderr


@pytest.mark.parametrize(
    "options", [["--from", "canvas"], ["--dry-run"], [".", "--from", "exchange"]]
)
def test_collect_says_that_paths_are_wanted_or_not(
    plain_course: Course, tito: Tito, options: list[str]
) -> None:
    done = tito("nbgrader", "collect", "kernels", *options)
    assert (done.returncode, done.stdout) == (2, "")


def test_collect_prints_the_receipt_that_a_student_has(plain_course: Course, tito: Tito) -> None:
    assert tito("notebook", "kernels").returncode == 0
    submitted = tito("submit", "kernels", "--blank")
    Path("in").mkdir()
    Path("kernels.zip").rename("in/ada.zip")
    done = tito("nbgrader", "collect", "kernels", "in")
    digits, student = done.stdout.split()
    assert (student, done.returncode) == ("ada", 0)
    assert digits in submitted.stdout
