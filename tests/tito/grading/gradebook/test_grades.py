"""Reading the grades: every student has a status, and every score is a number."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from classroom import ANSWERS, CHECKS, LITTLE, MOST, Sample, read_samples
from nbgrader.api import Gradebook
from rights import read_only
from shell import Tito

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.grades import StudentGrade, count_unread, read_grades
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, Notebook, find_lesson, read_notebook


def test_read_grades_of_a_class(graded_course: Course) -> None:
    grades = read_grades(find_lesson(graded_course, "kernels"))
    assert (grades.course, grades.assignment, grades.max_score) == ("tinytorch", "11_kernels", MOST)
    assert [s.student for s in grades.submissions] == [s.student for s in read_samples()]


def test_read_grades_counts_who_handed_in_nothing(graded_course: Course) -> None:
    with Gradebook(graded_course.gradebook_url) as gradebook:
        gradebook.add_student("zoe")
    submission = read_grades(find_lesson(graded_course, "kernels")).submissions[-1]
    assert (submission.student, submission.status, submission.score) == ("zoe", "missing", 0.0)
    assert [cell.verdict for cell in submission.cells] == ["not-run"] * len(CHECKS | ANSWERS)


def test_read_grades_names_what_is_not_graded_yet(lesson: Lesson) -> None:
    path = lesson.handed_in("ada")
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    (submission,) = read_grades(lesson).submissions
    assert (submission.status, submission.score) == ("failed", 0.0)
    assert "tito nbgrader autograde kernels" in submission.message


def test_read_grades_names_a_student_whose_autograded_folder_cannot_be_read(
    graded_course: Course,
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    folder = graded_course.assignments / "autograded" / "ada"
    empty = graded_course.root / "empty"
    empty.mkdir()
    with read_only(empty):
        folder.chmod(0)
        found = {one.student: one for one in read_grades(lesson).submissions}
    folder.chmod(0o755)
    assert found["ada"].message.startswith("Its autograded notebook cannot be read: Permission de")
    assert {one.status for one in found.values()} == {"graded", "failed"}
    assert [one.student for one in found.values() if one.status == "failed"] == ["ada"]


def recorded(notebook: Notebook) -> dict[str, Any]:
    """Return the first verdict in a notebook that has conditions."""
    found = (cell.metadata.get("tito", {}) for cell in notebook.cells)
    return next(verdict for verdict in found if verdict.get("conditions"))


DAMAGES: dict[str, Callable[[Notebook], object]] = {
    "no verdict": lambda notebook: recorded(notebook).pop("verdict"),
    "no condition": lambda notebook: recorded(notebook)["conditions"][0].pop("condition"),
    "no notebook": lambda notebook: notebook.clear(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_read_grades_names_a_student_whose_autograded_notebook_is_damaged(
    graded_course: Course, tito: Tito, damage: Callable[[Notebook], None]
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    path = lesson.handed_in(LITTLE.student, "autograded")
    before, notebook = grade_of(lesson, LITTLE.student).score, read_notebook(path)
    damage(notebook)
    path.chmod(0o644)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    done = tito("nbgrader", "report", "kernels")
    assert (done.returncode, done.stdout.count("failed: Its autograded notebook is damaged")) == (
        0,
        1,
    )
    submission = grade_of(lesson, LITTLE.student)
    assert (submission.status, submission.score) == ("failed", before)
    assert f"autograde kernels --student {LITTLE.student} --force" in submission.message
    autograde(lesson, [LITTLE.student], force=True)
    assert grade_of(lesson, LITTLE.student).status == "graded"


def test_read_grades_of_an_unknown_assignment(plain_course: Course) -> None:
    with pytest.raises(TitoError, match="does not know 11_kernels"):
        read_grades(find_lesson(plain_course, "kernels"))


def test_submitted_students_before_anything_is_there(lesson: Lesson) -> None:
    assert lesson.submitted_students() == []


def give(course: Course, student: str, points: dict[str, float]) -> None:
    """Enter a person's points as formgrader does."""
    with Gradebook(course.gradebook_url) as gradebook:
        for name, score in points.items():
            grade = gradebook.find_grade(name, "kernels", "11_kernels", student)
            grade.manual_score, grade.needs_manual_grade = score, False
        gradebook.db.commit()


def grade_of(lesson: Lesson, student: str) -> StudentGrade:
    return next(s for s in read_grades(lesson).submissions if s.student == student)


@pytest.mark.parametrize("sample", read_samples(), ids=lambda sample: sample.name)
def test_read_grades_names_the_answers_that_wait_for_a_person(
    graded_course: Course, sample: Sample
) -> None:
    submission = grade_of(find_lesson(graded_course, "kernels"), sample.student)
    assert list(submission.unread) == sample.answers
    cells = {cell.grade_id: cell for cell in submission.cells if cell.grade_id in ANSWERS}
    for name, cell in cells.items():
        written = name in sample.answers
        assert cell.verdict == ("review" if written else "failed")
        words = "A person reads this answer." if written else "Nothing is written here."
        assert cell.message == words


def test_count_unread_goes_down_as_a_person_reads(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    all_of_them = sum(len(sample.answers) for sample in read_samples())
    assert count_unread(lesson) == all_of_them
    give(graded_course, "ada", {"answer-rows": 5, "answer-claim": 2})
    assert count_unread(lesson) == all_of_them - 2


def test_read_grades_counts_a_persons_points_and_keeps_them_when_it_is_graded_again(
    graded_course: Course,
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    before = grade_of(lesson, LITTLE.student).score
    give(graded_course, LITTLE.student, {"answer-rows": 5, "answer-claim": 2})
    submission = grade_of(lesson, LITTLE.student)
    assert submission.score == before + 7
    assert submission.unread == ("answer-power-of-two",)
    cells = {cell.grade_id: cell for cell in submission.cells}
    assert (cells["answer-rows"].verdict, cells["answer-rows"].message) == ("passed", "")
    claim = cells["answer-claim"]
    assert (claim.verdict, claim.message) == ("failed", "A person gave 2 of 5 points.")
    autograde(lesson, [LITTLE.student], force=True)
    again = grade_of(lesson, LITTLE.student)
    assert again.score == before + 7
    assert again.unread == submission.unread
    claim = next(cell for cell in again.cells if cell.grade_id == "answer-claim")
    assert (claim.verdict, claim.score) == ("failed", 2)


def test_read_grades_of_a_rejected_submission_leaves_nothing_to_read(lesson: Lesson) -> None:
    path = lesson.handed_in("hal")
    path.parent.mkdir(parents=True)
    path.write_text("[]", encoding="utf-8")
    autograde(lesson)
    submission = grade_of(lesson, "hal")
    assert (submission.status, submission.unread) == ("rejected", ())
    assert {cell.verdict for cell in submission.cells} == {"not-run"}
    assert count_unread(lesson) == 0
