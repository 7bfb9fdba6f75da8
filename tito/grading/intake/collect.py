"""Collecting: from folders and zip files into ``assignments/submitted``."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from tito.errors import TitoError
from tito.files import Reader, Refused, opened_zip, read_regular, write_whole
from tito.grading.intake.owners import (
    STUDENT,
    Work,
    by_student,
    is_known,
    named_in,
    of_lesson,
    owner_of,
)
from tito.grading.intake.read import TIMESTAMP
from tito.grading.intake.times import for_nbgrader
from tito.lesson import Lesson

__all__ = ["Collected", "collect_paths"]

TIMESTAMP_BYTES = 100
MODE = 0o600
"""Submissions are read by nobody else."""

MIXED = "holds work of its own and of {}: an archive of one student holds no other's"


@dataclass(frozen=True)
class Collected:
    """What became of one submission: ``collected``, ``unchanged`` or ``refused``.

    ``reason`` says why it was refused, or what lay beside it and was not taken.
    """

    name: str
    status: str
    reason: str = ""


def collect_paths(lesson: Lesson, paths: Iterable[Path]) -> list[Collected]:
    """Collect the submissions in folders and zip files; a later one of a student replaces it.

    Whatever is wrong with one student's files, the work of all others is collected.

    Raises
    ------
    TitoError
        If there is no submission of the lesson in them, or none can be written.
    """
    results: list[Collected] = []
    for path in paths:
        results += sorted(_collect_path(lesson, path), key=lambda one: one.name)
    if not any(one.status != "refused" or one.reason != _nothing(lesson) for one in results):
        shown = ", ".join(str(path) for path in paths)
        raise TitoError(
            f"No submission of {lesson.assignment} lies in {shown}.",
            f"Expected STUDENT/{lesson.notebook_name} or STUDENT_{lesson.notebook_name}.",
        )
    return results


def _collect_path(lesson: Lesson, path: Path) -> Iterator[Collected]:
    if path.is_dir():
        return _collect_folder(lesson, path)
    if path.suffix.lower() == ".zip" and path.is_file():
        return _collect_archive(lesson, path)
    raise TitoError(f"{path} is neither a folder nor a zip file.", "Name one.", exit_code=2)


def _collect_folder(lesson: Lesson, folder: Path) -> Iterator[Collected]:
    """What lies in a student's own folder or zip file is that student's, whatever it is called."""
    files: dict[str, Reader] = {}
    archives: list[Path] = []
    closed: list[OSError] = []
    for top, _, names in os.walk(folder, onerror=closed.append):
        for file in (Path(top, name) for name in names):
            if file.suffix.lower() == ".zip" and file.parent == folder:
                archives.append(file)
            else:
                files[file.relative_to(folder).as_posix()] = partial(read_regular, file)
    works, _ = by_student(lesson, files)
    for error in closed:
        works |= _refused(folder, error)
    for archive in sorted(archives):
        student = owner_of(lesson, archive)
        if student in works:
            works[student].beside.append(archive.name)
        else:
            yield _collect_own(lesson, archive, student)
    for student, work in works.items():
        yield _collect_one(lesson, student, work)


def _refused(folder: Path, error: OSError) -> dict[str, Work]:
    """The refusal of a student whose folder cannot be listed."""
    path = Path(os.fsdecode(error.filename or folder))
    below = path.relative_to(folder).parts
    if not below:
        raise TitoError(f"{folder} cannot be read: {error.strerror}.", "Look at its rights.")
    return {below[0]: Work(refusal=f"{path.name} cannot be read: {error.strerror}")}


def _collect_archive(lesson: Lesson, archive: Path) -> Iterator[Collected]:
    """A zip file that was named: the class's, or one student's."""
    owner = owner_of(lesson, archive)
    try:
        with opened_zip(archive.resolve()) as files:
            works, loose = by_student(lesson, files)
            own = owner != archive.stem or is_known(lesson, owner)
            if own or (loose and len(works) <= 1):
                works = {owner: Work(of_lesson(lesson, files))}
            elif loose:
                raise Refused(MIXED.format(f"{len(works)} others"))
            for student, work in works.items():
                yield _collect_one(lesson, student, work)
    except Refused as refused:
        yield Collected(owner, "refused", f"{archive.name} {refused}")


def _collect_own(lesson: Lesson, archive: Path, student: str) -> Collected:
    """A student's own zip file; a broken one is that student's matter only."""
    try:
        with opened_zip(archive) as files:
            return _collect_one(lesson, student, Work(of_lesson(lesson, files)))
    except Refused as refused:
        return Collected(student, "refused", f"{archive.name} {refused}")


def _collect_one(lesson: Lesson, student: str, work: Work) -> Collected:
    try:
        name, notebook, timestamp = _read(lesson, student, work)
    except Refused as refused:
        return Collected(student, "refused", str(refused))
    except Exception as error:  # of whatever kind, it is this student's matter
        reason = f"it cannot be read: {type(error).__name__}: {error}"
        return Collected(student, "refused", reason)
    try:
        changed = _store(lesson, student, notebook, timestamp)
    except OSError as error:
        _remove_empty(lesson.handed_in(student))
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            fact = f"{lesson.course.assignments} cannot be written: {error.strerror}."
            raise TitoError(fact, "Make room there, and collect again.") from None
        return Collected(student, "refused", f"it cannot be stored: {error.strerror}")
    others = [n for n in work.notebooks() if n != name and _is_named(lesson, n)]
    reason = f"took {name}, and not {', '.join(others + work.beside)}"
    return Collected(
        student,
        "collected" if changed else "unchanged",
        reason if others or work.beside else "",
    )


def _read(lesson: Lesson, student: str, work: Work) -> tuple[str, bytes, bytes]:
    """The name of a student's notebook, its content and that of the timestamp beside it."""
    if not STUDENT.fullmatch(student):
        raise Refused("a student id is letters, digits and . _ @ + -")
    if work.refusal:
        raise Refused(work.refusal)
    name = _the_notebook(lesson, work.notebooks())
    other = named_in(lesson, name)
    if other and other.lower() != student.lower():
        raise Refused(f"{name} names another student: {other}")
    notebook = _content(work, name, lesson.course.limits.notebook_mib * 2**20)
    stamp = str(PurePosixPath(name).with_name(TIMESTAMP))
    timestamp = _content(work, stamp, TIMESTAMP_BYTES) if stamp in work.files else b""
    return name, notebook, _time(timestamp)


def _content(work: Work, name: str, most: int) -> bytes:
    try:
        return work.files[name](most)
    except Refused as refused:
        raise Refused(f"{name} {refused}") from None


def _store(lesson: Lesson, student: str, notebook: bytes, timestamp: bytes) -> bool:
    """Put a submission into the course tree; return whether that changed anything."""
    place = lesson.handed_in(student)
    changed = _write(place, notebook)
    if timestamp:
        return _write(place.with_name(TIMESTAMP), timestamp) or changed
    if changed:
        place.with_name(TIMESTAMP).unlink(missing_ok=True)  # it was the time of the one before
    return changed


def _remove_empty(place: Path) -> None:
    """Remove the folders made for a file that could not be stored: they would count as work."""
    with suppress(OSError):
        place.parent.rmdir()
        place.parent.parent.rmdir()


def _the_notebook(lesson: Lesson, names: list[str]) -> str:
    """The notebook of the right name that lies on top; of any name where it is the only one."""
    named = [name for name in names if _is_named(lesson, name)]
    if not named and len(names) == 1:
        return names[0]
    if not names:
        raise Refused(_nothing(lesson))
    if not named:
        raise Refused(f"{len(names)} notebooks, and not one is the {lesson.notebook_name}")
    depths = {name: _depth(lesson, name) for name in named}
    top = [name for name in named if depths[name] == min(depths.values())]
    if len(top) > 1:
        raise Refused(f"it holds {len(top)} of {lesson.notebook_name}: {', '.join(sorted(top))}")
    return top[0]


def _is_named(lesson: Lesson, name: str) -> bool:
    return PurePosixPath(name).name == lesson.notebook_name


def _depth(lesson: Lesson, name: str) -> int:
    return sum(folder != lesson.assignment for folder in PurePosixPath(name).parts[:-1])


def _nothing(lesson: Lesson) -> str:
    return f"it holds no {lesson.notebook_name}"


def _time(timestamp: bytes) -> bytes:
    """The timestamp as nbgrader reads it; what is no time would stop it for the whole class."""
    try:
        return for_nbgrader(timestamp)
    except ValueError as error:
        raise Refused(f"its {TIMESTAMP} holds no date and time: {error}") from None


def _write(path: Path, data: bytes) -> bool:
    """Write `data` whole or not at all; return whether that changed the file."""
    try:
        if read_regular(path, len(data)) == data:
            return False
    except Refused:
        pass
    write_whole(path, data, MODE)
    return True
