"""Read what the operating system says about this process and its memory.

psutil answers on every system. Without it Linux answers through /proc; elsewhere the answer is
None: not known.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["has_psutil", "physical_bytes", "resident_bytes", "resident_percent", "thread_count"]

_PROC = Path("/proc/self")


def resident_bytes() -> int | None:
    """Return the bytes of this process that lie in physical memory; None if not known."""
    told = _ask_psutil("memory_info")
    if told is not None:
        return int(told.rss)
    try:
        pages = int((_PROC / "statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    size = _sysconf("SC_PAGE_SIZE")
    return pages * size if size else None


def physical_bytes() -> int | None:
    """Return the bytes of physical memory in this machine; None if not known."""
    psutil = _psutil()
    if psutil is not None:
        return int(psutil.virtual_memory().total)
    pages, size = _sysconf("SC_PHYS_PAGES"), _sysconf("SC_PAGE_SIZE")
    return pages * size if pages and size else None


def resident_percent() -> float | None:
    """Return the share of physical memory that this process holds, in percent, or None."""
    resident, physical = resident_bytes(), physical_bytes()
    return 100 * resident / physical if resident and physical else None


def thread_count() -> int | None:
    """Return the threads of this process, those of libraries included; None if not known."""
    told = _ask_psutil("num_threads")
    if told is not None:
        return int(told)
    try:
        return len(os.listdir(_PROC / "task"))
    except OSError:
        return None


def has_psutil() -> bool:
    """Tell whether psutil can be imported."""
    return _psutil() is not None


def _psutil() -> Any:
    try:
        return importlib.import_module("psutil")
    except ImportError:
        return None


def _ask_psutil(method: str) -> Any:
    """Return what psutil tells about this process; None where it is missing or may not tell."""
    psutil = _psutil()
    if psutil is None:
        return None
    try:
        return getattr(psutil.Process(), method)()
    except (psutil.Error, OSError, NotImplementedError):
        return None


def _sysconf(name: str) -> int | None:
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf(name)
    except (OSError, ValueError):
        return None
