"""What the points of a submission depend on: when one part changes, its code has to run again.

The autograded notebook carries digests of the parts it was made from. What else a grade depends on,
the time of handing in, deadline, extension and penalty, needs no code: see `lateness`.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import tinytorch
import tito
from tinytorch.utils import blas, checking
from tito.course import Course
from tito.edition import GIVEN
from tito.files import write_whole
from tito.grading.gradebook.cell_metadata import METADATA_KEY
from tito.grading.gradebook.course_tree import unwritable
from tito.grading.intake.read import Rejected, read_bytes
from tito.lesson import Lesson

__all__ = [
    "WORDS",
    "Basis",
    "basis_of",
    "common_basis",
    "engine_version",
    "forced_marks",
    "record_marks",
    "recorded_basis",
]

ENGINE = (
    "conditions/*.py",
    "tracing/*.py",
    *(f"grading/intake/{name}.py" for name in ("answers", "place", "read", "rebuild")),
    "grading/judge/*.py",
    *(f"grading/sandbox/{name}.py" for name in ("execution", "notebook", "outputs")),
    "grading/sandbox/run_notebook.py",
    "grading/gradebook/cell_metadata.py",
    "grading/verdicts.py",
    "grading/pipeline/grade.py",
    "lesson.py",
    "source_cells.py",
)
"""The files of tito whose code decides what a submission gets.

So does what the packages give to solutions to build on: see `tito.edition.GIVEN`.
"""

WORDS = {
    "submission": "it was handed in again",
    "release": "the release changed",
    "checks": "checks.py changed",
    "limits": "the limits changed",
    "engine": "this version of tito judges by other code",
    "forced": "it is to be graded again",
}


LOST = "its autograded notebook is gone or damaged"


@dataclass(frozen=True)
class Basis:
    """Digests of what a submission's points are made from; ``forced`` is the last ``--force``.

    ``release`` names the files beside the notebook as well, which the release may bring.
    """

    submission: str = ""
    release: str = ""
    checks: str = ""
    limits: str = ""
    engine: str = ""
    forced: str = ""

    def changes(self, before: "Basis | None", *, graded: bool = False) -> str:
        """Say in words what changed since `before`; empty if nothing did.

        Parameters
        ----------
        before : Basis or None
            The `recorded_basis`.
        graded : bool
            Whether there is a grade, whose notebook then is lost if it records no basis.
        """
        if before is None:
            return LOST if graded else "it is not graded yet"
        names = (each.name for each in fields(self))
        changed = [n for n in names if getattr(self, n) != getattr(before, n)]
        return ", ".join(WORDS[name] for name in changed)


def basis_of(submitted: Path, course: Course, common: Basis | None = None) -> Basis:
    """Return what the points of a notebook in nbgrader's tree are made from, as it is now.

    Parameters
    ----------
    submitted : Path
        The notebook.
    course : Course
        Whose it is.
    common : Basis, optional
        The `common_basis`, if it is known.

    Raises
    ------
    TitoError
        If this machine does not let a file be read.
    """
    student, lesson = submitted.parents[1].name, Lesson(course, submitted.parent.name)
    return replace(
        common or common_basis(lesson),
        submission=_digest(course, submitted),
        forced=_forced(course.assignments, lesson.assignment).get(student, ""),
    )


def common_basis(lesson: Lesson) -> Basis:
    """Return what the points of a whole class are made from; raises as `basis_of` does."""
    course = lesson.course
    beside = lesson.released_files()
    release = (lesson.generated, lesson.released, *beside.values())
    names = "".join(f" {name}" for name in beside)
    return Basis(
        release=_digest(course, *release) + names,
        checks=_digest(course, lesson.checks),
        limits=hashlib.sha256(repr(asdict(course.limits)).encode()).hexdigest(),
        engine=engine_version(),
    )


@cache
def engine_version() -> str:
    """Return a digest of the code that decides what a submission gets, whatever it is."""
    package = Path(tito.__file__).parent
    files = [file for pattern in ENGINE for file in sorted(package.glob(pattern))]
    files += [Path(checking.__file__), Path(blas.__file__)]
    files += [Path(tinytorch.__file__).parents[1] / name for name in sorted(GIVEN)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def recorded_basis(lesson: Lesson, student: str) -> Basis | None:
    """Return what a student's autograded notebook was made from; None if there is none."""
    try:
        data = lesson.handed_in(student, "autograded").read_bytes()
        notebook = json.loads(data)
        found: dict[str, Any] = notebook["metadata"][METADATA_KEY]["basis"]
        if not isinstance(notebook["cells"], list):
            return None
        return Basis(**{each.name: str(found.get(each.name, "")) for each in fields(Basis)})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def forced_marks(students: Iterable[str]) -> dict[str, str]:
    """Return for each student a mark that makes what was graded before out of date."""
    return dict.fromkeys(students, secrets.token_hex(8))


def record_marks(lesson: Lesson, marks: Mapping[str, str]) -> None:
    """Make what was graded of these students out of date, until they are graded again.

    Raises
    ------
    TitoError
        If that cannot be written.
    """
    tree = lesson.course.assignments
    both = {**_forced(tree, lesson.assignment), **marks}
    try:
        write_whole(_forced_file(tree, lesson.assignment), json.dumps(both).encode())
    except OSError as error:
        raise unwritable(error, lesson) from error


def _forced(tree: Path, assignment: str) -> dict[str, str]:
    try:
        found = json.loads(_forced_file(tree, assignment).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _forced_file(tree: Path, assignment: str) -> Path:
    return tree / f".{assignment}.forced"


def _digest(course: Course, *paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            data = read_bytes(path, course.limits)
        except Rejected as rejected:
            data = rejected.fact.encode(errors="replace")
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()
