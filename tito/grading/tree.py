"""nbgrader's course tree on disk: what was handed in, and what was made of it.

Files appear complete or not at all: each is written beside its place, forced to the disk and
renamed. An autograded notebook carries the fingerprint of all that it was made from.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tito.errors import TitoError
from tito.grading.database import REMEDY
from tito.grading.intake import TIMESTAMP, Rejected, read_bytes
from tito.grading.verdicts import METADATA_KEY
from tito.lesson import Lesson

__all__ = [
    "graded_fingerprint",
    "handed_in_at",
    "put_in_place",
    "strange_entries",
    "the_only_grader",
]

READ_ONLY = 0o444
"""The mode of autograded files, as nbgrader sets it."""

PARTIAL = ".partial"


def graded_fingerprint(lesson: Lesson, student: str) -> str:
    """Return the fingerprint of what a student's grade was made from; empty if there is none."""
    try:
        data = lesson.handed_in(student, "autograded").read_bytes()
        return str(json.loads(data)["metadata"][METADATA_KEY]["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def handed_in_at(lesson: Lesson, student: str) -> datetime | None:
    """Return the time in a submission's timestamp.txt, in UTC; None where there is no such file.

    Raises
    ------
    TitoError
        If it is no regular file or holds no time.
    """
    from nbgrader.utils import parse_utc

    path = lesson.handed_in(student).with_name(TIMESTAMP)
    if not os.path.lexists(path):
        return None
    try:
        text = read_bytes(path, lesson.course.limits).decode().strip()
        return parse_utc(text) if text else None
    except Rejected:
        raise TitoError(f"{TIMESTAMP} is no regular file: remove it.") from None
    except (ValueError, OverflowError):
        raise TitoError(f"{TIMESTAMP} holds no time: write one, or remove the file.") from None


def strange_entries(folder: Path) -> list[str]:
    """Name the links, FIFOs and devices beside a notebook: to copy them would follow them."""
    files = (Path(top, name) for top, _, names in os.walk(folder) for name in names)
    strange = (path for path in files if not stat.S_ISREG(path.lstat().st_mode))
    return sorted({path.name for path in strange if path.suffix != ".ipynb"})


def put_in_place(lesson: Lesson, student: str, notebook: str, ignored: Sequence[str]) -> None:
    """Make the autograded folder of a student what nbgrader would have made it.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    student : str
        Whose folder.
    notebook : str
        The text of the autograded notebook; it is put in place last.
    ignored : sequence of str
        Patterns of names that are not copied; those of nbgrader's `CourseDirectory.ignore`.

    Raises
    ------
    TitoError
        If a file cannot be written.
    """
    place = lesson.handed_in(student, "autograded")
    source = lesson.course.assignments / "source" / lesson.assignment
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        files = {**_beside(lesson.handed_in(student).parent, ignored), **_beside(source, ignored)}
        for name in _all_names(place.parent) - {*files, place.name}:
            (place.parent / name).unlink()
        for name, path in files.items():
            (place.parent / name).parent.mkdir(parents=True, exist_ok=True)
            _write(place.parent / name, path.read_bytes())
        _write(place, notebook.encode())
        _force_to_disk(place.parent)
    except OSError as error:
        raise _told(error, lesson) from error


@contextmanager
def the_only_grader(lesson: Lesson) -> Iterator[None]:
    """Hold the lock of an assignment inside the block; it ends with the process, however that ends.

    Raises
    ------
    TitoError
        If another grader holds it, or the folder cannot be written.
    """
    path = lesson.course.assignments / f".{lesson.assignment}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _told(error, lesson) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise TitoError(
            f"{lesson.assignment} is being graded already, by another command.",
            "Wait until it has finished, or end it.",
        ) from None
    try:
        yield
    finally:
        os.close(handle)


def _beside(folder: Path, ignored: Sequence[str]) -> dict[str, Path]:
    """The regular files that nbgrader copies from a folder, by their path below it."""
    from nbgrader.utils import find_all_files

    if not folder.is_dir():
        return {}
    found = map(Path, find_all_files(str(folder), [*ignored, "*.ipynb"]))
    regular = (path for path in found if stat.S_ISREG(path.lstat().st_mode))
    return {str(path.relative_to(folder)): path for path in regular}


def _all_names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f"{path.name}{PARTIAL}")
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.chmod(READ_ONLY)
    partial.replace(path)


def _force_to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _told(error: OSError, lesson: Lesson) -> TitoError:
    folder = lesson.course.shown(lesson.course.assignments)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TitoError(f"The disk of {folder} is full.", f"Make room. {REMEDY}")
    fact = f"{folder} cannot be written: {error.strerror}."
    return TitoError(fact, f"Make it writable. {REMEDY}")
