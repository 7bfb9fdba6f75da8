"""A class of students: sample submissions, each a small edit of the released notebook."""

import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from corpora import Entry, checks, reference

from tito.lesson import Lesson, grade_id

__all__ = ["CORPORA", "Sample", "hand_in", "of_corpora", "read_samples"]

CORPORA = Path(__file__).parents[1] / "corpora"
TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S %Z"


@dataclass(frozen=True)
class Sample:
    """One submission: which cells are edited or deleted, and the points it must get."""

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


def read_samples(folder: Path = CORPORA / "class") -> list[Sample]:
    """Read the samples in `folder`, in the order of their students' ids."""
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
    }
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
    for path in sorted(folder.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        data["deleted"] = tuple(data.get("deleted", ()))
        data.setdefault("student", path.stem)
        yield Sample(name=path.stem, **data)
