"""`tito nbgrader report` for a learning-management system, as a person types it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.roster import enter_roster
from tito.lms.people import Person

HEADER = "OrgDefinedId,Username,Kernels Points Grade,End-of-Line Indicator\n"


def names(stderr: str, kind: str) -> Sequence[str]:
    (line,) = [line for line in stderr.splitlines() if kind in line]
    return line.partition(": ")[2].split(", ")


def test_report_fills_the_file_of_a_system(graded_course: Course, tito: Tito) -> None:
    enter_roster(graded_course, [Person("zoe", "Zoe", "Adams")])
    students = sorted(
        path.name for path in graded_course.assignments.joinpath("submitted").iterdir()
    )
    first, *others = students
    text = f"{HEADER}#1,#{first},,#\n#2,#zoe,,#\n#3,#nobody,,#\n"
    Path("grades.csv").write_text(text, encoding="utf-8")
    report = ("nbgrader", "report", "kernels", "--format", "brightspace")
    done = tito(*report, "--fill", "grades.csv", "--output", "out.csv")
    assert done.returncode == 1
    assert done.stdout == ""
    assert names(done.stderr, "found no place in the file") == others
    assert names(done.stderr, "have no grade") == ["zoe (Zoe Adams)"]
    assert names(done.stderr, "not in the gradebook") == ["nobody (row 4)"]
    assert "have answers to read" in done.stderr
    out = Path("out.csv").read_text(encoding="utf-8").splitlines()
    assert out[0] == HEADER.strip()
    assert float(out[1].split(",")[2]) >= 0
    assert out[2:] == text.splitlines()[2:]


def test_report_makes_a_file_of_a_class_without_grades(course: Course, tito: Tito) -> None:
    enter_roster(course, [Person("zoe", "Zoe", "Adams")])
    done = tito("nbgrader", "report", "kernels", "--format", "canvas")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "Student,ID,SIS Login ID,Section,Kernels"
    assert names(done.stderr, "have no grade") == ["zoe (Zoe Adams)"]


@pytest.mark.parametrize("system", ["moodle", "blackboard"])
def test_report_says_that_a_system_takes_its_own_file_only(
    course: Course, tito: Tito, system: str
) -> None:
    done = tito("nbgrader", "report", "kernels", "--format", system)
    assert done.returncode == 2
    assert "name it with --fill" in done.stderr


def test_report_fills_no_file_without_a_system(course: Course, tito: Tito) -> None:
    done = tito("nbgrader", "report", "kernels", "--column", "x")
    assert (done.returncode, done.stdout) == (2, "")
