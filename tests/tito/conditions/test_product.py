"""Conditions on results: what each one lets through and what it stops."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tinytorch.core.layers import check_operands
from tinytorch.utils.checking import CheckFailure
from tito.conditions import product

Kernel = Callable[..., Any]

EVERYWHERE = [
    product.square,
    product.tall_and_wide,
    product.empty_sides,
    product.number_types,
    product.strided_views,
    product.inputs_unchanged,
    product.mismatch,
]


def matmul_vectorized(A: Any, B: Any) -> Any:
    check_operands(A, B)
    return A @ B


@pytest.mark.parametrize("condition", EVERYWHERE)
def test_conditions_pass_a_right_kernel(condition: Any) -> None:
    holds(condition, matmul_vectorized)


@pytest.mark.parametrize("condition", EVERYWHERE)
@pytest.mark.parametrize(
    "useless",
    [
        lambda A, B: None,
        lambda A, B: np.zeros((A.shape[0], B.shape[1])),
        lambda A, B: (A @ B).tolist(),
        lambda A, B: (A @ B)[None],
        lambda A, B: (A @ B).astype(object),
    ],
)
def test_conditions_fail_without_a_right_product(condition: Any, useless: Kernel) -> None:
    fails(condition, useless)


@pytest.mark.parametrize("condition", EVERYWHERE)
def test_conditions_do_not_take_an_error_for_an_answer(condition: Any) -> None:
    def raising(A: Any, B: Any) -> Any:
        raise ValueError("whatever comes")

    assert "raised ValueError" in fails(condition, raising)


@pytest.mark.parametrize("condition", EVERYWHERE)
def test_conditions_ask_with_the_cut_and_without(condition: Any) -> None:
    asked: dict[int, Counter[Any]] = {4: Counter(), 64: Counter()}

    def kernel(A: Any, B: Any, block_size: int = 64) -> Any:
        if A.ndim == B.ndim == 2:
            asked[block_size][A.shape, A.dtype, A.strides, B.shape, B.dtype, B.strides] += 1
        return matmul_vectorized(A, B)

    holds(condition, kernel, "block_size")
    assert asked[4] == asked[64] != Counter()


def test_square_asks_with_any_cut() -> None:
    def kernel(A: Any, B: Any, tile: int = 8) -> Any:
        return np.sin(A @ B) if len(A) % tile else A @ B

    holds(product.square, lambda A, B, tile=8: A @ B, "tile")
    assert "that tile does not divide" in said(product.square, kernel, "tile")[1]


def test_conditions_say_that_a_cell_is_not_written() -> None:
    def unsolved(A: Any, B: Any) -> Any:
        raise NotImplementedError

    assert "not written yet" in fails(product.square, unsolved)


def test_number_types_passes_a_wider_result() -> None:
    def matmul_vectorized(A: Any, B: Any) -> Any:
        return A.astype(np.float64) @ B.astype(np.float64)

    holds(product.number_types, matmul_vectorized)


def test_inputs_unchanged_stops_a_write_that_leaves_the_product_right() -> None:
    def writes(A: Any, B: Any) -> Any:
        C = A @ B
        B[...] = 0
        return C

    assert "changed" in fails(product.inputs_unchanged, writes)


def test_mismatch_names_another_exception() -> None:
    def asserts(A: Any, B: Any) -> Any:
        assert A.shape[1] == B.shape[0]
        return A @ B

    assert "AssertionError, it has to raise ValueError" in fails(product.mismatch, asserts)


def integers_through_float32(A: Any, B: Any) -> Any:
    if A.dtype.kind == B.dtype.kind == "i":
        return (A.astype("f4") @ B.astype("f4")).astype(np.result_type(A, B))
    return A @ B


@pytest.mark.parametrize(
    ("lossy", "what", "todo"),
    [
        (lambda A, B: (A @ B).astype(np.float32), "float32", ""),
        (lambda A, B: (A @ B).astype(A.dtype), "float64", ""),
        (integers_through_float32, "entries differ", ""),
        (lambda A, B: np.nan_to_num(A @ B, posinf=0, neginf=0), "", ""),
        (lambda A, B: A[:, A.any(axis=0)] @ B[A.any(axis=0)], "NaN, as in", "leave nothing out"),
        (lambda A, B: np.where(np.isnan(A), 0, A) @ B, "NaN, as in", "leave nothing out"),
    ],
    ids=["narrower", "type of one", "digits of integers", "infinity", "zeros skipped", "no NaN"],
)
def test_number_types_stops_what_is_lost(lossy: Kernel, what: str, todo: str) -> None:
    fact, hint = said(product.number_types, lossy)
    assert what in fact
    assert todo in hint


def test_number_types_stops_blocks_of_zeros_that_are_left_out() -> None:
    def kernel(A: Any, B: Any, block_size: int = 64) -> Any:
        check_operands(A, B)
        C = np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))
        for k in range(0, A.shape[1], block_size):
            if A[:, k : k + block_size].any():
                C += A[:, k : k + block_size] @ B[k : k + block_size]
        return C

    with pytest.raises(CheckFailure) as caught:
        holds(product.number_types, kernel, "block_size")
    assert "block_size=4" in caught.value.fact


def test_number_types_asks_for_each_type_and_both_orders_of_two() -> None:
    asked = set()

    def kernel(A: Any, B: Any) -> Any:
        asked.add((A.dtype.name, B.dtype.name))
        return matmul_vectorized(A, B)

    types = ("float32", "float64", "int64")
    holds(product.number_types, kernel, types=types)
    assert asked == {(one, other) for one in types for other in types}


@pytest.mark.parametrize(("left", "right"), [("float64", "float32"), ("int32", "int64")])
def test_number_types_asks_for_both_orders_of_two_types(left: str, right: str) -> None:
    def kernel(A: Any, B: Any) -> Any:
        check_operands(A, B)
        if A.dtype == left and B.dtype == right:
            return (A @ B).astype(min(A.dtype, B.dtype))
        return A @ B

    assert f"A (24, 11) {left}, B (11, 6) {right}" in fails(product.number_types, kernel)


def test_mismatch_asks_for_both_shapes() -> None:
    assert "does not name both shapes" in fails(product.mismatch, lambda A, B: A @ B)


@pytest.mark.parametrize("most", [1, 2])
def test_mismatch_stops_a_product_of_what_are_no_matrices(most: int) -> None:
    def loose(A: Any, B: Any) -> Any:
        if A.shape[-1] != B.shape[0] or (most == 1 and A.ndim < 2):
            raise ValueError(f"{A.shape} and {B.shape} do not fit")
        return A @ B

    assert "raised nothing" in fails(product.mismatch, loose)


def test_strided_views_reach_the_kernel_with_their_strides() -> None:
    seen = set()

    def matmul_vectorized(A: Any, B: Any) -> Any:
        seen.add((A.flags.c_contiguous, A.flags.f_contiguous, B.strides[0] < 0))
        return A @ B

    holds(product.strided_views, matmul_vectorized)
    assert seen == {(False, True, False), (False, False, True)}


def test_ragged_blocks_stops_a_dropped_block() -> None:
    def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
        C = A @ B
        C[A.shape[0] // block_size * block_size :] = 0
        return C

    with pytest.raises(CheckFailure, match="zero"):
        holds(product.ragged_blocks, matmul_cache_optimized)


def test_uneven_chunks_stops_lost_rows() -> None:
    def matmul_parallel(A: Any, B: Any, num_processes: int = 2) -> Any:
        size = max(1, A.shape[0] // num_processes)
        return (A @ B)[: size * num_processes]

    with pytest.raises(CheckFailure, match="only the first 22 of 23 rows came back"):
        holds(product.uneven_chunks, matmul_parallel)
