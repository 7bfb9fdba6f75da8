"""Written answers: what a student writes in a graded cell, and a person reads.

No points hang on running it, so the kind of its cell does not matter: one that was made a code or
a raw cell is read like any other, and one that was split is put together again. Pictures that were
pasted into it come along.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

from tito.lesson import Cell, Notebook, is_graded, is_solution

__all__ = ["MOST_CHARACTERS", "answers_in", "cells_below", "is_answer", "pictures", "put_answer"]

MOST_CHARACTERS = 20_000
"""An answer has some hundred; what a page does with much more takes long."""

PICTURES = ("image/png", "image/jpeg", "image/gif")

Attachments = Mapping[str, Mapping[str, str]]


class _Cell(Protocol):
    @property
    def source(self) -> str: ...

    @property
    def grade_id(self) -> str: ...


Handed = TypeVar("Handed", bound=_Cell)


def is_answer(cell: Cell) -> bool:
    """Whether a person gives points for what the student writes in the cell."""
    return is_graded(cell) and is_solution(cell)


def answers_in(notebook: Notebook) -> list[Cell]:
    """Return the cells that a person reads, in order."""
    return [cell for cell in notebook.cells if is_answer(cell)]


def cells_below(question: str, cells: Sequence[Handed]) -> list[Handed]:
    """Return the cells without a grade id that stand below a question, as students see it."""
    return [
        below
        for above, below in pairwise(cells)
        if not below.grade_id and above.source.strip() and question.startswith(above.source.strip())
    ]


def put_answer(cell: Cell, sources: Iterable[str], attachments: Iterable[Attachments]) -> None:
    """Put into a released cell what was handed in for it, in one or several parts.

    Parameters
    ----------
    cell : Cell
        An answer's cell as it was released; it stays like that where nothing is written.
    sources : iterable of str
        The text of each part; what is blank or as it was released is no part.
    attachments : iterable of mapping
        The pictures of each part, as `pictures` returns them.
    """
    stub = cell.source.strip()
    parts = dict.fromkeys(text for s in sources if (text := s.strip()) not in ("", stub))
    text = "\n\n".join(parts)
    if not text:
        return
    if len(text) > MOST_CHARACTERS:
        cut = f"[Cut here: of {len(text)} characters, {MOST_CHARACTERS} are read.]"
        text = f"{text[:MOST_CHARACTERS]}\n\n{cut}"
    cell.source = text
    found = {name: dict(data) for one in attachments for name, data in one.items()}
    if found and cell.cell_type == "markdown":
        cell.attachments = found


def pictures(attachments: object) -> Attachments:
    """Return those of a cell's attachments that are pictures."""
    if not isinstance(attachments, dict):
        return {}
    found = {}
    for name, data in attachments.items():
        shown = _picture(data) if isinstance(data, dict) else {}
        if shown:
            found[str(name)] = shown
    return found


def _picture(data: Mapping[object, object]) -> dict[str, str]:
    for kind in PICTURES:
        text = data.get(kind)
        if isinstance(text, list):
            text = "".join(part for part in text if isinstance(part, str))
        if isinstance(text, str) and _is_base64(text):
            return {kind: "".join(text.split())}
    return {}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False
