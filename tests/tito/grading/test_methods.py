"""Conditions on methods: counts, and doubt where nothing can be counted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.grading import methods
from tito.grading.calls import LocalCall
from tito.grading.results import CouldNotSee


def check(condition: Any, kernel: Any, name: str) -> None:
    kernel.__name__ = name
    condition(LocalCall(kernel), np.random.default_rng(5))


def test_no_python_loop_passes_one_operation() -> None:
    check(methods.no_python_loop, lambda A, B: A @ B, "matmul_vectorized")


def test_no_python_loop_counts_the_steps_of_a_loop() -> None:
    def loop(A: Any, B: Any) -> Any:
        return np.array([row @ B for row in A])

    with pytest.raises(CheckFailure, match="more Python steps"):
        check(methods.no_python_loop, loop, "matmul_vectorized")


def test_no_python_loop_doubts_what_it_cannot_see() -> None:
    def unseen(A: Any, B: Any) -> Any:
        view = np.ndarray.view
        return view(A, np.ndarray) @ view(B, np.ndarray)

    with pytest.raises(CouldNotSee):
        check(methods.no_python_loop, unseen, "matmul_vectorized")


BLOCKS = (methods.rows_in_blocks, methods.columns_in_blocks, methods.inner_in_blocks)


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_stop_the_whole_product(condition: Any) -> None:
    with pytest.raises(CheckFailure, match="the largest product has"):
        check(condition, lambda A, B, block_size=64: A @ B, "matmul_cache_optimized")


def test_blocks_tell_which_side_is_cut() -> None:
    def rows_only(A: Any, B: Any, block_size: int = 64) -> Any:
        starts = range(0, A.shape[0], block_size)
        return np.vstack([A[i : i + block_size] @ B for i in starts])

    check(methods.rows_in_blocks, rows_only, "matmul_cache_optimized")
    for condition in (methods.columns_in_blocks, methods.inner_in_blocks):
        with pytest.raises(CheckFailure):
            check(condition, rows_only, "matmul_cache_optimized")


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_doubt_products_taken_for_show(condition: Any) -> None:
    def show(A: Any, B: Any, block_size: int = 64) -> Any:
        for i in range(0, A.shape[0], block_size):
            for j in range(0, B.shape[1], block_size):
                for k in range(0, A.shape[1], block_size):
                    rows, inner, columns = (slice(s, s + block_size) for s in (i, k, j))
                    A[rows, inner] @ B[inner, columns]
        view = np.ndarray.view
        return view(A, np.ndarray) @ view(B, np.ndarray)

    with pytest.raises(CouldNotSee):
        check(condition, show, "matmul_cache_optimized")


def chunks(A: Any, B: Any, num_processes: int = 2) -> Any:
    return np.vstack([rows @ B for rows in np.array_split(A, num_processes)])


def threads(A: Any, B: Any, num_processes: int = 2) -> Any:
    with ThreadPoolExecutor(num_processes) as pool:
        return np.vstack(list(pool.map(lambda a: a @ B, np.array_split(A, num_processes))))


@pytest.mark.parametrize("kernel", [chunks, threads])
def test_rows_in_chunks_passes_chunks_of_any_schedule(kernel: Any) -> None:
    check(methods.rows_in_chunks, kernel, "matmul_parallel")


def test_rows_in_chunks_stops_a_count_of_its_own() -> None:
    def four(A: Any, B: Any, num_processes: int = 2) -> Any:
        return chunks(A, B, 4)

    with pytest.raises(CheckFailure, match="rows multiplied at a time"):
        check(methods.rows_in_chunks, four, "matmul_parallel")


def test_chunks_at_once_passes_threads_only() -> None:
    check(methods.chunks_at_once, threads, "matmul_parallel")
    with pytest.raises(CheckFailure, match="none came"):
        check(methods.chunks_at_once, chunks, "matmul_parallel")
