"""The demonstration behind `make demo`: a class of eight from the release to the grades.

It runs the same commands as an instructor, in this checkout, and can be run again and again.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from classroom import Sample, hand_in, read_samples

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.assignment import nbgrader_api
from tito.lesson import Lesson, find_lesson

__all__ = ["main"]


def main() -> None:
    """Run the demonstration in the course of the current folder."""
    course = Course.find()
    lesson = find_lesson(course, "kernels")
    samples = read_samples()
    _refuse_a_real_class(lesson, samples)
    _tito("generate", "kernels")
    _forget(lesson, samples)
    _tito("release", "kernels")
    with tempfile.TemporaryDirectory() as folder:
        print(f"\n{len(samples)} students hand in:")
        for sample in samples:
            hand_in(sample, lesson, Path(folder))
            print(f"  {sample.student:<8} {sample.about}")
        _tito("collect", "kernels", folder)
    _tito("autograde", "kernels")
    _tito("feedback", "kernels")
    _tito("report", "kernels")
    print("\nNotebooks, as graded:  " + course.shown(course.assignments / "autograded"))
    print("Feedback pages:        " + course.shown(course.assignments / "feedback"))
    print("Gradebook:             " + course.shown(course.assignments / "gradebook.db"))


def _refuse_a_real_class(lesson: Lesson, samples: list[Sample]) -> None:
    """The demonstration clears its own students away, and must never meet others."""
    others = set(lesson.submitted_students()) - {sample.student for sample in samples}
    if others:
        raise TitoError(
            f"{lesson.course.assignments} holds the work of {len(others)} other students.",
            "Run the demonstration in a fresh clone.",
        )


def _forget(lesson: Lesson, samples: list[Sample]) -> None:
    """Take the demonstration's students out of the course tree and the gradebook."""
    from nbgrader.api import MissingEntry

    with nbgrader_api(lesson.course).gradebook as gradebook:
        for sample in samples:
            try:
                gradebook.remove_student(sample.student)
            except MissingEntry:
                continue
    for stage in ("submitted", "autograded", "feedback"):
        for sample in samples:
            shutil.rmtree(lesson.course.assignments / stage / sample.student, ignore_errors=True)


def _tito(step: str, *arguments: str) -> None:
    print(f"\n$ tito nbgrader {step} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "tito", "nbgrader", step, *arguments], check=True)


if __name__ == "__main__":
    try:
        main()
    except TitoError as error:
        sys.exit(f"demo: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
