"""Feedback pages: one for each student, with the reason of what failed."""

from dataclasses import replace

import pytest
from classroom import hand_in, read_samples
from nbgrader.api import Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.autograde import autograde
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


def test_write_feedback_in_processes_names_what_failed_and_writes_the_rest(
    graded_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tito.grading.feedback.AT_A_TIME", 2)
    lesson = find_lesson(graded_course, "kernels")
    broken = lesson.handed_in("ada", "autograded")
    broken.chmod(0o644)
    broken.write_text("{}", encoding="utf-8")
    with pytest.raises(TitoError, match="could not write the feedback of ada") as told:
        write_feedback(lesson, jobs=2)
    assert "for ada it says: " in told.value.remedy
    assert read_progress(lesson).feedback == 7


def test_write_feedback_before_anything_is_graded(lesson: Lesson) -> None:
    with pytest.raises(TitoError, match="Nothing is autograded"):
        write_feedback(lesson)
    with pytest.raises(TitoError, match="Nothing of ada is autograded"):
        write_feedback(lesson, "ada")


def test_write_feedback_twice_shows_the_score_of_now(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    (page,) = write_feedback(lesson, "blaise")
    assert "Score: 0.0 / 45.0" in page.read_text(encoding="utf-8")
    with Gradebook(graded_course.gradebook_url) as gradebook:
        name = "test-cache-immediate"
        grade = gradebook.find_grade(name, "kernels", lesson.assignment, "blaise")
        grade.manual_score = 7
        gradebook.db.commit()
    write_feedback(lesson, "blaise")
    assert "Score: 7.0 / 45.0" in page.read_text(encoding="utf-8")


HOSTILE_OUTPUT = """
from IPython.display import HTML, Javascript, Markdown, SVG, display

display(HTML("<script>document.title = 'a'</script><img src=x onerror='document.title = 1'>"))
display(Javascript("document.title = 'b'"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='document.title = 1'></svg>"))
display(Markdown("<script>document.title = 'c'</script>"))
print("<script>document.title = 'd'</script>")
"""


def test_write_feedback_lets_no_output_run(lesson: Lesson) -> None:
    complete = next(sample for sample in read_samples() if sample.name == "complete")
    cells = dict(complete.cells)
    cells["matmul-vectorized"] += HOSTILE_OUTPUT
    hand_in(replace(complete, cells=cells), lesson, lesson.course.assignments / "submitted")
    autograde(lesson)
    (page,) = write_feedback(lesson)
    text = page.read_text(encoding="utf-8")
    _, _, shown = text.partition("<body")
    assert "document.title" in shown  # as text
    for live in ("<script>document", "<img src", "<svg xmlns='http", '<svg xmlns="http'):
        assert live not in shown
