"""Rebuilding: the notebook that is graded is the release with a student's solutions in it.

Only the solution cells' sources and the written answers come from the student. Everything else,
the tests, the points, the metadata and the kernel, comes from the release, so nothing that was
edited, deleted, duplicated or reordered there can matter.
"""

import copy
from collections.abc import Iterable, Sequence

from tito.grading.intake.answers import put_answer
from tito.grading.intake.place import Handed, defined_in
from tito.grading.intake.read import SubmittedCell
from tito.lesson import (
    Cell,
    Notebook,
    grade_id,
    is_answer,
    is_locked,
    is_solution,
)
from tito.source_cells import MOST_SOURCE, read_cell

__all__ = ["NOTE_KEY", "given_notes", "rebuild"]

NOTE_KEY = "tito_note"
"""Where a cell's metadata hold what its student should know of how it was read."""

LEFT_OUT = "This cell was left out: it has {} characters, and at most {} are read."


def rebuild(release: Notebook, cells: Iterable[SubmittedCell]) -> tuple[Notebook, list[str]]:
    """Return the release with the student's solutions in it, and what was noticed on the way.

    A solution cell is found by its grade id, else by its cell id, by the functions that it defines
    or by its place, an answer by the question above it. What was split is joined in order, which
    the cell's metadata say; what somebody added beside an answer comes along with it.
    """
    notebook = copy.deepcopy(release)
    handed = Handed(list(cells), release)
    notes, above = [], ""
    for cell in notebook.cells:
        released = cell.source
        places = handed.of(cell, above)
        if is_answer(cell):
            put_answer(cell, places, handed)
        elif is_solution(cell):
            notes += _put_solution(cell, places, handed)
        above = released
    return notebook, notes


def given_notes(release: Notebook, cells: Iterable[SubmittedCell]) -> list[str]:
    """Say which given and locked cells of the students' release are missing or were changed."""
    handed = Handed(list(cells), release)
    notes, above = [], ""
    for cell in release.cells:
        if grade_id(cell) and not is_answer(cell) and not is_solution(cell):
            notes += _given_note(cell, [handed.cells[at] for at in handed.of(cell, above)])
        above = cell.source
    return notes


def _put_solution(cell: Cell, places: Sequence[int], handed: Handed) -> list[str]:
    """Put a student's text into a released solution cell; return what was noticed."""
    name, stub = grade_id(cell), cell.source.strip()
    if not places:
        return [f"The solution cell {name} is missing."]
    written = [at for at in places if handed.cells[at].source.strip() != stub]
    if not written:
        return []
    parts = _unsplit(written, handed, defined_in(stub)) if cell.cell_type == "code" else written
    sources = list(dict.fromkeys(handed.cells[at].source for at in parts))
    if sum(map(len, sources)) > MOST_SOURCE:
        left_out = LEFT_OUT.format(f"{sum(map(len, sources)):,}", f"{MOST_SOURCE:,}")
        cell.source, cell.metadata[NOTE_KEY] = f"raise ValueError({left_out!r})", left_out
        return [f"The solution cell {name}: {left_out}"]
    cell.source, used = _joined(sources, defined_in(stub))
    if len(sources) == 1:
        return _turned_note(cell, handed.cells[parts[0]].kind)
    note = f"This cell was found in {len(sources)} parts: " + (
        "they were joined in order."
        if used == len(sources)
        else f"{used} that can be read as Python count, joined in order."
    )
    cell.metadata[NOTE_KEY] = note
    return [f"The solution cell {name}: {note}"]


def _turned_note(cell: Cell, kind: str) -> list[str]:
    """What to say of a solution that an editor has turned into text."""
    if kind == cell.cell_type:
        return []
    cell.metadata[NOTE_KEY] = note = "This cell was a text cell: its text counts as code."
    return [f"The solution cell {grade_id(cell)}: {note}"]


def _unsplit(places: Sequence[int], handed: Handed, wanted: frozenset[str]) -> list[int]:
    """Add to the places of a solution those of its halves that have lost their grade id.

    Such a half lies beside it and goes on with an indented line, or defines what is missing.
    """
    taken = set(places)
    missing = wanted - {name for at in places for name in defined_in(handed.cells[at].source)}
    for at in handed.with_added(places, kind="code"):
        source = handed.cells[at].source
        goes_on = at - 1 in taken and source.strip("\n")[:1] in (" ", "\t")
        if goes_on or missing & defined_in(source):
            taken.add(at)
    return sorted(taken)


def _joined(sources: Sequence[str], wanted: frozenset[str]) -> tuple[str, int]:
    """The parts of a solution as one text, and of how many it is made.

    They are the halves of a cell that was split, or copies of one of which the last counts. As in
    the notebook, each runs after the one before, and one that is not Python is passed over.
    """
    text = "\n".join(sources)
    if len(sources) == 1 or read_cell("", text).tree is not None:
        return text, len(sources)
    whole = [source for source in sources if read_cell("", source).tree is not None]
    if whole and wanted <= defined_in("\n".join(whole)):
        return "\n".join(whole), len(whole)
    return text, len(sources)


def _given_note(cell: Cell, found: Sequence[SubmittedCell]) -> list[str]:
    what = f"The {'locked' if is_locked(cell) else 'given'} cell {grade_id(cell)}"
    if not found:
        return [f"{what} is missing: its released text counts."]
    if any(c.source.strip() != cell.source.strip() for c in found):
        return [f"{what} was changed: its released text counts."]
    return []
