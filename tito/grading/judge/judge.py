"""The judge: verdicts on graded cells from a trusted process.

The student's cells run in children of a supervisor, in the sandbox. The judge draws fresh inputs,
sends bytes, compares what comes back with its own product of its own copies, and replays the log of
how it was computed on numbers that the child never saw.

A check whose conditions all hold on inputs that nobody knew is done with. For the others there is a
fresh supervisor: first a child for each check is asked for what the notebook shows, so that the
student reads the same fact in both places; then another one gets hidden inputs for the conditions
that were not tried on them yet, and what it says reaches no student. So no child whose words are
repeated can have seen them. Timed checks come before all and are asked once: their inputs are
hidden in their numbers only.
"""

import logging
import re
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from tinytorch.utils.blas import one_blas_thread
from tito.conditions.call import NoAnswer
from tito.conditions.call_failures import not_reached
from tito.conditions.results import (
    REVIEW_HINT,
    CellVerdict,
    Check,
    ConditionResult,
    Share,
    attempt,
    outcome,
    overall,
    visible_inputs,
    without_repeats,
)
from tito.errors import TitoError
from tito.grading.judge.connection import Connection, Launch, launch_plain
from tito.grading.judge.remote import JudgeLimits, OutOfTime, RemoteCall
from tito.source_cells import (
    SolutionCell,
    imported_modules,
    needed_cells,
    read_cell,
)
from tito.tracing import LATE_PARTS

__all__ = ["judge_cells"]

log = logging.getLogger(__name__)

ONLY_VISIBLE = {
    "failed": "It holds for the inputs in the notebook, but not for {kind}",
    "review": "It holds for the inputs in the notebook; for {kind} it cannot be told",
    "not-run": "It holds for the inputs in the notebook, and was not tried on {kind}",
}
"""What a student reads of a condition that does not hold for the hidden inputs."""
KINDS = {
    **dict.fromkeys(("sizes", "shapes", "shape", "pairs", "lengths"), "sizes"),
    **dict.fromkeys(("block_sizes", "cases", "counts", "rows"), "cases"),
    **dict.fromkeys(("types", "itemsizes"), "types"),
}
"""What hidden inputs change, by the parameter of the condition that holds it."""


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
    held : int
        How many shares, from the first on, have passed on hidden inputs.
    failed : ConditionResult, optional
        What hidden inputs gave for the one after these, if it has failed: it is not tried twice,
        unless a call was late, as all are on a machine that is busy.
    """

    grade_id: str
    check: Check
    cells: Sequence[tuple[str, str]] = ()
    results: list[ConditionResult] = field(default_factory=list)
    held: int = 0
    failed: ConditionResult | None = None

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
    limits: JudgeLimits | None = None,
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
    limits : JudgeLimits, optional
        Seconds and bytes.
    seed : int, optional
        Where the hidden inputs come from: to keep it and repeat a run, draw it beforehand. Default:
        the operating system.

    Returns
    -------
    list of CellVerdict
        One for each check, in their order.

    Raises
    ------
    TitoError
        If no supervisor can be started.
    """
    connection = Connection(launch, [*imported_modules(given), *late_parts(solutions)])
    try:
        with one_blas_thread():  # more of them wait for one another on a grader that is busy
            return Judge(given, solutions, connection, limits or JudgeLimits(), seed).judge(checks)
    finally:
        connection.drop()


Attempt: TypeAlias = Callable[[Share], ConditionResult]
Inputs: TypeAlias = Callable[[Session, RemoteCall], Attempt]


class Judge:
    """Judges the cells of one submission."""

    def __init__(
        self,
        given: Sequence[str],
        solutions: Mapping[str, str],
        connection: Connection,
        limits: JudgeLimits,
        seed: int | None,
    ) -> None:
        self.until = time.monotonic() + limits.notebook_seconds
        self.entropy = np.random.SeedSequence(seed).entropy
        self.given, self.limits, self.connection = given, limits, connection
        self.cells = {name: read_cell(name, source) for name, source in solutions.items()}

    def judge(self, checks: Mapping[str, Check]) -> list[CellVerdict]:
        """Return the verdicts, those of timed checks first."""
        sessions = [self.prepare(grade_id, check) for grade_id, check in checks.items()]
        open_ones = [session for session in sessions if not session.results]
        for session in (s for s in open_ones if s.check.timed):
            self.try_all(session, self.hidden)
        doubtful = [s for s in open_ones if not s.check.timed and not self.holds(s)]
        if doubtful:
            self.connection.drop()
        for session in doubtful:
            self.try_all(session, self.visible)
        for session in doubtful:
            self.try_hidden(session)
        return [session.verdict() for session in sessions]

    def prepare(self, grade_id: str, check: Check) -> Session:
        """Return what a graded cell needs; where there is nothing to try, with results."""
        cell = self.definer(check)
        if cell is None or cell.tree is None:
            problem = f"is not Python: {cell.problem}" if cell else "was not handed in"
            fact = f"The cell {check.solution} {problem}"
            hint = "Run the cell: Python shows the place."
            return Session(grade_id, check, results=not_run(check.shares, fact, hint))
        loaded = [(f"given-{i}", source) for i, source in enumerate(self.given)]
        loaded += [(c.name, c.source) for c in self.needed(cell)]
        return Session(grade_id, check, loaded)

    def definer(self, check: Check) -> SolutionCell | None:
        """Return the solution cell of a check, or another one that defines its function instead."""
        cell = self.cells.get(check.solution)
        if cell is None or (cell.tree is not None and check.function not in cell.defines):
            others = (c for c in self.cells.values() if check.function in c.defines)
            return next(others, cell)
        return cell

    def needed(self, cell: SolutionCell) -> list[SolutionCell]:
        """Return the cells to load for this one."""
        return [c for c in needed_cells(cell, self.cells, self.given) if c.tree is not None]

    def holds(self, session: Session) -> bool:
        """Try the conditions on hidden inputs; keep the results if all hold, and tell whether."""
        call, results = self.call(session), list[ConditionResult]()
        try:
            for share in session.check.shares:
                results.append(self.attempt(call, share, self.hidden(session, call)))
                if results[-1].verdict != "passed":
                    if results[-1].verdict == "failed" and not call.late:
                        session.failed = results[-1]
                    return False
                session.held += 1
        finally:
            call.close()
        session.results = results
        return True

    def try_all(self, session: Session, inputs: Inputs) -> None:
        """Try all conditions; where there is nothing to try, say why once."""
        call, shares = self.call(session), session.check.shares
        try:
            call.open()
            results = [self.attempt(call, s, inputs(session, call)) for s in shares]
            session.results = list(without_repeats(results))
        except NoAnswer as failure:
            session.results = not_run(shares, failure.fact, failure.hint)
        except OutOfTime:
            session.results = self.too_late(shares)
        finally:
            call.close()

    def try_hidden(self, session: Session) -> None:
        """Try what holds on the visible inputs on hidden ones too, unless it has held on them.

        Nothing is repeated that a child said.
        """
        call = self.call(session)
        try:
            for place, share in enumerate(session.check.shares):
                if place >= session.held and session.results[place].verdict == "passed":
                    known = session.failed if place == session.held else None
                    result = known or self.attempt(call, share, self.hidden(session, call))
                    session.results[place] = conceal(result, kind_of(share))
        finally:
            call.close()

    def visible(self, session: Session, call: RemoteCall) -> Attempt:
        """Return what tries a condition on the inputs that the notebook shows."""

        def try_it(share: Share) -> ConditionResult:
            return attempt(call, replace(share, inputs={}), visible_inputs(share.condition))

        return try_it

    def hidden(self, session: Session, call: RemoteCall) -> Attempt:
        """Return what tries a condition on inputs that nobody knows."""

        def try_it(share: Share) -> ConditionResult:
            names = (session.grade_id, share.condition.__name__)
            key = tuple(zlib.crc32(name.encode()) for name in names)
            entropy: Any = self.entropy
            seeds = np.random.SeedSequence(entropy, spawn_key=key)
            return attempt(call, share, np.random.default_rng(seeds))

        return try_it

    def attempt(self, call: RemoteCall, share: Share, try_it: Attempt) -> ConditionResult:
        """Try one condition; whatever happens meanwhile costs no other one."""
        if call.late >= self.limits.late_calls:
            failure = not_reached(call.__name__)
            return outcome(share, "not-run", failure.fact, failure.hint)
        try:
            return try_it(share)
        except OutOfTime:
            return self.too_late([share])[0]
        except TitoError:
            raise  # there is no sandbox: nothing can be said of this submission
        except Exception as bug:
            log.exception("condition %s", share.condition.__name__)
            detail = f"{type(bug).__name__}: {bug}"
            return outcome(share, "review", "It could not be told", REVIEW_HINT, detail)

    def call(self, session: Session) -> RemoteCall:
        """Return the function of a graded cell, in a child of its own."""
        check = session.check
        return RemoteCall(
            check.function, check.cut, session.cells, self.connection, self.limits, self.until
        )

    def too_late(self, shares: Sequence[Share]) -> list[ConditionResult]:
        """Return the results of conditions that there was no time for."""
        seconds = self.limits.notebook_seconds
        fact = f"The {seconds:.3g} s for the whole notebook were over before this condition"
        return not_run(shares, fact, "Look for calls that take long, in this cell or in others.")


def late_parts(solutions: Mapping[str, str]) -> list[str]:
    """Return what NumPy loads when it is first used: what a solution names, and what others use."""
    words = {word for source in solutions.values() for word in re.findall(r"\w+", source)}
    words.add("ma")  # as np.unique does
    return [module for module in LATE_PARTS if module.removeprefix("numpy.") in words]


def kind_of(share: Share) -> str:
    """Return in words how the hidden inputs of a condition differ from those that are shown."""
    changed = dict.fromkeys(KINDS[name] for name in share.inputs if name in KINDS)
    return f"other {' or '.join([*changed, 'numbers'])}"


def conceal(result: ConditionResult, kind: str) -> ConditionResult:
    """Return a result on inputs of another `kind` without anything that a child may have said."""
    if result.verdict == "passed":
        return result
    detail = " | ".join(part for part in (result.fact, result.detail) if part)
    return replace(result, fact=ONLY_VISIBLE[result.verdict].format(kind=kind), detail=detail)


def not_run(shares: Sequence[Share], fact: str, hint: str) -> list[ConditionResult]:
    """Return the results of conditions that there was nothing to try on."""
    return [outcome(share, "not-run", fact, hint) for share in shares]
