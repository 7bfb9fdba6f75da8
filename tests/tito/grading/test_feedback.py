"""Feedback pages: one for each student, with the reason of what failed."""

import pytest
from nbgrader.api import Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.feedback import write_feedback
from tito.grading.progress import read_progress
from tito.lesson import Lesson, find_lesson


def test_write_feedback_for_a_class(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    assert read_progress(lesson).next_step == "tito nbgrader feedback kernels"
    pages = write_feedback(lesson)
    assert len(pages) == 8
    assert all(page.is_file() for page in pages)
    text = lesson.handed_in("dorothy", "feedback").with_suffix(".html").read_text(encoding="utf-8")
    assert "the last, ragged block was dropped" in text
    assert read_progress(lesson).next_step == "tito nbgrader report kernels"


def test_write_feedback_for_one_student(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    (page,) = write_feedback(lesson, "ada")
    assert page.is_file()
    assert read_progress(lesson).feedback == 1


def test_write_feedback_before_anything_is_graded(lesson: Lesson) -> None:
    with pytest.raises(TitoError, match="Nothing is autograded"):
        write_feedback(lesson)
    with pytest.raises(TitoError, match="Nothing of ada is autograded"):
        write_feedback(lesson, "ada")


def test_write_feedback_twice_shows_the_score_of_now(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    (page,) = write_feedback(lesson, "blaise")
    assert "Score: 0.0 / 40.0" in page.read_text(encoding="utf-8")
    with Gradebook(graded_course.gradebook_url) as gradebook:
        name = "test-cache-immediate"
        grade = gradebook.find_grade(name, "kernels", lesson.assignment, "blaise")
        grade.manual_score = 7
        gradebook.db.commit()
    write_feedback(lesson, "blaise")
    assert "Score: 7.0 / 40.0" in page.read_text(encoding="utf-8")
