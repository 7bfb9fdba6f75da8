"""A student's work on a lesson as it lies in a file: what is written, without running any of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tito.errors import TitoError
from tito.grading.intake.place import defined_in
from tito.grading.intake.read import Rejected, SubmittedCell, read_submission
from tito.grading.intake.rebuild import rebuild
from tito.lesson import (
    Lesson,
    Notebook,
    answers_in,
    grade_id,
    is_solution,
    read_notebook,
)
from tito.notebooks import notebook_text, student_notebook
from tito.selftest.missing_names import defined_twice, missing_names
from tito.selftest.plan import Plan
from tito.source_cells import read_cell

__all__ = ["Work", "read_own", "read_work", "rebuild_own"]

NOT_WRITTEN = "not written"


@dataclass(frozen=True)
class Work:
    """What a file holds of a lesson.

    Parameters
    ----------
    lesson : Lesson
        Whose lesson.
    file : Path
        The notebook or percent file.
    solutions : dict of grade id to str
        Empty if the solution is written, else what is wrong: ``not written``, or why it is not
        Python.
    answers : dict of grade id to bool
        Whether each written answer is there.
    notes : tuple of str
        What the grader will not have, and what was noticed on reading.
    """

    lesson: Lesson
    file: Path
    solutions: dict[str, str]
    answers: dict[str, bool]
    notes: tuple[str, ...]

    @property
    def blank_solutions(self) -> list[str]:
        """The solutions that are as they were released."""
        return [name for name, wrong in self.solutions.items() if wrong == NOT_WRITTEN]

    @property
    def is_blank(self) -> bool:
        """Whether nothing at all is written."""
        written = [not wrong for wrong in self.solutions.values()]
        return not any([*written, *self.answers.values()])

    def notebook(self) -> bytes:
        """Return the file as a notebook: as it is, or made of a percent file."""
        if self.file.suffix == ".ipynb":
            return self.file.read_bytes()
        return notebook_text(read_notebook(self.file)).encode()


def read_work(lesson: Lesson, file: Path) -> Work:
    """Read what a file holds of a lesson, as grading reads it.

    Raises
    ------
    TitoError
        If the file is no notebook.
    """
    released = student_notebook(lesson)
    submitted = read_own(lesson, file, released)
    notebook, notes = rebuild_own(lesson, released, submitted)
    stubs = {grade_id(c): c.source for c in released.cells if grade_id(c)}
    plan = Plan(notebook, released)
    solutions = {
        grade_id(cell): _what_is_wrong(cell.source, stubs[grade_id(cell)])
        for cell in notebook.cells
        if is_solution(cell) and cell.cell_type == "code"
    }
    needed = {name: plan.needed[name] for name, wrong in solutions.items() if not wrong}
    missing = missing_names(needed, plan.given, submitted, set(plan.solutions))
    return Work(
        lesson,
        file,
        solutions,
        {grade_id(c): c.source.strip() != stubs[grade_id(c)].strip() for c in answers_in(notebook)},
        (*notes, *missing, *defined_twice(plan.solutions.values(), submitted)),
    )


def rebuild_own(
    lesson: Lesson, released: Notebook, submitted: Sequence[SubmittedCell]
) -> tuple[Notebook, list[str]]:
    """Return the release with the student's solutions, and what was noticed, with the remedy."""
    notebook, notes = rebuild(released, submitted)
    if any(note.endswith(" is missing.") for note in notes):
        fresh = f"`tito notebook {lesson.name} --output fresh.ipynb`"
        notes.append(f"Copy the missing cell from a fresh notebook: {fresh}.")
    return notebook, notes


def read_own(lesson: Lesson, file: Path, released: Notebook) -> list[SubmittedCell]:
    """Read the cells of a student's own file.

    Raises
    ------
    TitoError
        If it is no notebook, or one of something else.
    """
    try:
        submitted = read_submission(file, lesson.course.limits)
    except Rejected as rejected:
        remedy = "Open it in Jupyter and save it again, or take a copy of before."
        raise TitoError(f"{file.name}: {rejected.fact}", remedy) from None
    names = {grade_id(cell) for cell in released.cells} - {""}
    functions = {f for cell in released.cells if is_solution(cell) for f in defined_in(cell.source)}
    if not any(c.grade_id in names or functions & defined_in(c.source) for c in submitted):
        fact = f"{file.name} has no cell of the lesson {lesson.name}."
        raise TitoError(fact, f"Name the notebook that `tito notebook {lesson.name}` made.")
    return submitted


def _what_is_wrong(source: str, stub: str) -> str:
    if source.strip() == stub.strip():
        return NOT_WRITTEN
    cell = read_cell("", source)
    return f"it is not Python: {cell.problem}" if cell.problem else ""
