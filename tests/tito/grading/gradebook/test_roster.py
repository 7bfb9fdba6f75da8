"""The roster in nbgrader's gradebook: who is new, who is missing, what the reports call them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from downloads import SAMPLES, roster
from shell import Tito

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.grades import read_grades
from tito.grading.gradebook.roster import enter_roster, read_roster
from tito.grading.gradebook.status import read_progress
from tito.lesson import Lesson
from tito.lms.people import Person
from tito.reports.progress import as_text

ADA = Person("ada", "Ada", "Lovelace", "ada@uni.example", "17", "Lab A")


def test_read_roster_makes_no_gradebook(plain_course: Course) -> None:
    assert read_roster(plain_course) == []
    assert not plain_course.assignments.exists()


def test_enter_roster_keeps_all_that_it_is_told(plain_course: Course) -> None:
    people = roster("canvas_grades.csv")
    done = enter_roster(plain_course, people)
    assert (len(done.new), done.changed, done.same) == (30, (), ())
    assert read_roster(plain_course) == sorted(people, key=lambda one: one.id)
    with nbgrader_api(plain_course).gradebook as gradebook:
        assert gradebook.find_student("jnunez").lms_user_id == "1147"


def test_enter_roster_counts_who_is_new_changed_and_the_same(plain_course: Course) -> None:
    enter_roster(plain_course, [ADA, Person("bob"), Person("eve")])
    done = enter_roster(plain_course, [ADA, Person("bob", "Bob"), Person("dan")])
    assert (done.new, done.changed, done.same) == (("dan",), ("bob",), ("ada",))
    assert done.others == ("eve",)


OTHER_FILES = {
    "the system's number": Person("lovelace", lms_user_id="17"),
    "the e-mail address": Person("ada@uni.example", email="ada@uni.example"),
}


@pytest.mark.parametrize("person", OTHER_FILES.values(), ids=OTHER_FILES)
def test_enter_roster_knows_a_student_again(plain_course: Course, person: Person) -> None:
    enter_roster(plain_course, [ADA])
    done = enter_roster(plain_course, [person])
    assert done.same == ("ada",)
    assert read_roster(plain_course) == [ADA]


TWICE = {
    "id": [Person("ada", "Ada"), Person("Ada", "Adele")],
    "LMS id": [Person("ada", lms_user_id="17"), Person("bob", lms_user_id="17")],
}


@pytest.mark.parametrize(("kind", "people"), TWICE.items(), ids=TWICE)
def test_enter_roster_refuses_double_ids(
    plain_course: Course, kind: str, people: Sequence[Person]
) -> None:
    with pytest.raises(TitoError, match=f"have the same {kind}"):
        enter_roster(plain_course, people)
    assert read_roster(plain_course) == []


def test_enter_roster_refuses_what_is_no_student_id(plain_course: Course) -> None:
    with pytest.raises(TitoError, match="is no student id: a student id is at most 128 letters"):
        enter_roster(plain_course, [Person("a b")])


def test_read_progress_names_who_handed_in_nothing(lesson: Lesson) -> None:
    enter_roster(lesson.course, [ADA, Person("bob")])
    lesson.handed_in("bob").parent.mkdir(parents=True)
    lesson.handed_in("bob").write_bytes(lesson.released.read_bytes())
    progress = read_progress(lesson)
    assert progress.missing == ("ada (Ada Lovelace)",)
    assert "submitted   1, 1 missing\n" in as_text(progress)
    assert "Handed in nothing: ada (Ada Lovelace)." in as_text(progress)


def test_read_grades_knows_the_names(lesson: Lesson) -> None:
    enter_roster(lesson.course, [ADA])
    (one,) = read_grades(lesson).submissions
    assert (one.student, one.name, one.status) == ("ada", "Ada Lovelace", "missing")


def test_roster_says_what_it_changed(plain_course: Course, tito: Tito) -> None:
    assert tito("roster", SAMPLES / "plain.csv").stderr.endswith("8 new, 0 changed, 0 the same.\n")
    again = tito("roster", SAMPLES / "moodle_worksheet_es.csv")
    assert again.stderr.endswith("0 new, 8 changed, 0 the same.\n")
    assert (again.returncode, again.stdout) == (0, "")
    assert "jnunez" in {person.id for person in read_roster(plain_course)}


def test_roster_says_that_the_gradebook_is_broken(plain_course: Course, tito: Tito) -> None:
    plain_course.assignments.mkdir()
    Path(plain_course.assignments, "gradebook.db").write_bytes(b"no database" * 1000)
    done = tito("roster", SAMPLES / "plain.csv")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "The gradebook is damaged" in done.stderr
