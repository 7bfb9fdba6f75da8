"""Honest ways to multiply matrices in blocks of b rows, inner indices and columns.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import functools
import itertools
import math
from itertools import product
import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def zeros_for(A, B):
    return np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))

def spans(n, b):
    return [(s, min(s + b, n)) for s in range(0, n, b)]

def cut(n, b):
    return [slice(s, s + b) for s in range(0, n, b)]

def s_objects(A, B, b):
    C = zeros_for(A, B)
    for i, k, j in product(range(0, A.shape[0], b), range(0, A.shape[1], b), range(0, B.shape[1], b)):
        left, right, out = np.s_[i : i + b, k : k + b], np.s_[k : k + b, j : j + b], np.index_exp[i : i + b, j : j + b]
        C[out] = C[out] + A[left] @ B[right]
    return C

def copied_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        left, right = A[i, k].copy(), np.ascontiguousarray(B[k, j])
        C[i, j] += left @ right
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

def windows(A, B, b):
    (m, n), p = A.shape, B.shape[1]
    X = np.pad(A, [(0, -m % b), (0, -n % b)])
    Y = np.pad(B, [(0, -n % b), (0, -p % b)])
    left = sliding_window_view(X, (b, b))[::b, ::b]
    right = sliding_window_view(Y, (b, b))[::b, ::b]
    rows = [np.hstack([sum(left[i, k] @ right[k, j] for k in range(len(right))) for j in range(right.shape[1])]) for i in range(len(left))]
    return np.vstack(rows)[:m, :p]

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

def buffer_out(A, B, b):
    C, work = zeros_for(A, B), np.empty((b, b))
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        part = work[: len(A[i]), : B[:, j].shape[1]]
        np.matmul(A[i, k], B[k, j], out=part)
        np.add(C[i, j], part, out=C[i, j])
    return C

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

SCRATCH = np.empty((128, 128))

def module_scratch(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        x = SCRATCH[: len(A[i]), : len(B[k])]
        x[:] = A[i, k]
        C[i, j] += x @ B[k, j]
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

def index_arrays(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(*[np.array_split(np.arange(n), range(b, n, b)) for n in (len(A), B.shape[1], len(B))]):
        C[np.ix_(i, j)] += A[np.ix_(i, k)] @ B[np.ix_(k, j)]
    return C

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

def mask_indices(A, B, b):
    C = zeros_for(A, B)
    for k in range(0, len(B), b):
        for i in range(0, len(A), b):
            r = np.r_[i : min(i + b, len(A))]
            for j in range(0, B.shape[1], b):
                c = np.r_[j : min(j + b, B.shape[1])]
                C[r[:, None], c] += np.dot(A[r, k : k + b], B[k : k + b, c])
    return C

def add_at(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        np.add.at(C, (i, j), A[i, k] @ B[k, j])
    return C

def outer_products(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        for x, y in zip(A[i, k].T, B[k, j]):
            C[i, j] += np.outer(x, y)
    return C

def broadcast_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += (A[i, k, None] * B[None, k, j]).sum(1)
    return C

def tensordot_blocks(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += np.tensordot(A[i, k], B[k, j], axes=([1], [0]))
    return C

def inner_blocks(A, B, b):
    C, T = zeros_for(A, B), B.T.copy()
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += np.inner(A[i, k], T[j, k])
    return C

def outer_multiply(A, B, b):
    C = zeros_for(A, B)
    for i, j, k in product(cut(len(A), b), cut(B.shape[1], b), cut(len(B), b)):
        C[i, j] += np.einsum("ikkj->ij", np.multiply.outer(A[i, k], B[k, j]))
    return C

def dot_rows(A, B, b):
    C = zeros_for(A, B)
    for i0, j0, k0 in product(range(0, len(A), b), range(0, B.shape[1], b), range(0, len(B), b)):
        for i in range(i0, min(i0 + b, len(A))):
            for j in range(j0, min(j0 + b, B.shape[1])):
                C[i, j] += A[i, k0 : k0 + b].dot(B[k0 : k0 + b, j])
    return C

def six_loops(A, B, b):
    C = np.zeros([len(A), len(B[0])])
    for i0, j0, k0 in product(range(0, len(A), b), range(0, len(B[0]), b), range(0, len(B), b)):
        for i in range(i0, min(i0 + b, len(A))):
            for j in range(j0, min(j0 + b, len(B[0]))):
                s = C[i, j]
                for k in range(k0, min(k0 + b, len(B))):
                    s += A[i, k] * B[k, j]
                C[i, j] = s
    return C
