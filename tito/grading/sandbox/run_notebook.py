"""Run a notebook inside the sandbox: ``python -P -m tito.grading.sandbox.run_notebook IN OUT``.

It reads a request as JSON from the descriptor IN and writes a line of JSON to OUT for each cell
that has ended. The kernel is its child: nothing of Jupyter's protocol crosses the border.
"""

import base64
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import tito.startup  # noqa: F401 (before nbformat)
from tito.course import Limits
from tito.grading.sandbox.execution import run_notebook
from tito.grading.verdicts import Outcome
from tito.lesson import Cell

__all__ = ["main"]


def main(requests: int, replies: int) -> None:
    """Run the notebook of the request."""
    import nbformat

    with open(requests, encoding="utf-8") as file:
        request = json.load(file)

    def report(cell: Cell, outcome: Outcome) -> None:
        line = {"cell": cell.id, "outcome": asdict(outcome), "outputs": cell.outputs}
        line["execution_count"] = cell.execution_count
        replies_file.write(json.dumps(line) + "\n")
        replies_file.flush()

    with TemporaryDirectory() as folder, open(replies, "w", encoding="utf-8") as replies_file:
        for name, data in request["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(data))
        os.environ |= {"IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder, "PYTHONSAFEPATH": "1"}
        run_notebook(
            nbformat.reads(request["notebook"], as_version=4),
            Limits(**request["limits"]),
            Path(folder),
            set(request["leave_out"]),
            outcomes={name: Outcome(**found) for name, found in request["outcomes"].items()},
            report=report,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
