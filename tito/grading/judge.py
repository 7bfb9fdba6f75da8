"""The judge: verdicts on graded cells from a trusted process.

The student's cells run in a worker, in the sandbox. The judge draws fresh inputs, sends bytes,
computes the product from its own copies and compares. A condition is tried on the inputs that the
notebook shows, so that the student reads the same fact in both places, and if it holds there, on
inputs from the operating system's randomness. Only a reply that fulfils it earns its points.

What this guarantees: points for a condition on the *result* cannot be had without the right product
of matrices that nobody knew before, whatever the student's code does to its own process. Points for
a condition on the *method* rest on a record made in that process; a cell that names anything that
could reach the record gets `review` there, never a silent pass.
"""

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tito.grading.calls import NoAnswer
from tito.grading.line import Launch, Lines, launch_plain
from tito.grading.results import Result, Share, Verdict, attempt, outcome, overall, visible_inputs
from tito.grading.screen import suspicious
from tito.grading.session import Limits, RemoteCall
from tito.grading.sources import SolutionCell, needed_cells, read_cell

__all__ = ["CellVerdict", "Check", "judge_cells"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """What a graded cell asks of a function.

    Parameters
    ----------
    function : str
        The function's name.
    solution : str
        The grade id of the cell that defines it.
    shares : tuple of Share
        Conditions with their points and hidden inputs.
    timed : bool
        Whether it measures for a while: where a class is graded, the judge alone does that, once.
    """

    function: str
    solution: str
    shares: tuple[Share, ...]
    timed: bool = False

    @property
    def points(self) -> float:
        """What all conditions are worth together."""
        return sum(share.points for share in self.shares)


@dataclass(frozen=True)
class CellVerdict:
    """The verdict on a graded cell.

    Parameters
    ----------
    grade_id : str
        The graded cell.
    score, max_score : float
        Points earned and to be had.
    verdict : {'passed', 'failed', 'review', 'not-run'}
        The worst of its conditions' verdicts.
    message, hint : str
        The first fact that cost points, and what to do about it.
    conditions : tuple of Result
        Every condition.
    """

    grade_id: str
    score: float
    max_score: float
    verdict: Verdict
    message: str
    hint: str
    conditions: tuple[Result, ...]


def judge_cells(
    given: Sequence[str],
    solutions: Mapping[str, str],
    checks: Mapping[str, Check],
    *,
    launch: Launch = launch_plain,
    limits: Limits | None = None,
    seed: int | None = None,
) -> list[CellVerdict]:
    """Judge every graded cell, each in a process of its own in the submission's worker.

    Parameters
    ----------
    given : sequence of str
        Sources of the lesson's own cells that the solutions build on.
    solutions : mapping of grade id to source
        The student's cells, in the notebook's order.
    checks : mapping of grade id to Check
        The graded cells.
    launch : Launch
        Starts a worker: in the sandbox, unless the files are trusted.
    limits : Limits, optional
        Seconds and bytes.
    seed : int, optional
        To repeat a run; else from the operating system. It is logged.

    Returns
    -------
    list of CellVerdict
        One for each check, in their order.
    """
    entropy = np.random.SeedSequence(seed).entropy
    log.info("hidden inputs are drawn with seed %s", entropy)
    cells = {name: read_cell(name, source) for name, source in solutions.items()}
    lines = Lines(launch)
    try:
        return [
            judge_cell(grade_id, check, given, cells, entropy, lines, limits or Limits())
            for grade_id, check in checks.items()
        ]
    finally:
        lines.drop()


def judge_cell(
    grade_id: str,
    check: Check,
    given: Sequence[str],
    cells: Mapping[str, SolutionCell],
    entropy: object,
    lines: Lines,
    limits: Limits,
) -> CellVerdict:
    """Judge one graded cell."""
    cell = cells.get(check.solution)
    if cell is None or cell.tree is None:
        problem = f"is not Python: {cell.error}" if cell else "was not handed in"
        fact = f"The cell {check.solution} {problem}"
        return sum_up(grade_id, not_run(check, fact, "Run the cell: Python shows the place."))
    needed = needed_cells(cell, cells, given)
    loaded = [(f"given-{i}", source) for i, source in enumerate(given)]
    loaded += [(c.name, c.source) for c in needed if c.tree is not None]
    call = RemoteCall(check.function, loaded, lines, limits)
    try:
        call.start()
        call.spent = 0.0  # a slow start is not the student's
        doubts = [found for c in needed if c.tree is not None for found in suspicious(c.tree)]
        again = not check.timed
        results = [try_share(call, share, entropy, doubts, again) for share in check.shares]
    except NoAnswer as silence:
        results = not_run(check, silence.fact, silence.hint)
    finally:
        call.close()
    return sum_up(grade_id, results)


def try_share(
    call: RemoteCall, share: Share, entropy: object, doubts: Sequence[str], again: bool
) -> Result:
    """Try a condition on hidden inputs; where it fails, say so of visible ones if it can be shown.

    The hidden inputs are of the visible ones' kind, and more of them. Without `again` visible ones
    are not tried.
    """
    if call.spent >= call.limits.cell_seconds or call.late >= call.limits.late_calls:
        fact = f"{call.__name__} took too long before it came to this condition"
        return outcome(share, "not-run", fact, "Look for a loop that does not end.")
    call.watched = False
    key = zlib.crc32(share.condition.__name__.encode())
    hidden = np.random.SeedSequence(entropy, spawn_key=(key,))  # type: ignore[arg-type]
    result = attempt(call, share, np.random.default_rng(hidden))
    if result.verdict != "passed":
        visible = visible_inputs(share.condition)
        shown = attempt(call, replace(share, inputs={}), visible) if again else result
        if shown.verdict != "passed":
            return shown
        fact = "It holds for the inputs in the notebook, but not for others of their kind"
        return replace(result, fact=fact, detail=result.fact)
    if call.watched and doubts:
        fact = f"How it works was not counted, because the cell {'; '.join(doubts[:3])}"
        return outcome(share, "review", fact, "Your instructor will look at this part.")
    return result


def not_run(check: Check, fact: str, hint: str) -> list[Result]:
    """Return the results of conditions that there was nothing to try on."""
    return [outcome(share, "not-run", fact, hint) for share in check.shares]


def sum_up(grade_id: str, results: Sequence[Result]) -> CellVerdict:
    """Return the verdict that the results of a cell's conditions add up to."""
    worst = overall(results)
    return CellVerdict(
        grade_id=grade_id,
        score=float(sum(result.points for result in results)),
        max_score=float(sum(result.share for result in results)),
        verdict=worst.verdict,
        message=worst.fact,
        hint=worst.hint,
        conditions=tuple(results),
    )
