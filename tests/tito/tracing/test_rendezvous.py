"""Products that wait for one another: by hand with a clock of the test, and in real threads."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tito.tracing.rendezvous import (
    DELAY,
    FIRST,
    NAP,
    PAUSE,
    TURN,
    Rendezvous,
    late_threads,
)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def nobody_else() -> bool:
    return True


def somebody_else() -> bool:
    return False


def meeting(clock: Clock, wanted: int, alone: Callable[[], bool] = somebody_else) -> Rendezvous:
    return Rendezvous(wanted, patience=5.0, alone=alone, clock=clock)


def test_rendezvous_holds_products_until_enough_wait(clock: Clock) -> None:
    gate = meeting(clock, 3)
    for step in (4, 5):
        gate.arrive(step)
        assert gate.due() == []
    gate.arrive(6)
    assert gate.due() == [6]
    assert gate.together == (4, 5, 6)


def test_rendezvous_computes_in_reverse_order_and_lets_threads_go_on_after_all(
    clock: Clock,
) -> None:
    gate = meeting(clock, 3)
    for step in (1, 2, 3):
        gate.arrive(step)
    assert gate.due() == [3]
    assert gate.due() == []
    gate.depart(3)
    assert gate.due() == [2]
    gate.depart(2)
    assert gate.due() == [1]
    assert gate.due() == []
    gate.depart(1)
    assert gate.due() == [3]
    assert gate.due() == []
    for step in (2, 1):
        clock.now += PAUSE
        assert gate.due() == [step]
    assert gate.seconds() is None


def test_rendezvous_holds_nobody_up_for_long(clock: Clock) -> None:
    gate = meeting(clock, 2)
    for step in (1, 2):
        gate.arrive(step)
    assert gate.due() == [2]
    clock.now += TURN
    assert gate.due() == [1]
    gate.depart(2)
    assert gate.due() == [2]
    gate.depart(1)
    assert gate.due() == [1]


def test_rendezvous_lets_all_pass_after_it_has_opened(clock: Clock) -> None:
    gate = meeting(clock, 2)
    for step in (1, 2):
        gate.arrive(step)
    gate.due()
    gate.arrive(7)
    assert gate.due() == [7]
    gate.depart(7)
    assert gate.due() == [7]
    assert gate.together == (1, 2)


def test_rendezvous_waits_anew_after_each_arrival_and_then_opens(clock: Clock) -> None:
    gate = meeting(clock, 3)
    assert gate.seconds() is None
    gate.arrive(1)
    clock.now += 4.0
    gate.arrive(2)
    assert gate.seconds() == 5.0
    clock.now += 4.0
    assert gate.due() == []
    clock.now += 1.0
    assert gate.due() == [2]
    assert gate.together == (1, 2)


def test_rendezvous_does_not_wait_where_nobody_can_come(clock: Clock) -> None:
    gate = meeting(clock, 2, nobody_else)
    gate.arrive(1)
    assert gate.due() == [1]
    assert gate.together == (1,)


def test_rendezvous_tells_threads_that_meet_from_one_after_another() -> None:
    gate = Rendezvous(3)

    def product(step: int) -> None:
        gate.enter(step)
        gate.leave(step)

    threads = [threading.Thread(target=product, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(gate.together) == [0, 1, 2]

    gate = Rendezvous(2, patience=60.0, alone=nobody_else)
    for step in range(3):
        gate.enter(step)
        gate.leave(step)
    assert gate.together == (0,)


def test_late_threads_show_what_is_bound_late() -> None:
    seen: list[int] = []

    def start_all() -> list[Any]:
        threads = []
        for n in range(3):
            threads.append(threading.Thread(target=lambda: seen.append(n)))  # noqa: B023
            threads[-1].start()
        return threads

    with late_threads():
        for thread in start_all():
            thread.join()
    assert seen == [2, 2, 2]
    assert threading.Thread.run.__module__ == "threading"


def test_the_first_thread_begins_last_and_nobody_sleeps_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with late_threads(first_last=True):
        time.sleep(5)
        for _ in range(3):
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
    assert slept == [NAP, FIRST, DELAY, DELAY]
    time.sleep(5)
    assert slept[-1] == 5
