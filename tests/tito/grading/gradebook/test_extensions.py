"""More time for one student: how it is written down, and what follows from it."""

from datetime import timedelta

import pytest
from edits import with_settings

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.extensions import duration_text, extend, parse_duration
from tito.grading.gradebook.grades import read_grades
from tito.grading.gradebook.status import read_progress
from tito.lesson import find_lesson


@pytest.mark.parametrize(
    ("text", "time", "words"),
    [
        ("3d", timedelta(days=3), "3 days"),
        ("12h", timedelta(hours=12), "12 hours"),
        ("1w2d", timedelta(days=9), "1 week 2 days"),
        (" 90M ", timedelta(minutes=90), "1 hour 30 minutes"),
        ("0", timedelta(), "none"),
    ],
)
def test_a_duration_is_read_and_said(text: str, time: timedelta, words: str) -> None:
    assert parse_duration(text) == time
    assert duration_text(parse_duration(text)) == words


@pytest.mark.parametrize(
    "text", ["", "3", "d", "-1d", "1.5d", "3d4w", "three days", "9" * 99 + "d"]
)
def test_a_duration_that_is_not_clear_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="like 3d, 12h"):
        parse_duration(text)


def test_an_extension_takes_the_place_of_the_one_before(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    assert extend(lesson, "ada", timedelta(days=3)) == timedelta()
    assert extend(lesson, "ada", timedelta(days=1)) == timedelta(days=3)
    until = read_progress(lesson).extensions["ada"]
    assert until.isoformat() == "2027-02-01T23:59:59+01:00"
    assert extend(lesson, "ada", timedelta()) == timedelta(days=1)
    assert read_progress(lesson).extensions == {}


def test_an_extension_before_anything_was_handed_in_is_no_grade(graded_course: Course) -> None:
    from nbgrader.api import Gradebook

    lesson = find_lesson(graded_course, "kernels")
    with Gradebook(graded_course.gradebook_url) as gradebook:
        gradebook.add_student("zuse")
    extend(lesson, "zuse", timedelta(days=1))
    (found,) = (s for s in read_grades(lesson).submissions if s.student == "zuse")
    assert found.status == "missing"
    progress = read_progress(lesson)
    assert (progress.gone, progress.due) == ((), {})


def test_an_extension_beyond_the_last_year_is_refused_and_not_stored(
    graded_course: Course,
) -> None:
    lesson = with_settings(graded_course, "due = 2027-01-31", "due = 9000-12-31")
    with pytest.raises(TitoError, match="ada would have time until the year 9001"):
        extend(lesson, "ada", timedelta(days=3))
    assert read_progress(lesson).extensions == {}


def test_an_extension_of_a_stranger_or_without_a_deadline_is_refused(
    graded_course: Course,
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    with pytest.raises(TitoError, match="Nobody is known as adda") as told:
        extend(lesson, "adda", timedelta(days=1))
    assert told.value.remedy == "Did you mean ada?"
    lesson = with_settings(graded_course, "due = 2027-01-31 23:59:59 +0100", "due =")
    with pytest.raises(TitoError, match="11_kernels has no deadline"):
        extend(lesson, "ada", timedelta(days=1))
