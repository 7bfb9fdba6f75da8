"""An instructor's week with a large class: from Canvas's download to its grade file and feedback.

    python -m benchmarks.week                    # a thousand students; a quarter of an hour
    python -m benchmarks.week --students 50      # a look, two minutes

Makes the download and the roster, of honest and of wrong solutions from the corpora; one student in
fifty hands in nothing, one in twenty late, one in ten for the second time, and one file is no
notebook. Then it runs the commands of the instructor's guide, and prints what each said at its end
and how long it took.
"""

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
TITO = (sys.executable, "-m", "tito")
COLUMN = "Kernels (12345)"
DAMAGED = b'{"cells": ['
WIDTH = 80
LINES = 6
"""The last lines of what a command said that are printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the week; return the exit code: that of the first command that failed unexpectedly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=1000, metavar="N")
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        return _week(folder, chosen.students)


def _week(folder: Path, students: int) -> int:
    course = folder / "course"
    _make_course(course)
    _make_download(folder, course, students)
    start = time.monotonic()
    for command, expected in COMMANDS:
        said, code = _run(command, course)
        if code != expected:
            print(said[-4000:], file=sys.stderr)
            return code or 1
    minutes = (time.monotonic() - start) / 60
    print(f"\n{students} students, {os.cpu_count()} cores: {minutes:.1f} minutes in all")
    return 0


CANVAS = "--format canvas --fill ../canvas_grades.csv --output ../for_canvas.csv"
COMMANDS: tuple[tuple[str, int], ...] = (
    ("roster ../canvas_grades.csv", 0),
    ("nbgrader collect kernels ../submissions.zip", 0),
    ("nbgrader autograde kernels", 0),
    ("nbgrader status kernels", 0),
    ("nbgrader report kernels --output ../grades.txt", 0),
    ("nbgrader report kernels --format html --output ../class.html", 0),
    (f"nbgrader report kernels {CANVAS}", 0),
    ("nbgrader feedback kernels", 0),
    ("nbgrader feedback kernels --pack canvas --output ../feedback.zip", 0),
)
"""The week, and the exit code of each command."""


def _make_course(course: Path) -> None:
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from classroom import copy_course

    copy_course(ROOT, course)
    subprocess.run([*TITO, "nbgrader", "generate", "kernels"], cwd=course, check=True, **_QUIET)


_QUIET = {"capture_output": True}


def _make_download(folder: Path, course: Path, students: int) -> None:
    """Write what Canvas lets one download: all submissions in a zip file, and the gradebook."""
    texts = cycle(_notebooks(course))
    rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", COLUMN]]
    rows.append(["    Points Possible", "", "", "", "", "100"])
    with zipfile.ZipFile(folder / "submissions.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(students):
            name, first = f"Student{number:04}", "Ada"
            rows.append([f"{name}, {first}", str(7000 + number), f"s{number:05}", f"ada{number}"])
            rows[-1] += ["Lab A" if number % 2 else "Lab B", ""]
            if number % 50 == 49:
                continue
            late = "_LATE" if number % 20 == 7 else ""
            begin = f"{name.lower()}{first.lower()}{late}_{7000 + number}"
            data = DAMAGED if number == 3 else next(texts)
            again = "-1" if number % 10 == 5 else ""
            archive.writestr(f"{begin}_{50000 + number}_kernels{again}.ipynb", data)
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (folder / "canvas_grades.csv").write_text("\ufeff" + text.getvalue(), encoding="utf-8")


def _notebooks(course: Path) -> Iterator[bytes]:
    """Yield notebooks: the solutions of the corpora, three honest ones to a wrong one."""
    from classroom import of_corpora
    from corpora import entries

    from tito.course import Course
    from tito.lesson import find_lesson, read_notebook

    released = read_notebook(find_lesson(Course.read(course), "kernels").released)
    right = [one for one in entries("honest") if set(one.asked.values()) <= {"full"}]
    wrong = [one for one in entries("wrong") if all(str(p).isdigit() for p in one.asked.values())]
    for place, entry in enumerate(right):
        for one in (entry, wrong[place // 3 % len(wrong)]) if place % 3 == 2 else (entry,):
            yield json.dumps(of_corpora(one, "").edit(released)).encode()


def _run(command: str, course: Path) -> tuple[str, int]:
    """Run a command of tito; print its last lines, each on one line, and how long it took."""
    begin = time.monotonic()
    done = subprocess.run([*TITO, *command.split()], cwd=course, text=True, capture_output=True)
    seconds = time.monotonic() - begin
    said = done.stdout + done.stderr
    taken = f"{seconds:.0f} s"
    print(f"$ tito {command}"[: WIDTH - len(taken) - 2].ljust(WIDTH - len(taken)) + taken)
    for line in [line for line in said.splitlines() if line.strip()][-LINES:]:
        print(f"  {line}"[:WIDTH])
    return said, done.returncode


if __name__ == "__main__":
    sys.exit(main())
