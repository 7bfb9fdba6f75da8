"""Owners: whose work a file is that lies in a folder or an archive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tito.files import Reader
from tito.lesson import Lesson

__all__ = ["STUDENT", "Work", "by_student", "is_known", "named_in", "of_lesson", "owner_of"]

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
"""A student's id."""
OTHER = re.compile(r"\d+_|\.")


@dataclass
class Work:
    """What lies under one student's name, or why it is not taken."""

    files: Mapping[str, Reader] = field(default_factory=dict)
    refusal: str = ""
    beside: list[str] = field(default_factory=list)

    def notebooks(self) -> list[str]:
        """The names of the notebooks among the files."""
        return [name for name in self.files if _is_notebook(name)]


def by_student(lesson: Lesson, files: Mapping[str, Reader]) -> tuple[dict[str, Work], list[str]]:
    """Sort files by the student that their path names first; also return the notebooks of nobody.

    A folder without a notebook is a student's if it is called like one.
    """
    found: dict[str, dict[str, Reader]] = {}
    loose: list[str] = []
    for name, read in files.items():
        student, own = _student_of(lesson, name)
        if student and _belongs(lesson, own):
            found.setdefault(student, {})[own] = read
        elif not student and _is_notebook(name):
            loose.append(name)
    works = {who: Work(own) for who, own in found.items()}
    return {w: v for w, v in works.items() if v.notebooks() or STUDENT.fullmatch(w)}, loose


def _student_of(lesson: Lesson, name: str) -> tuple[str, str]:
    """The student that a path names first, and the path below; nobody where it names none."""
    top, _, rest = name.partition("/")
    if rest:
        return ("", name) if top == lesson.assignment else (top, rest)
    suffix = f"_{lesson.notebook_name}"
    return (name.removesuffix(suffix) if name.endswith(suffix) else ""), name


def of_lesson(lesson: Lesson, files: Mapping[str, Reader]) -> dict[str, Reader]:
    """Return the files that do not belong to another lesson."""
    return {name: read for name, read in files.items() if _belongs(lesson, name)}


def _belongs(lesson: Lesson, name: str) -> bool:
    """Whether a file lies neither in the folder of another lesson nor in a hidden one."""
    folders = PurePosixPath(name).parts[:-1]
    return all(f in (lesson.assignment, "..") or not OTHER.match(f) for f in folders)


def _is_notebook(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() == ".ipynb" and not path.name.startswith(".")


def owner_of(lesson: Lesson, archive: Path) -> str:
    """Whose zip file it is: its name, without the lesson's."""
    return archive.stem.removesuffix(f"_{lesson.assignment}").removesuffix(f"_{lesson.name}")


def named_in(lesson: Lesson, name: str) -> str:
    """Return the student that a notebook's path names for certain; empty if it may name none.

    For certain are the path in nbgrader's tree, and a student who handed in before.
    """
    student, own = _student_of(lesson, name)
    in_the_tree = PurePosixPath(own).parts == (lesson.assignment, lesson.notebook_name)
    if student == lesson.course.sources.name:  # the folder of a checkout
        return ""
    return student if in_the_tree or is_known(lesson, student) else ""


def is_known(lesson: Lesson, student: str) -> bool:
    """Whether a student of that id has handed in anything before."""
    known = STUDENT.fullmatch(student) is not None
    return known and (lesson.course.assignments / "submitted" / student).is_dir()
