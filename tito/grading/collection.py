"""Collecting: from nbgrader's exchange, folders and zip files into ``assignments/submitted``."""

import lzma
import os
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.assignment import nbgrader_api, run_step
from tito.grading.gradebook import submitted_students
from tito.lesson import Lesson

__all__ = ["Collected", "collect_exchange", "collect_paths"]

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
TIMESTAMP = "timestamp.txt"
TIMESTAMP_BYTES = 100
MOST_ENTRIES = 100_000
# What zipfile and the libraries below it raise at a damaged, encrypted or odd archive.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(OSError, RuntimeError, NotImplementedError, ValueError),
)

Reader = Callable[[int], bytes]
"""Reads a file of at most so many bytes."""


@dataclass(frozen=True)
class Collected:
    """What became of one file: ``collected``, ``unchanged`` or ``refused`` with the reason."""

    name: str
    status: str
    reason: str = ""


class _Refused(Exception):
    """The file is not taken; the text says why."""


def collect_exchange(lesson: Lesson) -> int:
    """Collect from nbgrader's exchange; return how many submissions there are now.

    Raises
    ------
    TitoError
        If settings.ini names no exchange, or nbgrader cannot read it.
    """
    if lesson.course.exchange is None:
        raise TitoError(
            "settings.ini names no exchange to collect from.",
            f"Name folders or zip files: `tito nbgrader collect {lesson.name} PATH`.",
            exit_code=2,
        )
    api = nbgrader_api(lesson.course)
    run_step(lambda: api.collect(lesson.assignment), f"collect {lesson.name}")
    return len(submitted_students(lesson))


def collect_paths(lesson: Lesson, paths: Iterable[Path]) -> list[Collected]:
    """Collect the submissions in folders and zip files; a later one of a student replaces it.

    Raises
    ------
    TitoError
        If there is no submission of the lesson in them.
    """
    results: list[Collected] = []
    for path in paths:
        results += _collect_files(lesson, dict(_files(path, lesson.course.limits)))
    if not results:
        shown = ", ".join(str(path) for path in paths)
        raise TitoError(
            f"No submission of {lesson.assignment} lies in {shown}.",
            f"Expected STUDENT/{lesson.notebook_name} or STUDENT_{lesson.notebook_name}.",
        )
    return results


def _collect_files(lesson: Lesson, files: dict[str, Reader]) -> list[Collected]:
    by_student: dict[str, list[str]] = {}
    for name in files:
        student = _student(lesson, PurePosixPath(name))
        if student:
            by_student.setdefault(student, []).append(name)
    return [_collect_one(lesson, who, names, files) for who, names in sorted(by_student.items())]


def _student(lesson: Lesson, path: PurePosixPath) -> str:
    """Whose notebook the path says it is; empty for what is no submission of the lesson."""
    if path.suffix != ".ipynb" or any(p.startswith(".") and p != ".." for p in path.parts):
        return ""
    if path.name.endswith(f"_{lesson.notebook_name}"):
        return path.name.removesuffix(f"_{lesson.notebook_name}")
    folder = path.parent
    return folder.parent.name if folder.name == lesson.assignment else folder.name


def _collect_one(
    lesson: Lesson, student: str, names: list[str], files: dict[str, Reader]
) -> Collected:
    try:
        if not STUDENT.fullmatch(student):
            raise _Refused("a student id is letters, digits and . _ @ + -")
        name = _the_notebook(lesson, names)
        notebook = files[name](lesson.course.limits.notebook_mib * 2**20)
        stamp = files.get(str(PurePosixPath(name).with_name(TIMESTAMP)))
        timestamp = stamp(TIMESTAMP_BYTES) if stamp else b""
    except _Refused as refused:
        return Collected(student, "refused", f"{names[0]}: {refused}")
    folder = lesson.handed_in(student).parent
    changed = _write(folder / lesson.notebook_name, notebook)
    changed |= bool(timestamp) and _write(folder / TIMESTAMP, timestamp)
    return Collected(student, "collected" if changed else "unchanged")


def _the_notebook(lesson: Lesson, names: list[str]) -> str:
    """The notebook of the right name; of any name where it is the only one."""
    exact = [n for n in names if n.endswith(lesson.notebook_name)]
    if len(exact) == 1 or len(names) == 1:
        return (exact or names)[0]
    raise _Refused(f"{len(names)} notebooks, and not one is the {lesson.notebook_name}")


def _files(path: Path, limits: Limits) -> Iterator[tuple[str, Reader]]:
    """Yield each file in a folder or zip file under the name that says whose it is."""
    if path.suffix.lower() == ".zip" and path.is_file():
        yield from _zipped(path, limits)
        return
    if not path.is_dir():
        raise TitoError(f"{path} is neither a folder nor a zip file.", "Name one.", exit_code=2)
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix.lower() == ".zip":
                yield from _zipped(file, limits)
            else:
                yield file.relative_to(path).as_posix(), partial(_read_file, file)


def _zipped(path: Path, limits: Limits) -> Iterator[tuple[str, Reader]]:
    """Yield a zip file's files as if it were a folder of its name without the assignment's."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except BROKEN_ZIP as error:
        raise TitoError(f"{path} cannot be unpacked: {error}.", "Ask for it again.") from None
    if len(entries) > MOST_ENTRIES:
        raise TitoError(f"{path} has {len(entries)} entries.", f"At most {MOST_ENTRIES} are read.")
    owner = path.stem.partition("_")[0]
    for entry in entries:
        if not entry.is_dir():
            yield f"{owner}/{entry.filename}", partial(_read_entry, path, entry)


def _read_file(path: Path, most: int) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise _Refused("it is no regular file")
    with path.open("rb") as file:
        return _capped(file, most)


def _read_entry(path: Path, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Read one file of an archive; its size is what comes out, not what the archive says."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return _capped(file, most)
    except BROKEN_ZIP as error:
        raise _Refused(f"it cannot be unpacked: {error}") from None


def _capped(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise _Refused(f"it is larger than the {most:,} bytes allowed")
    return data


def _write(path: Path, data: bytes) -> bool:
    """Write `data` whole or not at all; return whether that changed the file."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return True
