"""The condition on speed: with a speed that the test gives, what passes and what is said."""

from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.grading import costs
from tito.grading.calls import LocalCall
from tito.grading.results import CouldNotSee
from tito.grading.speed import fast_in_blocks

INPUTS: dict[str, Any] = {"shape": (40, 40, 40), "block_size": 16}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give calls these shares of the speed of ``A @ B``, in millionths, the last to the rest."""

    def give(*shares: int) -> None:
        left = list(shares)

        def speed(call: Any, arrays: Any) -> int:
            call()
            return left.pop(0) if len(left) > 1 else left[0]

        monkeypatch.setitem(costs.COSTS, "speed", speed)

    return give


def ask(kernel: Any) -> None:
    fast_in_blocks(LocalCall(kernel), np.random.default_rng(5), **INPUTS)


def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
    C = np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))
    for i in range(0, A.shape[0], block_size):
        for j in range(0, B.shape[1], block_size):
            for k in range(0, A.shape[1], block_size):
                rows, inner, columns = (slice(s, s + block_size) for s in (i, k, j))
                C[rows, columns] += A[rows, inner] @ B[inner, columns]
    return C


def test_fast_in_blocks_passes_seven_tenths(given: Any) -> None:
    given(700_000)
    ask(matmul_cache_optimized)


def test_fast_in_blocks_takes_a_low_share_again(given: Any) -> None:
    given(210_000, 590_000, 610_000)
    ask(matmul_cache_optimized)


def test_fast_in_blocks_does_not_wait_for_what_is_hopeless(given: Any) -> None:
    given(90_000, 700_000)
    with pytest.raises(CheckFailure, match=r"0.09 of the speed"):
        ask(matmul_cache_optimized)


def test_fast_in_blocks_says_how_slow_it_is(given: Any) -> None:
    given(599_000)
    with pytest.raises(CheckFailure, match=r"n = 40, block_size=16: 0.60 of the speed of A @ B"):
        ask(matmul_cache_optimized)


def test_fast_in_blocks_doubts_what_was_not_measured(given: Any) -> None:
    given(0)
    with pytest.raises(CouldNotSee, match="cannot be told"):
        ask(matmul_cache_optimized)


def test_fast_in_blocks_stops_the_whole_product_of_large_matrices(given: Any) -> None:
    def large(A: Any, B: Any, block_size: int = 64) -> Any:
        return A @ B if A.shape[0] > 30 else matmul_cache_optimized(A, B, block_size)

    given(900_000)
    with pytest.raises(CheckFailure, match="with block_size=16 the largest product has 40 rows"):
        ask(large)


def test_fast_in_blocks_stops_a_wrong_large_product(given: Any) -> None:
    def large(A: Any, B: Any, block_size: int = 64) -> Any:
        return matmul_cache_optimized(A, B, block_size) + (A.shape[0] > 30)

    given(900_000)
    with pytest.raises(CheckFailure, match="the result is not A @ B"):
        ask(large)


def test_fast_in_blocks_does_not_wait_for_loops_over_single_numbers(given: Any) -> None:
    def scalar(A: Any, B: Any, block_size: int = 64) -> Any:
        assert A.shape[0] < 30, "too slow"
        C = np.zeros((A.shape[0], B.shape[1]))
        for i in range(0, A.shape[0], block_size):
            for j in range(0, B.shape[1], block_size):
                for k in range(0, A.shape[1], block_size):
                    for r in range(i, min(i + block_size, A.shape[0])):
                        for c in range(j, min(j + block_size, B.shape[1])):
                            for s in range(k, min(k + block_size, A.shape[1])):
                                C[r, c] += A[r, s] * B[s, c]
        return C

    given(900_000)
    with pytest.raises(CheckFailure, match="products of single numbers for 48 triples of blocks"):
        ask(scalar)
