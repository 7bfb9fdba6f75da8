"""A run's promises: every submission comes back once, whatever becomes of the processes."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest

from tito.grading.pipeline.grade import Examined, HandedIn, Material
from tito.grading.pipeline.schedule import LOST, TRIES, examine_all
from tito.grading.workers.pool import LocalPool

NOTHING = Material(release="", checks="", limits=None, sandbox="off")  # type: ignore[arg-type]


def passes(material: Material, handed_in: HandedIn) -> Examined:
    return Examined(handed_in.student, "graded")


def raises(material: Material, handed_in: HandedIn) -> Examined:
    raise OSError("no such luck")


def kills(material: Material, handed_in: HandedIn) -> Examined:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


class Pool(LocalPool):
    """A real pool whose processes do what a submission's student is called for."""

    def __init__(self, jobs: int, ways: dict[str, list[Callable[..., Examined]]]) -> None:
        super().__init__(jobs)
        self.ways = ways
        self.submitted: list[str] = []

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        student = arguments[1].student
        self.submitted.append(student)
        ways = self.ways.get(student, [])
        return super().submit(ways.pop(0) if ways else passes, *arguments)


def handed_in(number: int) -> Iterator[HandedIn]:
    return (HandedIn(f"s{n}", "") for n in range(number))


def examined(pool: Pool, number: int = 6) -> dict[str, Examined]:
    with closing(pool):
        found = list(examine_all(pool, NOTHING, handed_in(number)))
    assert sorted(each.student for each in found) == [f"s{n}" for n in range(number)]
    return {each.student: each for each in found}


def test_examine_all_names_what_ends_its_worker_again_and_again() -> None:
    found = examined(Pool(2, {"s2": [kills] * (1 + TRIES)}))
    assert (found["s2"].status, found["s2"].reason) == ("failed", LOST)
    assert {each.status for each in found.values() if each.student != "s2"} == {"graded"}


def test_examine_all_forgives_a_worker_that_was_killed_once() -> None:
    found = examined(Pool(2, {"s1": [kills], "s4": [kills]}))
    assert {each.status for each in found.values()} == {"graded"}


def test_examine_all_reports_an_error_and_goes_on() -> None:
    found = examined(Pool(2, {"s0": [raises]}))
    assert (found["s0"].status, found["s0"].reason) == ("failed", "OSError: no such luck")
    assert "Traceback" in found["s0"].error
    assert {each.status for each in found.values() if each.student != "s0"} == {"graded"}


@pytest.mark.parametrize("jobs", [1, 3])
def test_examine_all_reads_no_further_than_it_has_room(jobs: int) -> None:
    read: list[str] = []

    def waiting() -> Iterator[HandedIn]:
        for each in handed_in(20):
            read.append(each.student)
            yield each

    with closing(Pool(jobs, {})) as pool:
        for done, _ in enumerate(examine_all(pool, NOTHING, waiting())):
            assert len(read) <= done + 1 + pool.at_a_time
    assert len(read) == 20


def test_examine_all_of_nothing() -> None:
    pool = Pool(1, {})
    assert examined(pool, 0) == {}
    assert pool.submitted == []
