"""Autograding a class of samples with real nbgrader and real kernels."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from classroom import LITTLE, SAMPLES, Sample, hand_in
from nbgrader.api import Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.grades import StudentGrade, read_grades
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, find_lesson


def kernels(course: Course) -> Lesson:
    return find_lesson(course, "kernels")


def grade_of(lesson: Lesson, student: str) -> StudentGrade:
    return next(s for s in read_grades(lesson).submissions if s.student == student)


def submit(lesson: Lesson, sample: Sample) -> Path:
    return hand_in(sample, lesson, lesson.course.assignments / "submitted")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_autograde_gives_each_sample_its_points(graded: Path, sample: Sample) -> None:
    submission = grade_of(kernels(Course.read(graded)), sample.student)
    assert submission.status == "graded"
    assert {cell.grade_id: cell.score for cell in submission.cells} == sample.expect


def test_autograde_takes_a_share_for_each_late_day(graded: Path) -> None:
    submission = grade_of(kernels(Course.read(graded)), SAMPLES["late"].student)
    assert (submission.score, submission.late_penalty) == (64.0, 16.0)  # two started days of 10 %


@pytest.mark.parametrize(
    ("name", "grade_id", "verdict", "words"),
    [
        ("blank", "test-cache-immediate", "failed", "not written yet"),
        ("wrong-block-edges", "test-cache-immediate", "failed", "every value is zero"),
        ("syntax-error", "test-cache-immediate", "not-run", "is not Python: line 9"),
        ("crashed-kernel", "test-cache-immediate", "failed", "the process ended during a call"),
        ("deleted-test-cell", "test-cache-immediate", "failed", "not written yet"),
        ("deleted-test-cell", "test-parallel-immediate", "failed", "not written yet"),
    ],
)
def test_autograde_says_why(
    graded: Path, name: str, grade_id: str, verdict: str, words: str
) -> None:
    cells = grade_of(kernels(Course.read(graded)), SAMPLES[name].student).cells
    cell = next(cell for cell in cells if cell.grade_id == grade_id)
    assert cell.verdict == verdict
    assert words in cell.message
    assert cell.hint


def test_autograde_keeps_what_is_graded(graded_course: Course) -> None:
    lesson = kernels(graded_course)
    path = lesson.handed_in(SAMPLES["complete"].student, "autograded")
    before = path.stat().st_mtime_ns
    assert {result.status for result in autograde(lesson)} == {"kept"}
    assert path.stat().st_mtime_ns == before


def test_autograde_grades_a_changed_submission_again(graded_course: Course) -> None:
    lesson = kernels(graded_course)
    student = SAMPLES["blank"].student
    shutil.copy(lesson.handed_in(LITTLE.student), lesson.handed_in(student))
    (result,) = autograde(lesson, [student])
    assert result.status == "graded"
    assert grade_of(lesson, student).score == LITTLE.points


def test_autograde_keeps_a_score_that_a_person_gave(graded_course: Course) -> None:
    lesson, student = kernels(graded_course), SAMPLES["blank"].student
    with Gradebook(graded_course.gradebook_url) as gradebook:
        grade = gradebook.find_grade("test-cache-immediate", "kernels", lesson.assignment, student)
        grade.manual_score = 7
        gradebook.db.commit()
    autograde(lesson, [student], force=True)
    assert grade_of(lesson, student).score == 7


def test_autograde_names_a_student_who_handed_in_nothing(graded_course: Course) -> None:
    with pytest.raises(TitoError, match="nobody has handed in nothing"):
        autograde(kernels(graded_course), ["nobody"])


def test_autograde_before_anybody_handed_in(lesson: Lesson) -> None:
    with pytest.raises(TitoError, match="Nobody has handed in"):
        autograde(lesson)


def test_autograde_before_the_release(plain_course: Course) -> None:
    with pytest.raises(TitoError, match="There is no release"):
        autograde(kernels(plain_course))


def test_autograde_rejects_what_cannot_be_read_and_goes_on(lesson: Lesson) -> None:
    unreadable = {
        "not-json": (b"\x00\x01 no notebook", "not JSON"),
        "empty": (b"", "The file is empty"),
        "other-json": (b"[1, 2]", "not a notebook"),
    }
    for name, (content, _) in unreadable.items():
        path = lesson.handed_in(name)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    submit(lesson, LITTLE)
    assert {result.status for result in autograde(lesson)} == {"graded", "rejected"}
    for name, (_, reason) in unreadable.items():
        rejected = grade_of(lesson, name)
        assert (rejected.status, rejected.score) == ("rejected", 0.0)
        assert reason in rejected.message
    assert grade_of(lesson, LITTLE.student).score == LITTLE.points


def folder_in_the_way(path: Path) -> None:
    """A file lies where the student's autograded folder has to be."""
    blocked = path.parents[3] / "autograded" / path.parents[1].name
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("", encoding="utf-8")


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


def id_in_bytes(path: Path) -> None:
    """The folder of another student is called by bytes that are no text."""
    other = path.parents[2] / os.fsdecode(b"caf\xe9") / path.parent.name
    other.mkdir(parents=True)
    (other / path.name).write_bytes(path.read_bytes())


# What lies beside ada's notebook or in its place, and what becomes of ada and of the others.
ODD = {
    "long-name": (lambda path: path.with_name("a" * 250).write_text("1"), "graded"),
    "fifo": (lambda path: os.mkfifo(path.with_name("pipe")), "graded"),
    "huge-file": (lambda path: huge(path.with_name("x.bin")), "graded"),
    "huge-notebook": (huge, "rejected"),
    "timestamp": (lambda path: path.with_name("timestamp.txt").write_text("9" * 30), "failed"),
    "far-time": (
        lambda path: path.with_name("timestamp.txt").write_text("9999-12-31 23:30:00 +0000"),
        "failed",
    ),
    "in-the-way": (folder_in_the_way, "failed"),
    "bytes": (id_in_bytes, "graded"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_autograde_makes_what_is_odd_of_one_student_no_other_students_matter(
    lesson: Lesson,
) -> None:
    blank = SAMPLES["blank"]
    submit(lesson, blank)
    for name, (spoil, _) in ODD.items():
        spoil(submit(lesson, replace(blank, student=name)))
    found = {one.student: one for one in autograde(lesson, jobs=2)}
    told = {name: one.status for name, one in found.items()}
    strange = os.fsdecode(b"caf\xe9")
    expected = {name: status for name, (_, status) in ODD.items()}
    assert told == {blank.student: "graded", strange: "failed", **expected}
    assert "x.bin is larger than the 64 MiB allowed" in found["huge-file"].reason
    assert "pipe is not a regular file" in found["fifo"].reason
    again = {one.student for one in autograde(lesson) if one.status == "failed"}
    assert again == {strange, "in-the-way", "timestamp", "far-time"}


def test_autograde_scores_a_submission_without_a_notebook(lesson: Lesson) -> None:
    path = lesson.handed_in("hal")
    path.parent.mkdir(parents=True)
    path.with_name("notes.txt").write_text("see my e-mail", encoding="utf-8")
    autograde(lesson)
    submission = grade_of(lesson, "hal")
    assert (submission.status, submission.score) == ("rejected", 0.0)
    assert "holds no kernels.ipynb" in submission.message


@pytest.mark.full
def test_stock_nbgrader_scores_an_unreadable_submission(lesson: Lesson) -> None:
    path = lesson.handed_in("hal")
    path.parent.mkdir(parents=True)
    path.write_text("[]", encoding="utf-8")
    command = [sys.executable, "-m", "nbgrader", "autograde", lesson.assignment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert grade_of(lesson, "hal").status == "rejected"


def test_autograded_notebooks_carry_no_machine_path(graded: Path) -> None:
    lesson = kernels(Course.read(graded))
    text = lesson.handed_in(SAMPLES["complete"].student, "autograded").read_text(encoding="utf-8")
    assert str(graded) not in text
    assert json.loads(text)["nbformat"] == 4
