"""Memory of one call: exact for NumPy's buffers, and tracing is left as it was found."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.memory import MemoryUse, measure_memory

HEADER = 1024
"""Bytes allowed for the small objects that come with a buffer: an array's header, numbers."""


def usual(call: Callable[[], Any]) -> MemoryUse:
    """Measure a call several times: another thread of this process may allocate meanwhile."""
    uses = [measure_memory(call) for _ in range(9)]
    return MemoryUse(0, *(sorted(sizes)[4] for sizes in zip(*map(sizes_of, uses), strict=True)))


def sizes_of(use: MemoryUse) -> tuple[int, int]:
    return use.kept, use.peak


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize("count", [1_000, 1_000_000])
def test_peak_and_kept_of_a_buffer_are_its_bytes(count):
    use = usual(partial(np.ones, count))
    assert 0 <= use.kept - 8 * count < HEADER
    assert 0 <= use.peak - 8 * count < HEADER


def test_peak_counts_temporaries_and_kept_does_not():
    def call():
        temporary = np.ones(300_000)
        return temporary[:100_000].copy()

    use = usual(call)
    assert 0 <= use.peak - 400_000 * 8 < HEADER
    assert 0 <= use.kept - 100_000 * 8 < HEADER


def test_nothing_allocated_is_nothing_used_and_tracing_is_off_again():
    use = usual(lambda: None)
    assert (use.peak, use.kept) == (0, 0)
    assert not tracemalloc.is_tracing()


def test_peak_is_of_this_call_alone(traced):
    held, freed = np.ones(1_000_000), np.ones(1_000_000)
    del freed
    assert measure_memory(lambda: None).before >= held.nbytes
    assert 0 <= usual(lambda: np.ones(1000)).peak - 8000 < HEADER


def test_freeing_more_than_is_kept_is_negative(traced):
    held = [np.ones(1_000_000)]
    use = measure_memory(held.clear)
    assert use.kept == pytest.approx(-8_000_000, rel=0.01)


def test_tracing_that_was_on_stays_on_and_keeps_its_traces(traced):
    held = np.ones(1000)
    measure_memory(lambda: None)
    assert tracemalloc.get_object_traceback(held) is not None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_tracing_is_restored_after_an_exception(error):
    def fail():
        assert tracemalloc.is_tracing()
        raise error

    with pytest.raises(error):
        measure_memory(fail)
    assert not tracemalloc.is_tracing()
