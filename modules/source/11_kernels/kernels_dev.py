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
# Module 11: Kernels - one product, four ways to compute it

`A (m, n) @ B (n, p) -> (m, p)` is where most of a network's time goes. Every version in this module
does the same `2 * m * n * p` operations. What they cost on your machine is what you will find out.

## Learning goals

- Call the compiled product, and state exactly what your function accepts and returns.
- Cut a product into blocks, ragged edges included, and say what the blocks are meant to save.
- Split a product over threads in chunks that differ by at most one row.
- Measure in GFLOP/s, and explain the figures that contradict your prediction.

Before each measurement, write your prediction down. Where it turns out wrong, you learn something.
"""

# %% nbgrader={"grade": false, "grade_id": "kernels-imports", "locked": false, "schema_version": 3, "solution": false, "task": false}
#| default_exp core.kernels
#| export
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tinytorch.core.layers import check_operands, matmul_naive

# %% [markdown]
"""
## Where this code lives

You work in this notebook. Its cells marked `#| export` become a module that others import:

```python
from tinytorch.core.kernels import matmul_cache_optimized, matmul_parallel, matmul_vectorized
```

That module holds the marked cells and nothing else. The solution cells are what you hand in: an
import that one of them needs belongs into it. The next cell loads what only the notebook needs.
"""

# %% nbgrader={"grade": false, "grade_id": "kernels-tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
import sys

from tinytorch.utils.checking import assert_multiplies, assert_rejects, random_matrix
from tinytorch.utils.profiler import SimpleProfiler, profile_function

print(f"NumPy {np.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} CPUs")

# %% [markdown]
"""
## Step 1: The baseline

The triple loop of module 03 is the reference for everything that follows. `matmul_custom` calls it
under this module's name for it.

To compare versions at different sizes, divide the work by the time: `2 * m * n * p / seconds`, in
GFLOP/s (1e9 operations a second). Predict: your core runs some 3e9 cycles a second. How many of
them does the loop spend on one multiplication and one addition?
"""


# %% nbgrader={"grade": false, "grade_id": "kernels-baseline", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def matmul_custom(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply A (m, n) by B (n, p) with the triple loop of module 03."""
    return matmul_naive(A, B)


# %% [markdown]
"""
## Step 2: Vectorized

`A @ B` is one call from Python. For float32, float64 and their complex counterparts it reaches
BLAS, a library tuned to the processor, whose inner loop multiplies and adds several numbers with
each SIMD instruction. Integers and float16 take a plain compiled loop instead.

**Exercise, 10 points.** Write `matmul_vectorized`. The arithmetic is one expression; the rest is
what a caller can rely on. `A @ B` by itself also accepts 1-D and 3-D arrays, and look at what its
error message says about the shapes: `np.ones((2, 3)) @ np.ones((4, 5))`.

<details><summary>Hint 1: what to check</summary>
An operand has <code>ndim</code> and <code>shape</code>. Which facts make A (m, n) and B (n, p)?
</details>
<details><summary>Hint 2: what to say</summary>
Who reads the error wants both shapes: <code>{A.shape}</code> and <code>{B.shape}</code>.
</details>
<details><summary>Hint 3: what is there already</summary>
<code>check_operands</code>, imported from module 03, does all of it. Writing your own is as good.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-vectorized", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_vectorized(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply two matrices in one compiled call.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    B : ndarray, shape (n, p)

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``; the operands are left as they were.

    Raises
    ------
    ValueError
        If an operand is not 2-D or the inner sizes differ; names both shapes.
    """
    # TODO: turn away what is not A (m, n) and B (n, p), then multiply without a Python loop.
    ### BEGIN SOLUTION
    check_operands(A, B)
    return A @ B
    ### END SOLUTION


# %% [markdown]
"""
### Check it

The next cell is graded, with more inputs of the same kinds than you see: other sizes and dtypes.
"""


# %% nbgrader={"grade": true, "grade_id": "test-vectorized-immediate", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
def test_vectorized_matrix_multiplication():
    """matmul_vectorized multiplies every legal pair of matrices and rejects the others."""
    rng = np.random.default_rng(1102)

    hint = "Entry (i, j) is the sum over k of A[i, k] * B[k, j]; a single row or column is legal."
    for m, n, p in [(2, 3, 4), (33, 70, 65), (1, 7, 5), (5, 7, 1), (6, 1, 3)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_vectorized, A, B, hint=hint)

    hint = "A side may be 0: the result still has shape (m, p), and an empty sum is zero."
    for m, n, p in [(0, 3, 2), (3, 0, 2), (3, 2, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_vectorized, A, B, hint=hint)

    hint = "Let NumPy promote the operands: the result's dtype is np.result_type(A, B)."
    dtypes = "float16 float16, float32 float32, int64 int64, int64 float64, float32 float64"
    for left, right in map(str.split, dtypes.split(", ")):
        A, B = random_matrix(rng, 6, 9, left), random_matrix(rng, 9, 5, right)
        assert_multiplies(matmul_vectorized, A, B, hint=hint)

    hint = "A view need not be contiguous, and NaN spreads: multiply whatever is there."
    A, B = random_matrix(rng, 12, 10)[::2], random_matrix(rng, 7, 10).T
    assert_multiplies(matmul_vectorized, A, B, hint=hint)
    A[1, 2], B[4, 3] = np.nan, np.inf
    assert_multiplies(matmul_vectorized, A, B, hint=hint)

    hint = "Compare ndim and the inner sizes before multiplying; put both shapes in the message."
    for left, right in [((3, 4), (5, 6)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_vectorized, A, B, hint=hint, naming_shapes=True)

    ### BEGIN HIDDEN TESTS
    hint = "Try other sizes, empty ones too, other dtypes, and views with a step."
    for m, n, p in [(17, 5, 31), (1, 64, 1), (40, 1, 2), (64, 64, 64), (0, 0, 4), (5, 0, 0)]:
        for left, right in [("float64", "float64"), ("float32", "float64"), ("int32", "float64")]:
            A, B = random_matrix(rng, m, n, left), random_matrix(rng, n, p, right)
            assert_multiplies(matmul_vectorized, A, B, hint=hint)
            assert_multiplies(matmul_vectorized, A[::-1], B[:, ::2], hint=hint)
    hint = "Every pair that is not A (m, n) and B (n, p) is a ValueError with both shapes."
    for left, right in [((5, 6), (7, 5)), ((8, 3), (4, 9)), ((5,), (5,)), ((4, 5), (5, 2, 3))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_vectorized, A, B, hint=hint, naming_shapes=True)
    ### END HIDDEN TESTS

    print("matmul_vectorized: sizes, dtypes, views, NaN and rejected operands are right")


test_vectorized_matrix_multiplication()

# %% [markdown]
"""
## Step 3: Blocked

A multiplication needs its numbers near the core. The triple loop needs all of B again for each row
of A, and a large B has left the cache by then. Blocking finishes a tile of the result at a time:
two b x b blocks hold `2 * b**2` numbers and feed `2 * b**3` operations, so each number that is
fetched is used b times. For b = 64 in float32, a block of A, one of B and a tile take 48 KiB.

**Exercise, 15 points.** Write `matmul_cache_optimized`: cut m, n and p into blocks of at most
`block_size`, and multiply only blocks. Predict first: `@` is tuned already. Will blocks around it
be faster than one `@`, and which block size will do best?

<details><summary>Hint 1: the shape of the code</summary>
Three loops over the first index of a block, not over entries: <code>range(0, m, block_size)</code>.
</details>
<details><summary>Hint 2: the ragged edge</summary>
A slice stops at the end of the array: of 100 rows, <code>A[96:160]</code> is the last four.
</details>
<details><summary>Hint 3: memory</summary>
<code>tile = C[i:i + b, j:j + b]</code> is a view, so <code>tile += ...</code> adds into C. And
<code>np.matmul(X, Y, out=buffer)</code> fills one small buffer again and again.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-cache", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_cache_optimized(A: np.ndarray, B: np.ndarray, block_size: int = 64) -> np.ndarray:
    """Multiply two matrices block by block.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    B : ndarray, shape (n, p)
    block_size : int
        Largest side of a block, at least 1. m, n and p need not be multiples of it.

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``, in which the blocks are summed as well.

    Raises
    ------
    ValueError
        If an operand is not 2-D or the inner sizes differ (names both shapes), or if
        `block_size` is below 1.
    """
    # TODO: turn away bad arguments, then add up products of blocks, tile by tile of the result.
    ### BEGIN SOLUTION
    check_operands(A, B)
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, got {block_size}")
    m, n = A.shape
    p = B.shape[1]
    C = np.zeros((m, p), dtype=np.result_type(A, B))
    buffer = np.empty((min(block_size, m), min(block_size, p)), dtype=C.dtype)
    for i in range(0, m, block_size):
        for j in range(0, p, block_size):
            tile = C[i : i + block_size, j : j + block_size]
            partial = buffer[: tile.shape[0], : tile.shape[1]]
            for k in range(0, n, block_size):
                A_block = A[i : i + block_size, k : k + block_size]
                B_block = B[k : k + block_size, j : j + block_size]
                np.matmul(A_block, B_block, out=partial)
                tile += partial
    return C
    ### END SOLUTION


# %% [markdown]
"""
### Check it

Results cannot show whether you really work in blocks, but they show what blocks get wrong.
"""


# %% nbgrader={"grade": true, "grade_id": "test-cache-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_matrix_multiplication():
    """matmul_cache_optimized multiplies for every block size, ragged edges included."""
    rng = np.random.default_rng(1103)

    hint = "The last block of each loop may be smaller; blocks over k add up in the same tile."
    sizes = [(8, 8, 8, 4), (10, 7, 9, 4), (5, 6, 7, 1), (3, 4, 5, 64), (1, 9, 4, 2), (7, 13, 1, 5)]
    for m, n, p, block_size in sizes:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=block_size)
    A, B = random_matrix(rng, 100, 70), random_matrix(rng, 70, 66)
    assert_multiplies(matmul_cache_optimized, A, B, hint=hint)

    hint = "A side may be 0: the result still has shape (m, p), and an empty sum is zero."
    for m, n, p in [(0, 3, 2), (3, 0, 2), (3, 2, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=2)

    hint = "Sum the blocks in np.result_type(A, B), or in a wider type."
    dtypes = "float16 float16, float32 float32, int64 int64, int64 float64, float32 float64"
    for left, right in map(str.split, dtypes.split(", ")):
        A, B = random_matrix(rng, 6, 9, left), random_matrix(rng, 9, 5, right)
        assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=4)

    hint = "A view need not be contiguous, and NaN spreads: multiply whatever is there."
    A, B = random_matrix(rng, 12, 10)[::2], random_matrix(rng, 7, 10).T
    assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=4)
    A[1, 2], B[4, 3] = np.nan, np.inf
    assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=4)

    hint = "Slices hide a mismatch: compare ndim and the inner sizes first, and name both shapes."
    for left, right in [((3, 4), (5, 6)), ((4, 4), (6, 4)), ((4,), (4, 2)), ((2, 3, 4), (4, 5))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_cache_optimized, A, B, hint=hint, naming_shapes=True, block_size=2)
    hint = "range() accepts a negative step and then does nothing: check block_size yourself."
    for block_size in [0, -1]:
        A, B = random_matrix(rng, 4, 4), random_matrix(rng, 4, 4)
        assert_rejects(matmul_cache_optimized, A, B, hint=hint, block_size=block_size)

    ### BEGIN HIDDEN TESTS
    hint = "Try sizes just below and above a multiple of block_size, other dtypes, and views."
    for m, n, p, block_size in [(9, 16, 17, 8), (15, 17, 16, 8), (1, 5, 1, 3), (20, 15, 23, 7)]:
        for left, right in [("float64", "float64"), ("float32", "float64"), ("int32", "float64")]:
            A, B = random_matrix(rng, m, n, left), random_matrix(rng, n, p, right)
            assert_multiplies(matmul_cache_optimized, A, B, hint=hint, block_size=block_size)
            views = A[::-1], B[:, ::2]
            assert_multiplies(matmul_cache_optimized, *views, hint=hint, block_size=block_size)
    for m, n, p in [(65, 63, 64), (0, 0, 4), (5, 0, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_cache_optimized, A, B, hint=hint)
    hint = "Bad operands and a block_size below 1 are a ValueError at every size."
    for left, right in [((5, 6), (7, 5)), ((8, 3), (4, 9)), ((3, 4), (4,)), ((4, 5), (5, 2, 3))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_cache_optimized, A, B, hint=hint, naming_shapes=True)
    A, B = random_matrix(rng, 9, 8), random_matrix(rng, 8, 7)
    assert_rejects(matmul_cache_optimized, A, B, hint=hint, block_size=-64)
    ### END HIDDEN TESTS

    print("matmul_cache_optimized: blocks, dtypes, views, NaN and rejected arguments are right")


test_cache_optimized_matrix_multiplication()

# %% [markdown]
"""
## Step 4: Row chunks on threads

Rows of the result do not depend on each other, so they can be computed at the same time. Threads
share memory: each reads A and B where they lie and writes its own rows. One Python thread runs at a
time, but NumPy releases the interpreter's lock while it multiplies, and there the time goes.
Processes, which the argument's name recalls, would have to copy A, B and the result.
"""


# %% nbgrader={"grade": false, "grade_id": "kernels-cpus", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def available_cpus() -> int:
    """Return how many CPUs this process may use; in a container often fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# %% [markdown]
"""
**Exercise, 15 points.** Write `matmul_parallel`: cut the rows of A into `min(num_processes, m)`
chunks whose sizes differ by at most one, and multiply each chunk by B on a thread of its own; never
more than `num_processes` threads. Without an argument, use the CPUs this process may run on.

Predict first: `@` may use several threads by itself. What happens when each of yours does?

<details><summary>Hint 1: fair chunks</summary>
23 rows in 8 chunks: sizes 2 and 3. Look at <code>m * i // chunks</code> for i = 0, 1, ..., chunks.
</details>
<details><summary>Hint 2: no joining</summary>
Create the result once; <code>np.matmul(A[a:b], B, out=C[a:b])</code> writes a chunk into place.
</details>
<details><summary>Hint 3: the pool</summary>
Call <code>list(pool.map(work, starts, ends))</code> on a <code>ThreadPoolExecutor</code>: without
<code>list</code>, an error in a thread goes unseen. No rows means no chunks, and no pool.
</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-parallel", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_parallel(A: np.ndarray, B: np.ndarray, num_processes: int | None = None) -> np.ndarray:
    """Multiply two matrices in chunks of rows, each on a thread of its own.

    Parameters
    ----------
    A : ndarray, shape (m, n)
    B : ndarray, shape (n, p)
    num_processes : int, optional
        Most threads to use, at least 1; default: one for each CPU this process may run on.

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``.

    Raises
    ------
    ValueError
        If an operand is not 2-D or the inner sizes differ (names both shapes), or if
        `num_processes` is below 1.
    """
    # TODO: turn away bad arguments, find the chunks' first rows, and let a pool fill the result.
    ### BEGIN SOLUTION
    check_operands(A, B)
    if num_processes is None:
        num_processes = available_cpus()
    if num_processes < 1:
        raise ValueError(f"num_processes must be at least 1, got {num_processes}")
    m = A.shape[0]
    C = np.empty((m, B.shape[1]), dtype=np.result_type(A, B))
    B = B.astype(C.dtype, copy=False)  # converted once, not by every thread

    def multiply_rows(start: int, end: int) -> None:
        np.matmul(A[start:end], B, out=C[start:end])

    chunks = min(num_processes, m)
    if chunks > 0:
        edges = [m * i // chunks for i in range(chunks + 1)]
        with ThreadPoolExecutor(max_workers=chunks) as pool:
            list(pool.map(multiply_rows, edges[:-1], edges[1:]))
    return C
    ### END SOLUTION


# %% [markdown]
"""
### Check it

The cell sees results, not threads: a chunk that is lost, doubled or in the wrong place.
"""


# %% nbgrader={"grade": true, "grade_id": "test-parallel-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_parallel_matrix_multiplication():
    """matmul_parallel multiplies for every number of chunks, with fewer rows than chunks too."""
    rng = np.random.default_rng(1104)

    hint = "Every row belongs to exactly one chunk; rows need not divide evenly among the chunks."
    sizes = [(8, 5, 6, 4), (23, 5, 6, 8), (3, 4, 5, 8), (7, 4, 3, 1), (1, 6, 4, 3), (25, 6, 1, 2)]
    for m, n, p, num_processes in sizes:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=num_processes)
    A, B = random_matrix(rng, 100, 70), random_matrix(rng, 70, 66)
    assert_multiplies(matmul_parallel, A, B, hint=hint)

    hint = "A side may be 0: the result still has shape (m, p), and an empty sum is zero."
    for m, n, p in [(0, 3, 2), (3, 0, 2), (3, 2, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=2)

    hint = "A result made before the chunks are known needs dtype np.result_type(A, B) or wider."
    dtypes = "float16 float16, float32 float32, int64 int64, int64 float64, float32 float64"
    for left, right in map(str.split, dtypes.split(", ")):
        A, B = random_matrix(rng, 6, 9, left), random_matrix(rng, 9, 5, right)
        assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=4)

    hint = "A view need not be contiguous, and NaN spreads: multiply whatever is there."
    A, B = random_matrix(rng, 12, 10)[::2], random_matrix(rng, 7, 10).T
    assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=4)
    A[1, 2], B[4, 3] = np.nan, np.inf
    assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=4)

    hint = "Compare ndim and the inner sizes before any chunk is cut, and name both shapes."
    for left, right in [((3, 4), (5, 6)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_parallel, A, B, hint=hint, naming_shapes=True, num_processes=2)
    hint = "Check num_processes before it is used, for few rows and for many."
    for m, num_processes in [(2, 0), (30, 0), (2, -1), (30, -1)]:
        A, B = random_matrix(rng, m, 4), random_matrix(rng, 4, 3)
        assert_rejects(matmul_parallel, A, B, hint=hint, num_processes=num_processes)

    ### BEGIN HIDDEN TESTS
    hint = "Try more chunks than rows, rows that leave a remainder, other dtypes, and views."
    for m, n, p, num_processes in [(17, 4, 5, 4), (19, 6, 2, 7), (5, 3, 4, 6), (1, 5, 1, 2)]:
        for left, right in [("float64", "float64"), ("float32", "float64"), ("int32", "float64")]:
            A, B = random_matrix(rng, m, n, left), random_matrix(rng, n, p, right)
            assert_multiplies(matmul_parallel, A, B, hint=hint, num_processes=num_processes)
            views = A[::-1], B[:, ::2]
            assert_multiplies(matmul_parallel, *views, hint=hint, num_processes=num_processes)
    for m, n, p in [(41, 3, 6), (0, 0, 4), (5, 0, 0)]:
        A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
        assert_multiplies(matmul_parallel, A, B, hint=hint)
    hint = "Bad operands and a num_processes below 1 are a ValueError at every size."
    for left, right in [((5, 6), (7, 5)), ((8, 3), (4, 9)), ((5,), (5,)), ((4, 5), (5, 2, 3))]:
        A, B = np.ones(left), np.ones(right)
        assert_rejects(matmul_parallel, A, B, hint=hint, naming_shapes=True)
    A, B = random_matrix(rng, 9, 8), random_matrix(rng, 8, 7)
    assert_rejects(matmul_parallel, A, B, hint=hint, num_processes=-4)
    ### END HIDDEN TESTS

    print("matmul_parallel: chunks, dtypes, views, NaN and rejected arguments are right")


test_parallel_matrix_multiplication()

# %% [markdown]
"""
## All four, side by side

Before timing anything, let all versions multiply the same matrices. A fast wrong result is worth
nothing, and the sizes are odd on purpose.
"""

# %%
rng = np.random.default_rng(1105)
A, B = random_matrix(rng, 37, 29, "float32"), random_matrix(rng, 29, 41, "float32")
for kernel in (matmul_custom, matmul_vectorized, matmul_cache_optimized, matmul_parallel):
    assert_multiplies(kernel, A, B, hint="Run this kernel's own check above first.")
    print(f"{kernel.__name__:<24} agrees with the exact product up to rounding")

# %% [markdown]
"""
## Performance comparison

Order the six lines below from slow to fast, on paper, then run the cell. The time is that of the
fastest of several passes: other programs can only add to it. Memory is not traced meanwhile, as
tracing slows small calls. Each line states its size n; compare rates, and times at the same n only.
"""

# %%
profiler = SimpleProfiler(track_memory=False)


def print_rate(label, kernel, size, **options):
    """Time `kernel` on float32 matrices (size, size) and print the time and the rate."""
    A, B = random_matrix(rng, size, size, "float32"), random_matrix(rng, size, size, "float32")
    seconds = profiler.profile(kernel, A, B, **options)["wall_time"]
    rate = 2 * size**3 / seconds / 1e9
    print(f"{label:<24} n = {size:<4} {1e3 * seconds:9.3f} ms {rate:9.3f} GFLOP/s")


print_rate("triple loop", matmul_custom, 48)
print_rate("A @ B", matmul_vectorized, 48)
print_rate("A @ B", matmul_vectorized, 512)
print_rate("blocks of 64", matmul_cache_optimized, 512, block_size=64)
print_rate("blocks of 256", matmul_cache_optimized, 512, block_size=256)
print_rate("row chunks on threads", matmul_parallel, 512)

# %% [markdown]
"""
Which line surprised you? Two questions to take with you:

- `A @ B` is blocked inside, for this processor. What do your own blocks add to its cost, and why
  does that cost shrink as the blocks grow?
- If row chunks did not beat `A @ B`: how many threads did `A @ B` use? The next cells show it.
"""

# %% [markdown]
"""
## Profiling and analysis

`profile_function` measures one call and prints what it found: the wall time, which is what you wait
for, and the CPU time, summed over all threads. Their ratio says how many cores were busy.
"""

# %%
A, B = random_matrix(rng, 512, 512, "float32"), random_matrix(rng, 512, 512, "float32")
result = profile_function(matmul_vectorized, A, B, name="A @ B", show_details=True)
print(f"\nA @ B kept {result['cpu_efficiency']:.1f} of {available_cpus()} CPUs busy")

# %% [markdown]
"""
The same for memory. The peak is the most that one call held at a time, its result included. What
exceeds the result went into buffers and copies.
"""

# %%
profiler = SimpleProfiler(track_memory=True, track_cpu=True)
for kernel in (matmul_vectorized, matmul_cache_optimized, matmul_parallel):
    result = profiler.profile(kernel, A, B)
    used, kept = result["peak_memory_mb"], result["result_size_mb"]
    print(f"{result['name']:<24} peak {used:6.3f} MB for a result of {kept:6.3f} MB")

# %% [markdown]
"""
Use these two tools for a claim of your own, for example: "above n = 256, two chunks are never
slower than one". State it, state what measurement would refute it, then measure.
"""

# %% [markdown]
"""
## Module testing

The last code cell runs all graded cells once more, as they will be graded apart from hidden inputs.
"""

# %% nbgrader={"grade": false, "grade_id": "standardized-testing", "locked": true, "schema_version": 3, "solution": false, "task": false}
if __name__ == "__main__":
    from tito.tools.testing import run_module_tests_auto

    success = run_module_tests_auto("Kernels")

# %% [markdown]
"""
## Summary

This notebook holds four versions of one product, and figures for each from one machine, yours.

- The baseline and `A @ B` do the same arithmetic. The difference is what surrounds an operation.
- Blocks pay where data would otherwise be fetched again and again. Around a product that is blocked
  already they cost calls and one more pass over the result.
- Threads pay while cores are idle. Two layers of threads compete for the same cores.

What your figures do not show, such as other sizes, other dtypes or another processor, you do not
know yet. Measure it before you say it; module 12 is about doing that well.
"""
