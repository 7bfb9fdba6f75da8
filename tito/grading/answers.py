"""Written answers: what a student writes in a graded cell, and a person reads.

No points hang on running it, so the kind of its cell does not matter: one that was made a code or
a raw cell is read like any other, and one that was split is put together again. What a student
added beside it, a measurement or another paragraph, comes along, and pictures that were pasted.
"""

import base64
import binascii
import re
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
    def kind(self) -> str: ...

    @property
    def source(self) -> str: ...

    @property
    def grade_id(self) -> str: ...

    @property
    def id(self) -> str: ...

    @property
    def attachments(self) -> Attachments: ...


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


def put_answer(
    cell: Cell, found: Sequence[Handed], cells: Sequence[Handed], release: Notebook
) -> None:
    """Put into a released cell what was handed in for it, in one or several parts.

    Parameters
    ----------
    cell : Cell
        An answer's cell as it was released; it stays like that where nothing is written.
    found : sequence of SubmittedCell
        The cells that were handed in for it, whose text counts whatever their kind.
    cells : sequence of SubmittedCell
        All that was handed in: those that a student added beside an answer are part of it.
    release : Notebook
        What it was made from.
    """
    given = {c.id: c.source.strip() for c in release.cells}
    own = [part for part in found if part.grade_id or not _is_given(part.source, given.values())]
    nothing = ("", cell.source.strip())
    parts = [c for c in _with_added(own, cells, given) if c.source.strip() not in nothing]
    if not any(part in own or part.kind != "code" for part in parts):
        return
    texts = (p.source if p in own or p.kind != "code" else _fenced(p.source) for p in parts)
    text = "\n\n".join(dict.fromkeys(text.strip() for text in texts))
    if len(text) > MOST_CHARACTERS:
        cut = f"[Cut here: of {len(text)} characters, {MOST_CHARACTERS} are read.]"
        text = f"{text[:MOST_CHARACTERS]}\n\n{cut}"
    cell.source = text
    attached = {name: dict(data) for part in parts for name, data in part.attachments.items()}
    if attached and cell.cell_type == "markdown":
        cell.attachments = attached


def _with_added(
    own: Sequence[Handed], cells: Sequence[Handed], given: Mapping[str, str]
) -> list[Handed]:
    """An answer's cells and those that were added beside them, in the notebook's order."""
    added = {
        place
        for place, cell in enumerate(cells)
        if not (cell.grade_id or cell.id in given or _is_given(cell.source, given.values()))
    }
    start = {place for place, cell in enumerate(cells) if any(cell is part for part in own)}
    taken = set(start)
    for place in start:
        for step in (-1, 1):
            at = place + step
            while at in added:
                taken.add(at)
                at += step
    return [cells[place] for place in sorted(taken)]


def _is_given(source: str, given: Iterable[str]) -> bool:
    """Whether a text is a released one; graders have questions whole, students without the end."""
    text = source.strip()
    start = f"{text}\n"
    return any(whole == text or (text and whole.startswith(start)) for whole in given)


def _fenced(code: str) -> str:
    """Code as markdown shows it, whatever stands in it."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{code.strip()}\n{fence}"


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
