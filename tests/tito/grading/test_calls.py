"""Calls in this process."""

from typing import Any

import numpy as np

from tito.grading.calls import LocalCall, Watching


def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
    return A @ B


def test_local_call_knows_the_knob_of_a_function() -> None:
    assert LocalCall(matmul_cache_optimized).knob == "block_size"
    assert LocalCall(max).knob is None


def test_local_call_reports_what_was_raised() -> None:
    reply = LocalCall(matmul_cache_optimized)(np.ones((2, 3)), np.ones((2, 3)))
    assert reply.raised is not None
    assert "ValueError" in reply.raised.kinds
    assert reply.value is None


def test_local_call_works_on_copies() -> None:
    def scales(A: Any, B: Any) -> Any:
        A *= 2
        return A @ B

    A = np.ones((2, 2))
    reply = LocalCall(scales)(A, np.ones((2, 2)))
    assert not reply.unchanged
    assert A.sum() == 4


def test_watch_takes_the_factor_out_again() -> None:
    rng = np.random.default_rng(3)
    A, B = rng.standard_normal((4, 3)), rng.standard_normal((3, 5))
    reply = LocalCall(matmul_cache_optimized).watch(A, B, Watching())
    assert reply.scale >= 8
    assert reply.value is not None
    np.testing.assert_array_equal(reply.value, A @ B)
    assert reply.record is not None
    assert reply.record.products == ((4, 3, 5, 1),)


def test_watch_with_factors_that_vary_shows_them_in_the_result() -> None:
    def halves(A: Any, B: Any) -> Any:
        return np.vstack([A[:2] @ B, A[2:] @ B])

    A, B = np.ones((4, 3)), np.ones((3, 5))
    value = LocalCall(halves).watch(A, B, Watching(vary=True)).value
    assert value is not None
    assert value[0, 0] != value[3, 0]
