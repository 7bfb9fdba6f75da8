"""Owners: whose work a file is that lies in a folder or an archive."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tito.files import Reader
from tito.lesson import Lesson
from tito.lms.names import Named

__all__ = [
    "IDS",
    "STUDENT",
    "Known",
    "Work",
    "belongs",
    "by_student",
    "is_known",
    "is_lessons_name",
    "is_litter",
    "is_notebook",
    "is_passed_over",
    "is_variant",
    "named_in",
    "of_class",
    "of_one",
    "owner_of",
    "plain",
]

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
"""A student's id."""
IDS = "a student id is at most 128 letters, digits and . _ @ + -"
"""What is said of another one."""
OTHER = re.compile(r"\d+_|\.")
COPY = r"(?: ?\(\d+\)|-\d+|(?: ?- ?|[ -])copy(?:[ -]?\(?\d+\)?)?)?"
"""What a browser, Jupyter, Canvas or a person puts behind the name of a file: (1), -Copy1, -2."""
NOTEBOOK = re.compile(r"(?P<stem>.+)\.ipynb(?:\.txt|\.json)?", re.IGNORECASE | re.DOTALL)
LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini")

Known = Callable[[str], bool]
"""Whether a student of that id is known."""


@dataclass
class Work:
    """What lies under one student's name; ``beside`` names what is not looked at.

    ``timed`` says whether a timestamp.txt in it is the instructor's: in a student's own zip file,
    and in what comes through a system, it may be the student's.
    """

    files: Mapping[str, Reader] = field(default_factory=dict)
    timed: bool = True
    beside: list[str] = field(default_factory=list)

    def notebooks(self) -> list[str]:
        """The names of the notebooks among the files."""
        return [name for name in self.files if is_notebook(name)]


def plain(student: str, file: str = "") -> Named:
    """What a plain name tells: the student."""
    return Named("plain", student, file, name=student, ids=(student,))


def by_student(lesson: Lesson, files: Mapping[str, Reader]) -> tuple[dict[str, Work], list[str]]:
    """Sort files by the student that their path names first; also return the files of nobody.

    A folder without a notebook is a student's if it is called like one.
    """
    found: dict[str, dict[str, Reader]] = {}
    loose: list[str] = []
    for name, read in files.items():
        student, own = _student_of(lesson, name)
        if student and belongs(lesson, own):
            found.setdefault(student, {})[own] = read
        else:
            loose.append(name)
    works = {who: Work(own) for who, own in found.items()}
    taken = {w: v for w, v in works.items() if v.notebooks() or STUDENT.fullmatch(w)}
    loose += [f"{w}/{name}" for w in works.keys() - taken.keys() for name in works[w].files]
    return taken, [name for name in loose if not is_litter(name)]


def of_class(lesson: Lesson, files: Mapping[str, Reader], known: Known) -> dict[str, Reader]:
    """Return the files without the folders around the whole class.

    A folder is taken for one if there is a known student in it, if all in it is in nbgrader's tree,
    or if it is called like no student and has several folders in it.
    """
    while True:
        wanted = [name for name in files if is_notebook(name) or name.lower().endswith(".zip")]
        tops = {name.partition("/")[0] for name in wanted}
        top = next(iter(tops), "")
        inside = {name.split("/")[1] for name in wanted if name.count("/") > 1}
        if len(tops) != 1 or not inside or top == lesson.assignment or known(top):
            return dict(files)
        in_the_tree = all(name.split("/")[2:3] == [lesson.assignment] for name in wanted)
        is_around = not STUDENT.fullmatch(top) and len(inside) > 1
        if not (is_around or in_the_tree or any(map(known, inside))):
            return dict(files)
        files = {name.removeprefix(f"{top}/"): read for name, read in files.items()}


def _student_of(lesson: Lesson, name: str) -> tuple[str, str]:
    """The student that a path names first, and the path below; nobody where it names none."""
    top, _, rest = name.partition("/")
    if rest:
        return ("", name) if top == lesson.assignment else (top, rest)
    suffix = re.compile(rf"_(?:{re.escape(lesson.name)}){COPY}\.(?:ipynb(?:\.\w+)?|py)$", re.I)
    found = suffix.search(name)
    return (name[: found.start()] if found else ""), name


def of_one(lesson: Lesson, files: Mapping[str, Reader]) -> Work:
    """Return the files of a student's zip; those in a folder like another lesson's lie beside."""
    own = {name: read for name, read in files.items() if belongs(lesson, name)}
    others = [n for n in files if n not in own and not is_passed_over(lesson, n)]
    return Work(own, timed=False, beside=others)


def is_passed_over(lesson: Lesson, name: str) -> bool:
    """Whether nobody misses a file: it is litter, or of another lesson of the course."""
    lessons = lesson.course.lessons.keys() - {lesson.assignment}
    return is_litter(name) or not lessons.isdisjoint(name.split("/"))


def belongs(lesson: Lesson, name: str) -> bool:
    """Whether a file lies neither in the folder of another lesson nor in a hidden one."""
    folders = PurePosixPath(name).parts[:-1]
    return all(f in (lesson.assignment, "..") or not OTHER.match(f) for f in folders)


def is_notebook(name: str) -> bool:
    """Whether a file is called like a notebook, even by a system that added a suffix."""
    return NOTEBOOK.fullmatch(PurePosixPath(name).name) is not None and not is_litter(name)


def is_variant(lesson: Lesson, name: str) -> bool:
    """Whether a file is called like the lesson's notebook, or like a copy of it."""
    wanted = rf"{re.escape(lesson.name)}{COPY}\.(?:ipynb(?:\.txt|\.json)?|py)"
    return re.fullmatch(wanted, PurePosixPath(name).name, re.IGNORECASE) is not None


def is_lessons_name(lesson: Lesson, name: str) -> bool:
    """Whether a folder or a zip file is called like the lesson, so that it names no student."""
    wanted = rf"(?:{re.escape(lesson.name)}|{re.escape(lesson.assignment)}){COPY}"
    return re.fullmatch(wanted, name, re.IGNORECASE) is not None


def is_litter(name: str) -> bool:
    """Whether no person made the file: an editor or an operating system hides it."""
    parts = PurePosixPath(name).parts
    return any(p in LITTER or (p[:1] == "." and p != "..") for p in parts)


def owner_of(lesson: Lesson, archive: Path) -> str:
    """Whose zip file it is: its name, without the lesson's."""
    return archive.stem.removesuffix(f"_{lesson.assignment}").removesuffix(f"_{lesson.name}")


def named_in(lesson: Lesson, name: str, known: Known) -> tuple[str, bool]:
    """Return the student that a notebook's path names, and whether it is one who is known.

    Nobody is named but by the path in nbgrader's tree, and by the id of a known student.
    """
    student, own = _student_of(lesson, name)
    in_the_tree = PurePosixPath(own).parts == (lesson.assignment, lesson.notebook_name)
    if student == lesson.course.sources.name:  # the folder of a checkout
        return "", False
    return (student, known(student)) if in_the_tree or known(student) else ("", False)


def is_known(lesson: Lesson, student: str, roster: Collection[str] = ()) -> bool:
    """Whether a student of that id is in the roster, or has handed in anything before."""
    if STUDENT.fullmatch(student) is None:
        return False
    return student in roster or (lesson.course.submitted / student).is_dir()
