"""Feedback pages: one for each student, with the reason of what failed."""

import re
from dataclasses import replace

import pytest
from classroom import MOST, SAMPLES, hand_in
from drawn import Page
from edits import with_settings
from nbgrader.api import Grade, Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.feedback import write_feedback
from tito.grading.gradebook.grades import StudentGrade, read_grades
from tito.grading.gradebook.status import read_progress
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, find_lesson


def read_all_answers(course: Course) -> None:
    """Have a person give a point for every answer that waits for one."""
    with Gradebook(course.gradebook_url) as gradebook:
        for grade in gradebook.db.query(Grade).filter(Grade.needs_manual_grade):
            grade.manual_score, grade.needs_manual_grade = 1, False
        gradebook.db.commit()


def grade_of(lesson: Lesson, student: str) -> StudentGrade:
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
    assert "nothing was multiplied before the function returned" in text
    assert read_progress(lesson).next_step == "tito nbgrader report kernels"


def test_write_feedback_for_one_student(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    (page,) = write_feedback(lesson, "ada")
    assert page.is_file()
    assert read_progress(lesson).feedback == 1


def test_the_page_of_a_file_that_could_not_be_read_shows_no_code(graded_course: Course) -> None:
    """The notebook in its place is the release, whose stubs are not the student's code."""
    lesson = find_lesson(graded_course, "kernels")
    submitted = lesson.handed_in("ada")
    submitted.chmod(0o644)
    submitted.write_text("no notebook", encoding="utf-8")
    autograde(lesson)
    (page,) = write_feedback(lesson, "ada")
    text = page.read_text(encoding="utf-8")
    assert "The submission could not be read: The file is not a notebook" in text
    assert "Your code" not in text
    assert "NotImplementedError" not in text


def test_write_feedback_in_processes_names_what_failed_and_writes_the_rest(
    graded_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tito.grading.gradebook.feedback.AT_A_TIME", 2)
    lesson = find_lesson(graded_course, "kernels")
    broken = lesson.handed_in("ada", "autograded")
    broken.chmod(0o644)
    broken.write_text("{}", encoding="utf-8")
    said: list[str] = []
    with pytest.raises(TitoError, match="feedback of ada could not be written") as told:
        write_feedback(lesson, jobs=2, tell=said.append)
    assert said[-1] == "7 of 8 feedback pages are written ..."
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
    assert f"0 of {MOST:g} points" in page.read_text(encoding="utf-8")
    with Gradebook(graded_course.gradebook_url) as gradebook:
        name = "test-cache-immediate"
        grade = gradebook.find_grade(name, "kernels", lesson.assignment, "blaise")
        grade.manual_score = 7
        gradebook.db.commit()
    write_feedback(lesson, "blaise")
    assert f"7 of {MOST:g} points" in page.read_text(encoding="utf-8")


def test_write_feedback_says_which_answers_nobody_has_read_yet(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    page, _ = write_feedback(lesson, "ada") + write_feedback(lesson, "grace")
    before = grade_of(lesson, "ada").score
    text = page.read_text(encoding="utf-8")
    assert f"{before:g} of {MOST:g} points" in text
    assert text.count("Nobody has read this answer yet") == 4
    grace = lesson.handed_in("grace", "feedback").with_suffix(".html").read_text(encoding="utf-8")
    assert grace.count("Nobody has read this answer yet") == 2
    assert grace.count("Nothing is written here.") == 2
    assert f"{grade_of(lesson, 'grace').score:g} of {MOST:g} points" in grace
    read_all_answers(graded_course)
    write_feedback(lesson, "ada")
    text = page.read_text(encoding="utf-8")
    assert f"{before + 4:g} of {MOST:g} points" in text
    assert "Nobody has read" not in text


def test_write_feedback_shows_answers_and_formulas(graded_course: Course) -> None:
    (page,) = write_feedback(find_lesson(graded_course, "kernels"), "ada")
    text = page.read_text(encoding="utf-8")
    assert "With $n = 129$ the stride" in text
    assert "<strong>Refuted</strong>" in text
    assert "Marking: 1 it is B" not in text  # the scheme
    assert "The inner loop of ijk runs down a column" not in text  # the model answer


def test_a_page_explains_lateness_and_is_complete_in_itself(graded_course: Course) -> None:
    (page,) = write_feedback(find_lesson(graded_course, "kernels"), "grace")
    text = page.read_text(encoding="utf-8")
    assert "64 of 100 points" in text
    assert "Handed in: Tuesday, 02 February 2027, 01:59. Deadline: Sunday, 31 January 2027" in text
    assert "That is 2 started days after the deadline: 16 of 80 points are taken off." in text
    assert "def matmul_vectorized" in re.sub("<[^>]*>", "", text)  # the student's own code
    assert not re.search(r"(src|href)=[\"'](?!#|data:)|@import|url\(|<script", text)


def test_a_page_shows_what_failed_with_conditions_and_code_open(graded_course: Course) -> None:
    (page,) = write_feedback(find_lesson(graded_course, "kernels"), "dorothy")
    text = page.read_text(encoding="utf-8")
    _, _, cache = text.partition('aria-label="test-cache-immediate: failed"')
    cache = cache.partition("</section>")[0]
    assert "Sizes that are no multiple of block_size are multiplied correctly." in cache
    assert "nothing was multiplied before the function returned" in cache
    assert "<b>Hint:</b> A loop made no step: range(0, " in cache
    assert "<details open><summary>Your code, cell matmul-cache</summary>" in cache


def test_a_page_that_shows_the_grade_of_now_is_not_written_again(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    write_feedback(lesson)
    told: list[str] = []
    write_feedback(lesson, tell=told.append)
    assert told == []
    lesson.handed_in("ada", "feedback").with_suffix(".html").unlink()
    write_feedback(lesson, tell=told.append)
    assert told == ["1 of 1 feedback pages are written ..."]


def test_a_page_with_an_old_title_or_name_is_written_again(graded_course: Course) -> None:
    write_feedback(find_lesson(graded_course, "kernels"))
    settings = graded_course.root / "settings.ini"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("title = Kernels", "title = Fast Kernels"), encoding="utf-8")
    lesson = find_lesson(Course.read(graded_course.root), "kernels")
    assert read_progress(lesson).feedback == 0
    assert all("Fast Kernels" in page.read_text("utf-8") for page in write_feedback(lesson))
    with Gradebook(graded_course.gradebook_url) as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="Byron")
    assert read_progress(lesson).feedback == 7
    (page,) = write_feedback(lesson, "ada")
    assert "Ada Byron" in page.read_text(encoding="utf-8")
    assert read_progress(lesson).feedback == 8


@pytest.mark.parametrize("shown", ["no", "yes"])
def test_a_page_shows_marking_schemes_only_if_settings_say_so(
    graded_course: Course, shown: str
) -> None:
    lesson = with_settings(graded_course, "show_marking = no", f"show_marking = {shown}")
    (page,) = write_feedback(lesson, "ada")
    found = page.read_text(encoding="utf-8")
    assert ("BEGIN MARK SCHEME" in found or "Marking:" in found) == (shown == "yes")
    assert "The inner loop of ijk runs down a column" not in found  # the model answer


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


@pytest.mark.full
def test_write_feedback_lets_no_output_and_no_answer_act(lesson: Lesson) -> None:
    complete = SAMPLES["complete"]
    cells = dict(complete.cells)
    cells["matmul-vectorized"] += HOSTILE_OUTPUT
    cells["answer-rows"] = HOSTILE_ANSWER
    hand_in(replace(complete, cells=cells), lesson, lesson.course.assignments / "submitted")
    autograde(lesson)
    (page,) = write_feedback(lesson)
    text = page.read_text(encoding="utf-8")
    _, _, shown = text.partition("<body")
    assert "document.title" in shown  # as text
    for tag in ("<script>document", "<img src=x", "<svg xmlns='http", '<svg xmlns="http'):
        assert tag not in shown
    live = Page(shown)
    assert not set(live.tags) & {"script", "svg", "iframe", "input", "object", "form"}
    assert not [name for _, name, _ in live.attributes if name.startswith("on")]
    assert "answer-claim" not in [value for _, name, value in live.attributes if name == "id"]
    assert not [v for _, _, v in live.attributes if str(v).startswith("javascript")]
