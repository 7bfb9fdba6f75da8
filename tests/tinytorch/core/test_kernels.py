"""The contract of the exported kernels: values, dtypes, errors, memory, blocks and threads."""

import inspect
import os
import threading
import tracemalloc
from functools import partial

import numpy as np
import pytest

from tinytorch.core.kernels import (
    amdahl_speedup,
    attention_in_chunks,
    available_cpus,
    matmul_cache_optimized,
    matmul_custom,
    matmul_parallel,
    matmul_vectorized,
    memory_trace,
)
from tinytorch.utils.checking import assert_multiplies, random_matrix

VARIANTS = {
    "custom": matmul_custom,
    "vectorized": matmul_vectorized,
    "blocked": matmul_cache_optimized,
    "blocked 1": partial(matmul_cache_optimized, block_size=1),
    "blocked 4": partial(matmul_cache_optimized, block_size=4),
    "blocked huge": partial(matmul_cache_optimized, block_size=10**12),
    "parallel": matmul_parallel,
    "parallel 1": partial(matmul_parallel, num_processes=1),
    "parallel 3": partial(matmul_parallel, num_processes=3),
    "parallel 64": partial(matmul_parallel, num_processes=64),
}
SHAPES = [(1, 1, 1), (2, 3, 4), (1, 9, 5), (5, 9, 1), (6, 1, 3), (8, 8, 8), (9, 7, 10), (3, 65, 4)]
EMPTY = [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 2), (3, 0, 0), (0, 0, 0)]
DTYPES = ["bool", "int8", "uint8", "int32", "int64"]
DTYPES += ["float16", "float32", "float64", "complex64", "complex128"]
MIXED = [("int64", "float64"), ("float32", "float64"), ("bool", "int8"), ("float32", "complex128")]
REJECTED = [((3, 4), (5, 6)), ((8, 8), (9, 8)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5))]
LARGE = 512


@pytest.fixture(params=VARIANTS)
def kernel(request):
    return VARIANTS[request.param]


def operands(m, n, p, left="float64", right=None):
    rng = np.random.default_rng(1111)
    return random_matrix(rng, m, n, left), random_matrix(rng, n, p, right or left)


@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_multiplies_every_shape(kernel, shape):
    assert_multiplies(kernel, *operands(*shape), hint="")


@pytest.mark.parametrize("shape", EMPTY)
def test_kernel_returns_zeros_for_empty_sides(kernel, shape):
    result = kernel(*operands(*shape, "float32"))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.zeros((shape[0], shape[2])))


@pytest.mark.parametrize(("left", "right"), [*[(dtype, dtype) for dtype in DTYPES], *MIXED])
def test_kernel_promotes_as_numpy_does(kernel, left, right):
    A, B = operands(6, 9, 5, left, right)
    result = kernel(A, B)
    assert type(result) is np.ndarray
    assert result.dtype == np.result_type(A, B) == (A @ B).dtype
    assert_multiplies(kernel, A, B, hint="")


def test_kernel_takes_foreign_byte_order(kernel):
    A, B = operands(6, 9, 5, ">f8")
    np.testing.assert_allclose(kernel(A, B), A @ B)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(None, None, 2), slice(None, None, -1)), (slice(9, 2, -1), slice(3))],
)
def test_kernel_multiplies_views(kernel, rows, columns):
    A, B = operands(12, 9, 10)
    assert_multiplies(kernel, A[rows], B[:, columns], hint="")
    assert_multiplies(kernel, np.asfortranarray(A), B.T.copy().T, hint="")
    assert_multiplies(kernel, A[rows], A[rows].T, hint="")


def test_kernel_takes_read_only_operands_and_returns_an_array_of_its_own(kernel):
    A, B = operands(6, 9, 5)
    A.flags.writeable = B.flags.writeable = False
    assert_multiplies(kernel, A, B, hint="")
    first, second = kernel(A, B), kernel(A, B)
    assert not any(np.shares_memory(first, other) for other in (A, B, second))


def test_kernel_lets_nan_and_inf_through(kernel):
    A, B = operands(6, 9, 5)
    A[1, 2], A[4, 8], B[3, 4] = np.nan, -np.inf, np.inf
    assert_multiplies(kernel, A, B, hint="")


@pytest.mark.parametrize(("left", "right"), REJECTED)
def test_kernel_names_both_shapes_it_rejects(kernel, left, right):
    with pytest.raises(ValueError, match="expected A") as caught:
        kernel(np.ones(left), np.ones(right))
    assert str(left) in str(caught.value)
    assert str(right) in str(caught.value)


@pytest.mark.parametrize("rows", [0, 2, 30])
@pytest.mark.parametrize("value", [0, -1, -64])
def test_kernel_names_the_count_it_rejects(rows, value):
    A, B = operands(rows, 4, 3)
    with pytest.raises(ValueError, match=f"block_size must be at least 1, got {value}"):
        matmul_cache_optimized(A, B, block_size=value)
    with pytest.raises(ValueError, match=f"num_processes must be at least 1, got {value}"):
        matmul_parallel(A, B, num_processes=value)


def test_kernel_signatures_are_the_contract():
    assert list(inspect.signature(matmul_custom).parameters) == ["A", "B"]
    assert list(inspect.signature(matmul_vectorized).parameters) == ["A", "B"]
    for function, option in (
        (matmul_cache_optimized, ("block_size", 64)),
        (matmul_parallel, ("num_processes", None)),
    ):
        found = inspect.signature(function).parameters
        assert [(name, found[name].default) for name in list(found)[2:]] == [option]


@pytest.mark.parametrize(
    "kernel",
    [
        matmul_vectorized,
        *[partial(matmul_cache_optimized, block_size=b) for b in (16, 64, 256)],
        *[partial(matmul_parallel, num_processes=chunks) for chunks in (1, 7)],
    ],
)
def test_kernel_needs_little_memory_beyond_its_result(kernel):
    A, B = operands(LARGE, LARGE, LARGE, "float32")
    kernel(A[:16], B)
    tracemalloc.start()
    try:
        result = kernel(A, B)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 1.4 * result.nbytes


@pytest.fixture
def products(monkeypatch):
    """Record the operands and the thread of every call of np.matmul."""
    calls, matmul = [], np.matmul

    def record(X, Y, **options):
        calls.append((X.shape, Y.shape, threading.get_ident(), options.get("out")))
        return matmul(X, Y, **options)

    monkeypatch.setattr(np, "matmul", record)
    return calls


@pytest.mark.parametrize(("m", "n", "p", "block_size"), [(10, 7, 9, 4), (8, 8, 8, 4), (5, 6, 7, 1)])
def test_matmul_cache_optimized_multiplies_only_blocks_into_one_buffer(
    products, m, n, p, block_size
):
    matmul_cache_optimized(*operands(m, n, p), block_size=block_size)
    assert all(max(*X, *Y) <= block_size for X, Y, *_ in products)
    assert sum(X[0] * X[1] * Y[1] for X, Y, *_ in products) == m * n * p
    buffers = [out for *_, out in products]
    assert all(np.shares_memory(buffers[0], buffer) for buffer in buffers)
    assert buffers[0].base.nbytes == block_size**2 * 8


@pytest.mark.parametrize(
    ("rows", "num_processes"), [(23, 8), (24, 8), (3, 8), (1, 4), (7, 1), (100, 7), (2, 2)]
)
def test_matmul_parallel_balances_its_chunks_on_threads_of_its_own(products, rows, num_processes):
    result = matmul_parallel(*operands(rows, 5, 6), num_processes=num_processes)
    sizes = [X[0] for X, *_ in products]
    assert len(sizes) == min(num_processes, rows)
    assert sum(sizes) == rows
    assert max(sizes) - min(sizes) <= 1
    assert len({thread for *_, thread, _ in products}) <= num_processes
    assert all(np.shares_memory(out, result) for *_, out in products)


def test_matmul_parallel_raises_what_a_thread_raises(monkeypatch):
    def fail(X, Y, **options):
        raise MemoryError("no room")

    monkeypatch.setattr(np, "matmul", fail)
    with pytest.raises(MemoryError, match="no room"):
        matmul_parallel(*operands(50, 5, 6), num_processes=4)


def test_matmul_parallel_uses_the_cpus_of_the_process_by_default(products, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 5, 7}, raising=False)
    matmul_parallel(*operands(50, 5, 6))
    assert available_cpus() == len(products) == 3


def test_available_cpus_falls_back_to_the_machines(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cpus() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus() == 1


@pytest.mark.parametrize("order", ["", "ij", "iij", "ijkk", "IJK"])
def test_memory_trace_names_an_order_that_is_none(order):
    with pytest.raises(ValueError, match=f"once each, got '{order}'"):
        memory_trace(order, 2)


@pytest.mark.parametrize("rows", [0, -1])
def test_attention_in_chunks_names_the_rows_it_rejects(rows):
    with pytest.raises(ValueError, match=f"rows must be at least 1, got {rows}"):
        attention_in_chunks(*[np.ones((2, 2))] * 3, rows=rows)


@pytest.mark.parametrize(
    ("serial", "workers", "named"), [(-0.1, 2, "serial"), (1.1, 2, "serial"), (0.5, 0, "workers")]
)
def test_amdahl_speedup_names_what_it_rejects(serial, workers, named):
    with pytest.raises(ValueError, match=named):
        amdahl_speedup(serial, workers)
