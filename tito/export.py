"""From a lesson to its package: jupytext reads, nbdev exports, the module is written whole."""

import re
import tempfile
from pathlib import Path

from tito.edition import package_folder
from tito.errors import TitoError
from tito.files import write_whole
from tito.lesson import (
    Cell,
    Lesson,
    Notebook,
    code_cells,
    grade_id,
    is_exported,
    read_notebook,
)
from tito.source_cells import parse, read_cell

__all__ = ["export_lesson", "render_package", "stale_package"]

DEFAULT_EXP = re.compile(r"^#\|\s*default_exp\s+(\S+)", re.MULTILINE)
# What speaks to the student only: the markers, and the task between docstring and solution.
NOT_EXPORTED = re.compile(r"^\s*(### (BEGIN|END) SOLUTION|# TODO\b.*)$")


def export_lesson(lesson: Lesson, file: Path | None = None) -> Path:
    """Write the package module of `lesson` and return its path.

    Parameters
    ----------
    lesson : Lesson
        The lesson to export.
    file : Path, optional
        The notebook or percent file to take it from; default: the lesson's own source, which a
        student does not have, then the working copy.

    Raises
    ------
    TitoError
        If the file cannot be read, or a cell is missing, lacks its directive or has a syntax
        error; names the cell and its line. The old module then stays as it was.
    """
    target, text = render_package(lesson, file)
    write_whole(target, text.encode())
    return target


def stale_package(lesson: Lesson, file: Path | None = None) -> Path | None:
    """Return the package module of `lesson` if it is not what an export would write, else None."""
    target, text = render_package(lesson, file)
    current = target.exists() and target.read_text(encoding="utf-8") == text
    return None if current else target


def render_package(lesson: Lesson, file: Path | None = None) -> tuple[Path, str]:
    """Return where the module of `lesson` belongs and its text, without writing it."""
    file = file or (lesson.source if lesson.course.workplace is None else lesson.working_copy)
    notebook = read_notebook(file)
    reference = notebook if file == lesson.source else _reference(lesson)
    _check(file, notebook, reference)
    module = _default_exp(file, notebook, f"core.{lesson.name}")
    for cell in code_cells(notebook):
        cell.source = "\n".join(x for x in cell.source.split("\n") if not NOT_EXPORTED.match(x))
    installed = lesson.course.workplace is not None  # a handout, else the checkout
    package = package_folder("tinytorch") if installed else lesson.course.root / "tinytorch"
    target = package.joinpath(*module.split(".")).with_suffix(".py")
    return target, _run_nbdev(lesson, notebook, module)


def _reference(lesson: Lesson) -> Notebook | None:
    """Return the notebook that has the required cells; a student edition has the release only."""
    for path in (lesson.source, lesson.released):
        if path.exists():
            return read_notebook(path)
    return None


def _check(file: Path, notebook: Notebook, reference: Notebook | None) -> None:
    found = {grade_id(cell): cell for cell in code_cells(notebook) if grade_id(cell)}
    for cell in code_cells(reference) if reference is not None else ():
        if not (is_exported(cell) and grade_id(cell)):
            continue
        name = grade_id(cell)
        if name not in found:
            raise TitoError(f"{file} has no cell {name}.", "Take it again from the release.")
        if not is_exported(found[name]):
            where = _place(file, found[name], 1)
            raise TitoError(f"{where}: the directive is missing.", "Begin it with `#| export`.")
    for cell in filter(is_exported, notebook.cells):
        error = parse(cell.source)
        if isinstance(error, SyntaxError):
            where = _place(file, cell, error.lineno or 1)
            if read_cell("", cell.source).tree is not None:
                fact = "a package cannot hold Jupyter's own commands"
                raise TitoError(f"{where}: {fact}.", "Take the line out and export again.")
            raise TitoError(f"{where}: {error.msg}.", "Fix the line and export again.")


def _default_exp(file: Path, notebook: Notebook, module: str) -> str:
    for cell in code_cells(notebook):
        match = DEFAULT_EXP.search(cell.source)
        if match and match[1] == module:
            return module
        if match:
            line = cell.source[: match.start()].count("\n") + 1
            fact = f"{_place(file, cell, line)}: the module is called {match[1]}."
            raise TitoError(fact, f"Write `#| default_exp {module}`.")
    first = next(filter(is_exported, code_cells(notebook)), None)
    where = str(file) if first is None else _place(file, first, 1)
    remedy = f"Put `#| default_exp {module}` into the first one that is exported."
    raise TitoError(f"{where}: no cell names the module.", remedy)


def _place(file: Path, cell: Cell, line: int) -> str:
    """Return where a line of a cell is: in the cell and, for a percent file, in the file."""
    where = f"{file}, cell {grade_id(cell) or cell.id}, line {line}"
    if file.suffix != ".py" or not cell.source:
        return where
    before, found, _ = file.read_text(encoding="utf-8").partition(cell.source)
    return f"{where} (line {before.count(chr(10)) + line} of the file)" if found else where


def _run_nbdev(lesson: Lesson, notebook: Notebook, module: str) -> str:
    """Export through nbdev in a folder of its own, laid out like the course."""
    from fastcore.nbio import dict2nb
    from nbdev.export import ExportModuleProc
    from nbdev.maker import ModuleMaker
    from nbdev.process import NBProcessor

    collected = ExportModuleProc()
    NBProcessor(nb=dict2nb(notebook), procs=[collected]).process()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "tinytorch"
        source = Path(folder) / lesson.source.relative_to(lesson.course.root)
        maker = ModuleMaker(dest=package, name=module, nb_path=source)
        maker.make(collected.modules["#"], collected.in_all["#"], lib_path=package)
        return Path(maker.fname).read_text(encoding="utf-8")
