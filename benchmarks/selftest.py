"""Compare `tito test kernels` with `nbgrader validate` on one solved notebook, in turns.

Run from the checkout: ``python -m benchmarks.selftest``; ``--rounds N`` says how often [3].
`nbgrader validate` runs every cell in a kernel, those that only measure and demonstrate as well;
the *lean* notebook has none of these. Both commands are whole processes, their start included.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.classroom import ASSIGNMENT, Classroom, copy_notebook

ROW = "{:<40}{:>9}{:>9}"


def seconds(command: list[str], folder: Path) -> float:
    """Return the wall time of a command, which must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Run both commands in turns; print the medians and how often ours fits into theirs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selftest", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="tito-benchmark-") as folder:
        room = Classroom(Path(folder), 0, ("honest",))
        solved = room.ours / "assignments" / "source" / ASSIGNMENT / "kernels.ipynb"
        lean = Path(folder) / "lean"
        lean.mkdir()
        copy_notebook(solved, lean, lean=True)
        test = [sys.executable, "-m", "tito", "test", "kernels", str(solved)]
        commands = {
            "tito test": test,
            "nbgrader validate": ["nbgrader", "validate", str(solved)],
            "nbgrader validate, lean notebook": ["nbgrader", "validate", str(lean / solved.name)],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command, room.ours))
    medians = {name: statistics.median(found) for name, found in taken.items()}
    print(ROW.format("", "seconds", "ratio"))
    for name, median in medians.items():
        print(ROW.format(name, f"{median:.2f}", f"{median / medians['tito test']:.1f}"))


if __name__ == "__main__":
    main()
