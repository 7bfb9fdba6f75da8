"""What `tito test` would run of a notebook: its checks, each with the cells that it needs.

Where a lesson has no checks.py, these are all cells above it, as the grader's kernel runs them.
"""

from collections.abc import Mapping, Sequence

from tito.lesson import (
    Cell,
    Notebook,
    code_cells,
    grade_id,
    is_exported,
    is_graded,
    is_locked,
    is_run_in_order,
    is_solution,
)
from tito.selftest.locked_cells import LockedCell
from tito.source_cells import SolutionCell, needed_cells, read_cell

__all__ = ["Plan"]

NOTHING = SolutionCell("", "", None)
"""The solution of a check that depends on none."""


class Plan:
    """What to run: the locked checks, each with the cells that the grader would load."""

    def __init__(self, notebook: Notebook, released: Notebook) -> None:
        self.notebook = notebook
        cells = list(code_cells(notebook))
        self.in_order = is_run_in_order(notebook)
        plain = [cell for cell in cells if not is_graded(cell) and not is_solution(cell)]
        given = [cell.source for cell in plain if is_exported(cell)]
        self.given = [read_cell("given", source).source for source in given]
        self.tools = [c.source for c in plain if is_locked(c) and not is_exported(c)]
        self.solutions = {
            grade_id(c): read_cell(grade_id(c), c.source) for c in cells if is_solution(c)
        }
        self.checks = self._checks(cells)
        blank = {grade_id(c): c.source.strip() for c in code_cells(released) if is_solution(c)}
        untouched = {grade_id(c) for c in cells if c.source.strip() == blank.get(grade_id(c))}
        self.unwritten = [grade_id(c) for s, c in self.checks if s.name in untouched]
        self.needed: Mapping[str, Sequence[SolutionCell]] = {
            name: self._needed(cell) for name, cell in self.solutions.items()
        }

    def locked(self, solution: SolutionCell, cell: Cell) -> LockedCell:
        """Return a locked cell with what it needs."""
        if self.in_order:
            cells = list(code_cells(self.notebook))
            above = [c for c in cells[: cells.index(cell)] if "nbgrader" in c.metadata]
            needs = ((grade_id(c), read_cell("", c.source).source) for c in above)
            return LockedCell(cell.source, tuple(needs), in_order=True)
        loaded = [(f"given-{i}", source) for i, source in enumerate(self.given)]
        loaded += [(each.name, each.source) for each in self.needed.get(solution.name, ())]
        return LockedCell(cell.source, tuple(loaded))

    def _needed(self, cell: SolutionCell) -> list[SolutionCell]:
        needed = needed_cells(cell, self.solutions, self.given)
        return [each for each in needed if each.tree is not None]

    def _checks(self, cells: Sequence[Cell]) -> list[tuple[SolutionCell, Cell]]:
        """Return each check with the cell that defines its function: by place, else by name."""
        checks, before = [], NOTHING
        for cell in cells:
            if is_solution(cell):
                before = self.solutions[grade_id(cell)]
            elif is_graded(cell):
                checks.append((self._definer(read_cell("", cell.source), before), cell))
        return checks

    def _definer(self, check: SolutionCell, before: SolutionCell) -> SolutionCell:
        if (before.tree is None and before is not NOTHING) or check.uses & before.defines:
            return before
        others = (cell for cell in self.solutions.values() if check.uses & cell.defines)
        return next(others, before)

    def tools_needed(self) -> list[str]:
        """Return the lesson's own cells and those locked cells that define what checks use."""
        if self.in_order:
            return []
        used = {name for _, cell in self.checks for name in read_cell("", cell.source).uses}
        return [*self.given, *(s for s in self.tools if read_cell("", s).defines & used)]
