"""A lesson: where its files lie, and reading its notebook from percent or ipynb format."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tito.course import AUTOTESTS, CHECKS, Course
from tito.errors import TitoError
from tito.files import files_below

__all__ = [
    "Lesson",
    "answers_in",
    "assign_cell_ids",
    "cell_name",
    "code_cells",
    "find_lesson",
    "grade_id",
    "is_answer",
    "is_exported",
    "is_graded",
    "is_locked",
    "is_run_in_order",
    "is_solution",
    "parse_percent",
    "points_of",
    "read_generated",
    "read_notebook",
]

# How a percent file spells a cell: of no use in a notebook.
JUPYTEXT_KEYS = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")

EXPORT = re.compile(r"^#\|\s*export\b", re.MULTILINE)

Cell = Any  # nbformat's NotebookNode: a dict with attribute access, without type information
Notebook = Any


@dataclass(frozen=True)
class Lesson:
    """One lesson of a course.

    Parameters
    ----------
    course : Course
        The course that names it in settings.ini.
    assignment : str
        Its folder's name and nbgrader's assignment id, as in ``11_kernels``.
    """

    course: Course
    assignment: str

    @property
    def number(self) -> str:
        """The part before the underscore: ``11``."""
        return self.assignment.partition("_")[0]

    @property
    def name(self) -> str:
        """The part after the underscore: ``kernels``."""
        return self.assignment.partition("_")[2]

    @property
    def title(self) -> str:
        """The title in settings.ini: ``Kernels``."""
        return self.course.lessons[self.assignment].title

    @property
    def folder(self) -> Path:
        """Where its source and the student's working copy lie."""
        return self.course.sources / self.assignment

    @property
    def source(self) -> Path:
        """The percent source, solutions included; a student edition has none."""
        return self.folder / f"{self.name}_dev.py"

    @property
    def checks(self) -> Path:
        """What the judge asks of each graded cell; never released. A lesson may have none."""
        return self.folder / CHECKS

    def read_checks(self) -> str:
        """Return the text of its checks; empty where there are none.

        Raises
        ------
        TitoError
            If it is no text, or holds none (an editor on a full disk leaves such a file), or is
            gone since the release: students' notebooks would then grade themselves.
        """
        try:
            text = self.checks.read_text(encoding="utf-8")
        except FileNotFoundError:
            if not self.released.exists() or is_run_in_order(read_generated(self, self.released)):
                return ""
            fact = f"{self.course.shown(self.checks)} is missing, and the release was made with it."
            remedy = f"Put it back, or run `tito nbgrader generate {self.name}` to do without it."
            raise TitoError(fact, remedy) from None
        except UnicodeDecodeError as error:
            fact = f"{self.course.shown(self.checks)} cannot be read: {error}."
            raise TitoError(fact, "Save it again as UTF-8.") from None
        if not text.strip():
            fact = f"{self.course.shown(self.checks)} is empty."
            raise TitoError(fact, "Put its text back.")
        return text

    @property
    def files(self) -> Path:
        """The folder of what lies beside the notebook wherever it is: data, pictures."""
        return self.folder / "files"

    @property
    def autotests(self) -> Path:
        """How nbgrader makes tests of ``### AUTOTEST`` lines; never released."""
        return self.folder / AUTOTESTS

    @property
    def working_copy(self) -> Path:
        """The notebook that a student fills in."""
        return (self.course.workplace or self.folder) / self.notebook_name

    @property
    def notebook_name(self) -> str:
        """The name under which it is released and handed in: ``kernels.ipynb``."""
        return f"{self.name}.ipynb"

    @property
    def module(self) -> str:
        """The package module it is exported to: ``tinytorch.core.kernels``."""
        return f"tinytorch.core.{self.name}"

    @property
    def released(self) -> Path:
        """The students' notebook, without solutions."""
        return self.course.assignments / "release" / self.assignment / self.notebook_name

    @property
    def generated(self) -> Path:
        """nbgrader's source notebook, of which the release was made."""
        return self.course.assignments / "source" / self.assignment / self.notebook_name

    def released_files(self) -> dict[str, Path]:
        """Return what was released beside the notebook, by relative names."""
        return files_below(self.released.parent, without=[self.notebook_name])

    def handed_in(self, student: str, stage: str = "submitted") -> Path:
        """The notebook of `student` in nbgrader's folder `stage`."""
        return self.course.assignments / stage / student / self.assignment / self.notebook_name

    def submitted_students(self) -> list[str]:
        """Return who handed something in, in order."""
        folder = self.course.submitted
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if _holds(path, self.assignment))


def _holds(folder: Path, name: str) -> bool:
    """Whether a student's folder holds something of that name, or does not let anybody look."""
    try:
        return (folder / name).exists()
    except OSError:
        return True


def find_lesson(course: Course, name: str) -> Lesson:
    """Return the lesson called `name`: ``kernels``, ``11``, ``11_kernels`` or its title.

    Raises
    ------
    TitoError
        If the course has no such lesson, or several: lists them.
    """
    wanted = name.strip().lower()
    lessons = [Lesson(course, assignment) for assignment in course.lessons]
    found = [x for x in lessons if x.assignment.lower() == wanted] or [
        x for x in lessons if wanted in (x.name.lower(), x.number, x.title.lower())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(lesson.assignment for lesson in found)
        raise TitoError(f"{name!r} names several lessons.", f"Name one of: {several}.", exit_code=2)
    names = [lesson.name for lesson in lessons]
    meant = "".join(f"Did you mean {name!r}? " for name in get_close_matches(wanted, names, n=1))
    known = ", ".join(names)
    remedy = (
        f"{meant}Name one of: {known}."
        if known
        else "settings.ini has no section [lesson ...] yet."
    )
    raise TitoError(f"There is no lesson {name!r}.", remedy, exit_code=2)


def read_notebook(path: Path) -> Notebook:
    """Read a notebook in percent (``.py``) or ``.ipynb`` format, with stable cell ids.

    Raises
    ------
    TitoError
        If the file is missing, is of another kind, or is no notebook.
    """
    if path.suffix not in (".py", ".ipynb"):
        raise TitoError(
            f"{path} is neither a notebook nor a percent file.",
            "Name a file that ends in .ipynb or .py.",
            exit_code=2,
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TitoError(f"There is no file {path}.", "Check the name.", exit_code=2) from None
    except UnicodeDecodeError as error:
        raise TitoError(f"{path} cannot be read: {error}.", "Save it again as UTF-8.") from None
    except OSError as error:
        fact = f"{path} cannot be read: {error.strerror}."
        raise TitoError(fact, "Change its rights, or move away what stands there.") from None
    notebook = (parse_percent if path.suffix == ".py" else _parse_ipynb)(path, text)
    assign_cell_ids(notebook)
    return notebook


def read_generated(lesson: Lesson, path: Path) -> Notebook:
    """Read a notebook that `tito nbgrader generate` made of a lesson.

    Raises
    ------
    TitoError
        If it is missing or damaged: it is then to be made again, and not to be saved in Jupyter.
    """
    try:
        return read_notebook(path)
    except TitoError as error:
        remedy = f"Make it again with `tito nbgrader generate {lesson.name}`."
        raise TitoError(error.fact, remedy) from None


def parse_percent(path: Path, text: str) -> Notebook:
    """Read the `text` of a percent file; its `path` is only named.

    Raises
    ------
    TitoError
        If it has a broken header.
    """
    import jupytext

    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except (ValueError, AttributeError, KeyError, TypeError) as error:  # of a broken header
        raise _no_notebook(path, "a percent file", error) from None
    for cell in notebook.cells:
        for key in JUPYTEXT_KEYS:
            cell.metadata.pop(key, None)
    return notebook


def _parse_ipynb(path: Path, text: str) -> Notebook:
    import nbformat
    from nbformat.reader import reads  # nbformat.reads validates, too, but only logs what it finds

    try:
        with warnings.catch_warnings(action="ignore"):  # of cell ids, which are given anew
            notebook = nbformat.convert(reads(text), 4)
            nbformat.validate(notebook, relax_add_props=True)
    except (
        *(ValueError, AttributeError, KeyError, TypeError, RecursionError),
        nbformat.ValidationError,
    ) as error:
        raise _no_notebook(path, "a notebook", error) from None
    return notebook


def _no_notebook(path: Path, kind: str, error: Exception) -> TitoError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return TitoError(f"{path} is not {kind}: {reason}.", "Save it again from Jupyter.")


def assign_cell_ids(notebook: Notebook) -> None:
    """Give each cell the id that its grade id (else its place) determines, on every machine."""
    taken: set[str] = set()
    for place, cell in enumerate(notebook.cells):
        stem = re.sub(r"[^A-Za-z0-9_-]", "-", grade_id(cell) or f"cell-{place:03d}")[:56]
        name, number = stem, place
        while name in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name)
        cell["id"] = name
    notebook.nbformat, notebook.nbformat_minor = 4, max(5, notebook.get("nbformat_minor", 5))


def grade_id(cell: Cell) -> str:
    """Return the cell's grade id, or an empty string."""
    found = _nbgrader(cell).get("grade_id", "")
    return found if isinstance(found, str) else ""


def is_graded(cell: Cell) -> bool:
    """Whether points hang on the cell."""
    return bool(_nbgrader(cell).get("grade", False))


def is_solution(cell: Cell) -> bool:
    """Whether the student writes in the cell."""
    return bool(_nbgrader(cell).get("solution", False))


def points_of(cell: Cell) -> float:
    """Return the points of a graded cell."""
    return float(cell.metadata["nbgrader"]["points"])


def is_answer(cell: Cell) -> bool:
    """Whether a person gives points for what the student writes in the cell."""
    return is_graded(cell) and is_solution(cell)


def answers_in(notebook: Notebook) -> list[Cell]:
    """Return the cells that a person reads, in order."""
    return [cell for cell in notebook.cells if is_answer(cell)]


def is_locked(cell: Cell) -> bool:
    """Whether the cell's text is the instructor's, whatever a student does to it."""
    if is_solution(cell):
        return False
    return is_graded(cell) or bool(_nbgrader(cell).get("locked", False))


def is_exported(cell: Cell) -> bool:
    """Whether the cell goes into the lesson's package."""
    return cell.cell_type == "code" and bool(EXPORT.search(cell.source))


def is_run_in_order(notebook: Notebook) -> bool:
    """Whether it is of a lesson without checks: its graded cells are run in it, in order."""
    return bool(notebook.metadata.get("tito", {}).get("in_order"))


def cell_name(notebook: Notebook, cell: Cell) -> str:
    """Return how a person finds the cell: its grade id, else its number from 1."""
    return grade_id(cell) or f"number {notebook.cells.index(cell) + 1}"


def _nbgrader(cell: Cell) -> dict[str, Any]:
    found = cell.metadata.get("nbgrader")
    return found if isinstance(found, dict) else {}


def code_cells(notebook: Notebook) -> Iterator[Cell]:
    """Yield the code cells in order."""
    return (cell for cell in notebook.cells if cell.cell_type == "code")
