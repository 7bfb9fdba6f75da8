"""Adding a lesson to a course: its folder and its section of settings.ini, both or neither."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

from tito.course import CHECKS, SETTINGS, Course
from tito.errors import TitoError
from tito.files import folder_beside, write_whole
from tito.lesson import Lesson

__all__ = ["add_lesson", "new_lesson", "place_for", "title_of"]

TEMPLATES = Path(__file__).parent
NAMED = re.compile(r"(?:([0-9]+)_)?([a-z][a-z0-9_]*)")
MOST_NAME = 40  # characters: the name becomes that of files and of nbgrader's assignment
HEADER = re.compile(r"^\[(.*)\]", re.MULTILINE)


def new_lesson(course: Course, name: str, title: str = "") -> Lesson:
    """Add a lesson that can be graded at once, to be rewritten; return it.

    Parameters
    ----------
    course : Course
        Receives the folder of the lesson and its section in settings.ini.
    name : str
        As in ``running_mean``, which gets the next free number, or ``12_running_mean``.
    title : str
        Default: the name in words.

    Raises
    ------
    TitoError
        If the name is none, or taken.
    """
    lesson = place_for(course, name)
    title = title_of(lesson, title)
    words = {"name": lesson.name, "title": title}
    files = {lesson.source.name: "lesson.py", CHECKS: CHECKS}
    texts = {to: _template(source).substitute(words) for to, source in files.items()}
    return add_lesson(lesson, title, {to: text.encode() for to, text in texts.items()})


def place_for(course: Course, name: str) -> Lesson:
    """Return the lesson that `name` would become, with the next free number if it names none.

    Raises
    ------
    TitoError
        If the name is none, or taken.
    """
    match = NAMED.fullmatch(name)
    if match is None or len(name) > MOST_NAME:
        fact = f"A lesson cannot be called {name!r}."
        legal = f"at most {MOST_NAME} characters: a-z, 0-9 and _, a letter first"
        raise TitoError(fact, f"Use {legal}, as in running_mean.", exit_code=2)
    lessons = [Lesson(course, assignment) for assignment in course.lessons]
    number = match[1] or f"{max([0, *(int(each.number) for each in lessons)]) + 1:02}"
    lesson = Lesson(course, f"{number}_{match[2]}")
    for each in lessons:
        if each.name == lesson.name or int(each.number) == int(number):
            fact = f"The course has the lesson {each.assignment} already."
            raise TitoError(fact, "Choose another name or number.", exit_code=2)
    if lesson.folder.exists():
        fact = f"There is a folder {course.shown(lesson.folder)} already."
        remedy = f"Remove it, or add [lesson {lesson.assignment}] to {SETTINGS}."
        raise TitoError(fact, remedy, exit_code=2)
    return lesson


def title_of(lesson: Lesson, title: str) -> str:
    """Return the title in one line; without one, the lesson's name in words.

    Raises
    ------
    TitoError
        If it has characters that no title has.
    """
    title = " ".join(title.split()) or lesson.name.replace("_", " ").capitalize()
    if not title.isprintable() or '"""' in title:
        raise TitoError(f"{title!r} is no title.", "Use letters, digits and spaces.", exit_code=2)
    return title


def add_lesson(lesson: Lesson, title: str, files: Mapping[str, bytes]) -> Lesson:
    """Write the files of a new lesson and its section of settings.ini; return the lesson.

    Parameters
    ----------
    lesson : Lesson
        From `place_for`: there is nothing in its place.
    title : str
        What students read.
    files : mapping of str to bytes
        By their paths in the folder of the lesson.

    Raises
    ------
    OSError
        If something cannot be written; nothing is left behind then.
    """
    course = lesson.course
    settings = course.root / SETTINGS
    text = settings.read_bytes().decode("utf-8-sig")
    with folder_beside(course.root, "lesson") as beside:
        made = beside / lesson.assignment
        for path, data in files.items():
            write_whole(made / path, data)
        lesson.folder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(lesson.folder)
    try:
        write_whole(settings, _with_section(text, lesson.assignment, title).encode())
    except BaseException:
        shutil.rmtree(lesson.folder)
        raise
    return Lesson(Course.read(course.root), lesson.assignment)


def _with_section(text: str, assignment: str, title: str) -> str:
    """Return settings.ini with a section more, below those of the other lessons."""
    end = "\r\n" if "\r\n" in text else "\n"
    section = f"[lesson {assignment}]{end}title = {title}{end}"
    headers = list(HEADER.finditer(text))
    places = [n for n, header in enumerate(headers) if header[1].startswith(("course", "lesson "))]
    if not places or places[-1] + 1 == len(headers):
        return f"{text.rstrip()}{end}{end}{section}"
    before = text[: headers[places[-1] + 1].start()]
    lines = before.splitlines(keepends=True)
    while lines and lines[-1].startswith(("#", ";")):  # they speak of what follows
        lines.pop()
    at = sum(map(len, lines))
    return f"{text[:at].rstrip()}{end}{end}{section}{end}{text[at:]}"


def _template(name: str) -> Template:
    return Template((TEMPLATES / f"{name}.template").read_text(encoding="utf-8"))
