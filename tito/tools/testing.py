"""What a lesson's last locked cell imports: run the lesson's checks on what is defined so far."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tito.errors import TitoError

if TYPE_CHECKING:
    from tito.conditions.results import CellVerdict, Condition, ConditionResult, Progress
    from tito.grading.verdicts import Outcome
    from tito.lesson import Notebook

__all__ = ["check", "run_locked", "run_module_tests_auto"]

_collected: ContextVar["list[ConditionResult] | None"] = ContextVar("collected", default=None)
_progress: ContextVar["Progress | None"] = ContextVar("progress", default=None)


def check(
    function: Callable[..., Any],
    conditions: "Mapping[Condition, float]",
    cut: str | None = None,
) -> None:
    """Try `function` on each condition and show what was found, with the points it is worth.

    Parameters
    ----------
    function : callable
        A kernel: takes A (m, n) and B (n, p) and options.
    conditions : mapping of condition to points
        From `tito.tools.conditions`; what has to hold.
    cut : str, optional
        The function's option that says how the product is cut.

    Raises
    ------
    CheckFailure
        If a condition does not hold: the first one's fact and hint. All are tried and shown.
    """
    from tinytorch.utils.checking import CheckFailure, name_of
    from tito.conditions.call_failures import ENDLESS
    from tito.conditions.results import NO_PROGRESS, overall, try_here
    from tito.tracing.observe import place_of

    try:
        results = try_here(function, conditions, cut, _progress.get() or NO_PROGRESS)
    except KeyboardInterrupt as interrupt:
        fact = f"{name_of(function)} was interrupted. {place_of(function, interrupt)}"
        raise CheckFailure(fact, ENDLESS) from None
    worst = overall(results)
    collected = _collected.get()
    if collected is not None:
        collected.extend(results)
    else:
        _show_card(name_of(function), results, worst.verdict)
    if worst.verdict == "failed":
        failure = CheckFailure(worst.fact, worst.hint, worst.place)
        failure.is_shown = collected is None
        raise failure


def _show_card(name: str, results: "Sequence[ConditionResult]", verdict: str) -> None:
    """Show the results: to people as a card or as text, and to programs as data."""
    from tito.conditions.results import MIME_TYPE, describe
    from tito.reports.cards import card

    text = describe(results)
    _show(text, card(name, results, verdict), {MIME_TYPE: [asdict(result) for result in results]})


def _show(text: str, html: str, data: Mapping[str, Any]) -> None:
    """Display HTML with its text and data in a notebook; print the text elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        shown = {"text/html": html, "text/plain": text, **data}
        ipython.display.display(shown, raw=True)
    else:
        print(text, end="")


def run_module_tests_auto(title: str) -> bool:
    """Run the checks of the lesson called `title` and print the table `tito test` prints.

    The checks run in this process, on the functions defined in the notebook or script. In a course
    their released text counts; elsewhere the test functions that the notebook
    defines are called.

    Parameters
    ----------
    title : str
        The lesson's title or name, as in ``"Kernels"``.

    Returns
    -------
    bool
        Whether all checks passed; written answers, which a person reads, do not change it.
    """
    from rich.text import Text

    from tito.reports.cards import overview
    from tito.reports.selftest import print_checks

    namespace = vars(sys.modules["__main__"])
    notebook = _released(title)
    verdicts, answers = (
        _released_checks(notebook, namespace) if notebook else (_defined_checks(namespace), [])
    )
    with contextlib.redirect_stdout(io.StringIO()) as text:
        print_checks(verdicts, answers)
    words = Text.from_ansi(text.getvalue()).plain + "\n"  # ipykernel asks rich for colours
    _show(words, overview(verdicts, answers, _sections(notebook)), {})
    return bool(verdicts) and all(verdict.verdict == "passed" for verdict in verdicts)


def _released(title: str) -> "Notebook | None":
    """Return the released notebook of a lesson; None where there is no course."""
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.notebooks import student_notebook

    try:
        course = Course.find()
    except TitoError:
        return None
    return student_notebook(find_lesson(course, title))


def _sections(notebook: "Notebook | None") -> dict[str, str]:
    """Return the heading above each check."""
    from tito.lesson import grade_id, is_graded
    from tito.reports.cards import section_of

    sections, heading = {}, ""
    for cell in notebook.cells if notebook else ():
        if cell.cell_type == "markdown":
            heading = section_of(cell.source) or heading
        elif is_graded(cell):
            sections[grade_id(cell)] = heading
    return sections


def _released_checks(
    notebook: "Notebook", namespace: dict[str, Any]
) -> "tuple[list[CellVerdict], list[CellVerdict]]":
    """Run the released text of the checks, whatever the notebook's own cells have become.

    The second list is of the answers; what is written in them does not reach this process.
    """
    from tito.grading.verdicts import Execution, answer_verdict, verdicts_of
    from tito.lesson import answers_in, is_answer, is_graded

    execution = Execution(notebook)
    given = _given(notebook)
    for cell in notebook.cells:
        if is_graded(cell) and not is_answer(cell):
            with _names_of(given, namespace):
                outcome, results = run_locked(cell.source, dict(namespace))
            execution.outcomes[cell.id] = outcome
            execution.results[cell.id] = tuple(results)
    answers = [answer_verdict(cell, written=True) for cell in answers_in(notebook)]
    return verdicts_of(execution), answers


def _given(notebook: "Notebook") -> dict[str, Any]:
    """Return what the lesson's own exported cells define, such as `np`."""
    from tito.lesson import code_cells, is_exported, is_solution

    names: dict[str, Any] = {"__name__": "given"}
    for cell in code_cells(notebook):
        if is_exported(cell) and not is_solution(cell):
            run_locked(cell.source, names)
    return {name: value for name, value in names.items() if not name.startswith("__")}


@contextlib.contextmanager
def _names_of(given: dict[str, Any], namespace: dict[str, Any]) -> Iterator[None]:
    """Let the lesson's own names mean in `namespace` what the grader lets them mean."""
    before = {name: namespace[name] for name in given if name in namespace}
    namespace.update(given)
    try:
        yield
    finally:
        for name in given.keys() - before.keys():
            namespace.pop(name, None)
        namespace.update(before)


def _defined_checks(namespace: dict[str, Any]) -> "list[CellVerdict]":
    """Call the test functions of the notebook; without the release they carry no points."""
    from tito.grading.verdicts import verdict_without_points

    tests = {
        name: value
        for name, value in namespace.items()
        if name.startswith("test_") and callable(value)
    }
    return [verdict_without_points(name, _outcome(test)) for name, test in tests.items()]


def run_locked(
    source: str, namespace: dict[str, Any], progress: "Progress | None" = None
) -> "tuple[Outcome, list[ConditionResult]]":
    """Run a locked cell; return how it ended and the results of its conditions.

    `progress` receives each of them as soon as it is there.
    """
    results: list[ConditionResult] = []
    tokens = _collected.set(results), _progress.set(progress)
    try:
        return _outcome(lambda: exec(compile(source, "<locked>", "exec"), namespace)), results
    finally:
        _collected.reset(tokens[0])
        _progress.reset(tokens[1])


def _outcome(check: Callable[[], object]) -> "Outcome":
    from tito.grading.verdicts import Outcome

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check()
    except Exception as error:  # whatever the student's code raises is a result
        return Outcome("error", type(error).__name__, str(error))
    return Outcome("ok")
