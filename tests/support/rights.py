"""Rights to files that bind the superuser, too: tests run as whoever starts them."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["read_only"]

VERSION_3 = 0x20080522
OVERRIDE_RIGHTS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""

Header, Sets = ctypes.c_uint32 * 2, ctypes.c_uint32 * 6


@contextmanager
def read_only(root: Path) -> Iterator[None]:
    """Let nobody write below `root` inside the block, this thread included.

    A mode that forbids reading binds everybody inside the block, too.
    """
    libc, header, before = ctypes.CDLL(None), Header(VERSION_3, 0), Sets()
    libc.capget(header, before)
    effective, *others = before
    _let_write(root, 0)
    libc.capset(header, Sets(effective & ~OVERRIDE_RIGHTS, *others))
    try:
        yield
    finally:
        libc.capset(header, before)
        _let_write(root, 0o200)


def _let_write(root: Path, owner: int) -> None:
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o555 | owner)
        for name in files:
            Path(folder, name).chmod(0o444 | owner)
