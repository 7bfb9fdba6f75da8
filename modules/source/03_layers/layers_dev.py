# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# Module 03: Layers - the product behind every layer

A dense layer is one matrix product: a batch `A (m, n)` times weights `B (n, p)` gives `(m, p)`.
This module holds that product in its plainest form, three nested loops. Nothing here is yours to
write. Read it, run it, and keep it: module 11 measures four other ways against it.
"""

# %% nbgrader={"grade": false, "grade_id": "layers-imports", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| default_exp core.layers
#| export
import numpy as np

# %% [markdown]
"""
## What a kernel accepts

A *kernel* is the routine that does the arithmetic of one operation. The kernels of this course
share one contract: two 2-D arrays whose inner sizes agree, and a result in the dtype that NumPy
promotes the two to. `check_operands` enforces the first half, and the message it raises names both
shapes: "A (2, 3) and B (4, 5)" tells you which array to mend, "dimension mismatch" does not.
"""


# %% nbgrader={"grade": false, "grade_id": "layers-operands", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def check_operands(A: np.ndarray, B: np.ndarray) -> None:
    """Raise `ValueError`, naming both shapes, unless A is (m, n) and B is (n, p)."""
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"expected A (m, n) and B (n, p), got A {A.shape} and B {B.shape}")


# %% [markdown]
"""
## The triple loop

Entry (i, j) of the product is the sum over k of `A[i, k] * B[k, j]`: for all entries together
`m * n * p` multiplications and as many additions, so `2 * m * n * p` floating-point operations.
No variant in module 11 does less arithmetic. They differ in what each operation costs.

Here every operation goes through the interpreter: it takes two numbers out of their arrays, wraps
each in a Python object, and finds out what their types are before it multiplies.
"""


# %% nbgrader={"grade": false, "grade_id": "layers-matmul-naive", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def matmul_naive(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply two matrices, one scalar product at a time.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    B : ndarray, shape (n, p)

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``; zeros where n is 0.

    Raises
    ------
    ValueError
        If an operand is not 2-D or the inner sizes differ; names both shapes.
    """
    check_operands(A, B)
    m, n = A.shape
    p = B.shape[1]
    C = np.zeros((m, p), dtype=np.result_type(A, B))
    with np.errstate(over="ignore"):  # integers wrap round, as they do in A @ B
        for i in range(m):
            for j in range(p):
                for k in range(n):
                    C[i, j] += A[i, k] * B[k, j]
    return C


# %% [markdown]
"""
## Does it hold?

The check compares with the exact product. Floats may differ from it by rounding, and by no more
than the order of summation can explain. Change a size or a dtype and run the cell again.
"""

# %% nbgrader={"grade": false, "grade_id": "layers-check", "locked": true, "schema_version": 3, "solution": false, "task": false}
from tinytorch.utils.checking import assert_multiplies, assert_rejects, random_matrix


def test_matmul_naive():
    """matmul_naive multiplies matrices of every shape and dtype, and rejects the rest."""
    rng = np.random.default_rng(3)
    for m, n, p in [(2, 3, 4), (1, 7, 5), (5, 7, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_naive, A, B, hint="The result has one row for each row of A.")
    for dtype in ["bool", "int8", "int64", "float16", "float32", "float64", "complex128"]:
        A, B = random_matrix(rng, 4, 6, dtype), random_matrix(rng, 6, 5, dtype)
        assert_multiplies(matmul_naive, A, B, hint="The result is np.result_type(A, B).")
    A, B = random_matrix(rng, 3, 4), random_matrix(rng, 5, 6)
    hint = "Compare the columns of A with the rows of B."
    assert_rejects(matmul_naive, A, B, hint=hint, naming_shapes=True)
    print("matmul_naive: shapes, dtypes and rejected operands are right")


test_matmul_naive()

# %% [markdown]
"""
## Where it goes

The cells marked `#| export` become `tinytorch.core.layers`, and module 11 begins with
`from tinytorch.core.layers import matmul_naive`. Before you open it, write down a guess: how many
times faster is `A @ B` on 64 x 64 matrices, on your machine?
"""
