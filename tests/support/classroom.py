"""A class of students: sample submissions, each a small edit of the released notebook."""

import copy
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from corpora import Entry, checks, reference

from tito.course import Course
from tito.lesson import Lesson, find_lesson, grade_id, is_answer, is_graded, read_notebook

__all__ = [
    "ANSWERS",
    "CHECKS",
    "CORPORA",
    "LITTLE",
    "MOST",
    "MOST_CHECKED",
    "SAMPLES",
    "Sample",
    "copy_course",
    "hand_in",
    "of_corpora",
    "read_samples",
]

ROOT = Path(__file__).parents[2]
CORPORA = ROOT / "tests" / "corpora"
COURSE_FILES = ("settings.ini", "nbgrader_config.py", "pyproject.toml", "modules", "tinytorch")
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S %Z"


def _graded_cells() -> list[Any]:
    lesson = find_lesson(Course.read(ROOT), "kernels")
    return [cell for cell in read_notebook(lesson.source).cells if is_graded(cell)]


def _points(cells: list[Any]) -> dict[str, float]:
    return {grade_id(cell): float(cell.metadata["nbgrader"]["points"]) for cell in cells}


CHECKS = _points([cell for cell in _graded_cells() if not is_answer(cell)])
"""The points of each check of the lesson."""

ANSWERS = _points([cell for cell in _graded_cells() if is_answer(cell)])
"""The points of each answer, which a person reads."""

MOST_CHECKED = sum(CHECKS.values())
MOST = MOST_CHECKED + sum(ANSWERS.values())


@dataclass(frozen=True)
class Sample:
    """One submission: which cells are edited or deleted, and the points it must get.

    ``expect`` has every graded cell; answers get nothing before a person has read them.
    """

    name: str
    about: str
    student: str
    cells: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    hours_late: float = -1.0
    expect: Mapping[str, float] = field(default_factory=dict)

    def edit(self, released: Any) -> Any:
        """Return the released notebook with the student's edits in it."""
        notebook = copy.deepcopy(released)
        notebook.cells = [cell for cell in notebook.cells if grade_id(cell) not in self.deleted]
        by_name = {grade_id(cell): cell for cell in notebook.cells}
        for name, source in self.cells.items():
            by_name[name].source = source.strip("\n")
        return notebook

    @property
    def points(self) -> float:
        """What it must get in all, before a person has read its answers."""
        return sum(self.expect.values())

    @property
    def answers(self) -> list[str]:
        """The answers in which something is written."""
        return [name for name in ANSWERS if name in self.cells]


def copy_course(source: Path, target: Path) -> Path:
    """Copy what makes a course, without what was made of it, and return where it lies."""
    target.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.ipynb", ".ipynb_checkpoints")
    for name in COURSE_FILES:
        path = source / name
        if path.is_dir():
            shutil.copytree(path, target / name, ignore=ignored)
        else:
            shutil.copy(path, target / name)
    return target


def read_samples(folder: Path = CORPORA / "class") -> list[Sample]:
    """Read the samples in `folder`, in the order of their students' ids.

    A file may start from the cells of another one, its ``base``, without those that it names as
    ``unwritten``; ``full`` names the checks that give full points, and all others give none.
    """
    return sorted(_samples(folder), key=lambda sample: sample.student)


def of_corpora(entry: Entry, student: str) -> Sample:
    """Make a submission of a corpora's file: the reference solution with its cells in it.

    It must get what the file expects, with ``full`` as points; a file with ``less`` has no place
    here, as it does not say how many.
    """
    points = {name: check.points for name, check in checks().items()}
    expect = {
        name: points[name] if entry.asked.get(name, "full") == "full" else float(entry.asked[name])
        for name in points
    } | dict.fromkeys(ANSWERS, 0.0)
    imports = reference()["given"][0]
    cells = {**reference()["cells"], **entry.cells}
    solutions = {name: imports + source for name, source in cells.items()}
    return Sample(entry.name, entry.about, student, cells=solutions, expect=expect)


def hand_in(sample: Sample, lesson: Lesson, folder: Path) -> Path:
    """Write what the student hands in below `folder`, with the time, and return its path."""
    released = nbformat.read(lesson.released, as_version=4)
    path = folder / sample.student / lesson.assignment / lesson.notebook_name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(sample.edit(released), path)
    due = lesson.course.lessons[lesson.assignment].due or datetime.now(UTC)
    handed_in = (due + timedelta(hours=sample.hours_late)).astimezone(UTC)
    stamp = path.with_name("timestamp.txt")
    stamp.write_text(handed_in.strftime(TIMESTAMP_FORMAT), encoding="utf-8")
    return path


def _samples(folder: Path) -> Iterator[Sample]:
    files = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    found = {name: tomllib.loads(path.read_text("utf-8")) for name, path in files.items()}
    for name, data in found.items():
        base = found[data["base"]]["cells"] if "base" in data else {}
        left_out = data.get("unwritten", ())
        cells = {key: source for key, source in base.items() if key not in left_out}
        expect = {key: CHECKS[key] for key in data.get("full", ())}
        yield Sample(
            name=name,
            about=data["about"],
            student=data["student"],
            cells=cells | data.get("cells", {}),
            deleted=tuple(data.get("deleted", ())),
            hours_late=data.get("hours_late", -1.0),
            expect=dict.fromkeys(CHECKS | ANSWERS, 0.0) | expect,
        )


SAMPLES = {sample.name: sample for sample in read_samples()}
"""The samples by name."""

LITTLE = SAMPLES["deleted-test-cell"]
"""Little of it is done, so it is judged in a moment: for tests of what is around the judge."""
