"""What `tito test` runs: the released checks on the solutions in a student's own file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from tito.conditions.results import CellVerdict
from tito.course import Course, Limits
from tito.errors import TitoError
from tito.grading.intake.read import SubmittedCell
from tito.grading.intake.rebuild import given_notes
from tito.grading.verdicts import Execution, Outcome, answer_verdict, verdicts_of
from tito.lesson import (
    Cell,
    Lesson,
    Notebook,
    answers_in,
    find_lesson,
    grade_id,
    is_graded,
    is_solution,
)
from tito.notebooks import student_notebook
from tito.selftest.locked_cells import LockedCell, run_locked_cells
from tito.selftest.missing_names import defined_twice, magic_values, missing_names
from tito.selftest.plan import Plan
from tito.selftest.work import read_own, rebuild_own
from tito.source_cells import SolutionCell

__all__ = ["CheckResult", "copies", "find_work", "run_checks"]


@dataclass(frozen=True)
class CheckResult:
    """The verdicts on a file, the points they add up to, and what was noticed while reading it.

    ``cells`` are the checks, those in ``unwritten`` of solutions that are as they were released;
    ``answers``, which a person reads, count for neither sum; ``not_run`` names the checks after the
    one at which the run stopped.
    """

    assignment: str
    score: float
    max_score: float
    notes: list[str]
    cells: list[CellVerdict]
    answers: list[CellVerdict]
    unwritten: list[str]
    not_run: list[str] = field(default_factory=list)


def find_work(
    course: Course, lesson: str, file: Path | None = None, *, source: bool = False
) -> tuple[Lesson, Path]:
    """Return the lesson and the file to test: the one named, or the working copy.

    Parameters
    ----------
    course : Course
        Where the lesson is.
    lesson : str
        Its name, or the file, whose own name then shows the lesson.
    file : Path, optional
        A notebook or percent file.
    source : bool
        Whether the lesson's own source is meant, solutions included.

    Raises
    ------
    TitoError
        If there is no such lesson or file.
    """
    if file is None and Path(lesson).suffix in (".ipynb", ".py"):
        file = Path(lesson)
        _require(file)
        lesson = _lesson_of(course, file)
    found = find_lesson(course, lesson)
    if source:
        file = found.source
        if not file.is_file():
            fact = f"The source of {found.name}, with its solutions, is not here."
            raise TitoError(fact, "Test your own file, without --source.", exit_code=2)
    if file is None and not found.working_copy.is_file():
        raise TitoError(
            f"There is no {course.shown(found.working_copy)}.",
            f"Make it with `tito notebook {found.name}`, or name your file{_named(copies(found))}.",
            exit_code=2,
        )
    file = file or found.working_copy
    _require(file)
    return found, file


def _require(file: Path) -> None:
    if not file.is_file():
        others = [path.name for path in sorted(file.parent.glob(f"*{file.suffix}"))]
        near = get_close_matches(file.name, others, n=1)
        remedy = f"Did you mean {file.with_name(near[0])}?" if near else "Check the name."
        raise TitoError(f"There is no file {file}.", remedy, exit_code=2)


def copies(lesson: Lesson) -> list[str]:
    """Return the notebooks in this folder whose names begin with the lesson's."""
    return [path.name for path in sorted(Path.cwd().glob(f"{lesson.name}*.ipynb"))]


def _named(files: Sequence[str]) -> str:
    return f": {' or '.join(files)}" if files else ""


def _lesson_of(course: Course, file: Path) -> str:
    """Return the lesson whose name is in a file's name, or the only one that can be meant."""
    lessons = [Lesson(course, assignment) for assignment in course.lessons]
    named = [lesson.name for lesson in lessons if lesson.name in file.stem.lower()]
    longest = max(named, key=len, default="")
    if longest and all(name in longest for name in named):
        return longest
    fact = f"The name {file.name} does not say which lesson it is of."
    names = " or ".join(f"`{lesson.name} {file}`" for lesson in lessons)
    raise TitoError(fact, f"Name the lesson before the file: {names}.", exit_code=2)


def run_checks(
    lesson: Lesson,
    file: Path,
    *,
    check: str = "",
    first: bool = False,
    report: Callable[[str], None] = lambda name: None,
) -> CheckResult:
    """Run the released checks of `lesson` on the solutions in `file`, with the user's own rights.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    file : Path
        A notebook or percent file.
    check : str
        The only check to run: its grade id, that of its solution, or a part that only one has.
    first : bool
        Whether to stop at the first check that does not pass.
    report : callable
        Receives the name of each check before it runs.

    Raises
    ------
    TitoError
        If the file is no notebook, or there is nothing to check, or no such check.
    """
    released = student_notebook(lesson)
    submitted = read_own(lesson, file, released)
    notebook, notes = rebuild_own(lesson, released, submitted)
    if not any(is_graded(cell) for cell in notebook.cells):
        raise TitoError(f"The lesson {lesson.name} has no checks.", "Name one that has.")
    source = file.resolve() == lesson.source.resolve()
    if not source:  # whose locked cells differ by hidden tests
        notes += given_notes(released, submitted)
    plan = Plan(notebook, released)
    if check:
        plan.checks = [plan.checks[_chosen(check, plan.checks)]]
    folder = file.resolve().parent
    if source and lesson.files.is_dir():
        folder = lesson.files
    asked = {solution.name: solution for solution, _ in plan.checks}.values()
    execution = _run(plan, lesson.course.limits, folder, first, report)
    tried = {cell.id for _, cell in plan.checks if cell.id in execution.outcomes}
    found = {v.grade_id: v for v in verdicts_of(execution)}
    verdicts = [found[grade_id(cell)] for _, cell in plan.checks if cell.id in tried]
    return CheckResult(
        assignment=lesson.assignment,
        score=sum(v.score for v in verdicts),
        max_score=sum(v.max_score for v in verdicts),
        notes=notes + _missing(plan, verdicts, submitted) + defined_twice(asked, submitted),
        cells=verdicts,
        answers=[] if check or first else _answers(notebook, released),
        unwritten=[name for name in plan.unwritten if name in found],
        not_run=[grade_id(cell) for _, cell in plan.checks if cell.id not in tried],
    )


def _chosen(wanted: str, checks: Sequence[tuple[SolutionCell, Cell]]) -> int:
    """Return the place of the check that is meant."""
    names = [grade_id(cell) for _, cell in checks]
    solutions = [solution.name for solution, _ in checks]
    for candidates in (names, solutions):
        if candidates.count(wanted) == 1:
            return candidates.index(wanted)
    partly = [place for place, name in enumerate(names) if wanted in name]
    if len(partly) == 1:
        return partly[0]
    known = [names[place] for place in partly] or get_close_matches(wanted, names) or names
    fact = f"There {'are several checks' if partly else 'is no check'} called {wanted!r}."
    raise TitoError(fact, f"Name one of: {', '.join(known)}.", exit_code=2)


def _run(
    plan: Plan, limits: Limits, folder: Path, first: bool, report: Callable[[str], None]
) -> Execution:
    """Run the checks; return how they ended and what they found."""
    execution = Execution(plan.notebook)
    written = []
    for solution, cell in plan.checks:
        if grade_id(cell) in plan.unwritten:
            execution.outcomes[cell.id] = Outcome("error", "NotImplementedError")
        else:
            written.append((solution, cell))

    def locked_cells() -> Iterator[LockedCell]:
        for solution, cell in written:
            report(grade_id(cell))
            yield plan.locked(solution, cell)

    found = run_locked_cells(locked_cells(), plan.tools_needed(), limits, folder)
    for (_, cell), (outcome, results) in zip(written, found, strict=False):
        execution.outcomes[cell.id] = outcome
        execution.results[cell.id] = tuple(results)
        if first and outcome.status != "ok":
            break
    return execution


def _missing(
    plan: Plan, verdicts: Sequence[CellVerdict], submitted: Sequence[SubmittedCell]
) -> list[str]:
    """Return sentences on what the cells of failed checks use and the grader will not have."""
    failed = {verdict.grade_id for verdict in verdicts if verdict.verdict != "passed"}
    asked = {solution.name: None for solution, cell in plan.checks if grade_id(cell) in failed}
    needed = {name: plan.needed[name] for name in asked}
    sources = {grade_id(cell): cell.source for cell in plan.notebook.cells if is_solution(cell)}
    values = {note for name in needed for note in magic_values(name, sources[name])}
    return missing_names(needed, plan.given, submitted, set(plan.solutions)) + sorted(values)


def _answers(notebook: Notebook, released: Notebook) -> list[CellVerdict]:
    given = {grade_id(cell): cell.source for cell in answers_in(released)}
    return [
        answer_verdict(cell, written=cell.source != given[grade_id(cell)])
        for cell in answers_in(notebook)
    ]
