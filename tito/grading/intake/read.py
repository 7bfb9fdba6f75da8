"""Reading what a student handed in: a few texts of each cell, and nothing else is believed.

Whatever lies there, reading it takes time and memory in proportion to its size, which is capped,
and ends with cells or with `Rejected`.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tito.course import Limits
from tito.errors import TitoError
from tito.files import Refused, Unreadable, read_regular
from tito.lesson import grade_id, read_notebook

__all__ = [
    "TIMESTAMP",
    "Attachments",
    "Rejected",
    "UNREADABLE",
    "SubmittedCell",
    "notebook_cells",
    "pictures",
    "read_bytes",
    "read_submission",
]

TIMESTAMP = "timestamp.txt"
"""nbgrader's file beside a notebook that says when it was handed in."""

UNREADABLE = "Let the grader read it, then run the same command again."
"""The remedy where a file is kept from the grader by this machine."""

MOST_OUTPUT = 2_000
"""The most characters that are kept of what a cell has shown."""
MOST_DRAWN, LARGEST_DRAWN = 4, 2**20
"""The most pictures that are kept of what a cell has shown, and their characters in all."""
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
CODES = re.compile(r"\x1b\[[0-9;]*m")
PICTURES = ("image/png", "image/jpeg", "image/gif")

Attachments = Mapping[str, Mapping[str, str]]


class Rejected(TitoError):
    """The file cannot be graded; the fact says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """What counts of a cell that was handed in; ``output`` and ``drawn`` are what it had shown."""

    kind: str
    source: str
    grade_id: str = ""
    id: str = ""
    attachments: Attachments = field(default_factory=dict)
    output: str = ""
    drawn: tuple[Mapping[str, str], ...] = ()


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


def read_bytes(path: Path, limits: Limits) -> bytes:
    """Read a regular file that somebody handed in, without following a link or waiting.

    Raises
    ------
    Rejected
        If it is not there, no regular file, or too large.
    TitoError
        If this machine does not let it be read.
    """
    try:
        return read_regular(path, limits.notebook_mib * 2**20)
    except Unreadable as error:
        raise TitoError(f"{path.name} {error}.", UNREADABLE) from None
    except Refused as refused:
        raise Rejected(f"{path.name} {refused}.") from None


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


def pictures(attachments: object) -> Attachments:
    """Return those of a cell's attachments that are pictures."""
    if not isinstance(attachments, dict):
        return {}
    found = {}
    for name, data in attachments.items():
        shown = _picture(data) if isinstance(data, dict) else {}
        if shown:
            found[_text(name)] = shown
    return found


def _percent_cells(path: Path, most: int) -> list[SubmittedCell]:
    try:
        notebook = read_notebook(path)
    except TitoError as error:
        raise Rejected(error.fact) from None
    _require_few(notebook.cells, most)
    return [SubmittedCell(c.cell_type, c.source, grade_id(c), c.id) for c in notebook.cells]


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
        raise Rejected(_why_no_json(text)) from None
    except RecursionError:
        raise Rejected("The file is nested too deeply for a notebook.") from None
    return parsed


def _why_no_json(text: str) -> str:
    if not text.strip():
        return "The file is empty."
    conflict = CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        return f"The file is not a notebook: line {line} has the mark of a merge conflict."
    return "The file is not a notebook: it is not JSON."


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
        output=_output(cell.get("outputs")),
        drawn=tuple(_drawn(cell.get("outputs"))),
    )


def _output(outputs: object) -> str:
    """Return the text of saved outputs, without a terminal's codes; of a long one the start."""
    shown = ""
    for output in _listed(outputs):
        if len(shown) > MOST_OUTPUT or not isinstance(output, dict):
            break
        data = output.get("data")
        plain = data.get("text/plain") if isinstance(data, dict) else None
        shown += _text(output.get("text", plain))[: MOST_OUTPUT + 1]
    return CODES.sub("", shown[:MOST_OUTPUT]).strip()


def _drawn(outputs: object) -> Iterator[Mapping[str, str]]:
    """Yield the first pictures among saved outputs, as many as are kept."""
    left, room = MOST_DRAWN, LARGEST_DRAWN
    for output in _listed(outputs):
        data = output.get("data") if isinstance(output, dict) else None
        shown = _picture(data) if left and isinstance(data, dict) else {}
        size = sum(map(len, shown.values()))
        if shown and size <= room:
            yield shown
            left, room = left - 1, room - size


def _text(value: object) -> str:
    """Return a notebook's text, which is a string or a list of strings, with newlines made one."""
    # A lone surrogate is legal in JSON, but no file can hold it.
    text = _joined(value).encode("utf-8", "replace").decode("utf-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _picture(data: Mapping[object, object]) -> dict[str, str]:
    for kind in PICTURES:
        text = "".join(_joined(data.get(kind)).split())
        if _is_base64(text):
            return {kind: text}
    return {}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
