"""The judge: a verdict for each graded cell, from outside the student's process.

What is imported here is loaded when it is asked for: the supervisor, which starts once for each
submission, needs none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tito.grading.judge.connection import Launch, Process, launch_plain
    from tito.grading.judge.judge import judge_cells
    from tito.grading.judge.notebook import checks_in, judge_notebook, load_checks
    from tito.grading.judge.remote import JudgeLimits

__all__ = [
    "JudgeLimits",
    "Launch",
    "Process",
    "checks_in",
    "judge_cells",
    "judge_notebook",
    "launch_plain",
    "load_checks",
]

PLACES = {
    "connection": ("Launch", "Process", "launch_plain"),
    "judge": ("judge_cells",),
    "notebook": ("checks_in", "judge_notebook", "load_checks"),
    "remote": ("JudgeLimits",),
}


def __getattr__(name: str) -> Any:
    for module, names in PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
