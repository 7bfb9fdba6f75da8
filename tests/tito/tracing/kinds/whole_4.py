"""Honest ways to multiply two matrices, whole or number by number.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import itertools
import struct
import numpy as np


def round_sum(A, B):
    C = A @ B
    return np.round(C, 12) + (C - np.round(C, 12))

def ldexp_scaled(A, B):
    m, e = np.frexp(A)
    return np.ldexp(m, e) @ B

def trapz_sum(A, B):
    T = A[:, :, None] * B
    return np.trapezoid(T, axis=1) + (T[:, 0] + T[:, -1]) / 2

def choose_rows(A, B):
    C = A @ B
    return np.choose(np.zeros(C.shape, int), [C, -C])

def triangles(A, B):
    return (np.tril(A) + np.triu(A, 1)) @ B

def unique_inverse(A, B):
    values, inverse = np.unique(A[:, 0] * 0 + np.arange(len(A)), return_inverse=True)
    return A[inverse] @ B

def svd_of_identity(A, B):
    return A @ np.linalg.inv(np.eye(A.shape[1])) @ B

def structured_unpack(A, B):
    return np.array([[struct.unpack("d", struct.pack("d", a @ b)) and a @ b for b in B.T] for a in A])

def swapped_pairs(A, B):
    C = A @ B
    C[[0, 1]] = C[[1, 0]]
    C[0], C[1] = C[1].copy(), C[0].copy()
    return C

def number_max(A, B):
    C = A @ B
    best = max(C.flat)
    worst = min(C.ravel(), key=abs)
    return C + (best - best) * worst

def trim_zeros_any(A, B):
    if A.any() and np.all(A == A) and A.size and bool(A[0, 0] == A[0, 0]):
        return np.matmul(A, B)
    return np.zeros((A.shape[0], B.shape[1]))

def add_reduce_list(A, B):
    return np.add.reduce([np.outer(A[:, k], B[k]) for k in range(A.shape[1])])

def mean_of_list(A, B):
    return np.mean([np.outer(a, b) for a, b in zip(A.T, B)], axis=0) * A.shape[1]

def einsum_of_list(A, B):
    return np.einsum("kij->ij", [np.outer(a, b) for a, b in zip(A.T, B)])

def list_times_array(A, B):
    return [*A] @ B

def dot_of_tolist(A, B):
    return np.dot(A.tolist(), B.tolist())

def broadcast_object(A, B):
    b = np.broadcast(A[:, None, 0], B[0])
    C = np.empty(b.shape)
    C[:] = A @ B
    return C

def iterating_pairs(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    it = np.nditer([A, C[:, :1]], ["multi_index"]) if A.shape == C[:, :1].shape else None
    assert it is None
    for i, (a, c) in enumerate(zip(A, C, strict=True)):
        c += a @ B
    return C

def dtype_argument(A, B):
    return np.add.reduce(np.multiply(A[:, :, None], B, dtype=np.float64), axis=1, dtype="f8", keepdims=False, initial=0.0)

def sum_keepdims(A, B):
    return (A[:, :, None] * B).sum(axis=1, keepdims=True).squeeze(1)

def sum_out(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    (A[:, :, None] * B).sum(axis=1, out=C)
    return C

def take_out(A, B):
    D = np.empty_like(A)
    np.take(A, np.arange(len(A)), axis=0, out=D, mode="clip")
    return D @ B

def python_lists_float(A, B):
    return np.array([[0.0 + sum(A[i, k] * B[k, j] for k in range(A.shape[1])) for j in range(B.shape[1])] for i in range(A.shape[0])], float)

def object_round(A, B):
    C = A @ B
    rounded = [[round(x, 30) for x in row] for row in C]
    return C + 0 * np.array(rounded)

def numbers_abs_pow(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            x = A[i] @ B[:, j]
            C[i, j] = +x if abs(x) >= 0 else -(-x) ** 1
    return C

def conj_view(A, B):
    return np.conj(A) @ B.conj().view()

def setflags(A, B):
    X = A.copy()
    X.setflags(write=False)
    return X @ B

def byteswap(A, B):
    return A.byteswap().byteswap() @ B

def searchsorted_edges(A, B):
    edges = np.searchsorted(np.arange(len(A)), [0, 4, 8, len(A)])
    return np.concatenate([A[a:b] @ B for a, b in zip(edges[:-1], edges[1:])])

def linspace_edges(A, B):
    edges = np.linspace(0, len(A), 4).astype(int)
    C = np.zeros((A.shape[0], B.shape[1]))
    for a, b in itertools.pairwise(edges):
        C[a:b] = A[a:b] @ B
    return C

def array_bool_logic(A, B):
    mask = np.logical_or(A > 0, A <= 0)
    return (A * mask) @ B

def interleaved(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    C[::2], C[1::2] = A[::2] @ B, A[1::2] @ B
    return C

def delete_row(A, B):
    X = np.vstack([A, A[:1]])
    return np.delete(X, -1, axis=0) @ B

def tri_mask(A, B):
    L = np.tri(A.shape[1], dtype=bool)
    return A @ (L * np.eye(A.shape[1])) @ B
