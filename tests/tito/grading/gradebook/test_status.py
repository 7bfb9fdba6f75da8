"""How far an assignment is, and what comes next."""

from dataclasses import replace
from datetime import UTC, datetime

from classroom import read_samples
from edits import edit

from tito.course import Course
from tito.grading.gradebook.status import read_progress
from tito.lesson import Lesson, find_lesson
from tito.reports.progress import as_text


def test_read_progress_before_the_release(plain_course: Course) -> None:
    progress = read_progress(find_lesson(plain_course, "kernels"))
    assert (progress.release, progress.next_step) == ("missing", "tito nbgrader release kernels")


def test_read_progress_of_a_stale_release(lesson: Lesson) -> None:
    edit(lesson.source, "Learning goals", "Goals")
    progress = read_progress(lesson)
    assert (progress.release, progress.next_step) == ("stale", "tito nbgrader release kernels")


def test_read_progress_before_anybody_handed_in(lesson: Lesson) -> None:
    progress = read_progress(lesson)
    assert (progress.release, progress.submitted) == ("current", 0)
    assert progress.next_step == "tito nbgrader collect kernels"


def test_read_progress_before_autograding(lesson: Lesson) -> None:
    path = lesson.handed_in("ada")
    path.parent.mkdir(parents=True)
    path.write_bytes(lesson.released.read_bytes())
    progress = read_progress(lesson)
    assert (progress.submitted, progress.autograded) == (1, 0)
    assert progress.next_step == "tito nbgrader autograde kernels"


def test_read_progress_counts_the_answers_that_wait_before_feedback(graded_course: Course) -> None:
    progress = read_progress(find_lesson(graded_course, "kernels"))
    unread = sum(len(sample.answers) for sample in read_samples())
    assert (progress.autograded, progress.unread, progress.feedback) == (8, unread, 0)
    assert "formgrader" in progress.next_step
    assert f"to read     {unread} answers" in as_text(progress)
    assert "to read     1 answer\n" in as_text(replace(progress, unread=1))


def test_the_extensions_stand_apart_from_the_students_to_do(lesson: Lesson) -> None:
    until = datetime(2027, 2, 3, 12, tzinfo=UTC)
    progress = replace(read_progress(lesson), due={"ada": "it is new"}, extensions={"bob": until})
    lines = ["", "ada: it is new", "", "Extensions:", "bob: until 2027-02-03 12:00 +0000"]
    assert as_text(progress).splitlines()[-5:] == lines
    assert as_text(replace(progress, due={})).splitlines()[-3:] == ["", *lines[-2:]]
