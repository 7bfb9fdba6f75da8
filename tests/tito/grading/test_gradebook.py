"""Reading the grades: every student has a status, and every score is a number."""

import pytest
from classroom import read_samples
from nbgrader.api import Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook import read_grades, submitted_students
from tito.lesson import Lesson, find_lesson


def test_read_grades_of_a_class(graded_course: Course) -> None:
    grades = read_grades(find_lesson(graded_course, "kernels"))
    assert (grades.course, grades.assignment, grades.max_score) == ("tinytorch", "11_kernels", 45.0)
    assert [s.student for s in grades.submissions] == [s.student for s in read_samples()]


def test_read_grades_counts_who_handed_in_nothing(graded_course: Course) -> None:
    with Gradebook(graded_course.gradebook_url) as gradebook:
        gradebook.add_student("zoe")
    submission = read_grades(find_lesson(graded_course, "kernels")).submissions[-1]
    assert (submission.student, submission.status, submission.score) == ("zoe", "missing", 0.0)
    assert [cell.verdict for cell in submission.cells] == ["not-run"] * 4


def test_read_grades_names_what_is_not_graded_yet(lesson: Lesson) -> None:
    path = lesson.handed_in("ada")
    path.parent.mkdir(parents=True)
    path.write_text("{}", encoding="utf-8")
    (submission,) = read_grades(lesson).submissions
    assert (submission.status, submission.score) == ("failed", 0.0)
    assert "tito nbgrader autograde kernels" in submission.message


def test_read_grades_of_an_unknown_assignment(plain_course: Course) -> None:
    with pytest.raises(TitoError, match="does not know 11_kernels"):
        read_grades(find_lesson(plain_course, "kernels"))


def test_submitted_students_before_anything_is_there(lesson: Lesson) -> None:
    assert submitted_students(lesson) == []
