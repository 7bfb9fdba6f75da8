"""The corpora: submissions as data, each with what it must get, and the judge on one of them.

Each file names the solution cells that differ from the reference, and what their graded cells must
get where it is not what `EXPECTED` says for the corpus:

- a number: these points; in the hostile corpus, at most these;
- ``full``: all points, and no person has to look;
- ``review``: nothing failed, and a person has to look at some of it;
- ``less``: not all points;
- ``any``: whatever it gets, it gets a verdict.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from tinytorch.utils.blas import one_blas_thread
from tito.conditions.results import CellVerdict, Check
from tito.course import Course, Limits
from tito.grading.judge.connection import Connection, WorkerFailure
from tito.grading.judge.judge import Judge, judge_cells
from tito.grading.judge.notebook import load_checks
from tito.grading.judge.remote import JudgeLimits
from tito.grading.sandbox.mode import choose_sandbox
from tito.source_cells import imported_modules
from tito.tracing import LATE_PARTS

__all__ = ["EXPECTED", "Entry", "EntryJudge", "checks", "entries", "graded", "reference"]

ROOT = Path(__file__).parents[2]
CORPORA = ROOT / "tests" / "corpora"
ASSIGNMENT = "11_kernels"
EXPECTED = {"honest": "full", "wrong": "less", "hostile": 0}
"""What a graded cell must get where the file says nothing else."""

WORDS = ("full", "review", "less", "any")
UNWRITTEN = "def {}(*arguments, **options):\n    raise NotImplementedError\n"

# An endless loop costs a call and then the cell; the sandbox costs some time, too.
BRIEF = JudgeLimits(call_seconds=0.5, load_seconds=1.0, late_calls=1)

BYSTANDER = "test-amdahl"
"""The cell that must keep its points beside a hostile one; it costs least to judge."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One file of a corpus, and no other: it equals nothing but itself.

    Parameters
    ----------
    corpus, name : str
        The folder and the file, without its suffix.
    about : str
        What the submission does.
    cells : mapping of grade id to source
        The solution cells that differ from the reference.
    expect : mapping of grade id to number or word
        What graded cells must get.
    says : mapping of grade id to regular expression
        What one of the messages on a graded cell has to say.
    repeat : mapping of grade id to text and times
        What is appended to a cell, and how often: for sources that are too long for a file.
    alone : bool
        Whether the other solution cells are not written, instead of the reference's; then their
        graded cells are asked too, and must get nothing.
    """

    corpus: str
    name: str
    about: str
    cells: Mapping[str, str]
    expect: Mapping[str, Any] = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)
    repeat: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    alone: bool = False

    @property
    def asked(self) -> dict[str, Any]:
        """The graded cells that the file is about, and what each must get."""
        own = (graded()[cell][0] for cell in self.cells)
        wanted = dict.fromkeys(own, EXPECTED[self.corpus])
        if self.alone:
            wanted = dict.fromkeys(checks(), EXPECTED[self.corpus])
        elif self.corpus == "hostile" and "amdahl" not in self.cells:
            wanted[BYSTANDER] = "full"
        wanted |= self.expect
        return {name: wanted[name] for name in checks() if name in wanted}

    @property
    def is_timed(self) -> bool:
        """Whether one of its graded cells asks for speed."""
        return any(checks()[name].timed for name in self.asked)

    @property
    def solutions(self) -> dict[str, str]:
        """The source of each solution cell of the submission."""
        unwritten = {c.solution: UNWRITTEN.format(c.function) for c in checks().values()}
        return {**(unwritten if self.alone else reference()["cells"]), **self.cells}

    def accepts(self, verdict: CellVerdict) -> bool:
        """Return whether a graded cell got what the file expects."""
        wanted, whole = self.asked[verdict.grade_id], verdict.score == verdict.max_score
        found = {result.verdict for result in verdict.conditions}
        if wanted == "full":
            return whole and verdict.verdict == "passed"
        if wanted == "review":
            return "review" in found and found <= {"passed", "review"}
        if wanted == "less":
            return not whole and verdict.verdict != "passed"
        if wanted == "any":
            return True
        return verdict.score <= wanted if self.corpus == "hostile" else verdict.score == wanted


def entries(corpus: str) -> list[Entry]:
    """Read the files of a corpus in the order of their names.

    Raises
    ------
    ValueError
        If a file names a cell that the lesson does not have, or expects what does not exist.
    """
    return [_read(path) for path in sorted((CORPORA / corpus).glob("*.toml"))]


@cache
def checks() -> Mapping[str, Check]:
    """Return what the kernels lesson's graded cells ask."""
    return load_checks(Course.read(ROOT), ASSIGNMENT)


@cache
def graded() -> Mapping[str, tuple[str, ...]]:
    """Return the graded cells of each solution cell, in the lesson's order.

    A file is about the first one of each cell that it exchanges, and about the others where it
    names them: an honest style may be sequential, or slow.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, check in checks().items():
        found[check.solution] = (*found.get(check.solution, ()), name)
    return found


@cache
def reference() -> Mapping[str, Any]:
    """Return the solution whose cells a submission exchanges."""
    return tomllib.loads((CORPORA / "reference.toml").read_text(encoding="utf-8"))


class EntryJudge:
    """Judges files in the sandbox, one after the other in the same one, which has to bear it.

    Each check of each file has a child of its own in any case.

    Raises
    ------
    TitoError
        If there is no sandbox here.
    """

    def __init__(self) -> None:
        sandbox, limits = choose_sandbox("bwrap"), Limits()
        self._launch = sandbox.launcher(limits)
        lasting = sandbox.launcher(replace(limits, notebook_seconds=3600))
        self._kept = KeptConnection(lasting, [*imported_modules(reference()["given"]), *LATE_PARTS])

    def __call__(self, entry: Entry, *, apart: bool = False) -> list[CellVerdict]:
        """Judge the graded cells that a file is about, in a sandbox `apart` as a class is."""
        given, solutions = reference()["given"], entry.solutions
        asked = {name: checks()[name] for name in entry.asked}
        limits = BRIEF if entry.corpus == "hostile" else JudgeLimits()
        if apart:
            return judge_cells(given, solutions, asked, launch=self._launch, limits=limits)
        with one_blas_thread():
            return Judge(given, solutions, self._kept, limits, None).judge(asked)

    def start(self) -> None:
        """Start the sandbox that many files share."""
        self._kept.start()

    def close(self) -> None:
        """End it."""
        self._kept.end()


class KeptConnection(Connection):
    """A connection that outlasts a submission: the supervisor ends by itself, or with `end`."""

    def ask(
        self, request: dict[str, Any], payload: bytes, seconds: float, most: int
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the supervisor; one that does not answer is ended."""
        try:
            return super().ask(request, payload, seconds, most)
        except WorkerFailure:
            raise WorkerFailure(self.end()) from None

    def drop(self) -> str:
        """Leave the supervisor to the next submission."""
        return ""

    def end(self) -> str:
        """End the supervisor; return the limit that had ended it, if one had."""
        return super().drop()


def _read(path: Path) -> Entry:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    for name, more in data.get("repeat", {}).items():
        data["cells"][name] += more["text"] * more["times"]
    entry = Entry(path.parent.name, path.stem, **data)
    unknown = set(entry.cells) - set(graded()) | set(entry.expect) - set(checks())
    if unknown:
        raise ValueError(f"{path.name} names {sorted(unknown)}; there are {dict(graded())}")
    if not set(entry.says) <= set(entry.asked):
        raise ValueError(f"{path.name} says something of {sorted(entry.says)}, which is not asked")
    for value in entry.expect.values():
        if not isinstance(value, int) and value not in WORDS:
            raise ValueError(f"{path.name} expects {value!r}: a number or one of {WORDS}")
    return entry
