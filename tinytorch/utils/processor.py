"""Ask the operating system about the processor: its name, its caches, the cores we may use."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinytorch.utils.report import format_bytes

__all__ = ["Cache", "core_quota", "cpu_name", "data_caches", "usable_cores"]

_ROOT = Path("/")  # where Linux keeps proc and sys
_SYSCTL = "/usr/sbin/sysctl"  # where macOS keeps the same


@dataclass(frozen=True)
class Cache:
    """One cache that a core reads data from: ``L1d``, ``L2`` or ``L3``, and its size in bytes."""

    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name} {format_bytes(self.size)}"


def cpu_name() -> str | None:
    """Return the processor's name as its maker wrote it; None where it is unknown."""
    if sys.platform == "darwin":
        name = _sysctl("machdep.cpu.brand_string")
    elif sys.platform == "win32":
        name = _windows_cpu_name()
    else:
        name = _linux_cpu_name()
    return name or platform.processor() or None


def usable_cores() -> int | None:
    """Return the logical cores this process may run on; None where they are unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def core_quota() -> float | None:
    """Return how many cores a container lets its processes keep busy; None for no limit known.

    Linux control groups give a process so much CPU time in each period: version 2 in one file,
    version 1 in two.
    """
    cgroup = _ROOT / "sys/fs/cgroup"
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    if not period:
        quota = _read(cgroup / "cpu/cpu.cfs_quota_us")
        period = _read(cgroup / "cpu/cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() else None


def data_caches() -> tuple[Cache, ...]:
    """Return the caches a core reads data from, nearest first; empty where they are unknown."""
    if sys.platform == "darwin":
        return tuple(_macos_caches())
    return tuple(_linux_caches())


def _linux_cpu_name() -> str | None:
    pattern = r"^(?:model name|Model|cpu model|cpu)\s*:\s*(.+)$"  # x86, ARM, MIPS, POWER
    found = re.search(pattern, _read(_ROOT / "proc/cpuinfo"), re.MULTILINE)
    return found[1].strip() if found else None


def _windows_cpu_name() -> str | None:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as processor:
            return str(winreg.QueryValueEx(processor, "ProcessorNameString")[0]).strip()
    except OSError:
        return None


def _linux_caches() -> Iterator[Cache]:
    for index in sorted((_ROOT / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_read(index / name) for name in ("level", "type", "size"))
        if kind in ("Data", "Unified") and re.fullmatch(r"\d+K", size):
            yield Cache(f"L{level}{'d' if kind == 'Data' else ''}", int(size[:-1]) * 1024)


def _macos_caches() -> Iterator[Cache]:
    """Yield the caches of a fast core (perflevel0) where cores differ."""
    for name in ("L1d", "L2", "L3"):
        key = f"{name.lower()}cachesize"
        size = _sysctl(f"hw.perflevel0.{key}") or _sysctl(f"hw.{key}") or ""
        if size.isdecimal() and int(size):
            yield Cache(name, int(size))


def _sysctl(name: str) -> str | None:
    command = [_SYSCTL, "-n", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _read(path: Path) -> str:
    """Return the text of a small file, or nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
