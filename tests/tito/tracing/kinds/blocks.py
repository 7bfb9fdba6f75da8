"""Honest ways to multiply matrices in blocks of b rows, inner indices and columns.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import contextlib
import functools
import itertools
import math
from collections import namedtuple
from dataclasses import dataclass
from itertools import product
import numpy as np
from numpy import arange, dot, shape, size, zeros
from numpy.lib.stride_tricks import as_strided


def zeros_for(A, B):
    return np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))

def cut(n, b):
    return [slice(s, s + b) for s in range(0, n, b)]

def s_objects(A, B, b):
    C = zeros_for(A, B)
    for i, k, j in product(range(0, A.shape[0], b), range(0, A.shape[1], b), range(0, B.shape[1], b)):
        left, right, out = np.s_[i : i + b, k : k + b], np.s_[k : k + b, j : j + b], np.index_exp[i : i + b, j : j + b]
        C[out] = C[out] + A[left] @ B[right]
    return C

def padded_copy(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    M, N, P = (math.ceil(x / b) * b for x in (m, n, p))
    X, Y, C = np.zeros((M, N)), np.zeros((N, P)), np.zeros((M, P))
    X[:m, :n] = A
    Y[:n, :p] = B
    X4 = X.reshape(M // b, b, N // b, b).swapaxes(1, 2)
    Y4 = Y.reshape(N // b, b, P // b, b).swapaxes(1, 2)
    C4 = C.reshape(M // b, b, P // b, b).swapaxes(1, 2)
    for i, j, k in np.ndindex(M // b, P // b, N // b):
        C4[i, j] += X4[i, k] @ Y4[k, j]
    return C[:m, :p].copy()

def padded_einsum(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X = np.pad(A, ((0, -m % b), (0, -n % b))).reshape(-(-m // b), b, -(-n // b), b)
    Y = np.pad(B, ((0, -n % b), (0, -p % b))).reshape(-(-n // b), b, -(-p // b), b)
    C = np.zeros((X.shape[0], b, Y.shape[2], b))
    for i in range(X.shape[0]):
        for j in range(Y.shape[2]):
            for k in range(X.shape[2]):
                C[i, :, j] += np.einsum("ik,kj->ij", X[i, :, k], Y[k, :, j])
    return C.reshape(X.shape[0] * b, -1)[:m, :p]

def tiles_of(X, b):
    (m, n), (d, r) = X.shape, X.strides
    return as_strided(X, (m // b, n // b, b, b), (d * b, r * b, d, r))

def strided_tiles(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X = np.pad(A, [(0, -m % b), (0, -n % b)])
    Y = np.pad(B, [(0, -n % b), (0, -p % b)])
    Z = np.zeros((len(X), Y.shape[1]))
    for (i, j), tile in zip(np.ndindex(len(X) // b, Y.shape[1] // b), tiles_of(Z, b).reshape(-1, b, b) if False else itertools.chain.from_iterable(tiles_of(Z, b))):
        for k in range(len(Y) // b):
            tile += tiles_of(X, b)[i, k] @ tiles_of(Y, b)[k, j]
    return Z[:m, :p]

def split_lists(A, B, b):
    rows = [np.split(r, range(b, A.shape[1], b), axis=1) for r in np.split(A, range(b, len(A), b))]
    columns = [np.split(c, range(b, len(B), b)) for c in np.split(B, range(b, B.shape[1], b), axis=1)]
    return np.block([[sum(map(np.matmul, r, c)) for c in columns] for r in rows])

def array_split_reduce(A, B, b):
    at = functools.partial(np.arange, b)
    grid = []
    for X in np.vsplit(A, at(len(A), b)):
        row = []
        for Y in np.hsplit(B, at(B.shape[1], b)):
            parts = [x.dot(y) for x, y in zip(np.hsplit(X, at(A.shape[1], b)), np.vsplit(Y, at(len(B), b)))]
            row.append(functools.reduce(np.add, parts))
        grid.append(np.concatenate(row, axis=1))
    return np.concatenate(grid, axis=0)

def arena(A, B, b):
    memory = np.empty(3 * b * b)
    C = zeros_for(A, B)
    for i, j in product(cut(len(A), b), cut(B.shape[1], b)):
        h, w = C[i, j].shape
        for k in cut(len(B), b):
            d = len(B[k])
            x = memory[: h * d].reshape(h, d)
            y = memory[b * b : b * b + d * w].reshape(d, w)
            z = memory[2 * b * b : 2 * b * b + h * w].reshape(h, w)
            x[...], y[...] = A[i, k], B[k, j]
            np.dot(x, y, out=z)
            C[i, j] += z
    return C

@functools.lru_cache
def scratch(b):
    return np.zeros((b, b))

def cached_scratch(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        tile = C[i, j]
        tile += np.matmul(A[i, k], B[k, j], out=scratch(b)[: tile.shape[0], : tile.shape[1]])
    return C

def default_scratch(A, B, b, work=np.zeros((64, 64)), cache={}):
    C = cache.setdefault("C", np.zeros((A.shape[0], B.shape[1])))
    C[:] = 0.0
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        x = work[: len(A[i]), : B[:, j].shape[1]]
        x.fill(0)
        x += A[i, k] @ B[k, j]
        C[i, j] += x
    return C.copy()

def take_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(*[[range(s, min(s + b, n)) for s in range(0, n, b)] for n in (len(A), B.shape[1], len(B))]):
        x = np.take(np.take(A, i, axis=0), k, axis=1)
        y = B.take(k, 0).take(j, axis=1)
        C[i.start : i.stop, j.start : j.stop] += x @ y
    return C

def compress_blocks(A, B, b):
    C = zeros_for(A, B)
    rows, inner, columns = (np.arange(n) // b for n in (len(A), len(B), B.shape[1]))
    for i, j, k in product(set(rows.tolist()), set(columns.tolist()), set(inner.tolist())):
        x = np.compress(inner == k, A[rows == i], axis=1)
        y = B[inner == k][:, columns == j]
        C[np.ix_(rows == i, columns == j)] += x @ y
    return C

def broadcast_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += (A[i, k, None] * B[None, k, j]).sum(1)
    return C

def outer_multiply(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += np.einsum("ikkj->ij", np.multiply.outer(A[i, k], B[k, j]))
    return C

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

def matlab_style(A, B, b):
    m, n = size(A, 0), size(A, 1)
    p = shape(B)[1]
    C = zeros((m, p))
    for i in arange(0, m, b):
        for j in arange(0, p, b):
            for k in arange(0, n, b):
                C[i : i + b, j : j + b] += dot(A[i : i + b, k : k + b], B[k : k + b, j : j + b])
    return C

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

def sum_with_start(A, B, b):
    C = zeros_for(A, B)
    for i, j in product(cut(len(A), b), cut(B.shape[1], b)):
        C[i, j] = sum((A[i, k] @ B[k, j] for k in cut(len(B), b)), start=np.zeros_like(C[i, j]))
    return C

def whole_stack(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X = np.pad(A, ((0, -m % b), (0, -n % b))).reshape(-1, b, -(-n // b), b).transpose(0, 2, 1, 3)
    Y = np.pad(B, ((0, -n % b), (0, -p % b))).reshape(-(-n // b), b, -1, b).transpose(0, 2, 1, 3)
    Z = np.matmul(X[:, None], Y.transpose(1, 0, 2, 3)[None]).sum(axis=2)
    return Z.transpose(0, 2, 1, 3).reshape(Z.shape[0] * b, -1)[:m, :p]

def casting_arguments(A, B, b):
    C = np.zeros(shape=(len(A), B.shape[1]), dtype=A.dtype)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        np.add(C[i, j], np.matmul(A[i, k], B[k, j], dtype=float, casting="unsafe"), out=C[i, j], casting="same_kind", where=True)
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

def nditer_blocks(A, B, b):
    C = zeros_for(A, B)
    starts = np.nditer(np.meshgrid(np.arange(0, len(A), b), np.arange(0, B.shape[1], b), np.arange(0, len(B), b)))
    for i, j, k in starts:
        C[int(i) : int(i) + b, int(j) : int(j) + b] += A[i : i + b, k : k + b] @ B[k : k + b, j : j + b]
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

def prints_on_the_way(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += A[i, k] @ B[k, j]
        f"{C[i, j]} {C.max():.2f} {C.sum()!r} {C[0, 0]:8.3e} {np.linalg.norm(C)}"
        str(C), repr(A[i, k]), C.tolist(), C.nbytes, C.flags, C.T.shape, C.itemsize
    return C
