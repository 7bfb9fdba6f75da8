"""What `tito nbgrader feedback` says of the pages that it wrote."""

from shell import Tito

from tito.course import Course


def test_feedback_says_where_the_pages_lie(graded_course: Course, tito: Tito) -> None:
    assert graded_course.root
    done = tito("nbgrader", "feedback", "kernels")
    assert done.stderr.splitlines()[-1] == "8 feedback pages lie in assignments/feedback."
    done = tito("nbgrader", "feedback", "kernels", "--student", "ada")
    page = "assignments/feedback/ada/11_kernels/kernels.html"
    assert done.stderr.splitlines()[-1] == f"The feedback page of ada is {page}."
