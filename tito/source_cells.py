"""Code cells as text: whether they are Python, what they define, and which a graded cell needs."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "MOST_SOURCE",
    "SolutionCell",
    "imported_modules",
    "needed_cells",
    "parse",
    "read_cell",
]

MOST_SOURCE = 100_000
"""The most characters of a cell: reading or running a longer one may take long."""

MOST_LINE = 2000  # characters of a line that is looked at for a magic command

MAGIC = re.compile(r"[ \t]*(?:!|%{1,2}\w|\?{1,2}[ \t]*[\w%])")
ASSIGNED = re.compile(r"([ \t]*[A-Za-z_][\w., \t]{0,200}=[ \t]*)(?:!|%\w)")
HELP = re.compile(r"[ \t]*[A-Za-z_%][\w.]{0,200}\?{1,2}[ \t]*$")
DROPPED = ("%%time", "%%timeit", "%%capture", "%%prun")  # they run the rest of the cell


@dataclass(frozen=True)
class SolutionCell:
    """A solution cell that was read.

    Parameters
    ----------
    name : str
        Its grade id.
    source : str
        Plain Python: IPython's magic commands are taken out.
    tree : ast.Module or None
        Its syntax tree; None where it is not Python.
    error : SyntaxError or None
        Why it is not Python; None where it is.
    """

    name: str
    source: str
    tree: ast.Module | None
    error: SyntaxError | None = None

    @property
    def problem(self) -> str:
        """In words, where and why it is not Python; empty where it is."""
        if self.error is None:
            return ""
        line = self.error.lineno
        return self.error.msg if line is None else f"line {line}: {self.error.msg}"

    @property
    def defines(self) -> frozenset[str]:
        """The names that the cell binds at its top level."""
        return frozenset(_bound_names(self.tree)) if self.tree else frozenset()

    @property
    def uses(self) -> frozenset[str]:
        """The names that it reads, wherever in it."""
        nodes = ast.walk(self.tree) if self.tree else ()
        return frozenset(n.id for n in nodes if isinstance(n, ast.Name))


def read_cell(name: str, source: str) -> SolutionCell:
    """Parse a cell's source; where it is not Python, without IPython's magic commands."""
    source = source.removeprefix("\ufeff")  # the mark that some editors put first
    if len(source) > MOST_SOURCE:
        error = SyntaxError(f"it is longer than {MOST_SOURCE:,} characters")
        return SolutionCell(name, "", None, error)
    tree = parse(source)
    if isinstance(tree, SyntaxError):
        tree = parse(plain := without_magic(source))
        if isinstance(tree, SyntaxError):
            return SolutionCell(name, source, None, tree)
        source = plain
    return SolutionCell(name, source, tree)


def needed_cells(
    wanted: SolutionCell, others: Mapping[str, SolutionCell], given: Iterable[str]
) -> list[SolutionCell]:
    """Return `wanted` and those of `others` that define what it uses, in the notebook's order.

    A cell that is not needed is not loaded, so what is wrong with it cannot matter. Names that the
    `given` cells define, such as ``np``, are never taken from a student's other cells.
    """
    known = {name for tree in _trees(given) for name in _bound_names(tree)}
    defines = {cell.name: cell.defines for cell in others.values()}
    needed, queue = {wanted.name}, [wanted]
    while queue:
        cell = queue.pop()
        missing = cell.uses - cell.defines - known
        for other in others.values():
            if other.name not in needed and defines[other.name] & missing:
                needed.add(other.name)
                queue.append(other)
    return [cell for cell in others.values() if cell.name in needed]


def imported_modules(sources: Iterable[str]) -> list[str]:
    """Return the names of the modules that cells of the lesson import at their top level."""
    names: dict[str, None] = {}
    for tree in _trees(sources):
        for statement in tree.body:
            if isinstance(statement, ast.Import):
                names |= dict.fromkeys(alias.name for alias in statement.names)
            elif isinstance(statement, ast.ImportFrom) and statement.module:
                names[statement.module] = None
    return list(names)


def without_magic(source: str) -> str:
    """Return a cell without magic commands: their lines do nothing, their values are None.

    A line of a string or of a comment that looks like a magic command is taken for one: this is
    called only where the cell is not Python.
    """
    lines = source.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if lines[first].lstrip().startswith(DROPPED):
        lines[first] = ""
    return "\n".join(_without_magic(line) for line in lines)


def _without_magic(line: str) -> str:
    if len(line) > MOST_LINE:
        return line
    if MAGIC.match(line) or HELP.match(line):
        indent = line[: len(line) - len(line.lstrip())]
        return f"{indent}pass"
    assigned = ASSIGNED.match(line)
    return f"{assigned[1]}None" if assigned else line


def _trees(sources: Iterable[str]) -> Iterator[ast.Module]:
    return (tree for source in sources if isinstance(tree := parse(source), ast.Module))


def parse(source: str) -> ast.Module | SyntaxError:
    """Return the syntax tree, or why there is none; ``await`` may stand outside of functions."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes
            tree = ast.parse(source)
            compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        return error
    except (RecursionError, MemoryError, OverflowError):
        return SyntaxError("it is nested too deeply")
    except ValueError as error:  # a null byte
        return SyntaxError(str(error))
    return tree


def _bound_names(tree: ast.Module) -> Iterator[str]:
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
