"""One product, written in six ways: each rung leaves more of its loops to compiled code.

All return A @ B for A (m, n) and B (n, p) of one type, in that type. Read them from top to bottom,
and ask of each what it no longer does in Python.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.core.layers import matmul_naive

__all__ = ["RUNGS", "dots", "empty", "lists", "outer_products", "rows"]

Array = NDArray[Any]


def empty(n: int) -> None:
    """Go through the n**3 steps of a triple loop, and do nothing."""
    for _ in range(n):
        for _ in range(n):
            for _ in range(n):
                pass


def lists(A: Array, B: Array) -> Array:
    """Three loops in Python, as in `matmul_naive`, but over lists of its own floats."""
    left, right = A.tolist(), B.tolist()
    C = [[0.0] * B.shape[1] for _ in left]
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            for k in range(A.shape[1]):
                C[i][j] += left[i][k] * right[k][j]
    return np.array(C, A.dtype).reshape(A.shape[0], B.shape[1])


def dots(A: Array, B: Array) -> Array:
    """Two loops; the sum over k is one call."""
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            C[i, j] = np.dot(A[i], B[:, j])
    return C


def outer_products(A: Array, B: Array) -> Array:
    """One loop, over k: each call passes over all of C once more."""
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for k in range(A.shape[1]):
        C += np.outer(A[:, k], B[k])
    return C


def rows(A: Array, B: Array) -> Array:
    """One loop, over i: each call makes one row of C."""
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        C[i] = A[i] @ B
    return C


RUNGS: dict[str, Callable[[Array, Array], Array]] = {
    "numbers of arrays": matmul_naive,
    "numbers of lists": lists,
    "a dot for each i, j": dots,
    "an outer product for each k": outer_products,
    "row @ B for each i": rows,
    "A @ B": np.matmul,
}
"""From slow to fast."""
