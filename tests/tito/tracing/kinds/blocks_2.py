"""More honest ways to multiply matrices in blocks of b rows, inner indices and columns.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import contextlib
import itertools
from collections import namedtuple
from dataclasses import dataclass
from itertools import product
import numpy as np
from numpy import arange, dot, shape, size, zeros


def zeros_for(A, B):
    return np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))

def cut(n, b):
    return [slice(s, s + b) for s in range(0, n, b)]

def six_loops_flat(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    a, c, d = A.ravel(), np.zeros(m * p), B.flatten()
    for i0, j0, k0 in product(range(0, m, b), range(0, p, b), range(0, n, b)):
        for i in range(i0, min(i0 + b, m)):
            for k in range(k0, min(k0 + b, n)):
                x = a[i * n + k]
                for j in range(j0, min(j0 + b, p)):
                    c[i * p + j] += x * d[k * p + j]
    return c.reshape(m, p)

def six_loops_lists(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X, Y, C = A.tolist(), B.tolist(), [[0.0] * p for _ in range(m)]
    for i0, j0, k0 in product(range(0, m, b), range(0, p, b), range(0, n, b)):
        for i in range(i0, min(i0 + b, m)):
            for j in range(j0, min(j0 + b, p)):
                for k in range(k0, min(k0 + b, n)):
                    C[i][j] += X[i][k] * Y[k][j]
    return np.array(C)

def row_axpy(A, B, b):
    C = zeros_for(A, B)
    for i0, k0, j0 in product(range(0, len(A), b), range(0, len(B), b), range(0, B.shape[1], b)):
        for i in range(i0, min(i0 + b, len(A))):
            for k in range(k0, min(k0 + b, len(B))):
                C[i, j0 : j0 + b] += A[i, k] * B[k, j0 : j0 + b]
    return C

def fortran_order(A, B, b):
    C = np.zeros((len(A), B.shape[1]), order="F")
    X, Y = np.asfortranarray(A), np.array(B, order="F")
    for j, k, i in product(cut(B.shape[1], b), cut(len(B), b), cut(len(A), b)):
        C[i, j] += X[i, k] @ Y[k, j]
    return C

def transposed(A, B, b):
    D = np.zeros((B.shape[1], len(A)))
    for j, i, k in product(cut(B.shape[1], b), cut(len(A), b), cut(len(B), b)):
        D[j, i] += B.T[j, k] @ A.T[k, i]
    return D.T

def backwards(A, B, b):
    C = zeros_for(A, B)
    for i in reversed(range(0, len(A), b)):
        for j in range(0, B.shape[1], b)[::-1]:
            for k in range((len(B) - 1) // b * b, -1, -b):
                C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C

def negative_steps(A, B, b):
    X, Y, C = A[::-1, ::-1], B[::-1], zeros_for(A, B)[::-1]
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += X[i, k] @ Y[k, j]
    return C[::-1].copy()

def interleaved(A, B, b):
    C = zeros_for(A, B)
    rows, inner, columns = -(-len(A) // b), -(-len(B) // b), -(-B.shape[1] // b)
    for i, j, k in product(range(rows), range(columns), range(inner)):
        C[i::rows, j::columns] += A[i::rows, k::inner] @ B[k::inner, j::columns]
    return C

def while_loops(A, B, b):
    C = zeros_for(A, B)
    i = 0
    while i < A.shape[0]:
        i2 = i + b if i + b < A.shape[0] else A.shape[0]
        j = 0
        while j < B.shape[1]:
            j2 = min(j + b, B.shape[1])
            k = 0
            while k < A.shape[1]:
                k2 = np.minimum(k + b, A.shape[1])
                C[i:i2, j:j2] = np.add(C[i:i2, j:j2], np.matmul(A[i:i2, k:k2], B[k:k2, j:j2]))
                k = k2
            j = j2
        i = i2
    return C

def numpy_bounds(A, B, b):
    C = zeros_for(A, B)
    edges = [np.append(np.arange(0, n, b), n) for n in (len(A), B.shape[1], len(B))]
    for i0, i1 in zip(edges[0][:-1], edges[0][1:]):
        for j0, j1 in zip(edges[1], edges[1][1:]):
            for k0, k1 in itertools.pairwise(edges[2]):
                C[i0:i1, j0:j1] += A[i0:i1, k0:k1] @ B[k0:k1, j0:j1]
    return C

def matlab_style(A, B, b):
    m, n = size(A, 0), size(A, 1)
    p = shape(B)[1]
    C = zeros((m, p))
    for i in arange(0, m, b):
        for j in arange(0, p, b):
            for k in arange(0, n, b):
                C[i : i + b, j : j + b] += dot(A[i : i + b, k : k + b], B[k : k + b, j : j + b])
    return C

def matrix_class(A, B, b):
    M, N, C = np.asmatrix(A), np.asmatrix(B), np.asmatrix(np.zeros((len(A), B.shape[1])))
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += M[i, k] * N[k, j]
    return np.asarray(C)

def recursion_out(A, B, b, C=None):
    if C is None:
        C = np.zeros((A.shape[0], B.shape[1]))
    (m, n), p = A.shape, B.shape[1]
    if max(m, n, p) <= b:
        C += A @ B
    elif m == max(m, n, p):
        recursion_out(A[: m // 2], B, b, C[: m // 2])
        recursion_out(A[m // 2 :], B, b, C[m // 2 :])
    elif n >= p:
        recursion_out(A[:, : n // 2], B[: n // 2], b, C)
        recursion_out(A[:, n // 2 :], B[n // 2 :], b, C)
    else:
        recursion_out(A, B[:, : p // 2], b, C[:, : p // 2])
        recursion_out(A, B[:, p // 2 :], b, C[:, p // 2 :])
    return C

@dataclass
class Tile:
    values: np.ndarray
    row: int
    column: int

    def __matmul__(self, other):
        return Tile(self.values @ other.values, self.row, other.column)

    def add_to(self, C):
        h, w = self.values.shape
        C[self.row : self.row + h, self.column : self.column + w] += self.values

def tile_class(A, B, b):
    C = zeros_for(A, B)
    left = [Tile(A[i : i + b, k : k + b], i, k) for i in range(0, len(A), b) for k in range(0, len(B), b)]
    right = [Tile(B[k : k + b, j : j + b], k, j) for k in range(0, len(B), b) for j in range(0, B.shape[1], b)]
    for x, y in product(left, right):
        if x.column == y.row:
            (x @ y).add_to(C)
    return C

Span = namedtuple("Span", "start stop")

def generator_of_tiles(A, B, b):
    def tiles():
        for i, j, k in product(range(0, len(A), b), range(0, B.shape[1], b), range(0, len(B), b)):
            yield Span(i, i + b), Span(j, j + b), Span(k, k + b)

    C = zeros_for(A, B)
    for i, j, k in tiles():
        C[slice(*i), slice(*j)] += A[slice(*i), slice(*k)] @ B[slice(*k), slice(*j)]
    return C

def closure(A, B, b):
    C = zeros_for(A, B)

    def multiply(i, j, k):
        nonlocal C
        C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]

    [multiply(*start) for start in product(range(0, len(A), b), range(0, B.shape[1], b), range(0, len(B), b))]
    return C

def reduce_list(A, B, b):
    C = zeros_for(A, B)
    for i, j in product(cut(len(A), b), cut(B.shape[1], b)):
        C[i, j] = np.add.reduce([A[i, k] @ B[k, j] for k in cut(len(B), b)])
    return C

def sum_with_start(A, B, b):
    C = zeros_for(A, B)
    for i, j in product(cut(len(A), b), cut(B.shape[1], b)):
        C[i, j] = sum((A[i, k] @ B[k, j] for k in cut(len(B), b)), start=np.zeros_like(C[i, j]))
    return C

def batched_inner(A, B, b):
    C = zeros_for(A, B)
    n = A.shape[1] - A.shape[1] % b
    for i, j in product(cut(len(A), b), cut(B.shape[1], b)):
        X, Y = A[i, :n], B[:n, j]
        stack = X.reshape(len(X), n // b, b).transpose(1, 0, 2) @ Y.reshape(n // b, b, -1)
        C[i, j] = stack.sum(axis=0)
        if n < A.shape[1]:
            C[i, j] += A[i, n:] @ B[n:, j]
    return C

def whole_stack(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X = np.pad(A, ((0, -m % b), (0, -n % b))).reshape(-1, b, -(-n // b), b).transpose(0, 2, 1, 3)
    Y = np.pad(B, ((0, -n % b), (0, -p % b))).reshape(-(-n // b), b, -1, b).transpose(0, 2, 1, 3)
    Z = np.matmul(X[:, None], Y.transpose(1, 0, 2, 3)[None]).sum(axis=2)
    return Z.transpose(0, 2, 1, 3).reshape(Z.shape[0] * b, -1)[:m, :p]

def blocks_in_float64(A, B, b):
    C = np.zeros((len(A), B.shape[1]), dtype=np.float64)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += A[i, k].astype(np.float64) @ B[k, j].astype("float64")
    return C.astype(np.result_type(A.dtype, B.dtype), copy=False)

def casting_arguments(A, B, b):
    C = np.zeros(shape=(len(A), B.shape[1]), dtype=A.dtype)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        np.add(C[i, j], np.matmul(A[i, k], B[k, j], dtype=float, casting="unsafe"), out=C[i, j], casting="same_kind", where=True)
    return C

def checks_beside(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        before = C[i, j].copy()
        C[i, j] += A[i, k] @ B[k, j]
        assert np.allclose(C[i, j] - before, A[i, k] @ B[k, j]), (A[i, k], before)
    assert np.allclose(C, A @ B)
    return C

def copyto_block(A, B, b):
    C, x, y = zeros_for(A, B), np.empty((b, b)), np.empty((b, b))
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        h, d, w = len(A[i]), len(B[k]), B[:, j].shape[1]
        np.copyto(x[:h, :d], A[i, k])
        np.copyto(y[:d, :w], B[k, j], casting="no")
        C[i, j] += x[:h, :d] @ y[:d, :w]
    return C

def error_state(A, B, b):
    C = zeros_for(A, B)
    with np.errstate(all="raise"), contextlib.suppress(ZeroDivisionError):
        for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
            C[i, j] += A[i, k] @ B[k, j]
    return C

def kahan_blocks(A, B, b):
    C, lost = zeros_for(A, B), zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        y = A[i, k] @ B[k, j] - lost[i, j]
        t = C[i, j] + y
        lost[i, j] = (t - C[i, j]) - y
        C[i, j] = t
    return C

def nditer_blocks(A, B, b):
    C = zeros_for(A, B)
    starts = np.nditer(np.meshgrid(np.arange(0, len(A), b), np.arange(0, B.shape[1], b), np.arange(0, len(B), b)))
    for i, j, k in starts:
        C[int(i) : int(i) + b, int(j) : int(j) + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C

def mgrid_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in np.mgrid[0 : len(A) : b, 0 : B.shape[1] : b, 0 : len(B) : b].reshape(3, -1).T:
        C[i : i + b, j : j + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
    return C

def flat_memory(A, B, b):
    C = np.zeros(len(A) * B.shape[1]).reshape(len(A), -1)
    a, d = A.reshape(-1), B.reshape(-1)
    n, p = A.shape[1], B.shape[1]
    for i, j, k in product(range(0, len(A), b), range(0, p, b), range(0, n, b)):
        h, e, w = min(b, len(A) - i), min(b, n - k), min(b, p - j)
        x = np.stack([a[r * n + k : r * n + k + e] for r in range(i, i + h)])
        y = np.stack([d[r * p + j : r * p + j + w] for r in range(k, k + e)])
        C[i : i + h, j : j + w] += x @ y
    return C

def block_matvec(A, B, b):
    C = zeros_for(A, B)
    for i, k, j0 in product(cut(len(A), b), cut(len(B), b), range(0, B.shape[1], b)):
        for j in range(j0, min(j0 + b, B.shape[1])):
            C[i, j] += A[i, k] @ B[k, j]
    return C

def block_list_comprehension(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += np.array([[np.sum(x * y) for y in B[k, j].T] for x in A[i, k]])
    return C

def block_sum_zip(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += [[sum(x * y for x, y in zip(row, column)) for column in zip(*B[k, j])] for row in A[i, k]]
    return C

def prints_on_the_way(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += A[i, k] @ B[k, j]
        f"{C[i, j]} {C.max():.2f} {C.sum()!r} {C[0, 0]:8.3e} {np.linalg.norm(C)}"
        str(C), repr(A[i, k]), C.tolist(), C.nbytes, C.flags, C.T.shape, C.itemsize
    return C
