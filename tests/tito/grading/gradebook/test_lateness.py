"""Days late and what they cost, at the edges and across the change of the clocks."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from classroom import SAMPLES, hand_in
from edits import edit

from tito.course import Course, LessonSettings
from tito.grading.gradebook.assignment import nbgrader_api, run_step
from tito.grading.gradebook.grades import read_grades
from tito.grading.gradebook.lateness import penalty_for, started_days
from tito.lesson import Lesson

BERLIN = ZoneInfo("Europe/Berlin")
NONE = timedelta()


def utc(text: str) -> datetime:
    """Return a local time as what is handed in: UTC, without zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("handed_in", "days"),
    [
        ("2027-01-31T23:59:59+01:00", 0),
        ("2027-02-01T00:00:00+01:00", 1),
        ("2027-02-01T23:59:59+01:00", 1),
        ("2027-02-02T00:00:00+01:00", 2),
        ("2027-01-30T00:00:00+01:00", 0),
        ("2027-01-31T22:59:59+00:00", 0),
    ],
)
def test_started_days_at_the_edges(plain_course: Course, handed_in: str, days: int) -> None:
    due = datetime.fromisoformat("2027-01-31T23:59:59+01:00")
    assert started_days(plain_course, utc(handed_in), due, NONE) == days


@pytest.mark.parametrize(
    ("due", "handed_in", "days"),
    [
        # The night to 31 October 2027 has 25 hours, the one to 28 March 2027 has 23.
        ("2027-10-30T12:00:00+02:00", "2027-10-31T12:00:00+01:00", 1),
        ("2027-10-30T12:00:00+02:00", "2027-10-31T12:00:01+01:00", 2),
        ("2027-03-27T12:00:00+01:00", "2027-03-28T12:00:00+02:00", 1),
        ("2027-03-27T12:00:00+01:00", "2027-03-28T12:00:01+02:00", 2),
    ],
)
def test_started_days_follow_the_clock_of_the_course(
    plain_course: Course, due: str, handed_in: str, days: int
) -> None:
    course = replace(plain_course, time_zone=BERLIN)
    assert started_days(course, utc(handed_in), datetime.fromisoformat(due), NONE) == days


@pytest.mark.parametrize(
    ("due", "handed_in", "days"),
    [
        # On 31 October 2027 the hour from 2 to 3 comes twice: first at +02:00, then at +01:00.
        ("2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+02:00", 0),
        ("2027-10-31T02:30:00+02:00", "2027-10-31T02:30:01+02:00", 1),
        ("2027-10-31T02:30:00+02:00", "2027-10-31T02:29:00+01:00", 1),
        ("2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00", 1),
        ("2027-10-31T02:30:00+02:00", "2027-11-01T02:30:01+01:00", 2),
        ("2027-10-31T02:30:00+01:00", "2027-10-31T02:45:00+02:00", 0),
        ("2027-10-31T02:30:00+01:00", "2027-10-31T02:30:00+01:00", 0),
        ("2027-10-31T02:30:00+01:00", "2027-10-31T02:30:01+01:00", 1),
        # On 28 March 2027 the clock goes from 2 to 3 at once.
        ("2027-03-28T01:59:59+01:00", "2027-03-28T03:00:00+02:00", 1),
    ],
)
def test_the_instant_decides_what_is_late_when_an_hour_comes_twice(
    plain_course: Course, due: str, handed_in: str, days: int
) -> None:
    course = replace(plain_course, time_zone=BERLIN)
    assert started_days(course, utc(handed_in), datetime.fromisoformat(due), NONE) == days


def test_grace_is_counted_in_minutes_that_pass(plain_course: Course) -> None:
    course = replace(plain_course, time_zone=BERLIN, late_grace=timedelta(minutes=30))
    due = datetime.fromisoformat("2027-03-28T01:45:00+01:00")
    assert started_days(course, utc("2027-03-28T03:15:00+02:00"), due, NONE) == 0
    assert started_days(course, utc("2027-03-28T03:15:01+02:00"), due, NONE) == 1


@pytest.mark.parametrize(
    ("handed_in", "days"),
    [
        ("2027-02-01T00:14:59+01:00", 0),
        ("2027-02-01T00:15:00+01:00", 1),
        ("2027-02-01T23:59:59+01:00", 1),
        ("2027-02-02T00:14:59+01:00", 2),
    ],
)
def test_grace_is_given_once_and_days_count_from_the_deadline(
    plain_course: Course, handed_in: str, days: int
) -> None:
    course = replace(plain_course, late_grace=timedelta(minutes=15))
    due = datetime.fromisoformat("2027-01-31T23:59:59+01:00")
    assert started_days(course, utc(handed_in), due, NONE) == days


def test_penalty_has_a_cap(plain_course: Course) -> None:
    settings = {"11_kernels": LessonSettings("Kernels", datetime(2027, 1, 31, tzinfo=UTC))}
    course = replace(plain_course, lessons=settings, late_penalty_at_most=0.25)
    lesson = Lesson(course, "11_kernels")
    found = [penalty_for(lesson, 80.0, datetime(2027, 2, day), None) for day in (2, 3, 4, 20)]
    assert found == pytest.approx([16.0, 20.0, 20.0, 20.0])


def test_started_days_begin_after_an_extension(plain_course: Course) -> None:
    course = replace(plain_course, time_zone=BERLIN)
    due = datetime.fromisoformat("2027-10-30T12:00:00+02:00")
    given = timedelta(days=1)
    assert started_days(course, utc("2027-10-31T12:00:00+01:00"), due, given) == 0
    assert started_days(course, utc("2027-10-31T12:00:01+01:00"), due, given) == 1


@pytest.mark.parametrize(
    ("handed_in", "due", "points"),
    [
        (datetime(2027, 2, 1, 12), "2027-01-31T23:59:59+01:00", 8.0),
        (datetime(2027, 3, 1), "2027-01-31T23:59:59+01:00", 80.0),
        (None, "2027-01-31T23:59:59+01:00", 0.0),
        (datetime(2027, 2, 1, 12), None, 0.0),
    ],
)
def test_penalty_is_a_share_for_each_day_and_never_more_than_all(
    plain_course: Course, handed_in: datetime | None, due: str | None, points: float
) -> None:
    deadline = datetime.fromisoformat(due) if due else None
    settings = {"11_kernels": LessonSettings("Kernels", deadline)}
    lesson = Lesson(replace(plain_course, lessons=settings), "11_kernels")
    assert penalty_for(lesson, 80.0, handed_in, None) == pytest.approx(points)


def test_nbgrader_takes_the_penalty_of_the_submissions_course_from_any_folder(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Formgrader may run in a home folder, or in that of another course."""
    settings = lesson.course.root / "settings.ini"
    edit(settings, "sandbox = bwrap", "sandbox = off")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(settings, other)
    edit(other / "settings.ini", "late_penalty_per_day = 0.10", "late_penalty_per_day = 0")
    partly = SAMPLES["partly-done"]
    late = hand_in(partly, lesson, lesson.course.submitted).with_name("timestamp.txt")
    late.write_text("2027-02-02 12:00:00 +0100", encoding="utf-8")
    course = Course.read(lesson.course.root)
    monkeypatch.chdir(other)
    run_step(lambda: nbgrader_api(course).autograde(lesson.assignment, partly.student), "autograde")
    (grade,) = read_grades(Lesson(course, lesson.assignment)).submissions
    assert partly.points > 0
    assert grade.late_penalty == pytest.approx(0.2 * partly.points)
