"""The corpora: submissions as data, each with what it must get, and a run of the judge over them.

Each file names the solution cells that differ from the reference, and the scores to expect:
a number, ``full``, or ``less``. What a file does not name keeps its points.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from tito.conditions.results import CellVerdict, Check
from tito.course import Course
from tito.course import Limits as CourseLimits
from tito.grading.judge import Launch, Limits, judge_cells, load_checks
from tito.grading.sandbox.mode import choose_sandbox

__all__ = [
    "EXPECTED",
    "EXTRA",
    "GRADED",
    "Entry",
    "Pending",
    "as_expected",
    "checks",
    "entries",
    "judging",
    "reference",
]

ROOT = Path(__file__).parents[2]
CORPORA = ROOT / "tests" / "corpora"
ASSIGNMENT = "11_kernels"
GRADED = {
    "memory-trace": ("test-memory-trace",),
    "matmul-vectorized": ("test-vectorized-immediate",),
    "arithmetic-intensity": ("test-arithmetic-intensity",),
    "tiled-trace": ("test-tiled-trace",),
    "matmul-cache": ("test-cache-immediate",),
    "attention-chunks": ("test-attention-chunks",),
    "chunk-edges": ("test-chunk-edges",),
    "matmul-parallel": ("test-parallel-immediate",),
    "amdahl": ("test-amdahl",),
}
"""The graded cells that a file is about because it exchanges a solution cell.

Two more are asked where a file names them: an honest style may be sequential, or slow.
"""
EXTRA = {"matmul-cache": "test-cache-performance", "matmul-parallel": "test-parallel-concurrent"}
# What a file expects where it says nothing else.
EXPECTED = {"honest": "full", "wrong": "less", "hostile": 0}

# An endless loop costs a call and then the cell; the sandbox costs some time, too.
BRIEF = Limits(call_seconds=3.0, load_seconds=6.0, late_calls=1)

Pending: TypeAlias = "Future[list[CellVerdict]]"


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
    expect : mapping of grade id to score
        A number, ``full`` or ``less``, where it is not what `EXPECTED` says for the corpus.
    """

    corpus: str
    name: str
    about: str
    cells: Mapping[str, str]
    expect: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, Any]:
        """The graded cells that the file is about, and what each must get."""
        own = (grade_id for cell in self.cells for grade_id in GRADED[cell])
        wanted = dict.fromkeys(own, EXPECTED[self.corpus]) | dict(self.expect)
        return {name: wanted[name] for name in checks() if name in wanted}


def entries(corpus: str) -> list[Entry]:
    """Read the files of a corpus in the order of their names.

    Raises
    ------
    ValueError
        If a file names a cell that no solution has.
    """
    return [_read(path) for path in sorted((CORPORA / corpus).glob("*.toml"))]


def as_expected(verdict: CellVerdict, wanted: str | int) -> bool:
    """Return whether a graded cell got what its file expects."""
    if wanted == "full":
        return verdict.score == verdict.max_score and verdict.verdict == "passed"
    if wanted == "less":
        return verdict.score < verdict.max_score and verdict.verdict != "passed"
    return verdict.score == wanted


@cache
def checks() -> Mapping[str, Check]:
    """Return what the kernels lesson's graded cells ask."""
    return load_checks(Course.read(ROOT), ASSIGNMENT)


@cache
def reference() -> Mapping[str, Any]:
    """Return the solution whose cells a submission exchanges."""
    return tomllib.loads((CORPORA / "reference.toml").read_text(encoding="utf-8"))


@contextmanager
def judging(chosen: Iterable[Entry], sandbox: str = "auto") -> Iterator[dict[Entry, Pending]]:
    """Judge entries, all of them in the sandbox, on as many threads as there are CPUs.

    A sandbox dies with the thread that started it, so a thread judges an entry from start to end.

    Parameters
    ----------
    chosen : iterable of Entry
        What to judge.
    sandbox : str
        One of `tito.grading.sandbox.mode.CHOICES`.

    Raises
    ------
    TitoError
        If the sandbox does not hold on this machine.
    """
    launch = choose_sandbox(sandbox).launcher(CourseLimits())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {entry: pool.submit(_judge, entry, launch) for entry in chosen}
        pool.shutdown(cancel_futures=True)


def _judge(entry: Entry, launch: Launch) -> list[CellVerdict]:
    solutions = {**reference()["cells"], **entry.cells}
    asked = {name: checks()[name] for name in entry.asked}
    limits = BRIEF if entry.corpus == "hostile" else Limits()
    return judge_cells(reference()["given"], solutions, asked, launch=launch, limits=limits)


def _read(path: Path) -> Entry:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    unknown = set(data["cells"]) - set(GRADED)
    if unknown:
        raise ValueError(f"{path.name} names the cells {sorted(unknown)}; there are {list(GRADED)}")
    return Entry(path.parent.name, path.stem, **data)
