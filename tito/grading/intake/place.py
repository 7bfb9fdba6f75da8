"""Places: where the cells that were handed in lie, and which of them belongs to a released one."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tito.grading.intake.read import SubmittedCell
from tito.lesson import Cell, Notebook, grade_id, is_answer, is_solution

__all__ = ["Handed", "defined_in"]

DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)


def defined_in(source: str) -> frozenset[str]:
    """Return the functions that a text defines, found even where a parser would stop."""
    return frozenset(DEFINITION.findall(source))


class Handed:
    """The cells that were handed in, by all that tells to which released cell they belong.

    Parameters
    ----------
    cells : sequence of SubmittedCell
        In the order of the notebook; a place is an index into them.
    release : Notebook
        What it was made from.
    """

    def __init__(self, cells: Sequence[SubmittedCell], release: Notebook) -> None:
        self.cells = cells
        self._ids = {cell.id for cell in release.cells}
        self._texts = _with_starts(cell.source for cell in release.cells)
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._by_id: defaultdict[str, list[int]] = defaultdict(list)
        self._defining: defaultdict[str, list[int]] = defaultdict(list)
        for at, cell in enumerate(cells):
            if cell.grade_id:
                self._by_name[cell.grade_id].append(at)
                continue
            self._by_id[cell.id].append(at)
            for name in defined_in(cell.source):
                self._defining[name].append(at)
        self._added = {at for at, cell in enumerate(cells) if self._is_added(at, cell)}

    def of(self, cell: Cell, above: str) -> list[int]:
        """Return the places of the cells that were handed in for a released one.

        They are found by its grade id, else by its cell id, else by the functions that it defines,
        else below the released text `above` it. The kind of an answer's cell does not matter; a
        solution whose cell an editor has turned into text is found as well.
        """
        found = [
            self._by_name.get(grade_id(cell), []),
            self._by_id.get(cell.id, []),
            self._by_definition(cell) if is_solution(cell) else [],
        ]
        if is_answer(cell):
            return next(filter(None, found), []) or self._below(above)
        kind = cell.cell_type
        same = ([at for at in places if self.cells[at].kind == kind] for places in found)
        places = next(filter(None, same), [])
        if places or not is_solution(cell):
            return places
        below = [at for at in self._below(above) if at in self._added and self._is_code(at)]
        return below or self._turned_into_text([*found[0], *found[1]], cell)

    def with_added(self, places: Iterable[int], kind: str = "") -> list[int]:
        """Return cells and those that were added beside them, in the notebook's order."""
        start = set(places)
        taken = set(start)
        for place in start:
            for step in (-1, 1):
                at = place + step
                while at in self._added and at not in taken and kind in ("", self.cells[at].kind):
                    taken.add(at)
                    at += step
        return sorted(taken)

    def is_given(self, at: int) -> bool:
        """Whether a text is a released one; graders have questions whole, students not the end."""
        return self.cells[at].source.strip() in self._texts

    def _is_added(self, at: int, cell: SubmittedCell) -> bool:
        return not (cell.grade_id or cell.id in self._ids or self.is_given(at))

    def _is_code(self, at: int) -> bool:
        return self.cells[at].kind == "code"

    def _turned_into_text(self, places: Iterable[int], cell: Cell) -> list[int]:
        """Those of the cells whose text is Python that defines what the released cell does."""
        wanted = defined_in(cell.source)
        return [at for at in places if wanted and wanted <= defined_in(self.cells[at].source)]

    def _by_definition(self, cell: Cell) -> list[int]:
        wanted = [set(self._defining.get(name, ())) for name in defined_in(cell.source)]
        return sorted(set.intersection(*wanted)) if wanted else []

    def _below(self, question: str) -> list[int]:
        """The cells without a grade id that stand below a released text, as students see it."""
        asked = _with_starts([question])
        return [
            at + 1
            for at, above in enumerate(self.cells[:-1])
            if not self.cells[at + 1].grade_id and above.source.strip() in asked
        ]


def _with_starts(texts: Iterable[str]) -> set[str]:
    """Texts, and each of their starts that is whole lines; blank ones aside."""
    found: set[str] = set()
    for text in texts:
        lines = text.split("\n")
        found.update("\n".join(lines[:end]).strip() for end in range(1, len(lines) + 1))
    return found - {""}
