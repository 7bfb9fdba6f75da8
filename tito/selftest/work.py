"""A student's work on a lesson as it lies in a file: what is written, without running any of it."""

from dataclasses import dataclass
from pathlib import Path

from tito.grading.intake.read import read_submission
from tito.grading.intake.rebuild import rebuild
from tito.lesson import (
    Lesson,
    answers_in,
    grade_id,
    is_solution,
    read_notebook,
    syntax_error,
)
from tito.notebooks import notebook_text, student_notebook
from tito.selftest.elsewhere import elsewhere
from tito.selftest.plan import Plan

__all__ = ["Work", "read_work"]

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
        Empty if the solution is written, else what is wrong: ``not written``, or why it is no
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
    submitted = read_submission(file, lesson.course.limits)
    released = student_notebook(lesson)
    notebook, notes = rebuild(released, submitted)
    stubs = {grade_id(c): c.source for c in released.cells if grade_id(c)}
    plan = Plan(notebook, released)
    solutions = {
        grade_id(cell): _what_is_wrong(cell.source, stubs[grade_id(cell)])
        for cell in notebook.cells
        if is_solution(cell) and cell.cell_type == "code"
    }
    needed = {name: plan.needed[name] for name, wrong in solutions.items() if not wrong}
    elsewhere_notes = elsewhere(needed, plan.given, submitted, set(plan.solutions))
    return Work(
        lesson,
        file,
        solutions,
        {grade_id(c): c.source.strip() != stubs[grade_id(c)].strip() for c in answers_in(notebook)},
        (*notes, *elsewhere_notes),
    )


def _what_is_wrong(source: str, stub: str) -> str:
    if source.strip() == stub.strip():
        return NOT_WRITTEN
    error = syntax_error(source)
    return "" if error is None else f"line {error.lineno} is no Python: {error.msg}"
