"""Names whose values the grader does not have: from cells and magics that it does not run."""

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from tito.grading.intake.place import defined_in
from tito.grading.intake.read import SubmittedCell
from tito.source_cells import SolutionCell, read_cell

__all__ = ["defined_twice", "free_names", "magic_values", "missing_names"]

KNOWN = frozenset(dir(builtins)) | {"__name__", "get_ipython", "display"}


def missing_names(
    needed: Mapping[str, Sequence[SolutionCell]],
    given: Sequence[str],
    submitted: Sequence[SubmittedCell],
    solutions: Set[str],
) -> list[str]:
    """Return a sentence for each name that the grader will not have.

    Parameters
    ----------
    needed : mapping of grade id to cells
        The cells that each solution cell is loaded with.
    given : sequence of str
        Sources of the lesson's own cells that are loaded with all of them.
    submitted : sequence of SubmittedCell
        The student's file: where such a name may come from.
    solutions : set of str
        The grade ids of the solution cells, which the grader has.
    """
    known = KNOWN | {name for source in given for name in read_cell("given", source).defines}
    names = dict(_names_of_others(submitted, solutions))
    found: dict[str, None] = {}
    for cells in needed.values():
        there = known | {name for cell in cells for name in cell.defines}
        for cell in cells:
            for name in sorted(free_names(cell.source) - there):
                if name in names:
                    found[_sentence(name, names[name], cell.name)] = None
    return list(found)


def defined_twice(
    solutions: Iterable[SolutionCell], submitted: Sequence[SubmittedCell]
) -> list[str]:
    """Return a sentence for each function of a solution cell that another cell defines as well."""
    solutions = list(solutions)
    names = {cell.name for cell in solutions}
    others = [
        (cell.grade_id or f"{number}", cell.source, defined_in(cell.source))
        for number, cell in enumerate(submitted, 1)
        if cell.kind == "code" and cell.grade_id not in names
    ]
    return [
        f"`{function}` is defined in cell {where} as well, which the grader does not run: "
        f"what cell {cell.name} defines counts."
        for cell in solutions
        for where, source, functions in others
        for function in sorted(functions & defined_in(cell.source))
        if source not in cell.source  # else it is one of its parts
    ]


def magic_values(name: str, source: str) -> list[str]:
    """Return a sentence for each name that solution cell `name` binds to a magic's value."""
    plain = read_cell(name, source).source
    lines = zip(source.split("\n"), plain.split("\n"), strict=False)
    bound = [new.removesuffix("None") for old, new in lines if old != new and new.endswith("None")]
    return [
        f"`{target.strip(' =')}` in cell {name} is the value of a magic command, which the grader "
        "does not run: it is None there. Compute it in Python."
        for target in bound
    ]


def free_names(source: str) -> frozenset[str]:
    """Return the names that a cell reads and does not bind, in its functions too."""
    try:
        table = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError):
        return frozenset()
    bound = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    return frozenset(_global_names(table)) - bound


def _global_names(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_names(child)


def _names_of_others(
    submitted: Sequence[SubmittedCell], solutions: Set[str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each name that another code cell binds, with how and where."""
    for number, cell in enumerate(submitted, 1):
        if cell.kind != "code" or cell.grade_id in solutions:
            continue
        read = read_cell(cell.grade_id or f"{number}", cell.source)
        imported = _imported(read.tree) if read.tree else set()
        for name in read.defines:
            yield name, ("imported" if name in imported else "defined", read.name)


def _imported(tree: ast.Module) -> set[str]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.alias)]
    return {(node.asname or node.name).partition(".")[0] for node in nodes}


def _sentence(name: str, place: tuple[str, str], cell: str) -> str:
    how, where = place
    return (
        f"`{name}` is {how} in cell {where}, which the grader does not run: it runs solution cells "
        f"only. Move it into cell {cell}."
    )
