"""Conditions on how a kernel works: what its proven log shows, and doubt where there is none."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tinytorch.utils.checking import CheckFailure
from tito.conditions import structure
from tito.conditions.call import CallResult, LocalCall
from tito.conditions.causes import EARLY
from tito.conditions.results import Inconclusive
from tito.tracing import Unproven, plain

BLOCKS = (structure.rows_in_blocks, structure.columns_in_blocks, structure.inner_in_blocks)


def unseen(A: Any, B: Any, **options: Any) -> Any:
    """Multiply where no array operation can be logged."""
    rows, columns = A.tolist(), B.T.tolist()
    return np.array([[sum(map(float.__mul__, row, column)) for column in columns] for row in rows])


def blocks(A: Any, B: Any, block_size: int = 64, beyond: int = 0) -> Any:
    (m, n), p, b = A.shape, B.shape[1], block_size
    C = np.zeros((m, p))
    for i, j, k in product(*(range(0, side + beyond, b) for side in (m, p, n))):
        C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C


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
    assert fact in fails(structure.no_python_loop, loop)


@pytest.mark.parametrize("shapes", [((9, 9, 9), (4, 4, 4)), ((4, 4, 4), (9, 9, 9))])
def test_no_python_loop_stops_more_steps_than_a_log_holds(
    shapes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tito.tracing.recorder.MOST_STEPS", 1000)

    def numbers(A: Any, B: Any) -> Any:
        if A.shape[0] == 4:
            return A @ B
        C = np.zeros((A.shape[0], B.shape[1]))
        for i, j, k in np.ndindex(*C.shape, len(B)):
            C[i, j] = C[i, j] + A[i, k] * B[k, j]
        return C

    fact = fails(structure.no_python_loop, numbers, shapes=shapes)
    assert re.fullmatch(r"numbers\(A, B\) .* takes more than 1000 array operations", fact)


@pytest.mark.parametrize("more", [4, 5])
def test_no_python_loop_allows_a_few_more_steps_on_more_rows(more: int) -> None:
    def checking(A: Any, B: Any) -> Any:
        C = A @ B
        for _ in range(more if A.shape[0] > 20 else 0):
            C = C + 0.0
        return C

    if more == 4:
        holds(structure.no_python_loop, checking)
    else:
        assert "takes 5 more array operations" in fails(structure.no_python_loop, checking)


def test_no_python_loop_doubts_a_row_that_is_made_otherwise() -> None:
    def partly(A: Any, B: Any) -> Any:
        return np.concatenate([A[:-1] @ B, squares(A[-1:], B)])

    with pytest.raises(Inconclusive, match="^partly: part of the product is made in an unusual"):
        holds(structure.no_python_loop, partly)


def with_empty_blocks(A: Any, B: Any, block_size: int = 64) -> Any:
    return blocks(A, B, block_size, beyond=block_size)


@pytest.mark.parametrize("condition", BLOCKS)
@pytest.mark.parametrize("kernel", [blocks, with_empty_blocks])
@pytest.mark.parametrize("case", [((13, 11, 14), 6), ((6, 6, 6), 6), ((5, 4, 3), 6)])
def test_blocks_pass_blocks(condition: Any, kernel: Any, case: Any) -> None:
    holds(condition, kernel, cases=[case])


def test_blocks_are_proven_once_for_all_sides() -> None:
    class Counting(LocalCall):
        traced = 0

        def trace(self, *arrays: Any, **options: Any) -> CallResult:
            self.traced += 1
            return super().trace(*arrays, **options)

    call, rng = Counting(blocks), np.random.default_rng(5)
    for condition in BLOCKS:
        condition(call, rng)
    assert call.traced == 1


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_stop_the_whole_product(condition: Any) -> None:
    fact, hint = said(condition, lambda A, B, block_size=64: A @ B)
    assert fact.endswith("with block_size=6 one product takes A and B as a whole")
    assert hint == structure.WHOLE


def test_blocks_tell_which_side_is_cut() -> None:
    def rows_only(A: Any, B: Any, block_size: int = 64) -> Any:
        starts = range(0, A.shape[0], block_size)
        return np.vstack([A[i : i + block_size] @ B for i in starts])

    holds(structure.rows_in_blocks, rows_only)
    fact, hint = said(structure.columns_in_blocks, rows_only)
    assert fact == "rows_only: with block_size=6 the largest product has 14 columns"
    assert hint == structure.LOOPS["columns"]
    assert "has 11 inner indices" in fails(structure.inner_in_blocks, rows_only)


def test_blocks_stop_pieces_of_half_a_block() -> None:
    def halves(A: Any, B: Any, block_size: int = 64) -> Any:
        return blocks(A, B, block_size // 2)

    fact, hint = said(structure.inner_in_blocks, halves)
    assert fact.endswith("100 products of at most 3 inner indices each, not blocks of 6")
    assert hint == structure.SMALL
    holds(structure.inner_in_blocks, lambda A, B, block_size=64: blocks(A, B, block_size // 2 + 1))


@pytest.mark.parametrize(("rows", "enough"), [(12, True), (20, False)])
def test_blocks_are_most_of_the_product(rows: int, enough: bool) -> None:
    def first_only(A: Any, B: Any, block_size: int = 64) -> Any:
        cut = [0, 6, *range(7, len(A) + 1)]
        return np.concatenate([blocks(A[i:j], B, 6) for i, j in pairwise(cut)])

    case = {"cases": [((rows, 13, 13), 6)]}
    if enough:
        holds(structure.rows_in_blocks, first_only, **case)
    else:
        assert "of at most 6 rows each" in fails(structure.rows_in_blocks, first_only, **case)


def rows_and_all_inner(A: Any, B: Any, b: int) -> Any:
    C = np.zeros((len(A), B.shape[1]))
    for i, j in product(range(0, len(A), b), range(0, B.shape[1], b)):
        for r in range(i, min(i + b, len(A))):
            C[r, j : j + b] = A[r] @ B[:, j : j + b]
    return C


def rows_and_all_columns(A: Any, B: Any, b: int) -> Any:
    C = np.zeros((len(A), B.shape[1]))
    for i, k in product(range(0, len(A), b), range(0, len(B), b)):
        for r in range(i, min(i + b, len(A))):
            C[r] += A[r, k : k + b] @ B[k : k + b]
    return C


def columns_and_all_rows(A: Any, B: Any, b: int) -> Any:
    return rows_and_all_columns(B.T, A.T, b).T


@pytest.mark.parametrize(
    ("kernel", "side"),
    [(rows_and_all_inner, 0), (rows_and_all_columns, 0), (columns_and_all_rows, 1)],
)
def test_blocks_of_one_side_need_the_others(kernel: Any, side: int) -> None:
    fact, hint = said(BLOCKS[side], lambda A, B, block_size=64: kernel(A, B, block_size))
    assert "of at most 1 " in fact
    assert hint in structure.LOOPS.values()


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

    holds(structure.rows_in_blocks, rows_of_blocks)
    fact, hint = said(structure.rows_in_blocks, scattered)
    assert fact.endswith("364 products of at most 1 rows each, not blocks of 6")
    assert hint == structure.LOOPS["rows"]


@pytest.mark.parametrize("condition", BLOCKS)
def test_blocks_do_not_count_products_taken_for_show(condition: Any) -> None:
    def show(A: Any, B: Any, block_size: int = 64) -> Any:
        return A @ B + 0 * blocks(A, B, block_size)

    with pytest.raises((CheckFailure, Inconclusive)):
        holds(condition, show)


@pytest.mark.parametrize("condition", [*BLOCKS, structure.no_python_loop])
def test_methods_doubt_what_they_cannot_see(condition: Any) -> None:
    with pytest.raises(Inconclusive):
        holds(condition, unseen)


def squares(A: Any, B: Any, **options: Any) -> Any:
    """Multiply without a product: 4 a b is (a + b)**2 - (a - b)**2."""
    a, b = A[:, :, None], B[None]
    return ((np.square(a + b) - np.square(a - b)) / 4).sum(axis=1)


@pytest.mark.parametrize("condition", [*BLOCKS, structure.rows_in_chunks, structure.chunks_at_once])
def test_methods_doubt_what_multiplies_nothing(condition: Any, monkeypatch: Any) -> None:
    # But for rounding its result is right.
    monkeypatch.setattr(structure, "expect_product", lambda *arguments: arguments[-1])
    with pytest.raises(Unproven, match="no step multiplies"):
        holds(condition, squares)


def chunks(A: Any, B: Any, num_processes: int | None = None) -> Any:
    return np.vstack([rows @ B for rows in np.array_split(A, num_processes or 4)])


def threads(A: Any, B: Any, num_processes: int | None = None) -> Any:
    count = num_processes or 4
    with ThreadPoolExecutor(count) as pool:
        return np.vstack(list(pool.map(lambda a: a @ B, np.array_split(A, count))))


def two_by_default(A: Any, B: Any, num_processes: int = 2) -> Any:
    return chunks(A, B, num_processes)


def halves_of_the_inner_side(A: Any, B: Any, num_processes: int | None = None) -> Any:
    parts = np.array_split(A, num_processes or 4)
    return np.vstack([rows[:, :3] @ B[:3] + rows[:, 3:] @ B[3:] for rows in parts])


def row_by_row_in_chunks(A: Any, B: Any, num_processes: int | None = None) -> Any:
    parts = np.array_split(A, num_processes or 4)
    return np.vstack([np.array([row @ B for row in rows]) for rows in parts])


def threads_that_halve(A: Any, B: Any, num_processes: int | None = None) -> Any:
    count, C = num_processes or 4, np.zeros((A.shape[0], B.shape[1]))
    edges = [A.shape[0] * i // count for i in range(count + 1)]

    def work(start: int, end: int) -> None:
        middle = (start + end) // 2
        C[start:middle], C[middle:end] = A[start:middle] @ B, A[middle:end] @ B

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
    return C


def more_chunks_than_asked(A: Any, B: Any, num_processes: int | None = None) -> Any:
    size = max(1, A.shape[0] // (num_processes or 4))
    return np.vstack([A[s : s + size] @ B for s in range(0, A.shape[0], size)])


def single_rows_on_threads(A: Any, B: Any, num_processes: int | None = None) -> Any:
    if A.shape[0] != 23:
        return chunks(A, B, num_processes)
    with ThreadPoolExecutor(num_processes) as pool:
        return np.array(list(pool.map(lambda row: row @ B, A)))


@pytest.mark.parametrize(
    "kernel",
    [
        chunks,
        threads,
        two_by_default,
        halves_of_the_inner_side,
        row_by_row_in_chunks,
        threads_that_halve,
        more_chunks_than_asked,
        single_rows_on_threads,
    ],
)
def test_rows_in_chunks_passes_chunks_of_any_schedule(kernel: Any) -> None:
    holds(structure.rows_in_chunks, kernel)


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ((0, 5, 10, 15, 20), "4 products of 5 rows"),
        ((0, 20), "1 product of 20 rows"),
        ((0, 5, 20), "2 products of 5 to 15 rows"),
        ((0, 5, 10, 20), "3 products of 5 to 10 rows"),
        (range(21), "20 products of 1 rows"),
    ],
)
def test_rows_in_chunks_stops_a_count_of_its_own(edges: Any, found: str) -> None:
    def own(A: Any, B: Any, num_processes: int = 2) -> Any:
        return np.vstack([A[i:j] @ B for i, j in pairwise(edges)])

    fact, hint = said(structure.rows_in_chunks, own)
    assert fact == f"own: num_processes=2 with 20 rows: {found}, not 2 of 10"
    assert hint == structure.CHUNKS


@pytest.mark.parametrize("known", [True, False])
def test_threads_count_though_it_is_not_known_which_rows_they_multiply(known: bool) -> None:
    products = [
        SimpleNamespace(thread=t, rows=2, row_set=frozenset({2 * t, 2 * t + 1}) if known else None)
        for t in range(3)
    ]
    call: Any = SimpleNamespace(__name__="f")
    proof: Any = SimpleNamespace(products=products)
    structure.expect_threads(call, proof, 3)
    with pytest.raises(CheckFailure, match="num_processes=2: 3 chunks on 3 threads multiply"):
        structure.expect_threads(call, proof, 2)


@pytest.mark.parametrize(
    ("rows", "together"), [(set(), False), ({4}, True), ({2, 3}, True), ({1, 3}, False)]
)
def test_rows_lie_together_without_a_gap(rows: set[int], together: bool) -> None:
    assert structure.lie_together(frozenset(rows)) is together


def test_rows_in_chunks_asks_for_chunks_without_an_argument() -> None:
    def one(A: Any, B: Any, num_processes: int = 1) -> Any:
        return threads(A, B, num_processes)

    fact, hint = said(structure.rows_in_chunks, one)
    assert "without num_processes all 20 rows are in one chunk" in fact
    assert hint == "The default, None, stands for all CPUs."


@pytest.mark.parametrize("most", [2, 12])
def test_rows_in_chunks_counts_threads(most: int) -> None:
    def many(A: Any, B: Any, num_processes: int | None = None) -> Any:
        size = max(1, A.shape[0] // (num_processes or 4))
        parts = [A[s : s + size] for s in range(0, A.shape[0], size)]
        count = min(most, len(parts))
        all_there = Barrier(count).wait  # else a thread that is free takes the next chunk
        with ThreadPoolExecutor(count, initializer=all_there) as pool:
            return np.vstack(list(pool.map(lambda a: a @ B, parts)))

    fact, hint = said(structure.rows_in_chunks, many)
    assert re.fullmatch(r"many: num_processes=8: 12 chunks on \d+ threads multiply", fact)
    assert hint == "Start at most num_processes threads, a chunk for each."


def test_what_raises_on_traced_arrays_is_doubted_and_not_called_a_race() -> None:
    def rows(A: Any, B: Any, num_processes: int | None = None) -> Any:
        float.__mul__(A[0, 0], 1.0)  # a traced number is no float
        edges = np.linspace(0, len(A), (num_processes or 4) + 1, dtype=int)
        return np.concatenate([A[i:j] @ B for i, j in zip(edges[:-1], edges[1:], strict=True)])

    with pytest.raises(Inconclusive, match="gives another result on arrays that are traced"):
        holds(structure.rows_in_chunks, rows)


def test_rows_in_chunks_asks_for_chunks_of_rows_that_cannot_be_shared_equally() -> None:
    def whole_if_uneven(A: Any, B: Any, num_processes: int | None = None) -> Any:
        return A @ B if len(A) % (num_processes or 4) else threads(A, B, num_processes)

    fact, hint = said(structure.rows_in_chunks, whole_if_uneven)
    assert fact.endswith(": num_processes=8 with 23 rows: all of them are in one chunk")
    assert hint == structure.UNEVEN


def test_a_result_that_an_earlier_call_has_left_is_wrong_and_not_in_doubt() -> None:
    def remembering(A: Any, B: Any, block_size: int = 64, kept: dict[Any, Any] = {}) -> Any:  # noqa: B006
        C = kept.setdefault(A.shape, np.zeros((A.shape[0], B.shape[1])))
        C += blocks(A, B, block_size)
        return C

    fact, hint = said(structure.rows_in_blocks, remembering, "block_size")
    assert fact.endswith(": two calls with the same A and B give different results")
    assert "left from another call" in hint


def test_threads_that_nobody_waits_for_are_no_race() -> None:
    calls: list[int] = []

    def last_joined(A: Any, B: Any, num_processes: int | None = None) -> Any:
        C, count = np.zeros((A.shape[0], B.shape[1])), num_processes or 4
        edges = [len(A) * i // count for i in range(count + 1)]

        def work(start: int, end: int) -> None:
            C[start:end] = A[start:end] @ B

        started = [threading.Thread(target=work, args=pair) for pair in pairwise(edges)]
        for thread in started:
            thread.start()
        # However busy the machine is, those of the first call, which is not traced, end in time.
        for thread in started[-1:] if calls else started:
            thread.join()
        calls.append(count)
        return C

    fact, hint = said(structure.chunks_at_once, last_joined, "num_processes", counts=(4,))
    assert fact.endswith(": it returned before its threads had ended")
    assert hint == EARLY


@pytest.mark.parametrize("sleeps", [False, True], ids=["last joined", "slept for"])
def test_rows_in_chunks_asks_that_all_threads_are_waited_for(sleeps: bool) -> None:
    calls: list[int] = []

    def kernel(A: Any, B: Any, num_processes: int | None = None) -> Any:
        C, count = np.zeros((A.shape[0], B.shape[1])), num_processes or 4
        threads = []
        for i in range(count):
            rows = slice(len(A) * i // count, len(A) * (i + 1) // count)
            keywords = {"out": C[rows]}
            threads.append(threading.Thread(target=np.matmul, args=(A[rows], B), kwargs=keywords))
            threads[-1].start()
        if sleeps and calls:
            time.sleep(0.2)
        else:  # those of the first call, which is not traced, end in time on a busy machine, too
            for thread in threads[-1:] if calls else threads:
                thread.join()
        calls.append(count)
        return C

    fact, hint = said(structure.rows_in_chunks, kernel, "num_processes")
    assert fact.endswith(": it returned before its threads had ended")
    assert hint == EARLY


def test_what_counts_on_zeros_in_new_memory_fails() -> None:
    def kernel(A: Any, B: Any, block_size: int = 64) -> Any:
        C = np.empty((A.shape[0], B.shape[1]))
        plain(C)[...] = 0  # as new memory is at times
        C += blocks(A, B, block_size)
        return C

    fact, hint = said(structure.rows_in_blocks, kernel, "block_size")
    assert fact.endswith(": it reads memory that nothing was written to")
    assert hint.startswith("Begin with np.zeros")


@pytest.mark.parametrize("racing", [2, 8])
def test_rows_in_chunks_shows_a_race(racing: int) -> None:
    def shared(A: Any, B: Any, num_processes: int | None = None) -> Any:
        if num_processes != racing:
            return chunks(A, B, num_processes)
        C, scratch = np.zeros((A.shape[0], B.shape[1])), np.zeros((A.shape[0], B.shape[1]))
        edges = [A.shape[0] * i // racing for i in range(racing + 1)]

        def work(i: int) -> None:
            s, e = edges[i], edges[i + 1]
            np.matmul(A[s:e], B, out=scratch[: e - s])
            C[s:e] = scratch[: e - s]

        with ThreadPoolExecutor(racing) as pool:
            list(pool.map(work, range(racing)))
        return C

    fact, hint = said(structure.rows_in_chunks, shared)
    assert re.fullmatch(r"shared\(.*\) .*, while products wait for one another: a race", fact)
    assert hint == structure.RACE


def at_once(*edges: int, inner: int = 8) -> Callable[..., Any]:
    """A kernel whose threads take these rows, and so many inner indices; the rest comes after."""

    def kernel(A: Any, B: Any, num_processes: int) -> Any:
        cut = [0, *edges, len(A)] if edges else [*range(0, 25, 24 // num_processes)]
        with ThreadPoolExecutor(num_processes) as pool:
            work = lambda i, j: A[i:j, :inner] @ B[:inner]  # noqa: E731
            C = np.vstack(list(pool.map(work, cut[:-1], cut[1:])))
        for rows in (slice(0, 12), slice(12, 24)) if inner < 8 else ():
            C[rows] += A[rows, inner:] @ B[inner:]
        return C

    return kernel


def test_chunks_at_once_passes_threads_only() -> None:
    holds(structure.chunks_at_once, threads)
    holds(structure.chunks_at_once, at_once())
    fact = fails(structure.chunks_at_once, chunks)
    waited = "with num_processes=2 each product waited for another, and none came"
    assert fact == f"chunks: {waited}"
    fact = fails(structure.chunks_at_once, lambda A, B, num_processes=None: A @ B)
    assert fact.endswith(": all 24 rows are in one product")


def test_chunks_at_once_asks_for_as_much_work_in_each_thread() -> None:
    holds(structure.chunks_at_once, at_once(6), counts=[2])
    fact = fails(structure.chunks_at_once, at_once(5), counts=[2])
    assert fact == "kernel: with num_processes=2 some threads do nearly all the work"


def test_chunks_at_once_asks_for_most_of_the_result() -> None:
    holds(structure.chunks_at_once, at_once(inner=6), counts=[4])
    fact = fails(structure.chunks_at_once, at_once(inner=5), counts=[4])
    assert fact == "kernel: the products under way at once are not those of the result"


def test_chunks_at_once_asks_for_all_of_them() -> None:
    def two(A: Any, B: Any, num_processes: int | None = None) -> Any:
        with ThreadPoolExecutor(2) as pool:
            return np.vstack(list(pool.map(lambda a: a @ B, np.array_split(A, num_processes or 4))))

    fact = fails(structure.chunks_at_once, two)
    assert fact.endswith("with num_processes=4 2 products were under way at once, not 4")
