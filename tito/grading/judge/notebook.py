"""From a rebuilt notebook to the judge's verdicts: which cells it loads, which checks it asks."""

from collections.abc import Mapping
from types import ModuleType

from tito.conditions.results import CellVerdict, Check
from tito.course import CHECKS, Course, Limits
from tito.grading.judge.connection import Launch
from tito.grading.judge.judge import judge_cells
from tito.grading.judge.remote import JudgeLimits
from tito.lesson import Lesson, Notebook, code_cells, grade_id, is_exported, is_graded, is_solution

__all__ = ["checks_in", "judge_notebook", "load_checks"]


def load_checks(course: Course, assignment: str) -> Mapping[str, Check]:
    """Return the judge's checks of an assignment; empty where its lesson has none.

    Raises
    ------
    TitoError
        If they cannot be read, or are gone since the release.
    """
    lesson = Lesson(course, assignment)
    text = lesson.read_checks()
    return checks_in(text, str(lesson.checks)) if text else {}


def checks_in(source: str, path: str = CHECKS) -> Mapping[str, Check]:
    """Return the checks that the source of a checks.py defines."""
    module = ModuleType("checks")
    exec(compile(source, path, "exec"), vars(module))
    checks: Mapping[str, Check] = vars(module)["CHECKS"]
    return checks


def judge_notebook(
    notebook: Notebook,
    checks: Mapping[str, Check],
    launch: Launch,
    limits: Limits,
    seed: int | None = None,
) -> list[CellVerdict]:
    """Judge the solutions in a rebuilt notebook; only the cells' sources are taken from it.

    Parameters
    ----------
    notebook : Notebook
        The release with a student's solutions in it.
    checks : mapping of grade id to Check
        What to ask; graded cells without a check are not judged.
    launch : Launch
        Starts a supervisor.
    limits : Limits
        Seconds for a cell, and for all of them.
    seed : int, optional
        Where the hidden inputs come from; default: the operating system.
    """
    cells = [cell for cell in code_cells(notebook) if not is_graded(cell)]
    given = [cell.source for cell in cells if is_exported(cell) and not is_solution(cell)]
    solutions = {grade_id(cell): cell.source for cell in cells if is_solution(cell)}
    graded = [grade_id(cell) for cell in code_cells(notebook) if is_graded(cell)]
    asked = {name: checks[name] for name in graded if name in checks}
    bounds = JudgeLimits(
        call_seconds=min(JudgeLimits.call_seconds, float(limits.cell_seconds)),
        notebook_seconds=float(limits.notebook_seconds),
    )
    return judge_cells(given, solutions, asked, launch=launch, limits=bounds, seed=seed)
