"""What a log proves: honest styles of a product are proven, work for show is not."""

import copy as copying
import functools
import operator
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from tito.tracing import Log, Proof, Unproven, decode, encode, plain, prove, recording

SHAPE = (13, 11, 14)
BLOCK = 5
Kernel = Callable[..., Any]


def proof_of(kernel: Kernel, shape: tuple[int, int, int] = SHAPE, dtype: str = "f8") -> Proof:
    """Record a kernel, send its log as the judge gets it, and prove it on other numbers."""
    return proven(logged(kernel, shape, dtype), shape, dtype)


def logged(kernel: Kernel, shape: tuple[int, int, int] = SHAPE, dtype: str = "f8") -> Log:
    A, B = matrices(0, shape, dtype)
    with recording(kernel) as recorder:
        result = kernel(recorder.add_input(A), recorder.add_input(B))
    assert recorder.problem == ""
    assert np.allclose(plain(result), A @ B)
    return decode(encode(recorder.finish(result)))


def proven(log: Log, shape: tuple[int, int, int] = SHAPE, dtype: str = "f8") -> Proof:
    A, B = matrices(1, shape, dtype)
    return prove(log, [A, B], lambda C: C.shape == (shape[0], shape[2]) and np.allclose(C, A @ B))


def matrices(seed: int, shape: tuple[int, int, int], dtype: str) -> tuple[Any, Any]:
    rng, (m, n, p) = np.random.default_rng(seed), shape
    return (9 * rng.random((m, n))).astype(dtype), (9 * rng.random((n, p))).astype(dtype)


def zeros(A: Any, B: Any) -> Any:
    return np.zeros((A.shape[0], B.shape[1]), np.result_type(A, B))


def starts(A: Any, B: Any) -> Any:
    return product(*(range(0, side, BLOCK) for side in (A.shape[0], B.shape[1], A.shape[1])))


WHOLE: dict[str, Kernel] = {
    "operator": lambda A, B: A @ B,
    "dot out by position": lambda A, B: np.dot(A, B, zeros(A, B)),
    "unbound method": lambda A, B: np.ndarray.dot(A, B),
    "einsum ellipsis": lambda A, B: np.einsum("...ij,...jk->...ik", A, B),
    "einsum implicit": lambda A, B: np.einsum("ij,jk", A, B),
    "tensordot keywords": lambda A, B: np.tensordot(a=A, b=B, axes=1),
    "inner": lambda A, B: np.inner(A, B.T),
    "vecdot": lambda A, B: np.vecdot(A[:, None, :], B.T[None]),
    "matvec": lambda A, B: np.matvec(A, B.T).T,
    "vecmat": lambda A, B: np.vecmat(A, B),
    "linalg.matmul": lambda A, B: np.linalg.matmul(A, B),
    "masked": lambda A, B: np.asarray(np.ma.dot(A, B)),
    "swapaxes": lambda A, B: np.swapaxes(B.T.dot(np.moveaxis(A, 0, 1)), 0, 1),
    "memoryview": lambda A, B: np.asarray(memoryview(A)) @ np.frombuffer(B).reshape(B.shape),
    "view of bytes": lambda A, B: A.view(np.uint8).view(A.dtype) @ B.view(np.ndarray),
    "copies": lambda A, B: copying.copy(A) @ copying.deepcopy(B),
    "converted": lambda A, B: A.astype("f4").astype("f8") @ np.array(B, dtype="f8"),
    "partial": functools.partial(np.matmul),
    "advanced index": lambda A, B: A[np.arange(13)] @ B[:, list(range(14))],
    "check beside": lambda A, B: checked(A, B),
    "where": lambda A, B: np.where(np.isfinite(A), A, 0) @ B,
    "divided by its largest": lambda A, B: (C := A @ B) / C.max() * C.max(),
    "infinite for 0": lambda A, B: (C := A @ B) + 1e-300 / C,
    "minus infinity for 0": lambda A, B: (C := A @ B) - 1e-300 / C,
}


def checked(A: Any, B: Any) -> Any:
    C = np.matmul(A, B, out=zeros(A, B))
    assert np.allclose(C, A @ B)
    assert np.abs(C - np.dot(A, B)).max() < 1e-9
    return C


@pytest.mark.parametrize("name", WHOLE)
def test_prove_whole_product(name: str) -> None:
    if name in ("vecmat", "matvec") and not hasattr(np, name):
        pytest.skip(f"NumPy {np.__version__} has no {name}")
    proof = proof_of(WHOLE[name])
    assert proof.products
    assert proof.share(lambda each: True) == pytest.approx(1)


def textbook(A: Any, B: Any) -> Any:
    C = zeros(A, B)
    for i, j, k in starts(A, B):
        C[i : i + BLOCK, j : j + BLOCK] += (
            A[i : i + BLOCK, k : k + BLOCK] @ B[k : k + BLOCK, j : j + BLOCK]
        )
    return C


def own_memory(A: Any, B: Any) -> Any:
    C = np.ndarray((13, 14), "f8", buffer=bytearray(13 * 14 * 8))
    C += textbook(A, B)
    return C


def tiles(A: Any, B: Any) -> Any:
    A, B = np.pad(A, ((0, 2), (0, 4))), np.pad(B, ((0, 4), (0, 1)))
    down, right = A.strides
    left = as_strided(A, (3, 3, 5, 5), (5 * down, 5 * right, down, right))
    upper = B.reshape(3, 5, 3, 5).transpose(0, 2, 1, 3)
    C = sum(left[:, None, k] @ upper[None, k] for k in range(3))
    return C.transpose(0, 2, 1, 3).reshape(15, 15)[:13, :14]


def in_threads(A: Any, B: Any) -> Any:
    C = zeros(A, B)

    def work(i: int) -> None:
        for j, k in product(range(0, 14, BLOCK), range(0, 11, BLOCK)):
            C[i : i + BLOCK, j : j + BLOCK] += np.dot(
                A[i : i + BLOCK, k : k + BLOCK], B[k : k + BLOCK, j : j + BLOCK]
            )

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(0, 13, BLOCK)))
    return C


@pytest.mark.parametrize(
    "kernel",
    [textbook, own_memory, tiles, in_threads],
    ids=lambda kernel: kernel.__name__,
)
def test_prove_blocks(kernel: Kernel) -> None:
    proof = proof_of(kernel)
    assert all(max(x.rows, x.inner, x.columns) <= BLOCK for x in proof.products)
    assert all(x.row_set is not None for x in proof.products)
    assert proof.share(lambda each: True) == 1
    if kernel is not tiles:  # there a step takes products of several rows of blocks at once
        assert proof.share(lambda each: 0 in each.row_set) == pytest.approx(5 / 13, abs=0.05)


def blocks_of(rows: int, inner: int, columns: int, multiply: Kernel = operator.matmul) -> Kernel:
    def kernel(A: Any, B: Any) -> Any:
        C, (m, n), p = zeros(A, B), A.shape, B.shape[1]
        for i, j, k in product(range(0, m, rows), range(0, p, columns), range(0, n, inner)):
            C[i : i + rows, j : j + columns] += multiply(
                A[i : i + rows, k : k + inner], B[k : k + inner, j : j + columns]
            )
        return C

    return kernel


@pytest.mark.parametrize(
    ("kernel", "shape", "size", "only"),
    [
        (blocks_of(5, 5, 5), SHAPE, 5, True),
        (blocks_of(5, 5, 5, np.dot), SHAPE, 5, True),
        (blocks_of(5, 5, 5), SHAPE, 4, False),
        (blocks_of(13, 5, 5), SHAPE, 5, False),
        (blocks_of(5, 11, 5), SHAPE, 5, False),
        (blocks_of(5, 5, 14), SHAPE, 5, False),
        (blocks_of(4, 2, 4), SHAPE, 4, False),  # no side longer than half of a block
        (blocks_of(6, 6, 6), (9, 6, 8), 6, True),  # half of the work in whole blocks
        (blocks_of(2, 2, 2), (3, 3, 2), 2, False),  # 8 of 18 multiplications
        (blocks_of(5, 5, 5, lambda a, b: np.einsum("ij,jk->ik", a, b)), SHAPE, 5, False),
        (tiles, SHAPE, 5, False),
    ],
)
def test_prove_tells_blocks_by_shapes_alone(
    kernel: Kernel, shape: tuple[int, int, int], size: int, only: bool
) -> None:
    assert proof_of(kernel, shape).multiplies_only_blocks(size) is only


def test_prove_tells_what_each_product_multiplies() -> None:
    first, *_, last = proof_of(textbook).products
    assert (first.row_set, first.inner_set) == (frozenset(range(5)), frozenset(range(5)))
    assert (last.row_set, last.column_set) == (frozenset({10, 11, 12}), frozenset(range(10, 14)))
    assert (last.rows, last.inner, last.columns, last.thread) == (3, 1, 4, 0)


def test_prove_tells_the_thread_of_each_product() -> None:
    def kernel(A: Any, B: Any) -> Any:
        C = zeros(A, B)
        threads = [threading.Thread(target=np.matmul, args=(A[i::2], B, C[i::2])) for i in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return C

    found = proof_of(kernel).products
    assert len({x.thread for x in found}) == 2
    assert sorted(x.rows for x in found) == [6, 7]
    assert 0 not in {x.thread for x in found}


def test_prove_counts_the_steps_that_the_result_depends_on() -> None:
    sizes = [proof_of(checked, shape).steps for shape in (SHAPE, (29, 17, 23))]
    assert sizes[0] == sizes[1]
    loops = [proof_of(by_row, shape).steps for shape in (SHAPE, (29, 17, 23))]
    assert loops[1] - loops[0] >= 16


def by_row(A: Any, B: Any) -> Any:
    return np.stack([row @ B for row in A])


def test_prove_measures_buffers() -> None:
    def kernel(A: Any, B: Any) -> Any:
        C = zeros(A, B)
        for i in range(13):
            C[i] = (A[i][:, None] * B).sum(axis=0)
        return C

    proof = proof_of(kernel)
    assert proof.largest_buffer == 13 * 14
    assert proof.most_alive == 13 * 14 + 11 * 14 + 14
    assert proof_of(lambda A, B: (A[:, :, None] * B).sum(1)).largest_buffer == 13 * 11 * 14
    empty = proof_of(operator.matmul, (0, 11, 14))
    assert (empty.largest_buffer, empty.share(lambda each: True)) == (0, 0)


@pytest.mark.parametrize(("dtype", "numbers"), [("f4", 182), ("c8", 364), ("i8", 182)])
def test_prove_counts_real_numbers(dtype: str, numbers: int) -> None:
    proof = proof_of(operator.matmul, dtype=dtype)
    assert str(proof.buffer_sizes) == f"[{numbers}]"
    assert proof.share(lambda each: True) == pytest.approx(1)


def for_show(A: Any, B: Any) -> Any:
    textbook(A, B)
    return A @ B


def times_zero(A: Any, B: Any) -> Any:
    return A @ B + 0 * textbook(A, B)


def by_logarithms(A: Any, B: Any) -> Any:
    left, upper = A.astype(complex)[:, :, None], B.astype(complex)
    return np.exp(np.log(left) + np.log(upper)).sum(1).real + 0 * textbook(A, B)


def test_prove_work_for_show_has_no_share() -> None:
    assert [x.rows for x in proof_of(for_show).products] == [13]
    small = lambda x: max(x.rows, x.inner, x.columns) <= BLOCK  # noqa: E731
    assert proof_of(times_zero).share(small) == pytest.approx(0, abs=1e-6)
    assert proof_of(by_logarithms).share(lambda each: True) == 0


def smuggled(A: Any, B: Any) -> Any:
    C = textbook(A, B)
    C[...] = np.ndarray(A.shape, "f8", A.tobytes()) @ np.ndarray(B.shape, "f8", B.tobytes())
    return C


def floats_of_python(A: Any, B: Any) -> Any:
    return np.array([[sum(float(a) * float(b) for a, b in zip(row, c, strict=True)) for c in B.T]
                     for row in A])  # fmt: skip


@pytest.mark.parametrize("kernel", [smuggled, floats_of_python], ids=lambda x: x.__name__)
def test_prove_what_was_not_seen_is_unproven(kernel: Kernel) -> None:
    with pytest.raises(Unproven):
        proof_of(kernel)


def test_prove_log_without_its_product_is_unproven() -> None:
    log = logged(WHOLE["operator"])
    with pytest.raises(Unproven):
        proven(replace(log, steps=()))


def test_prove_log_that_reads_what_nobody_wrote_is_unproven() -> None:
    def kernel(A: Any, B: Any) -> Any:
        C = np.empty((13, 14))
        C[...] = 0 * np.where(np.isfinite(C), 0, 0) + A @ B
        return np.where(np.isfinite(C), C, 0)

    log = logged(kernel)
    assert proven(log).products
    made = next(i for i, step in enumerate(log.steps) if "assign" in step.name)
    with pytest.raises(Unproven):
        proven(replace(log, steps=[*log.steps[:made], *log.steps[made + 1 :]]))
