"""The solution cells as text: which of them a graded cell needs, read and never run."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["SolutionCell", "needed_cells", "read_cell"]

MOST_SOURCE = 100_000  # characters; a kernel has some hundred


@dataclass(frozen=True)
class SolutionCell:
    """A solution cell that was read.

    Parameters
    ----------
    name : str
        Its grade id.
    source : str
        Plain Python: IPython's magic commands are turned into calls.
    tree : ast.Module or None
        Its syntax tree; None where it is not Python.
    error : str
        Why it is not Python; empty where it is.
    """

    name: str
    source: str
    tree: ast.Module | None
    error: str = ""

    @property
    def defines(self) -> frozenset[str]:
        """The names that the cell binds at its top level."""
        return frozenset(bound_names(self.tree)) if self.tree else frozenset()

    @property
    def uses(self) -> frozenset[str]:
        """The names that it reads, wherever in it."""
        nodes = ast.walk(self.tree) if self.tree else ()
        return frozenset(n.id for n in nodes if isinstance(n, ast.Name))


def read_cell(name: str, source: str) -> SolutionCell:
    """Parse a cell's source, with IPython's own syntax where it has any."""
    source = source.removeprefix("\ufeff")  # the mark that some editors put first
    if len(source) > MOST_SOURCE:
        return SolutionCell(name, "", None, f"it is longer than {MOST_SOURCE} characters")
    tree = parse(source)
    if isinstance(tree, str):
        plain = without_magic(source)
        again = parse(plain)
        if not isinstance(again, str):
            return SolutionCell(name, plain, again)
        return SolutionCell(name, source, None, tree)
    return SolutionCell(name, source, tree)


def needed_cells(
    wanted: SolutionCell, others: Mapping[str, SolutionCell], given: Iterable[str]
) -> list[SolutionCell]:
    """Return `wanted` and those of `others` that define what it uses, in the notebook's order.

    A cell that is not needed is not loaded, so what is wrong with it cannot matter. Names that the
    `given` cells define, such as ``np``, are never taken from a student's other cells.
    """
    trees = (parse(source) for source in given)
    known = {name for tree in trees if isinstance(tree, ast.Module) for name in bound_names(tree)}
    needed, queue = {wanted.name}, [wanted]
    while queue:
        cell = queue.pop()
        missing = cell.uses - cell.defines - known
        for other in others.values():
            if other.name not in needed and other.defines & missing:
                needed.add(other.name)
                queue.append(other)
    return [cell for cell in others.values() if cell.name in needed]


def parse(source: str) -> ast.Module | str:
    """Return the syntax tree, or why there is none."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"


def without_magic(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    first, _, rest = source.lstrip().partition("\n")
    if first.startswith(("%%time", "%%capture", "%%prun")):  # they run the rest as it is
        source = rest
    try:
        return TransformerManager().transform_cell(source)
    except (SyntaxError, ValueError, RecursionError):
        return source


def bound_names(tree: ast.Module) -> Iterable[str]:
    """Yield the names that a module's own statements bind: defs, imports and assignments."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                yield (node.asname or node.name).partition(".")[0]
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield node.name
