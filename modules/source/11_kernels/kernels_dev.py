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

from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.profiler import SimpleProfiler, profile_function
from tito.tools.conditions import (
    chunks_at_once,
    columns_in_blocks,
    empty_sides,
    inner_in_blocks,
    inputs_unchanged,
    mismatch,
    no_python_loop,
    number_types,
    ragged_blocks,
    rows_in_blocks,
    rows_in_chunks,
    square,
    strided_views,
    tall_and_wide,
    uneven_chunks,
)
from tito.tools.testing import check

# What every kernel has to fulfil, a point each. Read a condition's code with, say, mismatch??
results = [square, tall_and_wide, empty_sides, number_types]
PRODUCT = dict.fromkeys([*results, strided_views, inputs_unchanged, mismatch], 1)

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

**Exercise, 10 points.** Write `matmul_vectorized`. The arithmetic is one expression without a
Python loop. The rest is what a caller can rely on, in the later exercises as well: any m, n and p,
0 included; float32, float64 and integers, as precise as they are or better; views in any memory
order; A and B left as they were; `ValueError` where the inner sizes differ. `A @ B` by itself also
accepts 1-D and 3-D arrays, and look at what its error message says about the shapes:
`np.ones((2, 3)) @ np.ones((4, 5))`.

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

The next cell is graded. It prints a line for each condition with the points earned and, where one
does not hold, what was seen and a hint; what it cannot tell is left to a person, `for review`. The
grader asks the same conditions, on these matrices and on others of their kind. The last one here
counts Python steps: a larger product may not take more of them.
"""


# %% nbgrader={"grade": true, "grade_id": "test-vectorized-immediate", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
def test_vectorized_matrix_multiplication():
    """Seven points for the product, three for leaving the loops to NumPy."""
    check(matmul_vectorized, {**PRODUCT, no_python_loop: 3})


test_vectorized_matrix_multiplication()

# %% [markdown]
"""
## Step 3: Blocked

A multiplication needs its numbers near the core. The triple loop needs all of B again for each row
of A, and a large B has left the cache by then. Blocking finishes a tile of the result at a time:
two b x b blocks hold `2 * b**2` numbers and feed `2 * b**3` operations, so each number that is
fetched is used b times. For b = 64 in float32, a block of A, one of B and a tile take 48 KiB.

**Exercise, 15 points.** Write `matmul_cache_optimized`: cut m, n and p, all three, into blocks of
`block_size`, and multiply only blocks. A side need not be a multiple of it, nor as long. What a
caller can rely on in step 2 holds here, too. Predict first: `@` is tuned already. Will blocks
around it be faster than one `@`, and which block size will do best?

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

The last three conditions record the sides of every product that your function takes. None may be
longer than `block_size`, and the longest has to be more than half of it. Together the products have
to do all the work of `A @ B`; how a block is multiplied is up to you.
"""


# %% nbgrader={"grade": true, "grade_id": "test-cache-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_matrix_multiplication():
    """Seven points for the product, two for ragged edges, two for blocks in each loop."""
    blocks = {rows_in_blocks: 2, columns_in_blocks: 2, inner_in_blocks: 2}
    check(matmul_cache_optimized, {**PRODUCT, ragged_blocks: 2, **blocks})


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
**Exercise, 15 points, and 5 for chunks at once.** Write `matmul_parallel`: cut the rows of A into
`min(num_processes, m)` chunks whose sizes differ by at most one, and multiply each chunk by B on a
thread of its own, all at once; never more than `num_processes` threads. Without an argument, use
the CPUs this process may run on. What a caller can rely on in step 2 holds here, too.

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

The last condition records how many rows of A are multiplied at a time. Where `num_processes`
divides m, it has to be `m / num_processes`.
"""


# %% nbgrader={"grade": true, "grade_id": "test-parallel-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_parallel_matrix_multiplication():
    """Seven points for the product, three for uneven chunks, five for working in chunks."""
    check(matmul_parallel, {**PRODUCT, uneven_chunks: 3, rows_in_chunks: 5})


test_parallel_matrix_multiplication()

# %% [markdown]
"""
### Do they run at once?

Five points more. Chunks one after the other give the same result, so in the next cell a product
waits until a second one is under way. If none comes within some seconds, the chunks ran one after
the other. How fast they are does not count.
"""


# %% nbgrader={"grade": true, "grade_id": "test-parallel-concurrent", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_parallel_at_once():
    """Five points for chunks that are multiplied at the same time."""
    check(matmul_parallel, {chunks_at_once: 5})


test_parallel_at_once()

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

The last code cell runs all graded cells once more. The grader then adds inputs of its own.
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
