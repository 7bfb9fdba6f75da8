"""Honest ways to multiply two matrices, whole or number by number.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import itertools
import numpy as np
import numpy.linalg as la
from numpy import einsum
from numpy.lib.stride_tricks import as_strided


def letters_in_lists(A, B):
    return np.einsum(A, [0, 2], B, [2, 1], [0, 1])

def einsum_optimal(A, B):
    return einsum("ab,bc->ac", A, B, optimize="optimal")

def einsum_path_first(A, B):
    path, _ = np.einsum_path("ij,jk->ik", A, B, optimize="greedy")
    return np.einsum("ij,jk->ik", A, B, optimize=path)

def einsum_out(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    np.einsum("ij,jk->ik", A, B, out=C, optimize=True)
    return C

def einsum_batched(A, B):
    return np.einsum("bij,bjk->bik", A[None], B[None])[0]

def einsum_dtype(A, B):
    return np.einsum("ij,jk->ik", A, B, dtype=np.float64, casting="safe", order="C")

def einsum_transposed(A, B):
    return np.einsum("ji,jk->ik", A.T, B)

def einsum_three(A, B):
    return np.einsum("ij,jk,kl->il", A, np.eye(A.shape[1]), B)

def einsum_spaces(A, B):
    return np.einsum("i j, j k -> i k", A, B)

def matmul_kwargs(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), dtype=A.dtype, order="F")
    np.matmul(A, B, out=C, casting="same_kind", dtype=A.dtype)
    return C

def matmul_axes(A, B):
    return np.matmul(A, B, axes=[(0, 1), (0, 1), (0, 1)])

def matmul_dunder(A, B):
    return A.__matmul__(B)

def rmatmul_dunder(A, B):
    return B.__rmatmul__(A)

def dot_out_keyword(A, B):
    C = np.empty((A.shape[0], B.shape[1]), dtype=np.result_type(A.dtype, B.dtype))
    A.dot(B, out=C)
    return C

def dot_of_memory_order(A, B):
    return np.dot(np.array(A, order="F"), np.require(B, requirements=["C", "A"]))

def tensordot_axes(A, B):
    return np.tensordot(A, B, axes=([1], [0]))

def linalg_multi_dot(A, B):
    return la.multi_dot([A, np.identity(A.shape[1]), B])

def linalg_tensordot(A, B):
    return np.linalg.tensordot(A, B, axes=1)

def linalg_vecdot(A, B):
    return np.linalg.vecdot(A[:, None, :], B.T[None, :, :])

def matrix_power(A, B):
    m, n, p = *A.shape, B.shape[1]
    S = np.zeros((m + n + p, m + n + p))
    S[:m, m : m + n] = A
    S[m : m + n, m + n :] = B
    return np.linalg.matrix_power(S, 2)[:m, m + n :]

def vdot_rows(A, B):
    C = np.zeros((len(A), len(B.T)))
    for i in range(len(A)):
        for j in range(len(B.T)):
            C[i, j] = np.vdot(A[i], B[:, j])
    return C

def newaxis_add_reduce(A, B):
    return np.add.reduce(A[..., None] * B, axis=-2)

def expand_dims_sum(A, B):
    return np.multiply(np.expand_dims(A, 2), np.expand_dims(B, 0)).sum(1)

def outer_method(A, B):
    full = np.multiply.outer(A, B)
    return np.trace(full, axis1=1, axis2=2)

def outer_diagonal(A, B):
    full = np.multiply.outer(A, B)
    return full.diagonal(axis1=1, axis2=2).sum(-1)

def accumulate_last(A, B):
    *_, last = itertools.accumulate(np.outer(a, b) for a, b in zip(A.T, B))
    return last

def cumsum_last(A, B):
    return np.cumsum(A[:, :, None] * B[None], axis=1)[:, -1]

def cumsum_diff(A, B):
    parts = (A[:, None, :] * B.T[None]).reshape(-1)
    total = np.concatenate([[0.0], np.cumsum(parts)])
    ends = total[:: A.shape[1]]
    return np.diff(ends).reshape(len(A), -1)

def reduceat(A, B):
    n = A.shape[1]
    flat = (A[:, None, :] * B.T).ravel()
    return np.add.reduceat(flat, np.arange(0, flat.size, n)).reshape(A.shape[0], B.shape[1])

def add_accumulate(A, B):
    return np.add.accumulate(A[:, :, None] * B, axis=1)[:, -1, :]

def repeat_tile(A, B):
    m, n = A.shape
    p = B.shape[1]
    left = np.repeat(A, p, axis=0)
    right = np.tile(B.T, (m, 1))
    return (left * right).sum(axis=1).reshape(m, p)

def broadcast_to(A, B):
    shape = (A.shape[0], B.shape[1], A.shape[1])
    return (np.broadcast_to(A[:, None], shape) * np.broadcast_to(B.T, shape)).sum(-1)

def broadcast_arrays(A, B):
    X, Y = np.broadcast_arrays(A[:, :, None], B[None])
    return np.add.reduce(np.multiply(X, Y), 1)

def np_average(A, B):
    return A.shape[1] * np.average(A[:, :, None] * B, axis=1)

def nansum(A, B):
    return np.nansum(A[:, :, None] * B[None], axis=1)

def apply_along_both(A, B):
    return np.apply_along_axis(lambda row: np.apply_along_axis(np.dot, 0, B, row), 1, A)

def apply_over(A, B):
    return np.apply_over_axes(np.sum, A[:, :, None] * B, [1])[:, 0]

def vectorized_function(A, B):
    entry = np.vectorize(lambda i, j: A[i] @ B[:, j])
    return entry(np.arange(A.shape[0])[:, None], np.arange(B.shape[1]))

def vectorized_signature(A, B):
    return np.vectorize(np.dot, signature="(n),(n,p)->(p)")(A, B)

def vectorized_decorator(A, B):
    @np.vectorize(otypes=[float])
    def entry(i, j):
        return np.sum(A[i, :] * B[:, j])

    return entry(*np.ogrid[: A.shape[0], : B.shape[1]])

def from_function(A, B):
    @np.vectorize
    def entry(i, j):
        return A[int(i)].dot(B[:, int(j)])

    return np.fromfunction(entry, (A.shape[0], B.shape[1]), dtype=int)

def from_iter_count(A, B):
    m, p = A.shape[0], B.shape[1]
    return np.fromiter((np.dot(A[i], B[:, j]) for i in range(m) for j in range(p)), dtype=np.float64, count=m * p).reshape((m, p))

def from_iter_rows(A, B):
    return np.fromiter((row @ B for row in A), dtype=np.dtype((float, B.shape[1])))

def mgrid_indices(A, B):
    i, j = np.mgrid[0 : A.shape[0], 0 : B.shape[1]]
    return np.sum(A[i] * B.T[j], axis=2)

def indices_function(A, B):
    i, j = np.indices((A.shape[0], B.shape[1]))
    return np.einsum("ijk,ijk->ij", A[i, :], B[:, j].transpose(1, 2, 0))

def indices_sparse(A, B):
    i, j, k = np.indices((A.shape[0], B.shape[1], A.shape[1]), sparse=True)
    return (A[i, k] * B[k, j]).sum(axis=2)

def meshgrid(A, B):
    i, j = np.meshgrid(np.arange(A.shape[0]), np.arange(B.shape[1]), indexing="ij")
    return (A[i] * B.T[j]).sum(2)

def unravel(A, B):
    flat = np.arange(A.shape[0] * B.shape[1])
    i, j = np.unravel_index(flat, (A.shape[0], B.shape[1]))
    C = np.zeros((A.shape[0], B.shape[1]))
    C.flat[np.ravel_multi_index((i, j), C.shape)] = (A[i] * B.T[j]).sum(1)
    return C

def compress_rows(A, B):
    odd = np.arange(len(A)) % 2 == 1
    C = np.empty((len(A), B.shape[1]))
    C[odd] = np.compress(odd, A, axis=0) @ B
    C[~odd] = A.compress(~odd, axis=0) @ B
    return C

def nditer_with(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    with np.nditer([A[:, None, :], B.T[None], C[:, :, None]], flags=["reduce_ok", "external_loop"], op_flags=[["readonly"], ["readonly"], ["readwrite"]], op_axes=None) as it:
        for a, b, c in it:
            c[...] += np.sum(a * b) if c.strides == (0,) else a * b
    return C

def nditer_numbers(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for a, b, c in np.nditer([A[:, None, :], B.T[None], C[:, :, None]], flags=["reduce_ok"], op_flags=[["readonly"], ["readonly"], ["readwrite"]]):
        c[...] = c + a * b
    return C

def nditer_index(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    it = np.nditer(A, flags=["multi_index"])
    while not it.finished:
        i, k = it.multi_index
        C[i] += it[0] * B[k]
        it.iternext()
    return C

def ndenumerate_loop(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for (i, k), a in np.ndenumerate(A):
        C[i] += a * B[k]
    return C

def ndindex_tuple(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for index in np.ndindex(*C.shape):
        C[index] = (A[index[0]] * B[:, index[1]]).sum()
    return C

def flat_iteration(A, B):
    p = B.shape[1]
    C = np.zeros(A.shape[0] * p)
    for place, a in enumerate(A.flat):
        i, k = divmod(place, A.shape[1])
        C[i * p : (i + 1) * p] += a * B[k]
    return C.reshape(-1, p)

def flat_index(A, B):
    n, p = A.shape[1], B.shape[1]
    C = np.zeros((len(A), p))
    for x in range(C.size):
        i, j = x // p, x % p
        C.flat[x] = A.flat[i * n : (i + 1) * n] @ B.flat[j::p]
    return C

def negative_steps(A, B):
    return A[:, ::-1] @ B[::-1]

def strided_outer(A, B):
    m, n, p = *A.shape, B.shape[1]
    left = as_strided(A, (m, p, n), (A.strides[0], 0, A.strides[1]))
    right = as_strided(B, shape=(m, p, n), strides=(0, B.strides[1], B.strides[0]), writeable=False)
    return (left * right).sum(axis=2)
