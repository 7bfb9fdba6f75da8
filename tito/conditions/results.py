"""What a check asks and what it found: data only; `tito.reports` prints it."""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from textwrap import wrap
from typing import Any, Literal, TypeAlias

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import Call, LocalCall, NoAnswer
from tito.tracing import Unproven

__all__ = [
    "AS_ABOVE",
    "MIME_TYPE",
    "LABELS",
    "REVIEW_HINT",
    "SYMBOLS",
    "CellVerdict",
    "Check",
    "Condition",
    "ConditionResult",
    "NO_PROGRESS",
    "Inconclusive",
    "UNWRITTEN",
    "Share",
    "Progress",
    "Verdict",
    "attempt",
    "describe",
    "known_facts",
    "outcome",
    "overall",
    "restore",
    "sentence",
    "try_here",
    "unwritten",
    "visible_inputs",
    "without_repeats",
]

Verdict: TypeAlias = Literal["passed", "failed", "review", "not-run", "not-tried"]
Condition: TypeAlias = Callable[..., None]  # (call, rng, **inputs): returns, or raises

MIME_TYPE = "application/vnd.tito.check+json"
"""Under which a locked cell shows its results to programs, beside the text for people."""

LABELS = {
    "passed": "passed",
    "failed": "failed",
    "review": "for review",
    "not-run": "could not run",
    "not-tried": "not tried",
}
"""The verdicts as a person reads them."""

UNWRITTEN = "not written yet"
"""What is said of a cell that is as it was released, in the place of its verdict."""

SYMBOLS = {
    "passed": "\N{HEAVY CHECK MARK}",
    "failed": "\N{HEAVY MULTIPLICATION X}",
    "review": "\N{BLACK DIAMOND}",
    "not-run": "\N{BLACK UP-POINTING TRIANGLE}",
    "not-tried": "\N{WHITE CIRCLE}",
}
"""The symbol before a verdict's label: no meaning is in a colour alone."""

VISIBLE_SEED = 11  # the notebook's inputs are the same for everybody, every time
FOUNDATIONS = ("square", "attends")  # all others of their check depend on these
AS_ABOVE = "The same as above."
NOT_WRITTEN = re.compile(rf"\S+ is {UNWRITTEN}")
COLUMNS, MARGIN = 100, " " * 21  # formgrader shows so many, and cuts off the rest of a line
REVIEW_HINT = "Your instructor will look at this part."


class Inconclusive(Exception):  # noqa: N818 (nothing is wrong: a person has to look)
    """A condition neither passed nor failed: what it looks for could not be determined.

    Parameters
    ----------
    fact, hint : str
        Why not, and who will look at it.
    """

    def __init__(self, fact: str, hint: str = REVIEW_HINT) -> None:
        super().__init__(fact)
        self.hint = hint


@dataclass(frozen=True)
class Share:
    """A condition and its points.

    Parameters
    ----------
    condition : Condition
        Its docstring is what the student reads.
    points : float
        What it is worth.
    inputs : mapping
        Keyword arguments of the condition: the sizes it tries. Empty for those that students see.
    """

    condition: Condition
    points: float
    inputs: Mapping[str, Any] = field(default_factory=dict)


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
        Whether it takes the CPU time of calls.
    cut : str, optional
        The function's option that says how the product is cut.
    """

    function: str
    solution: str
    shares: tuple[Share, ...]
    timed: bool = False
    cut: str | None = None

    @property
    def points(self) -> float:
        """What all conditions are worth together."""
        return sum(share.points for share in self.shares)


@dataclass(frozen=True)
class ConditionResult:
    """What one condition found.

    Parameters
    ----------
    condition : str
        Its name.
    words : str
        The sentence that the student reads.
    verdict : {'passed', 'failed', 'review', 'not-run', 'not-tried'}
        `review`: a person has to look; `not-run`: there was nothing to try it on; `not-tried`: the
        condition that it depends on does not hold.
    fact, hint : str
        What was seen, and where to look; empty when it passed.
    place : str
        The line of the student that raised, where it did.
    share, points : float
        What it is worth, and what was earned.
    detail : str
        What only the instructor reads; may name hidden inputs.
    """

    condition: str
    words: str = ""
    verdict: Verdict = "not-run"
    fact: str = ""
    hint: str = ""
    share: float = 0.0
    points: float = 0.0
    detail: str = ""
    place: str = ""

    @property
    def is_unwritten(self) -> bool:
        """Whether the function's cell is as it was released; gradebooks hold the fact alone."""
        return NOT_WRITTEN.fullmatch(self.fact) is not None

    @property
    def is_as_above(self) -> bool:
        """Whether an earlier condition has told the reason."""
        return self.fact == AS_ABOVE


@dataclass(frozen=True)
class CellVerdict:
    """The verdict on a graded cell.

    Parameters
    ----------
    grade_id : str
        The graded cell.
    score, max_score : float
        Points earned, and the most there are.
    verdict : {'passed', 'failed', 'review', 'not-run'}
        The worst of its conditions' verdicts.
    message, hint : str
        The first fact that cost points, and what to do about it.
    conditions : tuple of ConditionResult
        Every condition; empty where the cell has no check.
    """

    grade_id: str
    score: float
    max_score: float
    verdict: str
    message: str = ""
    hint: str = ""
    conditions: tuple[ConditionResult, ...] = ()

    @property
    def is_unwritten(self) -> bool:
        """Whether the cell that is checked is as it was released."""
        return NOT_WRITTEN.fullmatch(self.message) is not None

    @property
    def label(self) -> str:
        """The verdict as a person reads it: passed, failed, could not run or for review."""
        return LABELS[self.verdict]

    @property
    def summary(self) -> str:
        """The text for a person: a line for each condition, else the message and the hint."""
        if self.conditions:
            return describe(self.conditions)
        hint = f"Hint: {self.hint}\n" if self.hint else ""
        return f"{self.label}: {self.message}\n{hint}"


def sentence(condition: Condition) -> str:
    """Return the sentence that a student reads: the first line of the docstring."""
    return (condition.__doc__ or condition.__name__).strip().splitlines()[0]


def unwritten(function: str) -> str:
    """Return the fact that says of a function that its cell is as it was released."""
    return f"{function} is {UNWRITTEN}"


def visible_inputs(condition: Condition) -> np.random.Generator:
    """Return the generator of the inputs that a student sees."""
    return np.random.default_rng([VISIBLE_SEED, zlib.crc32(condition.__name__.encode())])


class Progress:
    """Receives the progress of a check, so that it is known which condition did not end.

    This one ignores it.
    """

    def checking(self, name: str, conditions: Sequence[ConditionResult]) -> None:
        """Receive the name of the function, and the results if no condition were tried."""

    def call(self) -> None:
        """Called before each call of the function."""

    def tried(self, result: ConditionResult) -> None:
        """Receive the result of a condition."""


NO_PROGRESS = Progress()


def try_here(
    function: Callable[..., Any],
    conditions: Mapping[Condition, float],
    cut: str | None = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[ConditionResult, ...]:
    """Try `function` in this process, on the inputs that a student sees.

    Parameters
    ----------
    function : callable
        A kernel: takes A (m, n) and B (n, p) and options.
    conditions : mapping of condition to points
        What it has to fulfil.
    cut : str, optional
        The option that says how the product is cut.
    progress : Progress
        Receives each call and each result.
    """
    shares = [Share(condition, points) for condition, points in conditions.items()]
    call = LocalCall(function, cut, progress.call)
    progress.checking(call.__name__, [outcome(share, "not-run") for share in shares])
    results = []
    for share in shares:
        results.append(attempt(call, share, visible_inputs(share.condition)))
        progress.tried(results[-1])
    return without_repeats(results)


def without_repeats(results: Iterable[ConditionResult]) -> tuple[ConditionResult, ...]:
    """Return the results of a check with one message for each mistake; no points change.

    Where the condition that the others depend on does not hold, those that fail as well become
    `not-tried`. The reason of an earlier condition with the same verdict is not repeated.
    """
    seen: set[tuple[str, str]] = set()  # of verdicts and reasons
    once, missing = [], False
    for result in results:
        if missing and result.verdict == "failed":
            result = replace(result, verdict="not-tried", fact="", hint="", place="")
        reason = result.verdict, reason_of(result)
        if result.fact and reason in seen:
            result = replace(result, fact=AS_ABOVE, hint="", place="")
        seen.add(reason)
        once.append(result)
        missing |= result.condition in FOUNDATIONS and result.verdict == "failed"
    return tuple(once)


def reason_of(result: ConditionResult) -> str:
    """Return where an error was raised, else the error without its numbers, else the fact."""
    error = re.search(r" raised (\w+: .*)", result.fact)
    return result.place or (re.sub(r"\d+", "", error[1]) if error else result.fact)


def attempt(call: Call, share: Share, rng: np.random.Generator) -> ConditionResult:
    """Try a condition on the function behind `call`, with inputs from `rng`."""
    try:
        share.condition(call, rng, **share.inputs)
    except CheckFailure as failure:
        return replace(outcome(share, "failed", failure.fact, failure.hint), place=failure.place)
    except Inconclusive as doubt:
        return outcome(share, "review", str(doubt), doubt.hint)
    except Unproven as reason:
        fact = f"{call.__name__}: how it works cannot be determined: {reason}."
        return outcome(share, "review", fact, REVIEW_HINT)
    except NoAnswer as failure:
        return outcome(share, "failed", failure.fact, failure.hint)
    return outcome(share, "passed")


def outcome(
    share: Share, verdict: Verdict, fact: str = "", hint: str = "", detail: str = ""
) -> ConditionResult:
    """Return the result of a condition; only `passed` earns its points."""
    return ConditionResult(
        condition=share.condition.__name__,
        words=sentence(share.condition),
        verdict=verdict,
        fact=fact,
        hint=hint,
        share=share.points,
        points=share.points if verdict == "passed" else 0.0,
        detail=detail,
    )


def overall(results: Sequence[ConditionResult]) -> ConditionResult:
    """Return the result that speaks for all: the first of the worst verdict among them."""
    for verdict in ("failed", "not-run", "review"):
        for result in results:
            if result.verdict == verdict:
                return result
    return results[0]


def describe(results: Sequence[ConditionResult]) -> str:
    """Return a line for each condition, and beneath one that did not pass what was seen."""
    lines = []
    for result in results:
        points = f"{result.points:g}/{result.share:g}"
        lines += _beside(f"{LABELS[result.verdict]:<13} {points:>5}  ", result.words)
        hint = f"Hint: {result.hint}" if result.hint else ""
        for said in filter(None, (result.fact, result.place, hint)):
            lines += _beside(MARGIN, said)
    return "\n".join(lines) + "\n"


def _beside(margin: str, text: str) -> list[str]:
    """Return the text in lines that a page shows whole, the first one beside the margin's text."""
    return wrap(text, COLUMNS, initial_indent=margin, subsequent_indent=MARGIN)


def restore(found: Iterable[Mapping[str, Any]]) -> tuple[ConditionResult, ...]:
    """Return results from the mappings that `dataclasses.asdict` made, in any version."""
    return tuple(ConditionResult(**known_facts(ConditionResult, one)) for one in found)


def known_facts(kind: type, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded fields that `kind` has; a verdict of a later version is for review."""
    names = {each.name for each in fields(kind)}
    facts = {name: value for name, value in found.items() if name in names}
    if facts.get("verdict", "review") not in LABELS:
        facts["verdict"] = "review"
    return facts
