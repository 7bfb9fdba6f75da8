"""Written answers: what a student writes in a graded cell, and a person reads.

No points hang on running it, so the kind of its cell does not matter: one that was made a code or
a raw cell is read like any other, and one that was split is put together again. What a student
added beside it, a measurement or another paragraph, comes along, and pictures that were pasted.
"""

import re
from collections.abc import Sequence

from tito.grading.intake.place import Handed
from tito.grading.intake.read import SubmittedCell
from tito.lesson import Cell

__all__ = ["MOST_CHARACTERS", "put_answer"]

MOST_CHARACTERS = 20_000
"""An answer has some hundred; what a page does with much more takes long."""


def put_answer(cell: Cell, found: Sequence[int], handed: Handed) -> None:
    """Put into a released cell what was handed in for it, in one or several parts.

    Parameters
    ----------
    cell : Cell
        An answer's cell as it was released; it stays like that where nothing is written.
    found : sequence of int
        The places of the cells handed in for it, whose text counts whatever their kind.
    handed : Handed
        All that was handed in: those that a student added beside an answer are part of it.
    """
    own = {at for at in found if handed.cells[at].grade_id or not handed.is_given(at)}
    nothing = ("", cell.source.strip())
    places = [at for at in handed.with_added(own) if handed.cells[at].source.strip() not in nothing]
    if not any(at in own or handed.cells[at].kind != "code" for at in places):
        return
    parts = [handed.cells[at] for at in places]
    texts = (p.source if at in own else _shown(p, at) for at, p in zip(places, parts, strict=True))
    cell.source = _cut("\n\n".join(dict.fromkeys(text.strip() for text in texts)))
    attached = {name: dict(data) for part in parts for name, data in part.attachments.items()}
    for at, part in zip(places, parts, strict=True):
        drawn = part.drawn if at not in own else ()
        attached |= {_picture_name(at, n): dict(data) for n, data in enumerate(drawn)}
    if attached and cell.cell_type == "markdown":
        cell.attachments = attached


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    cut = f"[Cut here: of {len(text)} characters, {MOST_CHARACTERS} are read.]"
    return f"{text[:MOST_CHARACTERS]}\n\n{cut}"


def _shown(cell: SubmittedCell, at: int) -> str:
    """A cell that a student added, as markdown; code of it in a fence, whatever stands in it."""
    if cell.kind != "code":
        return cell.source
    longest = max(map(len, re.findall("`+", cell.source + cell.output)), default=0)
    fence = "`" * max(3, longest + 1)
    parts = [f"{fence}python\n{cell.source.strip()}\n{fence}"]
    if cell.output or cell.drawn:
        parts.append("What it had shown, as saved by the student:")
    if cell.output:
        parts.append(f"{fence}\n{cell.output}\n{fence}")
    for number in range(len(cell.drawn)):
        parts.append(f"![saved by the student](attachment:{_picture_name(at, number)})")
    return "\n\n".join(parts)


def _picture_name(at: int, number: int) -> str:
    return f"shown-{at}-{number}"
