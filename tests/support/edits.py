"""Edits of a course's files, as a person makes them."""

from pathlib import Path

from tito.course import Course
from tito.lesson import Lesson, find_lesson

__all__ = ["edit", "with_settings"]


def edit(path: Path, before: str, after: str) -> None:
    """Replace a text where it first stands in a file; it has to stand there."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def with_settings(course: Course, before: str, after: str) -> Lesson:
    """Edit settings.ini, and return the kernels lesson as it is then."""
    edit(course.root / "settings.ini", before, after)
    return find_lesson(Course.read(course.root), "kernels")
