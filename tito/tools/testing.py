"""What a lesson's last locked cell imports: run the lesson's checks on what is defined so far."""

import contextlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tito.errors import TitoError

if TYPE_CHECKING:
    from tito.conditions.results import CellVerdict, Condition, ConditionResult
    from tito.grading.verdicts import Outcome

__all__ = ["check", "run_locked", "run_module_tests_auto"]

_collected: ContextVar["list[ConditionResult] | None"] = ContextVar("collected", default=None)


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
    from tinytorch.utils.checking import CheckFailure
    from tito.conditions.results import describe, overall, try_here

    results = try_here(function, conditions, cut)
    collected = _collected.get()
    if collected is not None:
        collected.extend(results)
    print(describe(results), end="")
    _show_to_programs(results)
    worst = overall(results)
    if worst.verdict == "failed":
        raise CheckFailure(worst.fact, worst.hint)


def _show_to_programs(results: "Sequence[ConditionResult]") -> None:
    """In a notebook, show the results as data too; `tito test` reads them."""
    from tito.conditions.results import MIME_TYPE

    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        data = {MIME_TYPE: [asdict(result) for result in results], "text/plain": ""}
        ipython.display.display(data, raw=True)


def run_module_tests_auto(title: str) -> bool:
    """Run the checks of the lesson called `title` and print the table `tito test` prints.

    The checks run in this process, on the functions defined in the notebook or script. Where the
    course is at hand their released text counts; elsewhere the test functions that the notebook
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
    from tito.reports.selftest import print_checks

    namespace = vars(sys.modules["__main__"])
    released = _released_checks(title, namespace)
    verdicts, answers = released or (_defined_checks(namespace), [])
    print_checks(verdicts, answers)
    return bool(verdicts) and all(verdict.verdict == "passed" for verdict in verdicts)


def _released_checks(
    title: str, namespace: dict[str, Any]
) -> "tuple[list[CellVerdict], list[CellVerdict]] | None":
    """Run the released text of the lesson's checks; None where there is no course.

    The second list is of the answers; what is written in them does not reach this process.
    """
    from nbformat.v4 import new_output

    from tito.conditions.results import MIME_TYPE
    from tito.course import Course
    from tito.grading.verdicts import Execution, answer_verdict, verdicts_of
    from tito.lesson import answers_in, find_lesson, is_answer, is_graded
    from tito.notebooks import student_notebook

    try:
        notebook = student_notebook(find_lesson(Course.find(), title))
    except TitoError:
        return None
    execution = Execution(notebook)
    for cell in notebook.cells:
        if is_graded(cell) and not is_answer(cell):
            outcome, results = run_locked(cell.source, dict(namespace))
            execution.outcomes[cell.id] = outcome
            data = {MIME_TYPE: [asdict(result) for result in results]}
            cell.outputs = [new_output("display_data", data)] if results else []
    answers = [answer_verdict(cell, written=True) for cell in answers_in(notebook)]
    return verdicts_of(execution, believe_outputs=True), answers


def _defined_checks(namespace: dict[str, Any]) -> "list[CellVerdict]":
    """Call the test functions of the notebook; without the release they carry no points."""
    from tito.grading.verdicts import verdict_without_points

    tests = {
        name: value
        for name, value in namespace.items()
        if name.startswith("test_") and callable(value)
    }
    return [verdict_without_points(name, _outcome(test)) for name, test in tests.items()]


def run_locked(source: str, namespace: dict[str, Any]) -> "tuple[Outcome, list[ConditionResult]]":
    """Run a locked cell; return how it ended and what its conditions found."""
    results: list[ConditionResult] = []
    token = _collected.set(results)
    try:
        return _outcome(lambda: exec(compile(source, "<locked>", "exec"), namespace)), results
    finally:
        _collected.reset(token)


def _outcome(check: Callable[[], object]) -> "Outcome":
    from tito.grading.verdicts import Outcome

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check()
    except Exception as error:  # whatever the student's code raises is a result
        return Outcome("error", type(error).__name__, str(error))
    return Outcome("ok")
