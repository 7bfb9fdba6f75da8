"""Honest ways to multiply two matrices, whole or number by number.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import asyncio
import contextlib
import copy
import functools
import io
import itertools
import operator
import pickle
import warnings
from collections import deque
from dataclasses import dataclass, field
from operator import itemgetter
import numpy as np


def printing(A, B):
    with contextlib.redirect_stdout(io.StringIO()):
        print(A, B[0], A[0, 0], A.shape, A.dtype, f"{A[0, 0]:.3f}", "%s %.2f" % (A[0], B[0, 0]), repr(A))
        np.set_printoptions()
        print(A.mean(), A.std(), A.min(), np.array2string(A, precision=2))
    return A @ B

def deep_copied(A, B):
    X, Y = copy.deepcopy([A, B])
    return X @ Y

def pickled(A, B):
    X, Y = pickle.loads(pickle.dumps((A, B)))
    if X.shape != A.shape or (X != A).any() or Y.dtype != B.dtype:
        raise ValueError
    return A @ B

def error_states(A, B):
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return A @ B

@np.errstate(over="ignore")
def error_state_decorator(A, B):
    return A @ B

@functools.lru_cache(maxsize=None)
def kept_buffer(shape):
    return np.empty(shape)

def cached_buffer(A, B):
    C = kept_buffer((A.shape[0], B.shape[1]))
    np.matmul(A, B, out=C)
    return C.copy()

class Holder:
    one = np.float64(1.0)
    eye = np.eye(7)

def class_constant(A, B):
    return Holder.one * (A @ Holder.eye @ B)

@dataclass
class Matrix:
    values: np.ndarray
    log: list = field(default_factory=list)

    def __matmul__(self, other):
        self.log.append(self.values.shape)
        return Matrix(self.values @ other.values)

    def __getitem__(self, index):
        return self.values[index]

def helper_class(A, B):
    return (Matrix(A) @ Matrix(B)).values

def recursion(A, B):
    if len(A) == 1:
        return A @ B
    half = len(A) // 2
    return np.concatenate((recursion(A[:half], B), recursion(A[half:], B)))

def coroutine(A, B):
    async def row(a):
        return a @ B

    async def everything():
        return await asyncio.gather(*(row(a) for a in A))

    return np.array(asyncio.run(everything()))

def deque_array(A, B):
    return np.array(deque(a @ B for a in A))

def sorted_places(A, B):
    entries = [((i, j), A[i] @ B[:, j]) for j in range(B.shape[1]) for i in range(len(A))]
    return np.array([v for _, v in sorted(entries, key=itemgetter(0))]).reshape(len(A), -1)

def sparse_rows(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i, k in zip(*np.nonzero(A)):
        C[i] += A[i, k] * B[k]
    return C

def argwhere_places(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i, k in np.argwhere(A):
        C[i] = C[i] + A[i, k] * B[k]
    return C

def coordinates(A, B):
    rows, inner = np.where(A != 0)
    C = np.zeros((A.shape[0], B.shape[1]))
    np.add.at(C, rows, A[rows, inner][:, None] * B[inner])
    return C

def bincount_sum(A, B):
    m, n, p = *A.shape, B.shape[1]
    i, k, j = np.indices((m, n, p))
    weights = (A[:, :, None] * B).ravel()
    return np.bincount((i * p + j).ravel(), weights=weights, minlength=m * p).reshape(m, p)

def kron_product(A, B):
    m, p = A.shape[0], B.shape[1]
    return (np.kron(A, np.eye(p)) @ B.ravel()).reshape(m, p)

def convolve_rows(A, B):
    n = A.shape[1]
    return np.array([[np.convolve(a, b[::-1], mode="valid")[0] for b in B.T] for a in A]).reshape(-1, B.shape[1])

def correlate_rows(A, B):
    return np.array([[np.correlate(a, b)[0] for b in B.T] for a in A])

def diag_product(A, B):
    return sum(A @ np.diag(np.eye(A.shape[1])[k]) @ B for k in range(A.shape[1]))

def swapaxes_roll(A, B):
    return np.rollaxis((B.T @ A.swapaxes(0, 1)), 1)

def moved_axes(A, B):
    T = A[None] * np.moveaxis(B, 1, 0)[:, None]
    return np.transpose(T, (1, 0, 2)).sum(-1)

def rotations(A, B):
    return np.rot90(np.rot90(A, 2), -2) @ np.flipud(np.flip(B, axis=0))

def permuted(A, B):
    order = np.random.default_rng(0).permutation(A.shape[1])
    return A[:, order] @ B[order]

def sorted_inner(A, B):
    order = np.argsort(A.sum(0))
    return A[:, order] @ B[order, :]

def ellipsis_index(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for k in range(A.shape[-1]):
        C[...] += A[..., k, None] * B[k, ...]
    return C

def in_place_chain(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i, row in enumerate(C):
        row += A[i] @ B
        row *= 2
        row /= 2
        row -= 0
        row **= 1
    return C

def inplace_operator_function(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(len(A)):
        operator.iadd(C[i], operator.matmul(A[i], B))
    return C

def operator_set(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i, row in enumerate(A):
        operator.setitem(C, i, operator.matmul(row, B))
    return operator.getitem(C, slice(None))

def setitem_columns(A, B):
    C = np.empty((A.shape[0], B.shape[1]), order="F")
    for j in range(B.shape[1]):
        C[:, j] = A @ B[:, j]
    return C

def means_removed(A, B):
    mean = A.mean(axis=1, keepdims=True)
    return (A - mean) @ B + mean * B.sum(axis=0)

def column_means(A, B):
    mean = np.mean(B, 0)
    return A @ (B - mean) + np.outer(A.sum(axis=1), mean)

def strassen(A, B):
    size = 1 << (max(*A.shape, *B.shape) - 1).bit_length()
    X, Y = np.zeros((size, size)), np.zeros((size, size))
    X[: A.shape[0], : A.shape[1]], Y[: B.shape[0], : B.shape[1]] = A, B

    def product(X, Y):
        h = len(X) // 2
        if h < 4:
            return X @ Y
        a, b, c, d = X[:h, :h], X[:h, h:], X[h:, :h], X[h:, h:]
        e, f, g, i = Y[:h, :h], Y[:h, h:], Y[h:, :h], Y[h:, h:]
        p, q = product(a, f - i), product(a + b, i)
        r, s = product(c + d, e), product(d, g - e)
        t, u, v = product(a + d, e + i), product(b - d, g + i), product(a - c, e + f)
        return np.vstack([np.hstack([t + s - q + u, p + q]), np.hstack([r + s, p + t - r - v])])

    return product(X, Y)[: A.shape[0], : B.shape[1]]

def given_out(A, B, out=None):
    if out is None:
        out = np.zeros((A.shape[0], B.shape[1]), dtype=np.promote_types(A.dtype, B.dtype))
    out[:] = A @ B
    return out

def isinstance_checks(A, B):
    if not isinstance(A, np.ndarray) or not issubclass(type(B), np.ndarray):
        raise TypeError
    if type(A) is not np.ndarray:
        A = np.array(A)
    if not np.issubdtype(A.dtype, np.floating) or A.dtype.kind not in "fiu" or np.isscalar(A):
        raise TypeError
    if not A.flags["C_CONTIGUOUS"] or not B.flags.c_contiguous:
        A = np.ascontiguousarray(A)
    return A @ B

def atleast(A, B):
    return np.squeeze(np.atleast_3d(A).transpose(2, 0, 1) @ np.atleast_2d(B), axis=0)

def starmap(A, B):
    entries = itertools.starmap(np.dot, itertools.product(A, B.T))
    return np.array(list(entries)).reshape(A.shape[0], B.shape[1])

def itertools_fromiter(A, B):
    return np.fromiter(itertools.chain.from_iterable(row @ B for row in A), float, len(A) * B.shape[1]).reshape(len(A), -1)

def ones_product(A, B):
    return (A[:, None, :] * B.T) @ np.ones(A.shape[1])

def full_like(A, B):
    C = np.full_like(A, 0, shape=(A.shape[0], B.shape[1]))
    C += A @ B
    return C

def full_dtype(A, B):
    C = np.full((A.shape[0], B.shape[1]), fill_value=0.0, dtype=A.dtype)
    return C + A @ B

def empty_fill(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    C.fill(0)
    for k in range(A.shape[1]):
        C += A[:, [k]] @ B[[k], :]
    return C

def clip_and_round(A, B):
    return np.clip(A, -1e9, 1e9) @ np.maximum(np.minimum(B, 1e9), -1e9)
