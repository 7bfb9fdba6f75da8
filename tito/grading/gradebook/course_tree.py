"""nbgrader's course tree on disk: what was handed in, and what was made of it.

Files appear complete or not at all: each is written beside its place, forced to the disk and
renamed.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path, PurePath

from tito.errors import FULL, TitoError
from tito.files import MIB, Refused, Unreadable, read_regular, write_whole
from tito.grading.gradebook.database import REMEDY
from tito.grading.intake.read import TIMESTAMP, UNREADABLE
from tito.grading.intake.times import MOST_TIMESTAMP, parse_time
from tito.lesson import Lesson, Notebook

__all__ = [
    "NotStored",
    "handed_in_at",
    "has_notebook",
    "put_in_place",
    "made_of",
    "read_autograded",
    "remove_made",
    "assignment_lock",
    "unwritable",
]

READ_ONLY = 0o444
"""The mode of autograded files, as nbgrader sets it."""


class NotStored(TitoError):
    """The files of one student cannot be written; those of others may well be."""


def handed_in_at(lesson: Lesson, student: str) -> datetime | None:
    """Return the time in a submission's timestamp.txt, in UTC; None where there is no such file.

    Raises
    ------
    TitoError
        If it is no regular file, cannot be read or holds no time.
    """
    path = lesson.handed_in(student).with_name(TIMESTAMP)
    if not os.path.lexists(path):
        return None
    try:
        return parse_time(read_regular(path, MOST_TIMESTAMP).decode())
    except Unreadable as error:
        raise TitoError(f"{TIMESTAMP} {error}.", UNREADABLE) from None
    except Refused as refused:
        raise TitoError(f"{TIMESTAMP} {refused}: remove it.") from None
    except ValueError as error:
        raise TitoError(f"{TIMESTAMP} holds no time: {error}. Fix or remove it.") from None


def has_notebook(lesson: Lesson, student: str) -> bool:
    """Whether a student handed in anything as the notebook.

    Raises
    ------
    TitoError
        If this machine does not let anybody look.
    """
    path = lesson.handed_in(student)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise TitoError(f"{path.name} cannot be read: {error.strerror}.", UNREADABLE) from None
    return True


def read_autograded(lesson: Lesson, student: str) -> Notebook:
    """Read the autograded notebook of a student, without validating what was written here."""
    from nbformat.v4 import reads_json

    return reads_json(lesson.handed_in(student, "autograded").read_text(encoding="utf-8"))


def put_in_place(lesson: Lesson, student: str, notebook: str, ignored: Sequence[str]) -> list[str]:
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

    Returns
    -------
    list of str
        What was left out of what the student handed in, each with the reason.

    Raises
    ------
    NotStored
        If this student's files cannot be written.
    TitoError
        If no file can be written: the disk is full, or may only be read.
    """
    place, submitted = lesson.handed_in(student, "autograded"), lesson.handed_in(student).parent
    most = lesson.course.limits.file_mib * MIB
    left_out: list[str] = []
    try:
        ours = _beside(lesson.generated.parent, ignored, left_out)
        own = _beside(submitted, ignored, left_out)
        files = {**_not_in_the_way(own, {*ours, place.name}, left_out), **ours}
        _clear(place.parent, {*files, place.name})
        for name, path in files.items():
            try:
                write_whole(place.parent / name, read_regular(path, most), READ_ONLY)
            except Refused as refused:
                left_out.append(f"{name} {refused}")
        write_whole(place, notebook.encode(), READ_ONLY)
        _force_to_disk(place.parent)
    except OSError as error:
        raise unwritable(error, lesson, student) from error
    return left_out


def made_of(lesson: Lesson, student: str) -> list[Path]:
    """Return the folders with what was made of a student's notebook: graded, and the feedback."""
    folders = (lesson.handed_in(student, stage).parent for stage in ("autograded", "feedback"))
    return [folder for folder in folders if folder.exists()]


def remove_made(lesson: Lesson, student: str) -> None:
    """Remove what was made of the notebook of a student, who no longer has one.

    Raises
    ------
    TitoError
        If that cannot be removed.
    """
    try:
        for folder in made_of(lesson, student):
            shutil.rmtree(folder)
    except OSError as error:
        raise unwritable(error, lesson, student) from error


@contextmanager
def assignment_lock(lesson: Lesson) -> Iterator[None]:
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
        raise unwritable(error, lesson) from error
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


def _beside(folder: Path, ignored: Sequence[str], left_out: list[str]) -> dict[str, Path]:
    """The files that nbgrader copies from a folder, by their path below it.

    Folders that cannot be listed are added to `left_out`; nbgrader passes over them in silence.
    """

    def closed(error: OSError) -> None:
        name = os.path.relpath(error.filename, folder)
        left_out.append(f"{name} cannot be read: {error.strerror}")

    found: list[Path] = []
    if folder.is_dir():
        for top, folders, files in os.walk(folder, onerror=closed):
            folders[:] = _without(folders, ignored)
            found += (Path(top, name) for name in _without(files, [*ignored, "*.ipynb"]))
    return {str(path.relative_to(folder)): path for path in found}


def _without(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Leave out the names that match a pattern as in a shell: ``*`` is no dot at the beginning."""
    return [
        name
        for name in names
        if not any(fnmatch(name, p) for p in patterns if name[0] != "." or p[0] == ".")
    ]


def _not_in_the_way(own: dict[str, Path], ours: set[str], left_out: list[str]) -> dict[str, Path]:
    """Those files of a student that are neither a folder of ours nor lie in a file of ours."""
    folders = {str(folder) for name in ours for folder in PurePath(name).parents}
    free = {}
    for name, path in own.items():
        if name in folders or any(str(folder) in ours for folder in PurePath(name).parents):
            left_out.append(f"{name} is in the way of a file of the release")
        else:
            free[name] = path
    return free


def _clear(folder: Path, wanted: Iterable[str]) -> None:
    """Remove what is no longer handed in, and what stands where something else has to be."""
    files = {folder / name for name in wanted}
    folders = {parent for file in files for parent in file.parents}
    for top, names, others in os.walk(folder):
        paths = [Path(top, name) for name in names]
        links = [path for path in paths if path.is_symlink()]
        for path in [*links, *(Path(top, name) for name in others)]:
            if path not in files:
                path.unlink()
        for path in set(paths) - folders - set(links):
            shutil.rmtree(path)
        names[:] = [path.name for path in paths if path in folders]


def _force_to_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unwritable(error: OSError, lesson: Lesson, student: str = "") -> TitoError:
    """Return what says why the course tree, or the folder of a student, cannot be written."""
    folder = lesson.course.shown(lesson.course.assignments)
    if error.errno in FULL:
        return TitoError(f"The disk of {folder} is full.", f"Make room. {REMEDY}")
    fact = f"{folder} cannot be written: {error.strerror}."
    if student and error.errno != errno.EROFS:
        fact = f"The autograded folder of {student} cannot be written: {error.strerror}."
        return NotStored(fact, "Change its rights, or move away what stands there.")
    return TitoError(fact, f"Make it writable. {REMEDY}")
