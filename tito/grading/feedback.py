"""Feedback: nbgrader's page for each student, sent through the exchange where there is one."""

from pathlib import Path

from tito.errors import TitoError
from tito.grading.assignment import nbgrader_api, run_step
from tito.lesson import Lesson

__all__ = ["write_feedback"]


def write_feedback(lesson: Lesson, student: str | None = None) -> list[Path]:
    """Write the feedback pages of a class, or of one student; return their paths.

    Raises
    ------
    TitoError
        If nothing is autograded yet, or nbgrader cannot write a page.
    """
    pattern = f"{student or '*'}/{lesson.assignment}/{lesson.notebook_name}"
    autograded = sorted((lesson.course.assignments / "autograded").glob(pattern))
    if not autograded:
        whose = f"of {student} " if student else ""
        raise TitoError(
            f"Nothing {whose}is autograded for {lesson.assignment}.",
            f"Run `tito nbgrader autograde {lesson.name}`.",
        )
    api = nbgrader_api(lesson.course)
    run_step(
        lambda: api.generate_feedback(lesson.assignment, student_id=student, force=True),
        f"write the feedback of {lesson.name}",
    )
    if lesson.course.exchange is not None:
        run_step(
            lambda: api.release_feedback(lesson.assignment, student_id=student),
            f"send the feedback of {lesson.name}",
        )
    students = [path.parents[1].name for path in autograded]
    return [lesson.handed_in(name, "feedback").with_suffix(".html") for name in students]
