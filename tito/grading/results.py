"""What a check found out: data only; printing it is somebody else's work."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.grading.calls import Call, LocalCall, NoAnswer

__all__ = [
    "MIME_TYPE",
    "Condition",
    "CouldNotSee",
    "Result",
    "Share",
    "Verdict",
    "attempt",
    "describe",
    "overall",
    "restore",
    "try_here",
    "visible_inputs",
    "words",
]

Verdict: TypeAlias = Literal["passed", "failed", "review", "not-run"]
Condition: TypeAlias = Callable[..., None]  # (call, rng, **inputs): returns, or raises what it saw


MIME_TYPE = "application/vnd.tito.check+json"
"""Under which a locked cell shows its results to programs, beside the text for people."""

SIGNS = {"passed": "passed", "failed": "failed", "review": "for review", "not-run": "could not run"}

VISIBLE_SEED = 11  # the notebook's inputs are the same for everybody, every time


class CouldNotSee(Exception):  # noqa: N818 (nothing is wrong: a person has to look)
    """What a condition counts was out of its sight, so it neither passed nor failed."""


@dataclass(frozen=True)
class Share:
    """A condition and the points that hang on it.

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
class Result:
    """What one condition found.

    Parameters
    ----------
    condition : str
        Its name.
    words : str
        The sentence that the student reads.
    verdict : {'passed', 'failed', 'review', 'not-run'}
        `review`: a person has to look; `not-run`: there was nothing to try it on.
    fact, hint : str
        What was seen, and where to look; empty when it passed.
    share, points : float
        What it is worth, and what of that was earned.
    detail : str
        What only the instructor reads; may name hidden inputs.
    """

    condition: str
    words: str
    verdict: Verdict
    fact: str
    hint: str
    share: float
    points: float
    detail: str = ""


def words(condition: Condition) -> str:
    """Return the sentence that a student reads: the first line of the docstring."""
    return (condition.__doc__ or condition.__name__).strip().splitlines()[0]


def visible_inputs(condition: Condition) -> np.random.Generator:
    """Return the generator of the inputs that a student sees."""
    return np.random.default_rng([VISIBLE_SEED, zlib.crc32(condition.__name__.encode())])


def try_here(
    function: Callable[..., Any], conditions: Mapping[Condition, float]
) -> tuple[Result, ...]:
    """Try `function` in this process, on the inputs that a student sees.

    Parameters
    ----------
    function : callable
        A kernel: takes A (m, n) and B (n, p) and options.
    conditions : mapping of condition to points
        What it has to fulfil.
    """
    call = LocalCall(function)
    return tuple(
        attempt(call, Share(condition, points), visible_inputs(condition))
        for condition, points in conditions.items()
    )


def attempt(call: Call, share: Share, rng: np.random.Generator) -> Result:
    """Try a condition on the function behind `call`, with inputs from `rng`."""
    try:
        share.condition(call, rng, **share.inputs)
    except CheckFailure as failure:
        return outcome(share, "failed", failure.fact, failure.hint)
    except CouldNotSee as doubt:
        return outcome(share, "review", str(doubt), "Your instructor will look at this part.")
    except NoAnswer as silence:
        return outcome(share, "failed", silence.fact, silence.hint)
    return outcome(share, "passed")


def outcome(
    share: Share, verdict: Verdict, fact: str = "", hint: str = "", detail: str = ""
) -> Result:
    """Return the result of a condition; only `passed` earns its points."""
    return Result(
        condition=share.condition.__name__,
        words=words(share.condition),
        verdict=verdict,
        fact=fact,
        hint=hint,
        share=share.points,
        points=share.points if verdict == "passed" else 0.0,
        detail=detail,
    )


def overall(results: Sequence[Result]) -> Result:
    """Return the result that speaks for all: the first of the worst verdict among them."""
    for verdict in ("failed", "not-run", "review"):
        for result in results:
            if result.verdict == verdict:
                return result
    return results[0]


def describe(results: Sequence[Result]) -> str:
    """Return a line for each condition, and beneath one that did not pass what was seen."""
    lines = []
    for result in results:
        points = f"{result.points:g}/{result.share:g}"
        lines.append(f"{SIGNS[result.verdict]:<13} {points:>5}  {result.words}")
        if result.fact:
            lines.append(f"{'':<20} {result.fact}")
        if result.hint:
            lines.append(f"{'':<20} Hint: {result.hint}")
    return "\n".join(lines) + "\n"


def restore(found: Iterable[Mapping[str, Any]]) -> tuple[Result, ...]:
    """Return the results that `dataclasses.asdict` made mappings of."""
    return tuple(Result(**one) for one in found)
