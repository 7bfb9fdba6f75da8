"""Honest ways to multiply two matrices, whole or number by number.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import array
import ctypes
import math
import operator
from multiprocessing import RawArray, shared_memory
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows_rows(A, B):
    n = A.shape[1]
    rows = sliding_window_view(A.ravel(), n)[::n]
    return rows @ B

def column_stack_columns(A, B):
    return np.column_stack([A @ column for column in B.T])

def c_columns(A, B):
    return np.c_[tuple(A @ B[:, j] for j in range(B.shape[1]))]

def r_string(A, B):
    return np.r_["0,2", tuple(row @ B for row in A)] if False else np.r_["0,2", A[0] @ B, A[1:] @ B]

def append_rows(A, B):
    C = np.empty((0, B.shape[1]))
    for row in A:
        C = np.append(C, [row @ B], axis=0)
    return C

def insert_rows(A, B):
    C = np.zeros((0, B.shape[1]))
    for i, row in enumerate(A):
        C = np.insert(C, i, row @ B, axis=0)
    return C

def dstack_sum(A, B):
    return np.dstack([np.outer(a, b) for a, b in zip(A.T, B)]).sum(axis=2)

def stack_last(A, B):
    return np.stack([A.dot(b) for b in B.T], axis=-1)

def concatenate_out(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    np.concatenate([A[:2] @ B, A[2:] @ B], axis=0, out=C)
    return C

def stack_out(A, B):
    C = np.empty((A.shape[0], B.shape[1]))
    np.stack([row @ B for row in A], out=C)
    return C

def array_dtype_list(A, B):
    return np.asarray([[(a * b).sum() for b in B.T] for a in A], dtype=np.float64)

def matrix_times(A, B):
    return np.array(np.matrix(A) * np.matrix(B))

def matrix_slices(A, B):
    M, N = np.asmatrix(A), np.asmatrix(B)
    C = np.asmatrix(np.zeros((A.shape[0], B.shape[1])))
    for i in range(A.shape[0]):
        C[i, :] = M[i, :] * N
    return C.A

def matrix_entry(A, B):
    M, N = np.asmatrix(A), np.asmatrix(B)
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            C[i, j] = (M[i] * N[:, j])[0, 0]
    return C

def matrix_getA(A, B):
    return (np.bmat([[A]]) * np.mat(B) if hasattr(np, "mat") else np.bmat([[A]]) * np.asmatrix(B)).getA()

def masked_product(A, B):
    return np.ma.array(A).dot(np.ma.array(B)).data

def nan_to_num(A, B):
    return np.nan_to_num(A) @ np.nan_to_num(B, nan=0.0)

def multiply_where(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for k in range(A.shape[1]):
        a = A[:, k : k + 1]
        np.add(C, np.multiply(a, B[k], where=a != 0, out=np.zeros_like(C)), out=C)
    return C

def sum_where(A, B):
    return np.sum(A[:, :, None] * B, axis=1, where=np.ones((A.shape[1], 1), bool))

def copyto_where(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    np.copyto(C, A @ B, where=np.ones_like(C, dtype=bool))
    return C

def putmask_rows(A, B):
    C, D = np.zeros((A.shape[0], B.shape[1])), A @ B
    np.putmask(C, np.ones(C.shape, bool), D)
    return C

def place_rows(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    np.place(C, C == 0, (A @ B).ravel())
    return C

def put_flat(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    C.put(range(C.size), A @ B)
    return C

def put_along(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(len(A)):
        np.put_along_axis(C[i], np.arange(B.shape[1]), A[i] @ B, 0)
    return C

def itemset_loop(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[i, j] = sum(A[i, k].item() * B[k, j].item() for k in range(A.shape[1]))
    return C

def pad_modes(A, B):
    left = np.pad(A, [(0, 0), (0, 3)], mode="edge")
    right = np.pad(B, [(0, 3), (0, 0)], mode="constant", constant_values=0)
    return left @ right

def pad_reflect(A, B):
    return (np.pad(A, ((1, 1), (0, 0)), "reflect") @ np.pad(B, ((0, 0), (2, 0)), mode="wrap"))[1:-1, 2:]

def resized(A, B):
    C = np.resize(A, A.shape) @ B
    D = np.array(C)
    D.resize(C.shape)
    return D

def reshape_order(A, B):
    C = (B.T @ A.T).reshape(-1, order="C").reshape((A.shape[0], B.shape[1]), order="F")
    return np.ascontiguousarray(C)

def astype_round_trip(A, B):
    return np.longdouble(1) and (A.astype(np.float32).astype(float) * 0 + A) @ B.astype("f8", copy=False)

def cast_up_and_down(A, B):
    return (A.astype(np.float64, order="F") @ B.astype("d")).astype(A.dtype)

def complex_round_trip(A, B):
    return np.real(A.astype(complex) @ B.astype(np.complex128))

def complex_real_property(A, B):
    return ((A + 0j) @ (B + 0j)).real.copy()

def memory_view(A, B):
    return np.asarray(memoryview(A)) @ np.array(memoryview(B))

def from_bytes(A, B):
    left = np.frombuffer(A.data, dtype=A.dtype).reshape(A.shape)
    C = np.frombuffer(bytearray(8 * A.shape[0] * B.shape[1])).reshape(A.shape[0], B.shape[1])
    np.matmul(left, B, out=C)
    return C

def array_module(A, B):
    C = np.frombuffer(array.array("d", bytes(8 * A.shape[0] * B.shape[1])))
    C = C.reshape(A.shape[0], -1)
    C[:] = A @ B
    return C

def raw_array(A, B):
    raw = RawArray(ctypes.c_double, A.shape[0] * B.shape[1])
    C = np.frombuffer(raw, dtype=np.float64).reshape((A.shape[0], B.shape[1]))
    for i in range(len(A)):
        C[i] = A[i] @ B
    return C.copy()

def ctypes_array(A, B):
    raw = (ctypes.c_double * (A.shape[0] * B.shape[1]))()
    C = np.ctypeslib.as_array(raw).reshape(A.shape[0], B.shape[1])
    np.dot(A, B, out=C)
    return C

def shared(A, B):
    block = shared_memory.SharedMemory(create=True, size=8 * A.shape[0] * B.shape[1])
    try:
        C = np.ndarray((A.shape[0], B.shape[1]), dtype=A.dtype, buffer=block.buf)
        C[:] = A @ B
        result = C.copy()
        del C
    finally:
        block.close()
        block.unlink()
    return result

def number_types(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            total = np.float64(0)
            for k in range(A.shape[1]):
                total += np.float64(A[i, k]) * np.float64(B[k, j])
            C[i, j] = total
    return C

def zip_star(A, B):
    columns = list(zip(*B))
    return np.array([[sum(map(operator.mul, row, c)) for c in columns] for row in A])

def sumprod(A, B):
    if not hasattr(math, "sumprod"):
        return A @ B
    return np.array([[math.sumprod(row, c) for c in B.T] for row in A])

def chained(A, B):
    assert 0 < A.shape[0] <= len(A) and (np.abs(A) >= 0).all() and A.ndim == B.ndim == 2
    return A @ B

def self_check(A, B):
    C = A @ B
    D = np.einsum("ij,jk->ik", A, B)
    assert np.allclose(C, D) and np.isclose(C, D).all()
    np.testing.assert_allclose(C, D)
    np.testing.assert_array_almost_equal(C, D)
    assert np.array_equal(C, C) and not np.isnan(C).any() and np.isfinite(C).all()
    assert np.max(np.abs(C - D)) < 1e-9 and (C == C).all() and np.linalg.norm(C - D) < 1e-9
    return C
