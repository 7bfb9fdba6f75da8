"""Verdicts on whole submissions: what each cell costs, and what is said."""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tito.grading.calls import Call
from tito.grading.conditions import mismatch, multiply, square
from tito.grading.judge import Check, judge_cells
from tito.grading.results import Share, try_here
from tito.grading.session import Limits

GIVEN = ["import os\nimport numpy as np\n"]
RIGHT = "def f(A, B):\n    return A @ B\n"
ONE = {"graded": Check("f", "cell", (Share(square, 2), Share(mismatch, 1)))}


def one(source: str, **options: Any) -> Any:
    (verdict,) = judge_cells(GIVEN, {"cell": source}, ONE, **options)
    return verdict


def test_judge_cells_gives_full_points_for_a_right_cell() -> None:
    verdict = one(RIGHT)
    assert (verdict.grade_id, verdict.score, verdict.max_score) == ("graded", 3.0, 3.0)
    assert (verdict.verdict, verdict.message, verdict.hint) == ("passed", "", "")


def test_judge_cells_gives_part_of_the_points() -> None:
    verdict = one("def f(A, B):\n    return A @ B if A.shape[1] == B.shape[0] else 0\n")
    assert (verdict.score, verdict.verdict) == (2.0, "failed")
    assert "has to raise ValueError" in verdict.message
    assert verdict.hint


@pytest.mark.parametrize(
    ("source", "verdict", "message"),
    [
        ("def f(:", "not-run", "not Python: line 1"),
        ("def g(A, B): pass", "not-run", "f is not defined"),
        ("raise RuntimeError('early')", "not-run", "cell raised RuntimeError: early"),
        ("os._exit(0)", "not-run", "ended during loading"),
        ("def f(A, B):\n    raise NotImplementedError", "failed", "not written yet"),
    ],
)
def test_judge_cells_says_why_nothing_was_earned(source: str, verdict: str, message: str) -> None:
    result = one(source)
    assert (result.score, result.verdict) == (0.0, verdict)
    assert message in result.message


def test_judge_cells_reports_a_cell_that_was_not_handed_in() -> None:
    (verdict,) = judge_cells(GIVEN, {}, ONE)
    assert (verdict.score, verdict.verdict) == (0.0, "not-run")


def test_judge_cells_costs_one_condition_for_one_death() -> None:
    verdict = one("def f(A, B):\n    return A @ B if A.shape[1] == B.shape[0] else os._exit(0)\n")
    assert verdict.score == 2.0


def test_judge_cells_stops_after_what_a_cell_may_use() -> None:
    source = "def f(A, B):\n    while True:\n        pass\n"
    for limits in (
        Limits(call_seconds=0.2, cell_seconds=0.1),
        Limits(call_seconds=0.2, late_calls=1),
    ):
        verdict = one(source, limits=limits)
        assert [result.verdict for result in verdict.conditions] == ["failed", "not-run"]


def test_judge_cells_says_what_the_notebook_says() -> None:
    """One verdict: the words under the judge are those of a run in the student's process."""

    def f(A: Any, B: Any) -> Any:
        return (A @ B).T

    here = try_here(f, {share.condition: share.points for share in ONE["graded"].shares})
    assert one("def f(A, B):\n    return (A @ B).T\n").conditions == here


def larger_than(call: Call, rng: np.random.Generator, n: int = 3) -> None:
    """Sizes are multiplied."""
    multiply(call, rng.random((n, n)), rng.random((n, n)), "Try sizes.")


def test_judge_cells_hides_what_hidden_inputs_showed() -> None:
    checks = {"graded": Check("f", "cell", (Share(larger_than, 1, {"n": 37}),))}
    source = "def f(A, B):\n    return A @ B * (len(A) < 9)\n"
    (verdict,) = judge_cells(GIVEN, {"cell": source}, checks)
    (result,) = verdict.conditions
    assert (verdict.score, result.verdict) == (0.0, "failed")
    assert "37" not in verdict.message + verdict.hint
    assert "37" in result.detail


def test_judge_cells_draws_hidden_inputs_afresh_and_logs_the_seed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    drawn = []

    def keeps(call: Call, rng: np.random.Generator, hidden: bool = False) -> None:
        """Kept."""
        if hidden:
            drawn.append(rng.integers(1 << 60))

    checks = {"graded": Check("f", "cell", (Share(keeps, 1, {"hidden": True}),))}
    with caplog.at_level(logging.INFO):
        for seed in (None, None, 7, 7):
            judge_cells(GIVEN, {"cell": RIGHT}, checks, seed=seed)
    assert len(set(drawn)) == 3
    assert drawn[2] == drawn[3]
    assert "seed 7" in caplog.text


def test_judge_cells_sends_suspicious_methods_to_a_person(
    judge: Any, reference: Mapping[str, Any]
) -> None:
    source = "import gc\n" + reference["cells"]["matmul-vectorized"]
    (verdict,) = judge({"matmul-vectorized": source}, ["test-vectorized-immediate"])
    assert (verdict.score, verdict.verdict) == (7.0, "review")
    assert "imports gc" in verdict.message


def test_checks_keep_the_points_of_the_contract(checks: Mapping[str, Check]) -> None:
    points = {grade_id: check.points for grade_id, check in checks.items()}
    assert points == {
        "test-memory-trace": 5,
        "test-vectorized-immediate": 10,
        "test-arithmetic-intensity": 5,
        "test-tiled-trace": 5,
        "test-cache-immediate": 15,
        "test-cache-performance": 5,
        "test-attention-chunks": 10,
        "test-chunk-edges": 2,
        "test-parallel-immediate": 15,
        "test-parallel-concurrent": 5,
        "test-amdahl": 3,
    }


def test_checks_give_every_condition_a_sentence(checks: Mapping[str, Check]) -> None:
    for check in checks.values():
        for share in check.shares:
            text = (share.condition.__doc__ or "").splitlines()
            assert text
            assert text[0].endswith(".")


def test_judge_cells_keeps_full_points_for_the_reference(
    judge: Any, checks: Mapping[str, Check]
) -> None:
    scores = {verdict.grade_id: verdict.score for verdict in judge({})}
    assert scores == {grade_id: check.points for grade_id, check in checks.items()}
