"""Files: those of other people are read without trust, our own are written whole or not at all.

A path is opened once, without following a link and without waiting, and what was opened is looked
at; so nothing can be replaced between the check and the reading.
"""

import errno
import io
import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import IO

__all__ = [
    "MIB",
    "Reader",
    "Refused",
    "Unreadable",
    "as_zip",
    "files_below",
    "folder_beside",
    "opened_zip",
    "opened_zip_in",
    "read_regular",
    "write_whole",
]

READING = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # do not wait for the writer of a FIFO
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
MIB = 2**20
AT_A_TIME = MIB
MOST_ENTRIES = 100_000
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of the files in our zip files, whenever they are made."""
MOST_DIRECTORY = 16 * MIB
"""The largest list of contents of a zip file: zipfile reads it whole."""

# What zipfile and the libraries below it raise at a damaged, encrypted or odd archive.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, ValueError, IndexError, TypeError, OverflowError, MemoryError),
)

Reader = Callable[[int], bytes]
"""Reads a file of at most the given bytes, or raises `Refused`."""


class Refused(Exception):
    """A file is not read; the text says why, as in ``is a link, not a regular file``."""


class Unreadable(Refused):
    """This machine does not let the file be read, which says nothing of the file."""


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises
    ------
    Unreadable
        If this machine does not let it be read.
    Refused
        If it is not there, no regular file, or larger.
    """
    with _opened(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise _too_large(most)
        try:
            return _capped(file, most)
        except OSError as error:
            raise _unreadable(error) from None


def files_below(folder: Path, *, without: Collection[str] = ()) -> dict[str, Path]:
    """Return the regular files in a folder and those below it, by their relative names, in order.

    What is hidden or compiled stays out, and so do the names `without`; there may be no folder.

    Raises
    ------
    OSError
        If a folder below it cannot be listed.
    """
    found: list[Path] = []
    for top, folders, files in os.walk(folder, onerror=_raise_unless_absent):
        folders[:] = (name for name in folders if not _is_hidden(name))
        found += (Path(top, name) for name in files if not _is_hidden(name))
    names = {path.relative_to(folder).as_posix(): path for path in sorted(found)}
    return {name: path for name, path in names.items() if name not in without and path.is_file()}


@contextmanager
def opened_zip(path: Path) -> Iterator[dict[str, Reader]]:
    """Open a zip file and yield its files by their names in it, each with what reads it.

    A name is what stands between its slashes, without empty parts and single dots.

    Raises
    ------
    Refused
        If it is no regular file, no zip file, or has too many entries.
    """
    with _opened(path, _Bounded) as file, _entries(file) as entries:
        yield entries


def opened_zip_in(data: bytes) -> AbstractContextManager[dict[str, Reader]]:
    """Open a zip file that lay in another one, as `opened_zip` does.

    Raises
    ------
    Refused
        If it is no zip file, or has too many entries.
    """
    return _entries(io.BytesIO(data))


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file complete and forced to the disk, or not at all; its folder is made.

    Raises
    ------
    OSError
        If it cannot be written; names `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_beside(path, data, mode)
    except OSError as error:  # names the file beside, or none
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def folder_beside(place: Path, purpose: str) -> Iterator[Path]:
    """Yield an empty folder in `place`, for what is then renamed; afterwards it is removed.

    What processes that were killed left there of the same purpose is removed, too.
    """
    from psutil import pid_exists

    name = re.compile(rf"\.{purpose}-(\d{{1,9}})-[a-z0-9_]{{8}}")
    for left in place.iterdir():
        found = name.fullmatch(left.name)
        if found and not pid_exists(int(found[1])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f".{purpose}-{os.getpid()}-") as made:
        yield Path(made)


def as_zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of files, given by their names; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _write_beside(path: Path, data: bytes, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


class _Bounded(io.FileIO):
    """A file that refuses large reads: zipfile reads as many bytes as the archive states."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes."""
        if size is not None and size > MOST_DIRECTORY:
            raise Refused("has a list of contents that is too long")
        return super().read(size) or b""


@contextmanager
def _opened(path: Path, kind: type[io.FileIO] = io.FileIO) -> Iterator[io.FileIO]:
    try:
        handle = os.open(path, READING)
    except (OSError, ValueError) as error:  # a ValueError: a null character in the name
        raise _unreadable(error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)  # of a folder, Python makes no file object that could do it
        raise Refused("is not a regular file")
    with kind(handle, "rb") as file:
        yield file


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _unreadable(error: OSError | ValueError) -> Refused:
    if not isinstance(error, OSError):
        return Refused(f"cannot be read: {error}")
    known = {
        errno.ENOENT: "is not there",
        errno.ELOOP: "is a link, not a regular file",
        errno.ENXIO: "is not a regular file",  # a socket
    }
    if error.errno in known:
        return Refused(known[error.errno])
    return Unreadable(f"cannot be read: {error.strerror}")


@contextmanager
def _entries(file: IO[bytes]) -> Iterator[dict[str, Reader]]:
    try:
        archive = zipfile.ZipFile(file)
    except BROKEN_ZIP as error:
        raise Refused(f"cannot be unpacked: {error}") from None
    with archive:
        entries = [e for e in archive.infolist() if e.filename and not e.is_dir()]
        if len(entries) > MOST_ENTRIES:
            raise Refused(f"has {len(entries)} entries; {MOST_ENTRIES} are read")
        yield {_plain_name(e.filename): partial(_read_entry, archive, e) for e in entries}


def _plain_name(name: str) -> str:
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Read one file of an archive; its size is what comes out, not what the archive says."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Refused("is a link, not a regular file")
    try:
        with archive.open(entry) as file:
            return _capped(file, most)
    except BROKEN_ZIP as error:
        raise Refused(f"cannot be unpacked: {error}") from None


def _capped(file: IO[bytes] | io.FileIO, most: int) -> bytes:
    """Read a file to its end, a part at a time, and no more than `most` bytes of it."""
    parts, size = [], 0
    while part := file.read(AT_A_TIME):
        parts.append(part)
        size += len(part)
        if size > most:
            raise _too_large(most)
    return b"".join(parts)


def _too_large(most: int) -> Refused:
    shown = f"{most // MIB} MiB" if most % MIB == 0 else f"{most:,} bytes"
    return Refused(f"is larger than the {shown} allowed")
