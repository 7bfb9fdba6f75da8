"""The condition on speed: with times that the test gives, what passes and what is said."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions import performance
from tito.conditions.call import CallResult, LocalCall
from tito.conditions.performance import fast_in_blocks, spared
from tito.conditions.results import Inconclusive

INPUTS: dict[str, Any] = {"shape": (36, 40, 44), "block_size": 16, "least": 0.5}
TEXT = "matmul_cache_optimized: n = 40, block_size=16: "


class Timed(LocalCall):
    """A call whose rounds take given times: shares of the speed of A @ B, the last again."""

    def __init__(self, function: Callable[..., Any], *shares: float) -> None:
        super().__init__(function)
        self.left = list(shares)
        self.rounds = 0

    def time(self, *arrays: Any, **options: Any) -> CallResult:
        self.rounds += 1
        share = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        result = self.trace(*arrays, **options)
        return replace(result, seconds=1 / share if share else 0.0, reference=1.0)


def ask(kernel: Callable[..., Any], *shares: float) -> None:
    fast_in_blocks(Timed(kernel, *shares), np.random.default_rng(5), **INPUTS)


def rounds_of(*shares: float) -> int:
    """How many rounds a kernel of these shares takes until it is decided."""
    call = Timed(matmul_cache_optimized, *shares)
    with suppress(CheckFailure):
        fast_in_blocks(call, np.random.default_rng(5), **INPUTS)
    return call.rounds


def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
    C = np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))
    for i in range(0, A.shape[0], block_size):
        for j in range(0, B.shape[1], block_size):
            for k in range(0, A.shape[1], block_size):
                rows, inner, columns = (slice(s, s + block_size) for s in (i, k, j))
                C[rows, columns] += A[rows, inner] @ B[inner, columns]
    return C


def test_fast_in_blocks_passes_half_of_the_speed_and_no_less() -> None:
    ask(matmul_cache_optimized, 0.5)
    with pytest.raises(CheckFailure, match=f"^{TEXT}0.50 of the speed of A @ B, not 0.5\n"):
        ask(matmul_cache_optimized, 0.499)


def test_fast_in_blocks_takes_a_low_share_again() -> None:
    ask(matmul_cache_optimized, 0.21, 0.49, 0.51)
    ask(matmul_cache_optimized, *[0.4] * 11, 0.51)


# Half is the bound. What no further round would change is decided: fast sooner than slow.
ROUNDS = {0.09: 1, 0.1: 6, 0.34: 6, 0.36: 12, 0.57: 12, 0.58: 2, 0.75: 2, 0.76: 1}


@pytest.mark.parametrize(("share", "rounds"), ROUNDS.items())
def test_fast_in_blocks_takes_as_many_rounds_as_decide(share: float, rounds: int) -> None:
    assert rounds_of(share) == rounds


def test_fast_in_blocks_is_patient_where_a_round_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tito.conditions.performance.SECONDS", 0.0)
    ask(matmul_cache_optimized, *[0.4] * 5, 0.51)
    assert rounds_of(0.4) == 6
    with pytest.raises(CheckFailure, match=r"0.40 of the speed"):
        ask(matmul_cache_optimized, *[0.4] * 6, 0.51)


def test_fast_in_blocks_doubts_what_was_not_measured() -> None:
    with pytest.raises(Inconclusive, match="the CPU time is not known"):
        ask(matmul_cache_optimized, 0.0)


def comparing(times: int) -> Callable[..., Any]:
    def kernel(A: Any, B: Any, block_size: int = 64) -> Any:
        C = matmul_cache_optimized(A, B, block_size)
        for _ in range(times):
            assert np.allclose(C, A @ B)
        return C

    return kernel


@pytest.mark.parametrize(("times", "share"), [(1, 0.4), (1, 1.5), (2, 0.4)])
def test_fast_in_blocks_takes_off_one_product_that_the_result_is_compared_with(
    times: int, share: float
) -> None:
    ask(comparing(times), share)


def test_fast_in_blocks_takes_off_no_more_than_one_product() -> None:
    with pytest.raises(CheckFailure, match=r"0.47 of the speed"):
        ask(comparing(9), 0.32)


def test_fast_in_blocks_takes_nothing_off_for_blocks_that_are_multiplied_in_vain() -> None:
    def twice(A: Any, B: Any, block_size: int = 64) -> Any:
        matmul_cache_optimized(A, B, block_size)
        return matmul_cache_optimized(A, B, block_size)

    with pytest.raises(CheckFailure, match=r"0.40 of the speed"):
        ask(twice, 0.4)


def test_where_blas_cannot_be_held_to_one_thread_the_grader_measures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinytorch.utils.blas._loaded_blas", dict)  # as with Apple's Accelerate
    call = LocalCall(matmul_cache_optimized)
    with pytest.raises(Inconclusive, match="cannot be held to one thread") as told:
        fast_in_blocks(call, np.random.default_rng(5), **INPUTS)
    assert told.value.hint.startswith("Nothing to do: the grader will measure it")


def test_fast_in_blocks_stops_the_whole_product_of_large_matrices() -> None:
    def large(A: Any, B: Any, block_size: int = 64) -> Any:
        return A @ B if A.shape[0] > 30 else matmul_cache_optimized(A, B, block_size)

    with pytest.raises(CheckFailure, match="with block_size=16 one product takes"):
        ask(large, 0.9)


def test_fast_in_blocks_looks_at_the_round_that_was_fastest() -> None:
    calls = 0

    def seldom_whole(A: Any, B: Any, block_size: int = 64) -> Any:
        nonlocal calls
        calls += A.shape[0] > 30
        return A @ B if calls == 12 else matmul_cache_optimized(A, B, block_size)

    with pytest.raises(CheckFailure, match="with block_size=16 one product takes"):
        ask(seldom_whole, *[0.5] * 11, 0.9)


def as_list(C: Any, A: Any) -> Any:
    return C.tolist()


def off_by_one(C: Any, A: Any) -> Any:
    return C + 1


def changing(C: Any, A: Any) -> Any:
    A[0, 0] += 1
    return C


LARGE = {
    as_list: "the result is a list, not an array",
    off_by_one: "the result is not A @ B",
    changing: "an input was changed by the call",
}


@pytest.mark.parametrize(("spoil", "fact"), LARGE.items(), ids=[x.__name__ for x in LARGE])
def test_fast_in_blocks_stops_a_wrong_large_product(
    spoil: Callable[[Any, Any], Any], fact: str
) -> None:
    @wraps(matmul_cache_optimized)
    def spoilt(A: Any, B: Any, block_size: int = 64) -> Any:
        C = matmul_cache_optimized(A, B, block_size)
        return spoil(C, A) if A.shape[0] > 30 else C

    with pytest.raises(CheckFailure, match=f"^{TEXT}{fact}\n"):
        ask(spoilt, 0.9)


def test_a_whole_product_beside_the_work_is_spared() -> None:
    def of(beside: Callable[[Any, Any], Any]) -> float:
        def kernel(A: Any, B: Any) -> Any:
            beside(A, B)
            return A[:, :3] @ B[:3] + A[:, 3:] @ B[3:]

        A, B = np.ones((2, 6, 6))
        return spared(replace(LocalCall(kernel).trace(A, B), reference=1.0), (6, 6, 6))

    assert of(np.matmul) == 1.0
    assert of(np.add) == 0.0
    assert of(lambda A, B: A[:, :3] @ B[:3]) == 0.0
    assert of(lambda A, B: (A > 0) @ (B > 0)) == 0.0  # a quick one


@pytest.mark.parametrize(("inner", "products"), [(1, 0), (2, 2)])
def test_logging_is_spared_for_products_of_blocks(
    inner: int, products: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performance, "MOST_PRODUCTS", 3)

    def kernel(A: Any, B: Any) -> Any:
        A[:2] @ B
        return A[:, :inner] @ B[:inner] + A[:, inner:] @ B[inner:]

    result = replace(LocalCall(kernel).trace(*np.ones((2, 4, 4))), logging=0.5)
    assert spared(result, (4, 4, 4)) == 0.5 * max(products, 1)
    assert spared(replace(result, log=None), (4, 4, 4)) == 0.0


def test_fast_in_blocks_does_not_wait_for_loops_over_single_numbers() -> None:
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

    with pytest.raises(CheckFailure, match=r"takes \d+ products for 18 triples of blocks"):
        ask(scalar, 0.9)


def test_a_wrong_product_has_no_hint_on_what_surrounds_it() -> None:
    def transposed(A: Any, B: Any, block_size: int = 64) -> Any:
        return matmul_cache_optimized(A, B.T, block_size)

    def large_ones(A: Any, B: Any, block_size: int = 64) -> Any:
        return matmul_cache_optimized(A, B, block_size) + (len(A) > 17)

    for kernel, hint in ((transposed, "as many columns"), (large_ones, "Begin with the product")):
        with pytest.raises(CheckFailure) as told:
            ask(kernel, 1.0)
        assert hint in told.value.hint
