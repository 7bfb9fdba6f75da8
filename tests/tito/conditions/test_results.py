"""Results: what a condition's end becomes."""

import linecache
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito import conditions
from tito.conditions.call import LocalCall, NoAnswer
from tito.conditions.product import empty_sides, square, tall_and_wide
from tito.conditions.results import (
    AS_ABOVE,
    FOUNDATIONS,
    REVIEW_HINT,
    CellVerdict,
    ConditionResult,
    Inconclusive,
    Progress,
    Share,
    attempt,
    describe,
    outcome,
    overall,
    restore,
    sentence,
    try_here,
    unwritten,
    visible_inputs,
    without_repeats,
)
from tito.tracing import Unproven


def matmul_vectorized(A: Any, B: Any) -> Any:
    return A @ B


@pytest.mark.parametrize(
    ("end", "verdict", "points"),
    [
        (None, "passed", 2.0),
        (CheckFailure("fact", "hint"), "failed", 0.0),
        (NoAnswer("fact", "hint"), "failed", 0.0),
        (Inconclusive("fact", "hint"), "review", 0.0),
    ],
)
def test_attempt_gives_points_for_a_pass_only(
    end: Exception | None, verdict: str, points: float
) -> None:
    def condition(call: Any, rng: Any) -> None:
        """The sentence.

        More.
        """
        if end is not None:
            raise end

    result = attempt(LocalCall(matmul_vectorized), Share(condition, 2.0), np.random.default_rng(0))
    assert (result.verdict, result.points, result.share) == (verdict, points, 2.0)
    assert result.words == "The sentence."
    assert (result.fact, result.hint) == (("fact", "hint") if end else ("", ""))
    assert result.detail == ""


def test_attempt_reviews_what_is_not_proven() -> None:
    def condition(call: Any, rng: Any) -> None:
        raise Unproven("it takes too long to repeat")

    result = attempt(LocalCall(matmul_vectorized), Share(condition, 1), np.random.default_rng(0))
    assert (result.verdict, result.hint) == ("review", REVIEW_HINT)
    reason = "how it works cannot be determined: it takes too long to repeat"
    assert result.fact == f"matmul_vectorized: {reason}."


def test_attempt_lets_a_bug_of_ours_through() -> None:
    def condition(call: Any, rng: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        attempt(LocalCall(matmul_vectorized), Share(condition, 1), np.random.default_rng(0))


def test_try_here_gives_a_result_for_each_condition() -> None:
    results = try_here(matmul_vectorized, {square: 3})
    assert [(r.condition, r.verdict, r.points) for r in results] == [("square", "passed", 3)]


class Recording(Progress):
    """A progress that keeps its events."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def checking(self, name: str, conditions: Sequence[ConditionResult]) -> None:
        self.events.append((name, [(r.condition, r.verdict) for r in conditions]))

    def call(self) -> None:
        self.events.append("call")

    def tried(self, result: ConditionResult) -> None:
        self.events.append((result.condition, result.verdict))


def test_try_here_reports_its_progress() -> None:
    progress = Recording()
    try_here(matmul_vectorized, {square: 3, empty_sides: 1}, progress=progress)
    first, *calls = progress.events
    both = [("square", "not-run"), ("empty_sides", "not-run")]
    assert first == ("matmul_vectorized", both)
    assert [said for said in calls if said != "call"] == [(name, "passed") for name, _ in both]
    assert calls[0] == "call"


def test_try_here_says_which_option_cuts() -> None:
    def asks(call: Any, rng: Any) -> None:
        if call.cut != "block_size":
            raise CheckFailure(f"{call.cut} cuts")

    (result,) = try_here(matmul_vectorized, {asks: 1}, cut="block_size")
    assert result.verdict == "passed"


@pytest.mark.parametrize("worst", ["failed", "not-run", "review"])
def test_overall_is_the_first_of_the_worst(worst: Any) -> None:
    better = ["failed", "not-run", "review", "passed"]
    better = better[better.index(worst) + 1 :]
    results = [ConditionResult(str(i), verdict=v) for i, v in enumerate([*better, worst, worst])]
    assert overall(results) == results[len(better)]


def test_visible_inputs_are_the_same_every_time_and_differ_between_conditions() -> None:
    assert visible_inputs(square).integers(1 << 30) == visible_inputs(square).integers(1 << 30)
    assert visible_inputs(square).integers(1 << 30) != visible_inputs(outcome).integers(1 << 30)  # type: ignore[arg-type]


def test_words_are_the_first_line_of_the_docstring() -> None:
    assert sentence(square) == "Square matrices are multiplied correctly."


def test_restore_reads_results_of_other_versions() -> None:
    (result,) = restore([{"condition": "square", "points": 2.0, "invented_later": 1}])
    assert (result.condition, result.points, result.verdict) == ("square", 2.0, "not-run")
    (result,) = restore([{"condition": "square", "verdict": "invented-later"}])
    assert result.verdict == "review"


def test_try_here_tries_nothing_after_a_wrong_plain_product() -> None:
    def transposed(A: Any, B: Any) -> Any:
        return (A @ B).T

    square_one, wide, sides = try_here(transposed, {square: 1, tall_and_wide: 2, empty_sides: 3})
    assert (square_one.verdict, wide.verdict, sides.verdict) == ("failed", "not-tried", "not-tried")
    assert "transpose" in square_one.fact
    assert (wide.fact, wide.hint, wide.points, wide.share) == ("", "", 0.0, 2)


def test_without_repeats_keeps_what_passed_and_repeats_no_fact() -> None:
    found = [
        ConditionResult("square", verdict="failed", fact="a", hint="h"),
        ConditionResult("mismatch", verdict="passed", share=1, points=1),
        ConditionResult("wide", verdict="failed", fact="b", hint="h", place="Line 2"),
    ]
    told = without_repeats(found)
    assert [(r.verdict, r.fact, r.points, r.place) for r in told] == [
        ("failed", "a", 0, ""),
        ("passed", "", 1, ""),
        ("not-tried", "", 0, ""),
    ]
    twice = without_repeats(
        ConditionResult(n, verdict="failed", fact="a", hint="h", place="Line 2") for n in "xyz"
    )
    said = [(r.fact, r.hint, r.place) for r in twice]
    assert said == [("a", "h", "Line 2"), *[("The same as above.", "", "")] * 2]


def test_without_repeats_knows_an_error_again_that_has_other_numbers() -> None:
    facts = [f"f(A, B) raised ValueError: shape {shape} is wrong" for shape in ("(2, 3)", "(8, 5)")]
    facts += ["f(A, B) raised TypeError: shape (2, 3) is wrong", facts[0]]
    places = ["", "", "", "Line 3"]
    found = [
        ConditionResult(fact, verdict="failed", fact=fact, hint="h", place=place)
        for fact, place in zip(facts, places, strict=True)
    ]
    assert [r.fact for r in without_repeats(found)] == [facts[0], AS_ABOVE, facts[2], facts[3]]
    same = [replace(found[0], place="Line 3"), replace(found[2], place="Line 3")]
    assert [r.fact for r in without_repeats(same)] == [facts[0], AS_ABOVE]


def test_a_result_knows_a_stub_and_what_is_told_already() -> None:
    def stub(A: Any, B: Any) -> Any:
        raise NotImplementedError("this cell is not written yet")

    first, second = try_here(stub, {tall_and_wide: 2, empty_sides: 3})
    assert (first.fact, first.is_unwritten, first.is_as_above) == (unwritten("stub"), True, False)
    assert (second.fact, second.is_unwritten, second.is_as_above) == (AS_ABOVE, False, True)
    assert CellVerdict("test-f", 0.0, 5.0, "failed", first.fact).is_unwritten


def test_the_conditions_that_others_build_on_are_conditions() -> None:
    assert set(FOUNDATIONS) <= set(conditions.__all__)


def test_try_here_names_the_line_that_raised() -> None:
    source = "def f(A, B):\n    return A @ B[missing]\n"
    linecache.cache["<cell-f>"] = (len(source), None, source.splitlines(True), "<cell-f>")
    names: dict[str, Any] = {}
    exec(compile(source, "<cell-f>", "exec"), names)
    (result,) = try_here(names["f"], {square: 1})
    assert result.place == "Line 2 of cell cell-f: `return A @ B[missing]` raised NameError."


def test_describe_has_no_line_that_formgrader_cuts_off() -> None:
    said = ("a fact of many words " * 12, "a hint of many words " * 12)
    failed = ConditionResult("square", "Many words. " * 12, "failed", *said, share=2.0)
    lines = describe([failed, replace(failed, fact="", hint="")]).splitlines()
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line[0] != " "] == [lines[0], lines[-2]]
