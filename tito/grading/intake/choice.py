"""Choice: which of a student's files is the notebook, and its content as it is stored."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from tito.errors import TitoError
from tito.files import MIB, Reader, Refused, opened_zip_in
from tito.grading.intake.manifest import MANIFEST, read_manifest, receipts_name
from tito.grading.intake.owners import is_litter, is_notebook, is_variant, of_one
from tito.grading.intake.read import TIMESTAMP
from tito.grading.intake.times import MOST_TIMESTAMP, for_nbgrader, parse_time
from tito.lesson import Lesson, assign_cell_ids, parse_percent

__all__ = ["Chosen", "NotTaken", "choose", "listed"]

SCRIPT_BYTES = MIB
MOST_ZIPS = 3
"""So many zip files in one another are opened."""
MOST_LISTED = 20


class NotTaken(Refused):
    """Refused, with what to do about it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True)
class Chosen:
    """A student's notebook.

    Parameters
    ----------
    name : str
        The file, as the student called it.
    content : bytes
        What is stored.
    digest : str
        The SHA-256 of the file as it was handed in, in hex.
    timestamp : bytes
        The content of the timestamp.txt beside it; empty where there is none.
    saved : datetime, optional
        When `tito submit` packed it, in UTC, by the student's clock.
    left : tuple of str
        Other files, which are not taken.
    """

    name: str
    content: bytes
    digest: str
    timestamp: bytes = b""
    saved: datetime | None = None
    left: tuple[str, ...] = ()


def choose(
    lesson: Lesson,
    files: Mapping[str, Reader],
    names_another: Callable[[str], str],
    *,
    timed: bool = True,
    zips: int = 0,
) -> Chosen:
    """Choose the notebook among a student's files.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    files : mapping of str to Reader
        The student's files by their paths.
    names_another : callable
        Says whose notebook it is by its path, if it is another student's.
    timed : bool
        Whether a timestamp.txt among them is the instructor's and counts.
    zips : int
        How many zip files they lie in.

    Raises
    ------
    Refused
        If there is none, several could be meant, or it cannot be read.
    """
    submission = _submission(lesson, files)
    name = submission.get("name") or _the_file(lesson, files)
    left = tuple(n for n in files if n != name and not _is_beside(lesson, n, timed=timed))
    if name.lower().endswith(".zip"):
        found = _choose_in(lesson, files, name, names_another, zips)
        return replace(found, left=left + found.left)
    other = names_another(name)
    if other:
        raise NotTaken(
            f"{name} names another student: {other}",
            "Ask both whose it is, and name the file STUDENT_" + lesson.notebook_name + ".",
        )
    data = _content(files, name, lesson.course.limits.notebook_mib * MIB)
    digest = hashlib.sha256(data).hexdigest()
    if submission.get("sha256", digest) != digest:
        raise NotTaken(
            f"{name} is not the notebook that `tito submit` packed: its digest is another",
            "Ask for a new file of `tito submit`.",
        )
    content = _converted(name, data) if name.lower().endswith(".py") else data
    stamp = str(PurePosixPath(name).with_name(TIMESTAMP))
    timestamp = _content(files, stamp, MOST_TIMESTAMP) if timed and stamp in files else b""
    return Chosen(name, content, digest, _time(timestamp), submission.get("saved"), left)


def listed(names: Sequence[str]) -> str:
    """Return names in a row, and how many there are beyond the first."""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _choose_in(
    lesson: Lesson,
    files: Mapping[str, Reader],
    name: str,
    names_another: Callable[[str], str],
    zips: int,
) -> Chosen:
    """The notebook in a zip file of the student's."""
    if zips == MOST_ZIPS:
        raise NotTaken(f"{name} lies in {zips} zip files", "Unpack it.")
    try:
        with opened_zip_in(_content(files, name, lesson.course.limits.file_mib * MIB)) as inner:
            work = of_one(lesson, inner)
            found = choose(lesson, work.files, names_another, timed=False, zips=zips + 1)
    except NotTaken as refused:
        raise NotTaken(f"{name}: {refused}", refused.remedy) from None
    except Refused as refused:
        told = str(refused) if str(refused).startswith(name) else f"{name} {refused}"
        raise Refused(told) from None
    left = tuple(f"{name}/{one}" for one in (*found.left, *work.beside))
    return replace(found, name=f"{name}/{found.name}", left=left)


def _the_file(lesson: Lesson, files: Mapping[str, Reader]) -> str:
    """The file that holds the notebook: named right, else like a copy of it, else the only one.

    A zip file counts where there is no notebook, a percent script where there is neither.
    """
    usable = [name for name in files if not is_litter(name)]
    notebooks = [name for name in usable if is_notebook(name)]
    exact = [n for n in notebooks if PurePosixPath(n).name == lesson.notebook_name]
    variants = [n for n in notebooks if is_variant(lesson, n)]
    if exact or variants:
        return _on_top(lesson, exact or variants)
    if len(notebooks) == 1:
        return notebooks[0]
    if notebooks:
        raise NotTaken(
            f"{len(notebooks)} notebooks, and not one is the {lesson.notebook_name}: "
            f"{listed(sorted(notebooks))}",
            _collect_one(lesson),
        )
    for suffix in (".zip", ".py"):
        found = [name for name in usable if name.lower().endswith(suffix)]
        named = [name for name in found if is_variant(lesson, name)]
        if found:
            return _on_top(lesson, named or found)
    others = [name for name in usable if not _is_beside(lesson, name, timed=True)]
    there = f": {listed(sorted(others))}" if others else ""
    raise NotTaken(f"it holds no {lesson.notebook_name}{there}", "Ask the student for it.")


def _on_top(lesson: Lesson, names: list[str]) -> str:
    depths = {name: _depth(lesson, name) for name in names}
    top = [name for name in names if depths[name] == min(depths.values())]
    if len(top) > 1:
        what = PurePosixPath(top[0]).name
        if {PurePosixPath(name).name for name in top} != {what}:
            what = "what may be " + lesson.notebook_name
        raise NotTaken(
            f"it holds {len(top)} of {what}: {listed(sorted(top))}",
            f"{_collect_one(lesson)} A folder around a class: name that folder.",
        )
    return top[0]


def _collect_one(lesson: Lesson) -> str:
    return f"Collect the one that is meant as STUDENT_{lesson.notebook_name}."


def _depth(lesson: Lesson, name: str) -> int:
    return sum(folder != lesson.assignment for folder in PurePosixPath(name).parts[:-1])


def _is_beside(lesson: Lesson, name: str, *, timed: bool) -> bool:
    """Whether a file comes with a hand-in without being part of it."""
    ours = (MANIFEST, receipts_name(lesson.name), *([TIMESTAMP] if timed else []))
    return is_litter(name) or PurePosixPath(name).name in ours


def _content(files: Mapping[str, Reader], name: str, most: int) -> bytes:
    try:
        return files[name](most)
    except Refused as refused:
        raise Refused(f"{name} {refused}") from None


def _submission(lesson: Lesson, files: Mapping[str, Reader]) -> dict[str, Any]:
    """What `tito submit` says of its notebook: its name, digest and time; empty without it."""
    places = [name for name in files if PurePosixPath(name).name == MANIFEST]
    if len(places) != 1:
        return {}
    data = read_manifest(files[places[0]])
    if not data:
        return {}
    name = str(PurePosixPath(places[0]).with_name(PurePosixPath(str(data.get("notebook"))).name))
    if data.get("assignment") != lesson.assignment or name not in files:
        held = data.get("assignment") if name in files else "no notebook"
        raise NotTaken(
            f"{places[0]} of `tito submit` is of {str(held)[:60]}, not of {lesson.assignment}",
            f"Ask for the file of `tito submit {lesson.name}`.",
        )
    return {"name": name, "sha256": str(data.get("sha256")), "saved": _saved(data.get("saved"))}


def _saved(text: object) -> datetime | None:
    try:
        return parse_time(str(text)[:MOST_TIMESTAMP])
    except ValueError:
        return None


def _converted(name: str, data: bytes) -> bytes:
    """A percent script as the text of a notebook."""
    from tito.notebooks import notebook_text

    if len(data) > SCRIPT_BYTES:
        raise Refused(f"{name} is larger than the 1 MiB allowed")
    try:
        text = data.decode("utf-8-sig")
        if not any(line.startswith("# %%") for line in text.splitlines()):
            raise NotTaken(
                f"{name} is no notebook, nor a script with the `# %%` lines of its cells",
                "Ask for the notebook.",
            )
        notebook = parse_percent(Path(name), text)
    except (UnicodeDecodeError, TitoError) as error:
        raise NotTaken(f"{name} is not a percent file: {error}", "Ask for the notebook.") from None
    assign_cell_ids(notebook)
    return notebook_text(notebook).encode()


def _time(timestamp: bytes) -> bytes:
    """The timestamp as nbgrader reads it; what is no time would stop it for the whole class."""
    try:
        return for_nbgrader(timestamp)
    except ValueError as error:
        raise Refused(f"its {TIMESTAMP} holds no date and time: {error}") from None
