"""Conditions on how a kernel works: what its proven log shows, and doubt where there is none."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions import structure
from tito.conditions.call import LocalCall
from tito.conditions.results import Inconclusive

BLOCKS = (structure.rows_in_blocks, structure.columns_in_blocks, structure.inner_in_blocks)


def check(condition: Any, kernel: Callable[..., Any], **inputs: Any) -> None:
    condition(LocalCall(kernel), np.random.default_rng(5), **inputs)


def unseen(A: Any, B: Any, **options: Any) -> Any:
    """Multiply where no array operation can be logged."""
    rows, columns = A.tolist(), B.T.tolist()
    return np.array([[sum(map(float.__mul__, row, column)) for column in columns] for row in rows])


def blocks(A: Any, B: Any, block_size: int = 64) -> Any:
    b = block_size
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(0, A.shape[0], b):
        for j in range(0, B.shape[1], b):
            for k in range(0, A.shape[1], b):
                C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C


def test_no_python_loop_passes_one_operation() -> None:
    check(structure.no_python_loop, lambda A, B: A @ B)


def copies_rows(A: Any, B: Any) -> Any:
    C = A @ B
    for row in C:
        row[...] = row + 0.0
    return C


@pytest.mark.parametrize(
    ("loop", "fact"),
    [
        (lambda A, B: np.array([row @ B for row in A]), "multiplies in 20 operations"),
        (lambda A, B: np.vstack([p @ B for p in np.array_split(A, 4)]), "in 4 operations"),
        (lambda A, B: np.vstack([A[:64] @ B, A[64:] @ B]), "in 2 operations"),
        (copies_rows, "takes 100 more array operations for A with 70 rows than with 20"),
    ],
    ids=["rows", "parts", "parts of large matrices", "rows of the result"],
)
def test_no_python_loop_stops_loops(loop: Any, fact: str) -> None:
    with pytest.raises(CheckFailure, match=fact):
        check(structure.no_python_loop, loop)


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_pass_blocks(condition: Any) -> None:
    check(condition, blocks)


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_stop_the_whole_product(condition: Any) -> None:
    with pytest.raises(CheckFailure, match="one product takes A and B as a whole"):
        check(condition, lambda A, B, block_size=64: A @ B)


def test_blocks_tell_which_side_is_cut() -> None:
    def rows_only(A: Any, B: Any, block_size: int = 64) -> Any:
        starts = range(0, A.shape[0], block_size)
        return np.vstack([A[i : i + block_size] @ B for i in starts])

    check(structure.rows_in_blocks, rows_only)
    for condition in (structure.columns_in_blocks, structure.inner_in_blocks):
        with pytest.raises(CheckFailure):
            check(condition, rows_only)


def test_blocks_take_single_rows_of_a_block_after_one_another_only() -> None:
    def scattered(A: Any, B: Any, block_size: int = 64) -> Any:
        C = np.zeros((A.shape[0], B.shape[1]))
        for i in range(A.shape[0]):
            for j in range(B.shape[1]):
                for k in range(0, A.shape[1], block_size):
                    C[i, j] += A[i, k : k + block_size] @ B[k : k + block_size, j]
        return C

    def rows_of_blocks(A: Any, B: Any, block_size: int = 64) -> Any:
        b, C = block_size, np.zeros((A.shape[0], B.shape[1]))
        for i in range(0, A.shape[0], b):
            for j in range(0, B.shape[1], b):
                for k in range(0, A.shape[1], b):
                    for r in range(i, min(i + b, A.shape[0])):
                        C[r, j : j + b] += A[r, k : k + b] @ B[k : k + b, j : j + b]
        return C

    check(structure.rows_in_blocks, rows_of_blocks)
    with pytest.raises(CheckFailure, match="364 products of at most 1 rows each, not blocks of 6"):
        check(structure.rows_in_blocks, scattered)


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_do_not_count_products_taken_for_show(condition: Any) -> None:
    def show(A: Any, B: Any, block_size: int = 64) -> Any:
        return A @ B + 0 * blocks(A, B, block_size)

    with pytest.raises((CheckFailure, Inconclusive)):
        check(condition, show)


@pytest.mark.parametrize("condition", [*BLOCKS, structure.no_python_loop])
def test_methods_doubt_what_they_cannot_see(condition: Any) -> None:
    with pytest.raises(Inconclusive):
        check(condition, unseen)


def squares(A: Any, B: Any, **options: Any) -> Any:
    """Multiply without a product: 4 a b is (a + b)**2 - (a - b)**2."""
    a, b = A[:, :, None], B[None]
    return ((np.square(a + b) - np.square(a - b)) / 4).sum(axis=1)


@pytest.mark.parametrize("condition", [*BLOCKS, structure.rows_in_chunks, structure.chunks_at_once])
def test_methods_doubt_what_multiplies_nothing(condition: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(structure, "right", lambda *arguments: arguments[-1])  # but for rounding
    with pytest.raises(Inconclusive, match="no step multiplies"):
        check(condition, squares)


def chunks(A: Any, B: Any, num_processes: int | None = None) -> Any:
    return np.vstack([rows @ B for rows in np.array_split(A, num_processes or 4)])


def threads(A: Any, B: Any, num_processes: int | None = None) -> Any:
    count = num_processes or 4
    with ThreadPoolExecutor(count) as pool:
        return np.vstack(list(pool.map(lambda a: a @ B, np.array_split(A, count))))


@pytest.mark.parametrize("kernel", [chunks, threads])
def test_rows_in_chunks_passes_chunks_of_any_schedule(kernel: Any) -> None:
    check(structure.rows_in_chunks, kernel)


def test_rows_in_chunks_stops_a_count_of_its_own() -> None:
    def four(A: Any, B: Any, num_processes: int = 2) -> Any:
        return chunks(A, B, 4)

    with pytest.raises(CheckFailure, match="4 products of 5 rows, not 2 of 10"):
        check(structure.rows_in_chunks, four)


def test_rows_in_chunks_asks_for_chunks_without_an_argument() -> None:
    def one(A: Any, B: Any, num_processes: int = 1) -> Any:
        return threads(A, B, num_processes)

    with pytest.raises(CheckFailure, match="without num_processes all 20 rows are in one chunk"):
        check(structure.rows_in_chunks, one)


def test_rows_in_chunks_counts_threads() -> None:
    def many(A: Any, B: Any, num_processes: int | None = None) -> Any:
        size = max(1, A.shape[0] // (num_processes or 4))
        parts = [A[s : s + size] for s in range(0, A.shape[0], size)]
        with ThreadPoolExecutor(len(parts)) as pool:
            return np.vstack(list(pool.map(lambda a: a @ B, parts)))

    with pytest.raises(CheckFailure, match="num_processes=8: 12 chunks on .* threads multiply"):
        check(structure.rows_in_chunks, many)


def test_what_raises_on_traced_arrays_is_doubted_and_not_called_a_race() -> None:
    def rows(A: Any, B: Any, num_processes: int | None = None) -> Any:
        float.__mul__(A[0, 0], 1.0)  # a traced number is no float
        edges = np.linspace(0, len(A), (num_processes or 4) + 1, dtype=int)
        return np.concatenate([A[i:j] @ B for i, j in zip(edges[:-1], edges[1:], strict=True)])

    with pytest.raises(Inconclusive, match="gives another result on arrays that are traced"):
        check(structure.rows_in_chunks, rows)


def test_rows_in_chunks_shows_a_race() -> None:
    def shared(A: Any, B: Any, num_processes: int | None = None) -> Any:
        count = num_processes or 4
        C, scratch = np.zeros((A.shape[0], B.shape[1])), np.zeros((A.shape[0], B.shape[1]))
        edges = [A.shape[0] * i // count for i in range(count + 1)]

        def work(i: int) -> None:
            s, e = edges[i], edges[i + 1]
            np.matmul(A[s:e], B, out=scratch[: e - s])
            C[s:e] = scratch[: e - s]

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, range(count)))
        return C

    with pytest.raises(CheckFailure):
        check(structure.rows_in_chunks, shared)


def test_chunks_at_once_passes_threads_only() -> None:
    check(structure.chunks_at_once, threads)
    with pytest.raises(CheckFailure, match="none came"):
        check(structure.chunks_at_once, chunks)


def test_chunks_at_once_asks_for_all_of_them() -> None:
    def two(A: Any, B: Any, num_processes: int | None = None) -> Any:
        with ThreadPoolExecutor(2) as pool:
            return np.vstack(list(pool.map(lambda a: a @ B, np.array_split(A, num_processes or 4))))

    with pytest.raises(CheckFailure, match="2 products were under way at once, not 4"):
        check(structure.chunks_at_once, two)
