"""Feedback pages: one for each student, with the reason of what failed."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from classroom import MOST, hand_in, read_samples
from nbgrader.api import Grade, Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.feedback import write_feedback
from tito.grading.gradebook.grades import Submission, read_grades
from tito.grading.gradebook.status import read_progress
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, find_lesson


def read_all_answers(course: Course) -> None:
    """Have a person give a point for every answer that waits for one."""
    with Gradebook(course.gradebook_url) as gradebook:
        for grade in gradebook.db.query(Grade).filter(Grade.needs_manual_grade):
            grade.manual_score, grade.needs_manual_grade = 1, False
        gradebook.db.commit()


def grade_of(lesson: Lesson, student: str) -> Submission:
    return next(s for s in read_grades(lesson).submissions if s.student == student)


def test_write_feedback_for_a_class(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    assert "formgrader" in read_progress(lesson).next_step
    read_all_answers(graded_course)
    autograde(lesson)  # the points of the late one cost more now
    assert read_progress(lesson).next_step == "tito nbgrader feedback kernels"
    told: list[str] = []
    pages = write_feedback(lesson, tell=told.append)
    assert len(pages) == 8
    assert told == ["8 of 8 feedback pages are written ..."]
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
    monkeypatch.setattr("tito.grading.gradebook.feedback.AT_A_TIME", 2)
    lesson = find_lesson(graded_course, "kernels")
    broken = lesson.handed_in("ada", "autograded")
    broken.chmod(0o644)
    broken.write_text("{}", encoding="utf-8")
    with pytest.raises(TitoError, match="could not write the feedback of ada") as told:
        write_feedback(lesson, jobs=2)
    assert "for ada the reason is: " in told.value.remedy
    assert read_progress(lesson).feedback == 7


def test_write_feedback_before_anything_is_graded(lesson: Lesson) -> None:
    with pytest.raises(TitoError, match="Nothing is autograded"):
        write_feedback(lesson)
    with pytest.raises(TitoError, match="Nothing of ada is autograded"):
        write_feedback(lesson, "ada")


def test_write_feedback_twice_shows_the_score_of_now(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    (page,) = write_feedback(lesson, "blaise")
    assert f"Score: 0.0 / {MOST}" in page.read_text(encoding="utf-8")
    with Gradebook(graded_course.gradebook_url) as gradebook:
        name = "test-cache-immediate"
        grade = gradebook.find_grade(name, "kernels", lesson.assignment, "blaise")
        grade.manual_score = 7
        gradebook.db.commit()
    write_feedback(lesson, "blaise")
    assert f"Score: 7.0 / {MOST}" in page.read_text(encoding="utf-8")


def test_write_feedback_says_which_answers_nobody_has_read_yet(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    page, _ = write_feedback(lesson, "ada") + write_feedback(lesson, "grace")
    before = grade_of(lesson, "ada").score
    text = page.read_text(encoding="utf-8")
    assert f"Score: {before} / {MOST}" in text
    assert text.count("Nobody has read this answer yet") == 4
    grace = lesson.handed_in("grace", "feedback").with_suffix(".html").read_text(encoding="utf-8")
    assert grace.count("Nobody has read this answer yet") == 2
    assert grace.count("No response.") == 2
    assert f"Score: {grade_of(lesson, 'grace').score} / {MOST}" in grace
    read_all_answers(graded_course)
    write_feedback(lesson, "ada")
    text = page.read_text(encoding="utf-8")
    assert f"Score: {before + 4} / {MOST}" in text
    assert "Nobody has read" not in text


def test_write_feedback_shows_answers_and_formulas(graded_course: Course) -> None:
    (page,) = write_feedback(find_lesson(graded_course, "kernels"), "ada")
    text = page.read_text(encoding="utf-8")
    assert "With $n = 129$ the stride" in text
    assert "<strong>Refuted</strong>" in text
    assert "Marking: 1 it is B" not in text  # the scheme
    assert "The inner loop of ijk runs down a column" not in text  # the model answer


HOSTILE_ANSWER = """
# answer-claim

<script>document.title = "e"</script><img src=x onerror="document.title = 1">
<svg onload="document.title = 1"></svg> [x](javascript:document.title=1) ![y](attachment:none)
<iframe src="javascript:document.title = 1"></iframe> <input id="answer-claim" class="score">
"""

HOSTILE_OUTPUT = """
from IPython.display import HTML, Javascript, Markdown, SVG, display

display(HTML("<script>document.title = 'a'</script><img src=x onerror='document.title = 1'>"))
display(Javascript("document.title = 'b'"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='document.title = 1'></svg>"))
display(Markdown("<script>document.title = 'c'</script>"))
print("<script>document.title = 'd'</script>")
picture = {"image/png": "iVBORw0KGgo="}
display(picture, raw=True, metadata={"image/png": {"width": "1 onerror=document.title=1"}})
display(HTML("<b id='answer-claim'>x</b>"))
"""


class Tags(HTMLParser):
    """The names of a page's tags, and all their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def test_write_feedback_lets_no_output_and_no_answer_act(lesson: Lesson) -> None:
    complete = next(sample for sample in read_samples() if sample.name == "complete")
    cells = dict(complete.cells)
    cells["matmul-vectorized"] += HOSTILE_OUTPUT
    cells["answer-rows"] = HOSTILE_ANSWER
    hand_in(replace(complete, cells=cells), lesson, lesson.course.assignments / "submitted")
    autograde(lesson)
    (page,) = write_feedback(lesson)
    text = page.read_text(encoding="utf-8")
    _, _, shown = text.partition("<body")
    assert "document.title" in shown  # as text
    for live in ("<script>document", "<img src=x", "<svg xmlns='http", '<svg xmlns="http'):
        assert live not in shown
    tags = Tags(shown)
    assert not tags.names & {"script", "svg", "iframe", "input", "object", "form"}
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert ("id", "answer-claim") not in tags.attributes
    assert not [v for _, v in tags.attributes if str(v).startswith("javascript")]
    assert "Student's answer" in shown
