"""The benchmark of the points for speed: its kernels, its neighbours, and how it counts."""

import json
import multiprocessing
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import performance_points
from benchmarks.performance_points import (
    HONEST,
    NEIGHBOURS,
    SLOW,
    Outcome,
    busy_neighbours,
    grade,
    keep_busy,
    main,
    outcome,
    outcomes_text,
    survey,
)
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tito.grading import costs

SMALL = {"shape": (32, 32, 32), "block_size": 16}


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the share that will be measured."""

    def measuring(share: float) -> None:
        def cost(call: Callable[[], Any], arrays: Any) -> int:
            call()
            return round(share * costs.MILLION)

        monkeypatch.setitem(costs.COSTS, "speed", cost)

    return measuring


def an_outcome(**changes: Any) -> Outcome:
    facts = {"kernel": "plain", "honest": True, "neighbours": 2, "passed": 3, "failed": 0}
    return Outcome(**{**facts, "review": 0, "shares": (0.7, 0.8, 0.9), **changes})


@pytest.mark.parametrize("kernel", HONEST + SLOW)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_kernels_are_right(kernel: Any, dtype: str) -> None:
    rng = np.random.default_rng(5)
    A, B = random_matrix(rng, 70, 9, dtype), random_matrix(rng, 9, 13, dtype)
    assert_multiplies(kernel, A, B, hint="")


@pytest.mark.parametrize("kernel", HONEST + SLOW)
@pytest.mark.parametrize(
    ("share", "verdict"), [(0.71, "passed"), (0.69, "failed"), (0.0, "review")]
)
def test_grade_depends_on_the_measured_share_alone(
    measuring: Callable[[float], None], kernel: Any, share: float, verdict: str
) -> None:
    measuring(share)
    assert grade(kernel, 1, **SMALL, least=0.7) == (verdict, pytest.approx(share))


def test_grade_of_what_is_not_in_blocks_has_no_share() -> None:
    def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
        return A @ B

    assert grade(matmul_cache_optimized, 1, **SMALL) == ("failed", None)


def test_survey_grades_every_kernel_in_a_process_of_its_own() -> None:
    found = survey(1, 0, **SMALL)
    assert [one.kernel for one in found] == [kernel.__name__ for kernel in HONEST + SLOW]
    assert all(one.passed + one.failed + one.review == 1 for one in found)
    assert all(share > 0 for one in found for share in one.shares)


def test_outcome_counts_an_honest_kernel_that_failed_and_a_slow_one_that_passed() -> None:
    graded = [("passed", 0.8), ("failed", 0.6), ("failed", None), ("review", 0.0)]
    honest, slow = (outcome(kernel, 4, graded) for kernel in (HONEST[0], SLOW[0]))
    assert (honest.wrong, slow.wrong) == (2, 1)
    assert (honest.passed, honest.failed, honest.review) == (1, 2, 1)
    assert honest.shares == (0.8, 0.6, 0.0)
    assert honest.neighbours == 4


def test_outcomes_text_has_the_two_ways_to_be_wrong_in_two_columns() -> None:
    slow = an_outcome(kernel="slow", honest=False, passed=2, failed=1, shares=())
    _, first, second = outcomes_text([an_outcome(), slow], 0.7).splitlines()
    assert first.split() == ["plain", "2", "3", "0", "-", "0", "0.700", "0.800", "0.900", "0.7"]
    assert second.split() == ["slow", "2", "3", "-", "2", "0", "-", "-", "-", "0.7"]


def test_busy_neighbours_are_gone_after_an_interruption() -> None:
    children: list[Any] = []

    def interrupted() -> None:
        with busy_neighbours(2):
            children.extend(multiprocessing.active_children())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(children) == 2
    assert not any(child.is_alive() for child in children)


def test_busy_neighbours_that_cannot_start_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(performance_points, "SECONDS_TO_START", 0.0)
    with pytest.raises(threading.BrokenBarrierError), busy_neighbours(1):
        pytest.fail("nobody was there")
    assert not multiprocessing.active_children()


def test_keep_busy_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Parent:
        left = 3

        def is_alive(self) -> bool:
            self.left -= 1
            return self.left >= 0

    class Ready:
        def wait(self, seconds: float) -> None:
            steps.append("ready")

    steps: list[str] = []
    handled: list[Any] = []
    monkeypatch.setattr(multiprocessing, "parent_process", Parent)
    monkeypatch.setattr(signal, "signal", lambda *handler: handled.append(handler))
    keep_busy(lambda: lambda: steps.append("step"), Ready())  # type: ignore[arg-type]
    assert steps == ["ready", "step", "step", "step"]
    assert handled == [(signal.SIGINT, signal.SIG_IGN)]


@pytest.mark.parametrize("prepare", NEIGHBOURS)
def test_neighbours_can_do_their_step_again(prepare: Any) -> None:
    step = prepare()
    step()
    step()


@pytest.mark.parametrize(
    ("changes", "code"), [({}, 0), ({"failed": 1}, 1), ({"honest": False}, 1), ({"review": 1}, 1)]
)
def test_main_fails_where_any_grading_was_not_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any], code: int
) -> None:
    asked: list[Any] = []

    def surveyed(gradings: int, count: int, **inputs: Any) -> list[Outcome]:
        asked.append((gradings, count, inputs["least"], inputs["block_size"]))
        return [an_outcome(**changes)]

    monkeypatch.setattr(performance_points, "survey", surveyed)
    path = tmp_path / "points.json"
    chosen = ["--gradings", "5", "--neighbours", "0", "3", "--least", "0.5", "--block-size", "9"]
    assert main([*chosen, "--json", str(path)]) == code
    assert asked == [(5, 0, 0.5, 9), (5, 3, 0.5, 9)]
    assert len(json.loads(path.read_text(encoding="utf-8"))["outcomes"]) == 2
