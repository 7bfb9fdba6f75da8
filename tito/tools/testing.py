"""What a lesson's last locked cell imports: run the lesson's checks on what is defined so far."""

import contextlib
import io
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tito.errors import TitoError

if TYPE_CHECKING:
    from tito.grading.execution import Outcome
    from tito.grading.verdicts import Verdict

__all__ = ["run_module_tests_auto"]


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
        Whether all checks passed.
    """
    from tito.reports.checks import print_checks

    namespace = vars(sys.modules["__main__"])
    verdicts = _released_checks(title, namespace)
    if verdicts is None:
        verdicts = _defined_checks(namespace)
    print_checks(verdicts)
    return bool(verdicts) and all(verdict.verdict == "passed" for verdict in verdicts)


def _released_checks(title: str, namespace: dict[str, Any]) -> "list[Verdict] | None":
    """Run the released text of the lesson's graded cells; None where there is no course."""
    from tito.course import Course
    from tito.grading.assignment import student_notebook
    from tito.grading.execution import Execution
    from tito.grading.verdicts import verdicts_of
    from tito.lesson import find_lesson, is_graded

    try:
        notebook = student_notebook(find_lesson(Course.find(), title))
    except TitoError:
        return None
    execution = Execution(notebook)
    for cell in notebook.cells:
        if is_graded(cell) and cell.cell_type == "code":
            code = compile(cell.source, f"<{cell.id}>", "exec")
            execution.outcomes[cell.id] = _outcome(partial(exec, code, dict(namespace)))
    return verdicts_of(execution)


def _defined_checks(namespace: dict[str, Any]) -> "list[Verdict]":
    """Call the test functions of the notebook; without the release they carry no points."""
    from tito.grading.verdicts import verdict_without_points

    tests = {
        name: value
        for name, value in namespace.items()
        if name.startswith("test_") and callable(value)
    }
    return [verdict_without_points(name, _outcome(test)) for name, test in tests.items()]


def _outcome(check: Callable[[], object]) -> "Outcome":
    from tito.grading.execution import Outcome

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check()
    except Exception as error:  # whatever the student's code raises is a result
        return Outcome("error", type(error).__name__, str(error))
    return Outcome("ok")
