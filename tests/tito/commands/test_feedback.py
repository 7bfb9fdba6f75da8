"""What `tito nbgrader feedback` says of the pages that it wrote."""

import shutil

import pytest
from shell import Tito

from tito.course import Course
from tito.lesson import find_lesson


def test_feedback_says_where_the_pages_lie(graded_course: Course, tito: Tito) -> None:
    assert graded_course.root
    done = tito("nbgrader", "feedback", "kernels")
    assert done.stderr.splitlines()[-1] == "8 feedback pages lie in assignments/feedback."
    done = tito("nbgrader", "feedback", "kernels", "--student", "ada")
    page = "assignments/feedback/ada/11_kernels/kernels.html"
    assert done.stderr.splitlines()[-1] == f"The feedback page of ada is {page}."


@pytest.mark.parametrize(
    "command", [("feedback",), ("report",), ("report", "--format", "canvas")], ids=" ".join
)
def test_what_is_told_of_grades_names_those_that_are_out_of_date(
    graded_course: Course, tito: Tito, command: tuple[str, ...]
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    shutil.copy(lesson.handed_in("ada"), lesson.handed_in("charles"))
    name, *options = command
    told = tito("nbgrader", name, "kernels", *options).stderr.splitlines()
    warning = "1 grade is out of date: charles. Run `tito nbgrader autograde kernels`."
    assert told[-1] == warning
    if name == "feedback":
        told = tito("nbgrader", name, "kernels", "--student", "ada").stderr.splitlines()
        assert warning not in told
        lesson.handed_in("charles").unlink()  # the page of before stays until it is graded
        assert "No page" not in tito("nbgrader", name, "kernels").stderr
