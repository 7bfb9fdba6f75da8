"""Pictures of a student's kernel, from the trace that grades it."""

import numpy as np
import pytest

from tinytorch.core.kernels import matmul_cache_optimized, matmul_parallel
from tito.tools.pictures import threads, tiles


def matmul_kij(A, B, block_size=64):
    C = np.zeros((A.shape[0], B.shape[1]), np.result_type(A, B))
    b = block_size
    for k in range(0, A.shape[1], b):
        for i in range(0, A.shape[0], b):
            for j in range(0, B.shape[1], b):
                C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C


def matmul_one_by_one(A, B, num_processes=None):
    m, chunks = len(A), num_processes or 4
    edges = [m * i // chunks for i in range(chunks + 1)]
    return np.concatenate([A[a:b] @ B for a, b in zip(edges[:-1], edges[1:], strict=True)])


def numbers(chart):
    """Return the numbers in the squares of C, row by row."""
    return [
        int(text.get_text()) for text in chart.figure.axes[0].texts if text.get_text().isdigit()
    ]


def test_tiles_are_shown_in_the_order_in_which_they_were_computed():
    chart = tiles(matmul_cache_optimized, (4, 4, 6), block_size=3)
    assert [row[1:] for row in chart.rows] == [
        ["0 to 2", "0 to 2", "1, 2"],
        ["0 to 2", "3 to 5", "3, 4"],
        ["3", "0 to 2", "5, 6"],
        ["3", "3 to 5", "7, 8"],
    ]
    assert numbers(chart) == [1, 1, 1, 3, 3, 3] * 3 + [5, 5, 5, 7, 7, 7]


def test_another_order_of_loops_looks_different():
    chart = tiles(matmul_kij, (4, 4, 6), block_size=3)
    assert [row[-1] for row in chart.rows] == ["1, 5", "2, 6", "3, 7", "4, 8"]


def test_chunks_at_once_begin_at_the_same_place():
    chart = threads(matmul_parallel, (8, 3, 2), num_processes=2)
    assert [row[2:] for row in chart.rows] == [["0 to 3", "yes"], ["4 to 7", "yes"]]
    assert len({row[1] for row in chart.rows}) == 2
    assert {bar.get_x() for bar in chart.figure.axes[0].patches} == {0.0}


def test_chunks_one_after_the_other_begin_where_the_last_one_ended():
    chart = threads(matmul_one_by_one, (8, 3, 2), num_processes=2)
    assert [row[1:] for row in chart.rows] == [
        ["thread 0", "0 to 3", "no"],
        ["thread 0", "4 to 7", "no"],
    ]
    assert [bar.get_x() for bar in chart.figure.axes[0].patches] == [0.0, 1.0]
    assert "no two products met" in chart.caption


def not_written(A, B, block_size=64):
    raise NotImplementedError("this cell is not written yet")


def wrong(A, B, block_size=64):
    return A @ B + 1


def broken(A, B, block_size=64):
    return A * B


@pytest.mark.parametrize(
    ("kernel", "why"),
    [
        (not_written, "not written yet"),
        (wrong, "each entry is off by 1"),
        (broken, "raised ValueError"),
    ],
)
def test_what_does_not_multiply_has_no_picture_and_says_why(kernel, why):
    chart = tiles(kernel)
    assert chart.figure is None
    assert chart.caption.startswith("No picture yet. ")
    assert why in chart.caption
    assert repr(chart)
