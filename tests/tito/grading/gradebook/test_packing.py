"""Feedback as a system takes it back: under the names by which it finds each student."""

import re
import zipfile
from pathlib import Path

import pytest
from downloads import download, names_of, roster
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.packing import pack_feedback
from tito.grading.intake.collect import collect_paths
from tito.lesson import Lesson, find_lesson

ROSTERS = {
    "canvas": "canvas_grades.csv",
    "moodle": "moodle_worksheet.csv",
    "brightspace": "plain.csv",
}


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    """The kernels lesson of a course in which nothing is collected yet."""
    return find_lesson(plain_course, "kernels")


def pages_of(lesson: Lesson, students: list[str]) -> list[Path]:
    pages = [lesson.handed_in(who, "feedback").with_suffix(".html") for who in students]
    for page in pages:
        page.parent.mkdir(parents=True)
        page.write_text(page.parents[1].name, encoding="utf-8")
    return pages


def packed(lesson: Lesson, tmp_path: Path, system: str) -> dict[str, str]:
    """Collect the sample of a system, and return the pages of the zip file by their names."""
    collect_paths(
        lesson, [download(tmp_path / "in.zip", names_of(system))], roster(ROSTERS[system])
    )
    students = lesson.submitted_students()
    done = pack_feedback(lesson, pages_of(lesson, students), system, tmp_path / "out.zip")
    assert (list(done.students), done.left_out) == (students, {})
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_pack_feedback_names_the_submission_of_canvas(lesson: Lesson, tmp_path: Path) -> None:
    """Canvas takes the first two parts that are all digits for the user and the submission."""
    pages = packed(lesson, tmp_path, "canvas")
    assert len(pages) == 29
    assert pages["obriensmithmaeve_1145_50312_feedback.html"] == "mobrien"
    for name in pages:
        digits = [part for part in name.split("_") if re.fullmatch(r"\d+", part)]
        assert f"_{digits[0]}_{digits[1]}_" in " ".join(names_of("canvas"))


def test_pack_feedback_names_the_participant_of_moodle(lesson: Lesson, tmp_path: Path) -> None:
    """Moodle takes a path's first part apart: four parts, the second the participant's number."""
    pages = packed(lesson, tmp_path, "moodle")
    name = "José Núñez_700106_assignsubmission_file_/feedback.html"
    assert pages[name] == "jnunez@uni.example"
    for path in pages:
        parts = path.split("/")[0].split("_")
        assert (len(parts), parts[2:4]) == (5, ["assignsubmission", "file"])


def test_pack_feedback_names_the_folder_of_brightspace(lesson: Lesson, tmp_path: Path) -> None:
    pages = packed(lesson, tmp_path, "brightspace")
    assert pages["9000-77 - Jane Doe - Jan 20, 2027 1149 AM/feedback.html"] == "jdoe"


def test_pack_feedback_names_whom_the_system_does_not_know(lesson: Lesson, tmp_path: Path) -> None:
    done = pack_feedback(lesson, pages_of(lesson, ["ada"]), "canvas", tmp_path / "out.zip")
    assert done.left_out == {"ada": "the work was not collected from Canvas"}
    assert done.students == ()
    assert not (tmp_path / "out.zip").exists()


def test_feedback_packs_the_pages(graded_course: Course, tito: Tito) -> None:
    found = find_lesson(graded_course, "kernels")
    first, *others = found.submitted_students()
    work = found.handed_in(first).read_bytes()
    name = f"{first}_17_99_kernels.ipynb"
    (graded_course.root / "roster.csv").write_text(f"id,lms_id\n{first},17\n", encoding="utf-8")
    assert tito("roster", "roster.csv").returncode == 0
    zip_file = download(graded_course.root / "submissions.zip", [], {name: work})
    assert tito("nbgrader", "collect", "kernels", zip_file).returncode == 0
    done = tito("nbgrader", "feedback", "kernels", "--pack", "canvas", "--output", "out.zip")
    assert done.returncode == 1
    reason = "the work was not collected from Canvas"
    assert f"Not packed, as {reason}: {', '.join(others)}.\n" in done.stderr
    assert done.stderr.endswith("1 of them are packed in out.zip.\n")
    with zipfile.ZipFile("out.zip") as archive:
        assert archive.namelist() == [f"{first}_17_99_feedback.html"]
        assert b"<html" in archive.read(f"{first}_17_99_feedback.html")


@pytest.mark.parametrize("options", [["--pack", "canvas"], ["--output", "a.zip"]])
def test_feedback_wants_both_or_none(course: Course, tito: Tito, options: list[str]) -> None:
    assert tito("nbgrader", "feedback", "kernels", *options).returncode == 2
