"""Pictures of a student's kernel, from the trace that grades it."""

import operator
from concurrent.futures import ThreadPoolExecutor

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


def matmul_by_rows(A, B, num_processes=None):
    """More products than threads: single rows, on a pool."""
    C = np.empty((len(A), B.shape[1]))

    def multiply(i):
        np.matmul(A[i : i + 1], B, out=C[i : i + 1])

    with ThreadPoolExecutor(num_processes) as pool:
        list(pool.map(multiply, range(len(A))))
    return C


def matmul_by_columns(A, B, num_processes=None):
    C = np.empty((len(A), B.shape[1]))

    def multiply(j):
        C[:, j::num_processes] = A @ B[:, j::num_processes]

    with ThreadPoolExecutor(num_processes) as pool:
        list(pool.map(multiply, range(num_processes)))
    return C


def matmul_every_other_row(A, B, num_processes=None):
    C = np.empty((len(A), B.shape[1]))
    C[::2] = A[::2] @ B
    C[1::2] = A[1::2] @ B
    return C


def drawn(chart):
    """Return (left, top, width, height) of each box with its text, in the order of drawing."""
    axes = chart.figure.axes[0]
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    boxes = []
    for patch in axes.patches:
        (x, y), width, height = patch.get_xy(), patch.get_width(), patch.get_height()
        found = [round(float(one), 2) for one in (x, y, width, height)]
        boxes.append((*found, texts.get((x + width / 2, y + height / 2), "")))
    return boxes


def test_tiles_are_shown_in_the_order_in_which_they_were_computed():
    chart = tiles(matmul_cache_optimized, (4, 4, 6), block_size=3)
    assert [row[1:] for row in chart.rows] == [
        ["0 to 2", "0 to 2", "1, 2"],
        ["0 to 2", "3 to 5", "3, 4"],
        ["3", "0 to 2", "5, 6"],
        ["3", "3 to 5", "7, 8"],
    ]
    boxes = drawn(chart)
    assert [box[2:] for box in boxes] == [
        (3, 3, "1, 2"),
        (3, 3, "3, 4"),
        (3, 1, "5, 6"),
        (3, 1, "7, 8"),
    ]
    (left, top), (right, bottom) = boxes[0][:2], boxes[-1][:2]
    assert (right - left, bottom - top) == (3, 3)
    lights = [sum(patch.get_facecolor()[:3]) for patch in chart.figure.axes[0].patches]
    assert lights == sorted(lights, reverse=True)


def test_another_order_of_loops_looks_different():
    chart = tiles(matmul_kij, (4, 4, 6), block_size=3)
    assert [row[-1] for row in chart.rows] == ["1, 5", "2, 6", "3, 7", "4, 8"]
    assert [box[-1] for box in drawn(chart)] == ["1, 5", "2, 6", "3, 7", "4, 8"]


def test_one_product_is_one_tile():
    chart = tiles(lambda A, B, block_size: A @ B, (4, 4, 6))
    assert chart.rows == [["tile 1", "0 to 3", "0 to 5", "1"]]
    assert len(drawn(chart)) == 1


def test_products_that_have_no_room_in_their_tile_are_left_out():
    """Each number of C is a sum of 20 products that are far apart: only the first is written."""
    chart = tiles(matmul_kij, (10, 20, 10), block_size=1)
    assert [box[-1] for box in drawn(chart)] == [str(place) for place in range(1, 101)]
    assert "the first of its products" in chart.figure.axes[0].texts[-1].get_text()
    assert chart.rows[-1] == ["and 76 more", "", "", ""]


def test_a_tile_that_is_no_rectangle_is_drawn_number_by_number():
    chart = tiles(lambda A, B, block_size: matmul_every_other_row(A, B), (4, 2, 3))
    assert [row[1] for row in chart.rows] == ["0, 2", "1, 3"]
    assert [box[-1] for box in drawn(chart)] == ["1"] * 6 + ["2"] * 6


def test_chunks_at_once_stand_in_one_column():
    chart = threads(matmul_parallel, (8, 3, 2), num_processes=2)
    assert [row[2:] for row in chart.rows] == [["0 to 3", "yes"], ["4 to 7", "yes"]]
    assert len({row[1] for row in chart.rows}) == 2
    boxes = drawn(chart)
    assert {box[0] for box in boxes} == {0.05}
    assert [round(box[1]) for box in boxes] == [0, 4]
    assert chart.caption.endswith("2 were under way at once, and stand in one column.")


def test_chunks_one_after_the_other_have_columns_of_their_own():
    chart = threads(matmul_one_by_one, (8, 3, 2), num_processes=2)
    assert [row[1:] for row in chart.rows] == [
        ["thread 0", "0 to 3", "no"],
        ["thread 0", "4 to 7", "no"],
    ]
    assert [box[0] for box in drawn(chart)] == [0.05, 1.05]
    assert "no two were under way at once" in chart.caption


def test_products_after_those_that_met_stand_behind_them():
    chart = threads(matmul_by_rows, (5, 3, 2), num_processes=2)
    assert sorted(box[0] for box in drawn(chart)) == [0.05, 0.05, 1.05, 2.05, 3.05]
    assert sorted(row[2] for row in chart.rows) == list("01234")
    assert "Of those that came later it is not known" in chart.caption


def test_bars_are_named_as_far_as_there_is_room():
    wide = threads(matmul_one_by_one, (8, 3, 2), num_processes=2)
    assert [box[-1] for box in drawn(wide)] == [
        "thread 0\nrows 0 to 3",
        "thread 0\nrows 4 to 7",
    ]
    assert {box[-1] for box in drawn(threads(matmul_every_other_row))} == {"thread 0"}
    assert {box[-1] for box in drawn(threads(matmul_by_rows, (40, 3, 2)))} == {""}


def test_products_of_the_same_rows_stand_side_by_side():
    chart = threads(matmul_by_columns, (8, 3, 4), num_processes=2)
    assert [box[0] for box in drawn(chart)] == [0.05, 0.5]
    assert {row[2] for row in chart.rows} == {"0 to 7"}


def test_rows_that_are_not_neighbours_are_bars_of_their_own():
    chart = threads(matmul_every_other_row, (4, 3, 2), num_processes=2)
    assert [(box[0], round(box[1])) for box in drawn(chart)] == [
        (0.05, 0),
        (0.05, 2),
        (1.05, 1),
        (1.05, 3),
    ]


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


def in_python(A, B, num_processes=4):
    """Multiply numbers that are no longer in arrays: nothing of it can be traced."""
    columns = [[float(x) for x in column] for column in B.T]
    rows = [[float(x) for x in row] for row in A]
    return np.array([[sum(map(operator.mul, row, column)) for column in columns] for row in rows])


def test_a_kernel_without_products_has_no_picture_of_its_threads():
    chart = threads(in_python)
    assert chart.figure is None
    assert chart.caption.startswith("No picture yet. How in_python works")
    assert "cannot be determined" in chart.caption
