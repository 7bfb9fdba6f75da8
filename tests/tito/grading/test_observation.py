"""Observing one call."""

from typing import Any

import numpy as np

from tito.grading.observation import cache_misses, observe


def blocks(n: int, size: int) -> list[int]:
    """Addresses that a blocked triple loop reads from B."""
    starts = range(0, n, size)
    inside = range(size)
    return [
        (k + q) * n + j + c
        for i in starts
        for j in starts
        for k in starts
        for _ in inside
        for c in inside
        for q in inside
    ]


def test_cache_misses_counts_each_first_read() -> None:
    assert cache_misses([1, 2, 1, 3, 2], capacity=3) == 3


def test_cache_misses_forgets_what_was_used_longest_ago() -> None:
    assert cache_misses([1, 2, 1, 3, 1, 2], capacity=2) == 4


def test_cache_misses_tells_blocks_from_a_plain_loop() -> None:
    n, size = 16, 4
    plain = [k * n + j for i in range(n) for j in range(n) for k in range(n)]
    capacity = 3 * size * size
    assert cache_misses(plain, capacity) == n**3
    assert cache_misses(blocks(n, size), capacity) == n**3 // size


def test_observe_notes_what_was_raised() -> None:
    def leaves(A: Any, B: Any) -> Any:
        raise SystemExit("gone")

    seen = observe(leaves, (np.ones((1, 1)), np.ones((1, 1))), {})
    assert seen.raised == (("SystemExit", "BaseException"), "gone")


def test_observe_shows_no_warnings() -> None:
    seen = observe(lambda A, B: A / 0, (np.ones((1, 1)), np.ones((1, 1))), {})
    assert seen.value is not None
    assert np.isinf(seen.value).all()


def test_observe_names_the_type_of_what_is_no_array() -> None:
    seen = observe(lambda A, B: [1.0], (np.ones((1, 1)), np.ones((1, 1))), {})
    assert (seen.value, seen.returned) == (None, "list")


def test_observe_counts_steps_only_on_demand() -> None:
    def loop(A: Any, B: Any) -> Any:
        for _ in range(50):
            pass
        return A

    arrays = np.ones((1, 1)), np.ones((1, 1))
    quiet = observe(loop, arrays, {}, factor=8).record
    counted = observe(loop, arrays, {}, factor=8, count_steps=True).record
    assert quiet is not None
    assert counted is not None
    assert quiet.steps == 0
    assert counted.steps >= 100
