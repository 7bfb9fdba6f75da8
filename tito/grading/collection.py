"""Collecting: from nbgrader's exchange, folders and zip files into ``assignments/submitted``."""

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from tito.errors import TitoError
from tito.grading.archive import Reader, Refused, read_file, require_regular, zipped
from tito.grading.assignment import nbgrader_api, run_step
from tito.grading.gradebook import submitted_students
from tito.grading.intake import TIMESTAMP
from tito.lesson import Lesson

__all__ = ["Collected", "collect_exchange", "collect_paths"]

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
OTHER = re.compile(r"\d+_|\.")
TIMESTAMP_BYTES = 100


@dataclass(frozen=True)
class Collected:
    """What became of one file: ``collected``, ``unchanged`` or ``refused`` with the reason."""

    name: str
    status: str
    reason: str = ""


@dataclass
class _Work:
    """What lies under one student's name, or why it is not taken."""

    files: dict[str, Reader] = field(default_factory=dict)
    refusal: str = ""

    def notebooks(self) -> list[str]:
        """The names of the notebooks among the files."""
        paths = map(PurePosixPath, self.files)
        return [str(p) for p in paths if p.suffix == ".ipynb" and not p.name.startswith(".")]


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
        works = _works(lesson, path)
        results += [_collect_one(lesson, who, works[who]) for who in sorted(works)]
    if not results:
        shown = ", ".join(str(path) for path in paths)
        raise TitoError(
            f"No submission of {lesson.assignment} lies in {shown}.",
            f"Expected STUDENT/{lesson.notebook_name} or STUDENT_{lesson.notebook_name}.",
        )
    return results


def _works(lesson: Lesson, path: Path) -> dict[str, _Work]:
    """What lies in a folder or zip file, by the student whose it is.

    What lies in a student's own folder or zip file is that student's, whatever it is called.
    """
    if path.suffix.lower() == ".zip" and path.is_file():
        try:
            return _by_student(lesson, dict(zipped(path)), _owner(lesson, path))
        except TitoError as error:
            return {_owner(lesson, path): _Work(refusal=error.fact)}
    if not path.is_dir():
        raise TitoError(f"{path} is neither a folder nor a zip file.", "Name one.", exit_code=2)
    files: dict[str, Reader] = {}
    works: dict[str, _Work] = {}
    for file in (Path(parent) / name for parent, _, names in os.walk(path) for name in names):
        if file.suffix.lower() == ".zip" and file.parent == path:
            works[_owner(lesson, file)] = _work_in(lesson, file)
        else:
            files[file.relative_to(path).as_posix()] = partial(read_file, file)
    return works | _by_student(lesson, files)


def _by_student(lesson: Lesson, files: dict[str, Reader], owner: str = "") -> dict[str, _Work]:
    """Sort files by the student that their path names first, else by the `owner` of them all."""
    works: dict[str, _Work] = {}
    for name, read in files.items():
        top, _, rest = name.partition("/")
        if not rest and name.endswith(f"_{lesson.notebook_name}"):
            student, own = name.removesuffix(f"_{lesson.notebook_name}"), name
        elif not rest or top == lesson.assignment:
            student, own = owner, name
        else:
            student, own = top, rest
        if student and _belongs(lesson, own):
            works.setdefault(student, _Work()).files[own] = read
    return {who: work for who, work in works.items() if work.notebooks()}


def _work_in(lesson: Lesson, archive: Path) -> _Work:
    """What lies in a student's own zip file; a broken one is that student's matter only."""
    try:
        require_regular(archive)
        entries = zipped(archive)
    except (Refused, TitoError) as error:
        return _Work(refusal=f"{archive.name}: {getattr(error, 'fact', error)}")
    return _Work({name: read for name, read in entries if _belongs(lesson, name)})


def _belongs(lesson: Lesson, name: str) -> bool:
    """Whether a file lies neither in the folder of another lesson nor in a hidden one."""
    folders = PurePosixPath(name).parts[:-1]
    return all(f == lesson.assignment or not OTHER.match(f) for f in folders)


def _owner(lesson: Lesson, archive: Path) -> str:
    """Whose zip file it is: its name, without the lesson's."""
    return archive.stem.removesuffix(f"_{lesson.assignment}").removesuffix(f"_{lesson.name}")


def _collect_one(lesson: Lesson, student: str, work: _Work) -> Collected:
    try:
        if not STUDENT.fullmatch(student):
            raise Refused("a student id is letters, digits and . _ @ + -")
        if work.refusal:
            raise Refused(work.refusal)
        name = _the_notebook(lesson, work.notebooks())
        notebook = work.files[name](lesson.course.limits.notebook_mib * 2**20)
        stamp = work.files.get(str(PurePosixPath(name).with_name(TIMESTAMP)))
        timestamp = stamp(TIMESTAMP_BYTES) if stamp else b""
        _require_time(timestamp)
    except Refused as refused:
        return Collected(student, "refused", str(refused))
    folder = lesson.handed_in(student).parent
    changed = _write(folder / lesson.notebook_name, notebook)
    if timestamp:
        changed |= _write(folder / TIMESTAMP, timestamp)
    elif changed:
        (folder / TIMESTAMP).unlink(missing_ok=True)  # it was the time of the notebook before
    return Collected(student, "collected" if changed else "unchanged")


def _the_notebook(lesson: Lesson, names: list[str]) -> str:
    """The notebook of the right name; of any name where it is the only one."""
    exact = [n for n in names if PurePosixPath(n).name == lesson.notebook_name]
    if len(exact) == 1 or len(names) == 1:
        return (exact or names)[0]
    if not names:
        raise Refused(f"it holds no {lesson.notebook_name}")
    raise Refused(f"{len(names)} notebooks, and not one is the {lesson.notebook_name}")


def _require_time(timestamp: bytes) -> None:
    """What is no time would stop nbgrader for the whole class."""
    from nbgrader.utils import parse_utc

    try:
        parse_utc(timestamp.decode("utf-8").strip() or None)
    except (ValueError, OverflowError):
        raise Refused(f"its {TIMESTAMP} holds no date and time") from None


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
