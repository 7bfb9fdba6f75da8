"""A run's promises: every submission comes back once, whatever becomes of the processes."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest

from tito.grading.pipeline.grade import GradingContext, GradingResult, Submission
from tito.grading.pipeline.schedule import LOST, TRIES, grade_all
from tito.grading.workers.pool import LocalPool

NOTHING = GradingContext(release="", checks="", limits=None, sandbox="off")  # type: ignore[arg-type]


def passes(context: GradingContext, submission: Submission) -> GradingResult:
    return GradingResult(submission.student, "graded")


def raises(context: GradingContext, submission: Submission) -> GradingResult:
    raise OSError("no such luck")


def kills(context: GradingContext, submission: Submission) -> GradingResult:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Pool(LocalPool):
    """A real pool whose processes do what a submission's student is called for."""

    def __init__(self, jobs: int, ways: dict[str, list[Callable[..., GradingResult]]]) -> None:
        super().__init__(jobs)
        self.ways = ways
        self.submitted: list[str] = []

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        student = arguments[1].student
        self.submitted.append(student)
        ways = self.ways.get(student, [])
        return super().submit(ways.pop(0) if ways else passes, *arguments)


def submission(number: int) -> Iterator[Submission]:
    return (Submission(f"s{n}", "") for n in range(number))


def result(pool: Pool, number: int = 6) -> dict[str, GradingResult]:
    with closing(pool):
        found = list(grade_all(pool, NOTHING, submission(number)))
    assert sorted(each.student for each in found) == [f"s{n}" for n in range(number)]
    return {each.student: each for each in found}


def test_grade_all_names_what_ends_its_worker_again_and_again() -> None:
    found = result(Pool(2, {"s2": [kills] * (1 + TRIES)}))
    assert (found["s2"].status, found["s2"].reason) == ("failed", LOST)
    assert {each.status for each in found.values() if each.student != "s2"} == {"graded"}


def test_grade_all_forgives_a_worker_that_was_killed_once() -> None:
    found = result(Pool(2, {"s1": [kills], "s4": [kills]}))
    assert {each.status for each in found.values()} == {"graded"}


def test_grade_all_reports_an_error_and_goes_on() -> None:
    found = result(Pool(2, {"s0": [raises]}))
    assert (found["s0"].status, found["s0"].reason) == ("failed", "OSError: no such luck")
    assert "Traceback" in found["s0"].error
    assert {each.status for each in found.values() if each.student != "s0"} == {"graded"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_grade_all_reads_no_further_than_it_has_room(jobs: int) -> None:
    read: list[str] = []

    def waiting() -> Iterator[Submission]:
        for each in submission(20):
            read.append(each.student)
            yield each

    with closing(Pool(jobs, {})) as pool:
        for done, _ in enumerate(grade_all(pool, NOTHING, waiting())):
            assert len(read) <= done + 1 + pool.at_a_time
    assert len(read) == 20


def test_grade_all_of_nothing() -> None:
    pool = Pool(1, {})
    assert result(pool, 0) == {}
    assert pool.submitted == []
