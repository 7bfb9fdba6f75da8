"""The notebooks that are made of a lesson: the instructor's and the students'."""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tito.course import Course
from tito.errors import TitoError
from tito.files import files_below, write_whole
from tito.lesson import (
    Cell,
    Lesson,
    Notebook,
    code_cells,
    is_graded,
    is_solution,
    read_generated,
    read_notebook,
)
from tito.source_cells import read_cell

__all__ = [
    "broken_cells",
    "cell_lines",
    "files_beside",
    "has_autotests",
    "instantiate_tests",
    "instructor_notebook",
    "load_config",
    "notebook_text",
    "released_notebook",
    "percent_text",
    "save_notebook",
    "student_notebook",
]

CONFIG = "nbgrader_config.py"
MARKER = re.compile(r"^# %%", re.MULTILINE)
AUTOTEST = re.compile(r"^\s*#.*AUTOTEST", re.MULTILINE)
PACKAGE = re.compile(r'^PACKAGE = ""', re.MULTILINE)
"""Where a notebook's first cell says what to install."""
RUN_ON = "raises-exception"
"""Jupyter's tag of a cell behind which "Run All" goes on, whatever the cell raised."""
IN_ORDER = {"in_order": True}
"""Metadata of a notebook without checks.py: its graded cells are run in it, in order."""
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def student_notebook(lesson: Lesson) -> Notebook:
    """Return the students' notebook: the release, or what would be released from the source."""
    if lesson.released.exists():
        return read_generated(lesson, lesson.released)
    return released_notebook(lesson)


def released_notebook(lesson: Lesson, *, hidden: bool = False) -> Notebook:
    """Return what would be released from the source, or with `hidden`, what graders use."""
    from nbgrader import preprocessors as steps

    config, resources = load_config(lesson.course), dict[str, object]()
    notebook = instantiate_tests(lesson, instructor_notebook(lesson), config)
    for step in (
        *(steps.LockCells, steps.ClearSolutions, steps.ClearOutput),
        *(() if hidden else (steps.ClearHiddenTests, steps.ClearMarkScheme)),
        steps.ComputeChecksums,
    ):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    return notebook


def instructor_notebook(lesson: Lesson) -> Notebook:
    """Return the lesson's source as a notebook, without jupytext's pairing.

    A check that fails does not end a run of all cells: what follows can be done without it.
    """
    from nbformat import from_dict

    if not lesson.source.exists():
        raise TitoError(
            f"The lesson {lesson.name} has no source {lesson.course.shown(lesson.source)}.",
            "Run this in the instructor's checkout.",
        )
    notebook = read_notebook(lesson.source)
    for cell in code_cells(notebook):
        cell.source = PACKAGE.sub(
            lambda _: f"PACKAGE = {json.dumps(lesson.course.package)}", cell.source
        )
        if is_graded(cell) and not is_solution(cell):
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", ()), RUN_ON})
    notebook.metadata = from_dict({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    if not lesson.checks.exists():
        notebook.metadata["tito"] = from_dict(IN_ORDER)
    return notebook


def cell_lines(lesson: Lesson, notebook: Notebook) -> dict[str, int]:
    """Return the line of the source at which each cell of `notebook` begins, by cell id."""
    text = lesson.source.read_text(encoding="utf-8")
    lines = [text.count("\n", 0, match.start()) + 1 for match in MARKER.finditer(text)]
    if len(lines) < len(notebook.cells):
        lines.insert(0, 1)  # text above the first marker is a cell, too
    return {cell["id"]: line for cell, line in zip(notebook.cells, lines, strict=False)}


def broken_cells(notebook: Notebook, lines: Mapping[str, int]) -> Iterator[tuple[Cell, int, str]]:
    """Yield each code cell that is not Python, given ones too, with the line and the reason.

    `lines` has the line at which each cell begins, by cell id.
    """
    for cell in code_cells(notebook):
        error = read_cell("", cell.source).error
        if error is not None:
            yield cell, lines.get(cell["id"], 1) + (error.lineno or 1), error.msg


def files_beside(lesson: Lesson) -> dict[str, bytes]:
    """Return what lies beside the notebook as nbgrader makes the release, by relative names."""
    found = files_below(lesson.files)
    if lesson.autotests.is_file():
        found[lesson.autotests.name] = lesson.autotests
    return {name: path.read_bytes() for name, path in found.items()}


def has_autotests(cell: Cell) -> bool:
    """Whether nbgrader makes tests of lines of the cell."""
    return cell.cell_type == "code" and bool(AUTOTEST.search(cell.source))


def instantiate_tests(lesson: Lesson, notebook: Notebook, config: Any) -> Notebook:
    """Replace ``### AUTOTEST`` lines by the tests that nbgrader makes of them, if there are any.

    The notebook is run for that, with the rights of its author.

    Raises
    ------
    TitoError
        If nbgrader cannot make them, with its reason.
    """
    if not any(map(has_autotests, notebook.cells)):
        return notebook
    from tito.autotests import make_tests

    with TemporaryDirectory() as folder:
        for name, data in files_beside(lesson).items():
            write_whole(Path(folder, name), data)
        try:
            seconds = lesson.course.limits.cell_seconds
            return make_tests(notebook, Path(folder), config, seconds)
        except ValueError as error:
            fact = f"nbgrader cannot make the autotests of {lesson.name}: {error}."
            remedy = f"Look at its AUTOTEST lines and at {lesson.course.shown(lesson.autotests)}."
            raise TitoError(fact, remedy) from None


def save_notebook(notebook: Notebook, path: Path, *, force: bool) -> None:
    """Write `notebook` to `path`, over an existing file only if `force`.

    The ending decides the format: a notebook, or a percent file with the cells' metadata and ids.

    Raises
    ------
    TitoError
        If the file exists and `force` is not given, or its name has another ending.
    OSError
        If it cannot be written.
    """
    if path.suffix not in WRITERS:
        fact = f"{path.name} ends in neither .ipynb nor .py."
        raise TitoError(fact, "Name a notebook or a percent file.", exit_code=2)
    if os.path.lexists(path) and not force:
        remedy = "Add --force to replace it; what you wrote in it is then lost."
        raise TitoError(f"{path} exists already.", remedy)
    write_whole(path, WRITERS[path.suffix](notebook).encode())


def load_config(course: Course) -> Any:
    """Return nbgrader's configuration of the course, as nbgrader itself reads it."""
    from traitlets.config.loader import PyFileConfigLoader

    if not (course.root / CONFIG).exists():
        raise TitoError(f"{course.root} has no {CONFIG}.", "Take it from the project again.")
    return PyFileConfigLoader(CONFIG, path=str(course.root)).load_config()


def notebook_text(notebook: Notebook) -> str:
    """Return a notebook as the text of its file."""
    import nbformat

    return f"{nbformat.writes(notebook)}\n"


def percent_text(notebook: Notebook) -> str:
    """Return a notebook as the text of a percent file, from which the same notebook is read."""
    import jupytext

    cells = copy.deepcopy(notebook)
    cells.metadata.setdefault("jupytext", {})["cell_metadata_filter"] = "all"
    return str(jupytext.writes(cells, fmt="py:percent"))


WRITERS: Mapping[str, Callable[[Notebook], str]] = {".ipynb": notebook_text, ".py": percent_text}
"""How a notebook is written, by the ending of the file."""
