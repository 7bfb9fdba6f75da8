"""Reading what was handed in: regular files and the files in archives, never more than allowed."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from tito.errors import TitoError

__all__ = ["Reader", "Refused", "read_file", "require_regular", "zipped"]

MOST_ENTRIES = 100_000
# What zipfile and the libraries below it raise at a damaged, encrypted or odd archive.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError),
    *(OSError, RuntimeError, NotImplementedError, ValueError),
)

Reader = Callable[[int], bytes]
"""Reads a file of at most so many bytes."""


class Refused(Exception):
    """The file is not taken; the text says why."""


def zipped(path: Path) -> list[tuple[str, Reader]]:
    """Return the files of a zip file by their names in it, each with what reads it.

    Raises
    ------
    TitoError
        If it is no zip file, or has too many entries.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TitoError(f"{path} cannot be unpacked: {error}.", "Ask for it again.") from None
    if len(entries) > MOST_ENTRIES:
        raise TitoError(f"{path} has {len(entries)} entries.", f"At most {MOST_ENTRIES} are read.")
    return [(entry.filename, partial(_read_entry, path, entry)) for entry in entries]


def require_regular(path: Path) -> None:
    """Raise `Refused` unless `path` is a file itself: no link, no FIFO, no folder."""
    if path.is_symlink() or not path.is_file():
        raise Refused("it is no regular file")


def read_file(path: Path, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes; else raise `Refused`."""
    require_regular(path)
    with path.open("rb") as file:
        return _capped(file, most)


def _read_entry(path: Path, entry: zipfile.ZipInfo, most: int) -> bytes:
    """Read one file of an archive; its size is what comes out, not what the archive says."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return _capped(file, most)
    except BROKEN_ZIP as error:
        raise Refused(f"it cannot be unpacked: {error}") from None


def _capped(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise Refused(f"it is larger than the {most:,} bytes allowed")
    return data
