"""The process that runs a student's locked cells: ``python -P -m tito.selftest.process``.

It reads a JSON object per line and answers each with another: first the sources of the lesson's
own cells, then locked cells. As a locked cell may never end, lines before its answer say which
conditions it has, when a call begins and the result of each condition. The process has the user's
own rights. What the cells print is discarded, so nothing else reaches the pipe.
"""

import json
import linecache
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from tito.conditions.results import ConditionResult, Progress
from tito.grading.judge.child import load, notebook_namespace
from tito.tools.testing import run_locked

__all__ = ["main"]


def main() -> None:
    """Run the locked cells that come in until the input ends."""
    requests, answers = private_pipes()
    names: dict[str, Any] = {"__name__": "locked"}
    for source in json.loads(requests.readline())["tools"]:
        run_locked(source, names)
    write_line(answers, {"ready": True})
    for line in requests:
        write_line(answers, run(json.loads(line), names, ProgressLines(answers)))


def private_pipes() -> tuple[TextIO, TextIO]:
    """Take standard input and output away from the cells; return what they were."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for shown in (0, 1, 2):
        os.dup2(nowhere, shown)
    return requests, answers


def write_line(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


class ProgressLines(Progress):
    """Writes the progress of a check, a line for each event."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers

    def checking(self, name: str, conditions: Sequence[ConditionResult]) -> None:
        """Write which function is checked, and its conditions."""
        write_line(self._answers, {"checking": name, "conditions": list(map(asdict, conditions))})

    def call(self) -> None:
        """Write that the function is called."""
        write_line(self._answers, {"call": True})

    def tried(self, result: ConditionResult) -> None:
        """Write the result of a condition."""
        write_line(self._answers, {"tried": asdict(result)})


def run(cell: dict[str, Any], tools: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Load the needed cells in a fresh ``__main__``; run the locked one beside the tools."""
    own = sys.modules["__main__"]
    if cell["in_order"] and "" not in sys.path:
        sys.path.append("")  # after all others, as where it is graded
    try:
        loaded = notebook_namespace()
        for name, source in cell["needs"]:  # so that a failure can quote the line that raised
            linecache.cache[f"<{name}>"] = (len(source), None, source.splitlines(True), f"<{name}>")
        errors = load(cell["needs"], loaded)
        names = loaded if cell["in_order"] else tools | loaded
        outcome, results = run_locked(cell["source"], names, progress)
    finally:
        sys.modules["__main__"] = own
    found = asdict(outcome)
    causes = [error for error in errors if error[1] != "AssertionError"]  # of a check above
    if outcome.ename == "NameError" and causes:  # the cause, not what follows from it
        name, kind, message = causes[0 if cell["in_order"] else -1]
        found |= {"ename": "AssertionError"}
        found |= {"evalue": f"Cell {name} stopped with {kind}: {message}."}
    return {"outcome": found, "results": [asdict(result) for result in results]}


if __name__ == "__main__":
    main()
