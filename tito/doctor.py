"""Diagnosis: what this machine and this checkout have, and what mends the rest."""

import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tito.course import Course, Limits
from tito.errors import TitoError, file_error

__all__ = ["Finding", "examine"]

DISTRIBUTION = "tinytorch-kernels"
OLDEST_PYTHON = (3, 11)
FOR_PLOTS = "matplotlib"

NO_GROUP = (
    "none: memory and files are counted ten times per second, so a sandbox may exceed them for a "
    "moment, and the kernel's own memory for pipes, sockets and page tables is not bounded"
)
LET_MAKE_GROUPS = "Grade as root, or with `systemd-run --user --scope -p Delegate=yes tito ...`"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``ok``, ``missing`` (needed) or ``optional`` (absent)."""

    name: str
    state: str
    detail: str
    remedy: str = ""


def examine(found: Course | TitoError) -> list[Finding]:
    """Look at Python, the packages, the kernel and the course; never raises.

    A student who has a handout grades nobody: there the rest is not looked at.

    Parameters
    ----------
    found : Course or TitoError
        The course, or why there is none.
    """
    findings = [_python(), *_packages(), *_guarded("kernel python3", _kernel), _course(found)]
    course = found if isinstance(found, Course) else None
    if course is not None and course.workplace is not None:
        return findings
    if course is not None:
        findings += _guarded("nbgrader settings", lambda: _settings(course))
        findings += _guarded("exported packages", lambda: _exports(course))
        findings += _guarded("course tree", lambda: [_tree(course)])
        findings += _guarded("gradebook", lambda: _gradebook(course))
    findings += _guarded("sandbox", lambda: _sandbox(course))
    return findings


def _guarded(name: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """A look that fails is itself a finding: nothing else must go unseen because of it."""
    try:
        return list(look())
    except Exception as error:
        told = _told(error)
        return [Finding(name, "missing", told.fact, told.remedy)]


def _told(error: Exception) -> TitoError:
    if isinstance(error, TitoError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return TitoError(f"{error.name} is not installed", f"pip install {error.name}")
    told = file_error(error) if isinstance(error, OSError) else None
    # What is left, a broken installation raises.
    return told or TitoError(f"{type(error).__name__}: {error}", "pip install -e .")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("Python", "ok", version)
    return Finding("Python", "missing", version, f"Install Python {wanted} or later.")


def _packages() -> Iterator[Finding]:
    for requirement in importlib.metadata.requires(DISTRIBUTION) or []:
        if "extra ==" not in requirement:
            match = re.match(r"[\w.-]+", requirement)
            if match:
                yield _package(match[0], requirement)
    if found := _version(FOR_PLOTS):
        yield Finding(FOR_PLOTS, "ok", found)
    else:
        yield Finding(FOR_PLOTS, "optional", "for plots", f"pip install {FOR_PLOTS}")


def _package(name: str, requirement: str) -> Finding:
    found = _version(name)
    if not found:
        return Finding(name, "missing", "not installed", f"pip install '{requirement}'")
    from packaging.requirements import Requirement

    if not Requirement(requirement).specifier.contains(found, prereleases=True):
        return Finding(name, "missing", f"{found} is too old", f"pip install '{requirement}'")
    return Finding(name, "ok", found)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _kernel() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding("kernel python3", "missing", "not found", "pip install ipykernel")
    else:
        yield Finding("kernel python3", "ok", spec.display_name)


def _course(found: Course | TitoError) -> Finding:
    if isinstance(found, TitoError):
        return Finding("course", "missing", found.fact, found.remedy)
    return Finding("course", "ok", f"{found.title}, {found.root}")


def _settings(course: Course) -> Iterator[Finding]:
    from tito.notebooks import load_config

    load_config(course)
    yield Finding("nbgrader settings", "ok", "nbgrader_config.py is read")


def _sandbox(course: Course | None) -> Iterator[Finding]:
    """Try the sandbox for real: a line per attempt, with a remedy if it got through."""
    from tito.grading.sandbox.probe import probe
    from tito.grading.sandbox.tools import remedy

    for line in probe(course=course):
        state, mended_by = ("ok", "") if line.holds else ("missing", remedy())
        yield Finding(f"sandbox: {line.name}", state, line.detail or "stopped", mended_by)
    yield _control_group()


def _control_group() -> Finding:
    """What bounds a whole sandbox, and what then is not bounded."""
    from tito.grading.sandbox.cgroup import make_group

    group = make_group(Limits())
    bounded = group.bounds_memory
    group.remove()
    if bounded:
        return Finding("sandbox: control group", "ok", "bounds memory and processes")
    return Finding("sandbox: control group", "optional", NO_GROUP, LET_MAKE_GROUPS)


def _exports(course: Course) -> Iterator[Finding]:
    from tito.export import stale_package
    from tito.lesson import Lesson

    lessons = (Lesson(course, name) for name in course.lessons)
    stale = [one.name for one in lessons if one.source.exists() and stale_package(one)]
    if stale:
        remedy = "; ".join(f"tito export {name}" for name in stale)
        yield Finding("exported packages", "missing", f"stale: {', '.join(stale)}", remedy)
    else:
        yield Finding("exported packages", "ok", "current")


def _tree(course: Course) -> Finding:
    """Whether commands can write where they have to: the folders of the course, the gradebook."""
    tree = course.assignments
    looked_at = (course.root, tree, *sorted(tree.glob("*/")), course.gradebook)
    locked = [path for path in looked_at if path.exists() and not _writable(path)]
    if not locked:
        return Finding("course tree", "ok", "it can be written")
    names = ", ".join(map(course.shown, locked))
    return Finding("course tree", "missing", f"{names} cannot be written.", "Make them writable.")


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _gradebook(course: Course) -> Iterator[Finding]:
    """Read one row of each table; a gradebook that is not there yet is none to look at."""
    from tito.grading.gradebook.assignment import has_gradebook
    from tito.grading.gradebook.database import try_database

    if not has_gradebook(course):
        yield Finding("gradebook", "ok", "none yet")
        return
    try_database(course.gradebook_url)
    yield Finding("gradebook", "ok", "it can be read")
