"""Classes of any size, made from the corpora, for our grader and for stock nbgrader."""

import json
import re
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path
from typing import Any

__all__ = ["ASSIGNMENT", "Classroom", "copy_notebook"]

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "11_kernels"
UNPREDICTED = re.compile(r'(predict\("[^"]+"), \.\.\.\)')
"""A cell that asks for a prediction: it measures nothing until a number stands in it."""
# As nbgrader is installed, but for what the lesson's marking schemes need to be released at all. It
# finds alembic by PATH, which need not lead to this environment.
STOCK_CONFIG = """
import os, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
c = get_config()
c.ClearMarkScheme.enforce_metadata = False
"""


class Classroom:
    """Courses in a temporary folder: ours, and stock's with the notebooks as they are and lean."""

    def __init__(self, folder: Path, students: int, corpora: tuple[str, ...]) -> None:
        sys.path.insert(0, str(ROOT / "tests" / "support"))
        from classroom import copy_course, hand_in, of_corpora
        from corpora import entries

        from tito.course import Course
        from tito.lesson import find_lesson

        self.ours = folder / "ours"
        copy_course(ROOT, self.ours)
        _run([sys.executable, "-m", "tito", "nbgrader", "generate", "kernels"], self.ours)
        lesson = find_lesson(Course.read(self.ours), "kernels")
        found = [entry for name in corpora for entry in entries(name)]
        files = [entry for entry in found if set(entry.asked.values()) <= {"full"}]
        self.submitted = self.ours / "assignments" / "submitted"
        for number, entry in enumerate(islice(cycle(files), students)):
            hand_in(of_corpora(entry, f"s{number:05}"), lesson, self.submitted)
        self.release = lesson.released

    def stock(self, folder: Path, students: int, *, lean: bool) -> Path:
        """Make a course for plain nbgrader, with `students` from all over the class."""
        (folder / "source" / ASSIGNMENT).mkdir(parents=True)
        (folder / "nbgrader_config.py").write_text(STOCK_CONFIG, encoding="utf-8")
        source = self.ours / "assignments" / "source" / ASSIGNMENT / "kernels.ipynb"
        copy_notebook(source, folder / "source" / ASSIGNMENT, lean)
        _run([sys.executable, "-m", "nbgrader", "generate_assignment", ASSIGNMENT], folder)
        there = sorted(self.submitted.iterdir())
        for path in there[:: max(1, len(there) // students)][:students]:
            place = folder / "submitted" / path.name / ASSIGNMENT
            place.mkdir(parents=True)
            copy_notebook(path / ASSIGNMENT / "kernels.ipynb", place, lean)
        return folder


def copy_notebook(source: Path, folder: Path, lean: bool) -> None:
    """Copy a notebook with its predictions made, as a student's are; lean: without measurements."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = UNPREDICTED.sub(r"\1, 10)", "".join(cell["source"]))
    if lean:
        known = [cell for cell in notebook["cells"] if _is_needed(cell)]
        while known and not known[-1]["metadata"].get("nbgrader", {}).get("grade"):
            known.pop()
        notebook["cells"] = known
    (folder / source.name).write_text(json.dumps(notebook), encoding="utf-8")


def _is_needed(cell: dict[str, Any]) -> bool:
    return cell["cell_type"] != "code" or "nbgrader" in cell["metadata"]


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
