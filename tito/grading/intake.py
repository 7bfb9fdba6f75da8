"""Intake: read what a student handed in, and rebuild from it the notebook that is graded.

Only the solution cells' sources and the written answers come from the student. Everything else,
the tests, the points, the metadata and the kernel, comes from the release, so nothing that was
edited, deleted, duplicated or reordered there can matter.
"""

import copy
import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.answers import Attachments, cells_below, is_answer, pictures, put_answer
from tito.lesson import Cell, Notebook, grade_id, is_locked, is_solution, read_notebook

__all__ = [
    "TIMESTAMP",
    "Rejected",
    "SubmittedCell",
    "fingerprint",
    "notebook_cells",
    "read_bytes",
    "read_submission",
    "rebuild",
]

TIMESTAMP = "timestamp.txt"
"""nbgrader's file beside a notebook that says when it was handed in."""

# Follow no link, and do not wait for a FIFO's writer.
READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

DEFINITION = re.compile(r"^def\s+(\w+)", re.MULTILINE)


class Rejected(TitoError):
    """The file cannot be graded; the fact says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """What counts of a cell that was handed in."""

    kind: str
    source: str
    grade_id: str = ""
    id: str = ""
    attachments: Attachments = field(default_factory=dict)


def read_submission(path: Path, limits: Limits) -> list[SubmittedCell]:
    """Read the cells of the notebook or percent file at `path`, believing nothing else of it.

    Raises
    ------
    Rejected
        If it is no regular file, too large, no notebook, or has too many cells.
    """
    data = read_bytes(path, limits)
    if path.suffix == ".py":
        return _percent_cells(path, limits.cells)
    return notebook_cells(data, limits)


def fingerprint(submitted: Path, limits: Limits) -> str:
    """Return a digest of all that the grade of a submission in nbgrader's tree depends on.

    These are the notebook, the time it was handed in, and the assignment's source and release.
    """
    course_tree, assignment = submitted.parents[3], submitted.parent.name
    digest = hashlib.sha256()
    for path in (
        submitted,
        submitted.parent / TIMESTAMP,
        course_tree / "source" / assignment / submitted.name,
        course_tree / "release" / assignment / submitted.name,
    ):
        try:
            data = read_bytes(path, limits)
        except Rejected as rejected:
            data = rejected.fact.encode()
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def rebuild(release: Notebook, cells: Iterable[SubmittedCell]) -> tuple[Notebook, list[str]]:
    """Return the release with the student's solutions in it, and what was noticed on the way.

    A solution cell is found by its grade id, else by its cell id, else by the function that it
    defines, an answer by the question above it. Of several candidates the last that differs from
    the stub counts, as when the notebook runs; of an answer all do, and what was added beside them.
    """
    notebook = copy.deepcopy(release)
    cells = list(cells)
    notes, question = [], ""
    for cell in notebook.cells:
        name = grade_id(cell)
        candidates = _candidates(cell, cells, question)
        question = cell.source
        if is_answer(cell):
            put_answer(cell, candidates, cells, release)
        elif is_solution(cell):
            if candidates:
                cell.source = _chosen(cell, candidates).source
            else:
                notes.append(f"The solution cell {name} is missing.")
        elif name:
            notes += _given_note(cell, candidates)
    return notebook, notes


def _given_note(cell: Cell, candidates: list[SubmittedCell]) -> list[str]:
    what = f"The {'locked' if is_locked(cell) else 'given'} cell {grade_id(cell)}"
    if not candidates:
        return [f"{what} is missing: its released text counts."]
    if any(c.source.strip() != cell.source.strip() for c in candidates):
        return [f"{what} was changed: its released text counts."]
    return []


def _candidates(cell: Cell, cells: list[SubmittedCell], above: str) -> list[SubmittedCell]:
    name, defined = grade_id(cell), _defines(cell.source) if is_solution(cell) else frozenset()
    same_kind = [c for c in cells if c.kind == cell.cell_type or is_answer(cell)]
    return (
        [c for c in same_kind if name and c.grade_id == name]
        or [c for c in same_kind if not c.grade_id and c.id == cell.id]
        or [c for c in same_kind if not c.grade_id and defined and defined <= _defines(c.source)]
        or (cells_below(above, cells) if is_answer(cell) else [])
    )


def _chosen(cell: Cell, candidates: list[SubmittedCell]) -> SubmittedCell:
    changed = [c for c in candidates if c.source.strip() != cell.source.strip()]
    return (changed or candidates)[-1]


def _defines(source: str) -> frozenset[str]:
    """The functions that a cell defines, found even where a syntax error stops the parser."""
    return frozenset(DEFINITION.findall(source))


def read_bytes(path: Path, limits: Limits) -> bytes:
    """Read a regular file that somebody handed in, without following a link or waiting.

    Raises
    ------
    Rejected
        If it is not there, no regular file, or too large.
    """
    most = limits.notebook_mib * 2**20
    try:
        handle = os.open(path, READING)
    except FileNotFoundError:
        raise Rejected(f"There is no file {path.name}.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Rejected(f"{path.name} is a link, not a file.") from None
        raise Rejected(f"{path.name} is not a readable file: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)  # of a folder, Python makes no file object that could do it
        raise Rejected(f"{path.name} is not a regular file.")
    with os.fdopen(handle, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Rejected(f"{path.name} is larger than the {most // 2**20} MiB allowed.")
    return data


def _percent_cells(path: Path, most: int) -> list[SubmittedCell]:
    try:
        notebook = read_notebook(path)
    except TitoError as error:
        raise Rejected(error.fact) from None
    _require_few(notebook.cells, most)
    return [SubmittedCell(c.cell_type, c.source, grade_id(c), c.id) for c in notebook.cells]


def notebook_cells(data: bytes, limits: Limits) -> list[SubmittedCell]:
    """Return the cells of a notebook's file, believing nothing else of it.

    Raises
    ------
    Rejected
        If it is no notebook, or has too many cells.
    """
    payload = _parse_json(data)
    if not isinstance(payload, dict):
        raise Rejected("The file is JSON, but not a notebook.")
    cells = payload.get("cells")
    if cells is None:  # format 3 kept its cells in worksheets
        sheets = payload.get("worksheets")
        cells = [c for s in _listed(sheets) if isinstance(s, dict) for c in _listed(s.get("cells"))]
    if not isinstance(cells, list) or not cells:
        raise Rejected("The file is JSON, but not a notebook: it has no cells.")
    _require_few(cells, limits.cells)  # before anything is made of them
    return [_submitted(cell) for cell in cells if isinstance(cell, dict)]


def _require_few(cells: list[object], most: int) -> None:
    if len(cells) > most:
        raise Rejected(f"The notebook has {len(cells)} cells; {most} are allowed.")


def _parse_json(data: bytes) -> object:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejected("The file is not UTF-8 text.") from None
    try:
        parsed: object = json.loads(text)
    except ValueError:
        raise Rejected("The file is not a notebook: it is not JSON.") from None
    except RecursionError:
        raise Rejected("The file is nested too deeply for a notebook.") from None
    return parsed


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _submitted(cell: Mapping[str, object]) -> SubmittedCell:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return SubmittedCell(
        kind=_text(cell.get("cell_type")),
        source=_text(cell.get("source", cell.get("input"))),
        grade_id=_text(name),
        id=_text(cell.get("id")),
        attachments=pictures(cell.get("attachments")),
    )


def _text(value: object) -> str:
    """Return a notebook's text, which is a string or a list of strings, with newlines made one."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    text = value if isinstance(value, str) else ""
    # A lone surrogate is legal in JSON, but no file can hold it.
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")
