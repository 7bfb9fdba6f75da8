"""The judge: verdicts on graded cells from a trusted process.

The student's cells run in children of a supervisor, in the sandbox. The judge draws fresh inputs,
sends bytes, compares what comes back with its own product of its own copies, and replays the log of
how it was computed on numbers that the child never saw.

Two rounds. In the first one a child for each check is asked for what the notebook shows, so that
the student reads the same fact in both places; timed checks are asked here and only here. In the
second one another child for each check gets inputs that nobody knew, and what it says reaches no
student. By then no child of the first round is left, so none of them can have seen these inputs.
"""

import logging
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tito.conditions.call import NoAnswer
from tito.conditions.results import (
    CellVerdict,
    Check,
    ConditionResult,
    Share,
    attempt,
    outcome,
    overall,
    visible_inputs,
)
from tito.grading.judge.connection import Connection, Launch, launch_plain
from tito.grading.judge.remote import Limits, OutOfTime, RemoteCall
from tito.grading.judge.source_cells import (
    SolutionCell,
    imported_modules,
    needed_cells,
    read_cell,
)

__all__ = ["judge_cells"]

log = logging.getLogger(__name__)

ONLY_VISIBLE = {
    "failed": "It holds for the inputs in the notebook, but not for others of their kind",
    "review": "It holds for the inputs in the notebook; for others of their kind it cannot be told",
    "not-run": "It holds for the inputs in the notebook, and was not tried on others of their kind",
}
"""What a student reads of a condition that does not hold for the hidden inputs."""

Attempt = Callable[[Share], ConditionResult]


@dataclass
class Session:
    """What is needed to judge one graded cell, and what has been found.

    Parameters
    ----------
    grade_id : str
        The graded cell.
    check : Check
        What it asks.
    cells : sequence of (name, source)
        What defines the function, in order.
    results : list of ConditionResult
        One for each share, once it has been tried.
    """

    grade_id: str
    check: Check
    cells: Sequence[tuple[str, str]] = ()
    results: list[ConditionResult] = field(default_factory=list)

    def verdict(self) -> CellVerdict:
        """Return the verdict that the results add up to."""
        worst = overall(self.results)
        return CellVerdict(
            grade_id=self.grade_id,
            score=float(sum(result.points for result in self.results)),
            max_score=float(sum(result.share for result in self.results)),
            verdict=worst.verdict,
            message=worst.fact,
            hint=worst.hint,
            conditions=tuple(self.results),
        )


def judge_cells(
    given: Sequence[str],
    solutions: Mapping[str, str],
    checks: Mapping[str, Check],
    *,
    launch: Launch = launch_plain,
    limits: Limits | None = None,
    seed: int | None = None,
) -> list[CellVerdict]:
    """Judge every graded cell, each in children of its own of the submission's supervisor.

    Parameters
    ----------
    given : sequence of str
        Sources of the lesson's own cells that the solutions build on.
    solutions : mapping of grade id to source
        The student's cells, in the notebook's order.
    checks : mapping of grade id to Check
        The graded cells.
    launch : Launch
        Starts a supervisor: in the sandbox, unless the files are trusted.
    limits : Limits, optional
        Seconds and bytes.
    seed : int, optional
        Where the hidden inputs come from: to keep it and repeat a run, draw it beforehand. Default:
        the operating system. It is logged.

    Returns
    -------
    list of CellVerdict
        One for each check, in their order.
    """
    judge = Judge(given, solutions, launch, limits or Limits(), seed)
    try:
        return judge.judge(checks)
    finally:
        judge.connection.drop()


class Judge:
    """Judges the cells of one submission."""

    def __init__(
        self,
        given: Sequence[str],
        solutions: Mapping[str, str],
        launch: Launch,
        limits: Limits,
        seed: int | None,
    ) -> None:
        self.until = time.monotonic() + limits.notebook_seconds
        self.entropy = np.random.SeedSequence(seed).entropy
        log.info("hidden inputs are drawn with seed %s", self.entropy)
        self.given, self.limits = given, limits
        self.cells = {name: read_cell(name, source) for name, source in solutions.items()}
        self.connection = Connection(launch, imported_modules(given))

    def judge(self, checks: Mapping[str, Check]) -> list[CellVerdict]:
        """Return the verdicts: first on what the notebook shows, then on hidden inputs."""
        sessions = [self.prepare(grade_id, check) for grade_id, check in checks.items()]
        for session in sessions:
            if not session.results:
                self.try_visible(session)
        for session in sessions:
            if not session.check.timed and any(r.verdict == "passed" for r in session.results):
                self.try_hidden(session)
        return [session.verdict() for session in sessions]

    def prepare(self, grade_id: str, check: Check) -> Session:
        """Return what a graded cell needs; where there is nothing to try, with results."""
        cell = self.cells.get(check.solution)
        if cell is None or cell.tree is None:
            problem = f"is not Python: {cell.error}" if cell else "was not handed in"
            fact = f"The cell {check.solution} {problem}"
            hint = "Run the cell: Python shows the place."
            return Session(grade_id, check, results=not_run(check.shares, fact, hint))
        loaded = [(f"given-{i}", source) for i, source in enumerate(self.given)]
        loaded += [(c.name, c.source) for c in self.needed(cell)]
        return Session(grade_id, check, loaded)

    def needed(self, cell: SolutionCell) -> list[SolutionCell]:
        """Return the cells to load for this one."""
        return [c for c in needed_cells(cell, self.cells, self.given) if c.tree is not None]

    def try_visible(self, session: Session) -> None:
        """Try the conditions on what the notebook shows; timed ones on inputs of their own."""
        call = self.call(session)

        def visible(share: Share) -> ConditionResult:
            if session.check.timed:
                return attempt(call, share, self.hidden_inputs(session, share))
            return attempt(call, replace(share, inputs={}), visible_inputs(share.condition))

        try:
            if not session.check.timed:
                call.open()
            session.results = [self.attempt(call, share, visible) for share in session.check.shares]
        except NoAnswer as silence:
            session.results = not_run(session.check.shares, silence.fact, silence.hint)
        except OutOfTime:
            session.results = self.too_late(session.check.shares)
        finally:
            call.close()

    def try_hidden(self, session: Session) -> None:
        """Try what holds so far on hidden inputs; repeat nothing that a child said."""
        call = self.call(session)

        def hidden(share: Share) -> ConditionResult:
            return attempt(call, share, self.hidden_inputs(session, share))

        try:
            for place, share in enumerate(session.check.shares):
                if session.results[place].verdict == "passed":
                    session.results[place] = conceal(self.attempt(call, share, hidden))
        finally:
            call.close()

    def attempt(self, call: RemoteCall, share: Share, try_it: Attempt) -> ConditionResult:
        """Try one condition; whatever happens meanwhile costs no other one."""
        if call.late >= self.limits.late_calls:
            fact = f"{call.__name__} took too long before it came to this condition"
            return outcome(share, "not-run", fact, "Look for a loop that does not end.")
        try:
            return try_it(share)
        except OutOfTime:
            return self.too_late([share])[0]
        except Exception as bug:
            log.exception("condition %s", share.condition.__name__)
            fact, hint = "It could not be told", "Your instructor will look at this part."
            return outcome(share, "review", fact, hint, f"{type(bug).__name__}: {bug}")

    def call(self, session: Session) -> RemoteCall:
        """Return the function of a graded cell, in a child of its own."""
        check = session.check
        return RemoteCall(
            check.function, check.cut, session.cells, self.connection, self.limits, self.until
        )

    def hidden_inputs(self, session: Session, share: Share) -> np.random.Generator:
        """Return the generator of inputs that nobody knows."""
        names = (session.grade_id, share.condition.__name__)
        key = tuple(zlib.crc32(name.encode()) for name in names)
        entropy: Any = self.entropy
        return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))

    def too_late(self, shares: Sequence[Share]) -> list[ConditionResult]:
        """Return the results of conditions that there was no time for."""
        seconds = self.limits.notebook_seconds
        fact = f"The {seconds:.3g} s for the whole notebook were over before this condition"
        return not_run(shares, fact, "Look for calls that take long, in this cell or in others.")


def conceal(result: ConditionResult) -> ConditionResult:
    """Return a result on hidden inputs without anything that a child may have said."""
    if result.verdict == "passed":
        return result
    detail = " | ".join(part for part in (result.fact, result.detail) if part)
    return replace(result, fact=ONLY_VISIBLE[result.verdict], detail=detail)


def not_run(shares: Sequence[Share], fact: str, hint: str) -> list[ConditionResult]:
    """Return the results of conditions that there was nothing to try on."""
    return [outcome(share, "not-run", fact, hint) for share in shares]
