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

- Measure so that a figure can be trusted, and say when it cannot.
- Explain misses by loop order, limits by arithmetic intensity, speedups by Amdahl's law.
- Write a vectorized, a blocked and a threaded product, and attention that fits into a cache.
- Predict, measure, and explain the figures that contradict your prediction.

Before each measurement, write your prediction down. Where it turns out wrong, you learn something.
Each idea comes as a worked example, then as a completion, then as an open problem.

| section | points | minutes | section | points | minutes |
|---|---|---|---|---|---|
| 0 a ruler | - | 15 | 4 attention in chunks | 15 | 35 |
| 1 loop order | 10 | 35 | 5 row chunks on threads | 25 | 45 |
| 2 vectorized | 15 | 30 | 6 all versions, your claim | 5 | 30 |
| 3 blocked | 30 | 50 | 7 compiled (optional) | - | 15 |
"""

# %%
# Where the package of this course is missing, as on Colab, install it; elsewhere this does nothing.
import importlib
import subprocess
import sys

PACKAGE = ""  # where it lies, as the course's settings say

try:
    from tinytorch.core.layers import check_operands
except ImportError:
    if not PACKAGE:
        missing = "The course's package is missing: install it as the README of your handout says."
        raise ModuleNotFoundError(missing) from None
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
    for name in [name for name in sys.modules if name.split(".")[0] in ("tinytorch", "tito")]:
        del sys.modules[name]  # of another package that has the same name
    importlib.invalidate_caches()

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
import time
import tracemalloc

from tinytorch.utils import experiments, figures, limits
from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.caches import SimulatedCache, miss_rate
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.profiler import SimpleProfiler, profile_function

# A condition can be read: from tito.tools import conditions as c, then, say, c.mismatch??
MACHINE = experiments.machine_name()
rng = np.random.default_rng(1105)
print(f"{MACHINE}; NumPy {np.__version__}, Python {sys.version.split()[0]}")

# %% [markdown]
"""
## Step 0: A ruler

The next cell times the same call, a product of 50 x 50 matrices, three ways: once; once while its
memory is traced; and in 20 passes of many calls, of which the fastest counts. Predict: by what
factor do the three differ?
"""

# %%
A, B = random_matrix(rng, 50, 50), random_matrix(rng, 50, 50)
start = time.perf_counter()
A @ B
once = time.perf_counter() - start
profiler = SimpleProfiler(track_memory=False)
tracemalloc.start()
traced = profiler.profile(np.matmul, A, B)
tracemalloc.stop()
steady = profiler.profile(np.matmul, A, B, flops=2 * 50**3)
times = {"once": once, "traced": traced["minimum"], "steady": steady["minimum"]}
for label, seconds in times.items():
    print(f"{label:<8}{1e6 * seconds:6.1f} us")
print(f"median of the steady passes {1e6 * steady['median']:.1f} us, spread {steady['spread']:.1%}")
print("what the profiler says of the traced one:", *traced["doubts"], sep="\n  ")

# %% [markdown]
"""
Other programs only ever add time, so the fastest of many passes is the best estimate of what a call
costs, and the spread between passes tells how much was added to the others. Report both, and the
machine (Hoefler and Belli, Scientific Benchmarking of Parallel Computing Systems, SC 2015). To compare
versions at different sizes, divide the work by the time: `2 * m * n * p / seconds`, in GFLOP/s.

## Step 1: The baseline, and the order of its loops

The triple loop of module 03 is the reference for everything that follows. `matmul_custom` calls it
under this module's name for it. Predict: your core runs some 3e9 cycles a second. How many of
them does the loop spend on one multiplication and one addition?
"""


# %% nbgrader={"grade": false, "grade_id": "kernels-baseline", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def matmul_custom(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply A (m, n) by B (n, p) with the triple loop of module 03."""
    return matmul_naive(A, B)


# %% [markdown]
"""
In Python the loop itself costs so much that nothing else shows. In C it does not, and there the same
loops in another order run a hundred times as fast: what differs is which numbers a step touches.

**Worked example.** Let A, B and C (n, n) lie in memory one after the other, row by row. Then
`A[i, k]` is number `i * n + k`, `B[k, j]` is `n * n + k * n + j`, `C[i, j]` is `2 * n * n + i * n + j`.
Before you run the cell, write down what the first three steps touch for n = 2.
"""


# %%
def trace_ijk(n):
    """List what the triple loop touches, i outermost and k innermost: a row for each step."""
    steps = []
    for i in range(n):
        for j in range(n):
            for k in range(n):
                steps.append((i * n + k, n * n + k * n + j, 2 * n * n + i * n + j))
    return np.array(steps)


print(trace_ijk(2))

# %% [markdown]
"""
**Completion, 5 points.** `memory_trace` does it for every order of the three loops. Its first lines
make arrays i, j and k that hold the loops' indices step by step; the positions are yours.

<details><summary>Hint 1: check by hand</summary>For "ikj" and n = 2, which three numbers does the
second step touch?</details>
<details><summary>Hint 2: whole arrays</summary>NumPy computes <code>i * n + k</code> for all steps at
once, without a loop.</details>
<details><summary>Hint 3: columns</summary><code>np.stack([x, y, z], axis=1)</code> puts three arrays
side by side.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "memory-trace", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def memory_trace(order: str, n: int) -> np.ndarray:
    """List which numbers the triple loop touches, in the order of its steps.

    Parameters
    ----------
    order : str
        The letters i, j and k, outermost loop first.
    n : int
        Side of A, B and C, which lie one after the other, row by row.

    Returns
    -------
    ndarray of int, shape (n**3, 3)
        The positions of A[i, k], B[k, j] and C[i, j] in each step.
    """
    if sorted(order) != ["i", "j", "k"]:
        raise ValueError(f"order must hold i, j and k once each, got {order!r}")
    loops = dict(zip(order, np.indices((n, n, n)).reshape(3, n**3), strict=True))
    i, j, k = loops["i"], loops["j"], loops["k"]
    # TODO: return the positions, a row for each step.
    ### BEGIN SOLUTION
    return np.stack([i * n + k, n * n + k * n + j, 2 * n * n + i * n + j], axis=1)
    ### END SOLUTION


# %% [markdown]
"""
The next cell is graded, like all that begin with `test_`. It shows a line for each condition with
the points earned; open one that does not hold to read what was seen and a hint. What it cannot tell
is left to a person, `for review`. The grader asks the same conditions, of these inputs and of others.
"""


# %% nbgrader={"grade": true, "grade_id": "test-memory-trace", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_memory_trace():
    """Two points for ijk, two for all orders, one for the smallest sizes."""
    from tito.tools import conditions as c

    c.check(memory_trace, {c.traces_ijk: 2, c.traces_orders: 2, c.traces_nothing: 1})


test_memory_trace()

# %% [markdown]
"""
A cache fetches 64 bytes at a time, 16 numbers of float32, and keeps what was used last. How many of
the accesses find nothing there? Predict for n = 128 and a cache of 32 KiB, then let a simulated one
count: it has 64 sets of 8 lines, and a line's address tells its set (`SimulatedCache??`).
"""

# %%
for order, n in [("ijk", 128), ("ikj", 128), ("jki", 128), ("ijk", 129)]:
    misses = miss_rate(memory_trace(order, n), itemsize=4, cache=SimulatedCache(32 * 1024, ways=8))
    print(f"{order}, n = {n}: {100 * misses:5.1f} % of the accesses miss")

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-power-of-two", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** The order `ijk` misses far less often with 129 than
with 128, although there is more to do. Explain it: which matrix misses, which sets do the numbers of
one of its columns fall into, and what changes with a row of 129? Two to five sentences, with numbers.

### BEGIN MARK SCHEME
Marking: 1 it is B, 1 the stride of 512 bytes or 8 lines, 1 sets used against lines needed, 1 why 129
spreads over all sets, 1 figures that agree with the measured rates (a third; a sixteenth of that).
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-power-of-two", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
The inner loop of ijk runs down a column of B. With n = 128 a row takes 512 bytes, 8 lines, so the
numbers of a column fall into every 8th set only: 8 of 64 sets, 8 lines each, 64 places for 128 lines.
Each is gone before the next column asks for it again, so every access to B misses: a third of all.
With n = 129 a row takes 516 bytes, the column moves on through all sets, 128 lines find room, and the
15 columns that follow find their numbers in the same lines.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 2: Vectorized

`A @ B` is one call from Python. For float32, float64 and their complex counterparts it reaches
BLAS, a library tuned to the processor, whose inner loop multiplies and adds several numbers with
each SIMD instruction. Integers and float16 take a plain compiled loop instead.

**Open problem, 10 points.** Write `matmul_vectorized`. The arithmetic is one expression without a
Python loop. The rest is what a caller can rely on, in the later exercises as well: any m, n and p,
0 included; float32, float64 and integers, mixed ones too, as precise as they are or better; NaN and
infinity where `A @ B` has them; views in any memory order; A and B left as they were; where the inner
sizes differ, a `ValueError` that names both shapes; no result for two 1-D operands or a 3-D one, which
`A @ B` accepts. Look at what its own message says about the shapes: `np.ones((2, 3)) @ np.ones((4, 5))`.

<details><summary>Hint 1: what to check</summary>An operand has <code>ndim</code> and
<code>shape</code>. Which facts make A (m, n) and B (n, p)?</details>
<details><summary>Hint 2: what to say</summary>Who reads the error wants both shapes:
<code>{A.shape}</code> and <code>{B.shape}</code>.</details>
<details><summary>Hint 3: what is there already</summary><code>check_operands</code>, imported from
module 03, does all of it. Writing your own is as good.</details>
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
        If the inner sizes differ; names both shapes. Operands of one or three dimensions
        give no result either.
    """
    # TODO: turn away what is not A (m, n) and B (n, p), then multiply without a Python loop.
    ### BEGIN SOLUTION
    check_operands(A, B)
    return A @ B
    ### END SOLUTION


# %% [markdown]
"""
The last condition counts array operations that the result depends on: one of them multiplies, and a
larger product may not take more.
"""


# %% nbgrader={"grade": true, "grade_id": "test-vectorized-immediate", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
def test_vectorized_matrix_multiplication():
    """Seven points for the product, three for leaving the loops to NumPy."""
    from tito.tools import conditions as c

    c.check(matmul_vectorized, {**c.PRODUCT, c.no_python_loop: 3})


test_vectorized_matrix_multiplication()

# %% [markdown]
"""
### How fast can it be?

Two limits: the operations that the core can do a second, and the bytes that reach it. Their ratio in
a kernel, operations for each byte moved, is its *arithmetic intensity*.

**Worked example.** Adding two float32 vectors of n numbers does n operations, reads `2 * n` numbers
and writes n: n operations for `3 * n * 4` bytes, an intensity of 1/12, however long the vectors are.

**Completion, 5 points.** Finish `arithmetic_intensity` for a product that moves A, B and C once each.

<details><summary>Hint 1: by hand</summary>Two 2 x 2 matrices in float32: 16 operations for how many
bytes?</details>
<details><summary>Hint 2: bytes</summary>Count the numbers of A, of B and of C; each takes
itemsize.</details>
<details><summary>Hint 3: nothing</summary>Where nothing is moved, nothing is done: 0.0.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "arithmetic-intensity", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def arithmetic_intensity(m: int, n: int, p: int, itemsize: int = 4) -> float:
    """Return the operations a byte of A (m, n) @ B (n, p), each matrix moved once.

    Parameters
    ----------
    m, n, p : int
        Sides of the matrices.
    itemsize : int
        Bytes of a number.

    Returns
    -------
    float
        Operations a byte; 0.0 where there is nothing to move.
    """
    operations = 2 * m * n * p  # a multiplication and an addition for each i, j and k
    # TODO: divide them by the bytes of A, B and C.
    ### BEGIN SOLUTION
    moved = (m * n + n * p + m * p) * itemsize
    return operations / moved if moved else 0.0
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-arithmetic-intensity", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_arithmetic_intensity():
    """Two points for squares, two for any shape and type, one for nothing at all."""
    from tito.tools import conditions as c

    squares, shapes, nothing = c.intensity_of_squares, c.intensity_of_any, c.intensity_of_nothing
    c.check(arithmetic_intensity, {squares: 2, shapes: 2, nothing: 1})


test_arithmetic_intensity()

# %% [markdown]
"""
The roofline puts both limits in one picture (Williams, Waterman and Patterson, CACM 52, 2009). Left of
the ridge bytes are scarce, right of it operations. The peak is the best rate that any product reached
here; the processor's own lies some ten per cent above. Predict where n = 16, 64 and 512 will lie.
"""

# %%
peak = limits.peak_flops("float32")
points = []
for n in (16, 64, 512):
    A, B = random_matrix(rng, n, n, "float32"), random_matrix(rng, n, n, "float32")
    with one_blas_thread():
        rate = profiler.profile(matmul_vectorized, A, B, flops=2 * n**3)["gflops"]
    points.append((f"A @ B, n = {n}", arithmetic_intensity(n, n, n), rate))
roofs = {"caches": limits.bandwidth(2**18), "memory": limits.bandwidth(2**27)}
figures.roofline(peak, roofs, points, MACHINE)

# %% [markdown]
"""
## Step 3: Blocked

A multiplication needs its numbers near the core. The triple loop needs all of B again for each row
of A, and a large B has left the cache by then. Blocking finishes a tile of the result at a time:
two b x b blocks hold `2 * b**2` numbers and feed `2 * b**3` operations, so each number that is
fetched is used b times. For b = 64 in float32, a block of A, one of B and a tile take 48 KiB.

**Worked example.** One tile of a 5 x 5 product in blocks of 2, the ragged edge included:
"""

# %%
A, B = random_matrix(rng, 5, 5), random_matrix(rng, 5, 5)
tile = A[0:2, 0:2] @ B[0:2, 2:4] + A[0:2, 2:4] @ B[2:4, 2:4] + A[0:2, 4:5] @ B[4:5, 2:4]
print(np.allclose(tile, (A @ B)[0:2, 2:4]))

# %% [markdown]
"""
**Completion, 5 points.** `tiled_trace` lists what a product in blocks touches, block after block.
The loops over blocks are there. Add the steps inside one block, in the order i, j, k again.

<details><summary>Hint 1: where a block ends</summary>At <code>start + tile</code>, or at n where that
comes first.</details>
<details><summary>Hint 2: the indices</summary><code>np.mgrid[2:4, 0:2, 4:5].reshape(3, -1)</code> has the
indices i, j and k of three such loops, step by step.</details>
<details><summary>Hint 3: the positions</summary>They are those of <code>memory_trace</code>.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "tiled-trace", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def tiled_trace(n: int, tile: int) -> np.ndarray:
    """List which numbers a product in blocks touches, in the order of its steps.

    Parameters
    ----------
    n : int
        Side of A, B and C, which lie one after the other, row by row; at least 1.
    tile : int
        Largest side of a block, at least 1; n need not be a multiple of it.

    Returns
    -------
    ndarray of int, shape (n**3, 3)
        The positions of A[i, k], B[k, j] and C[i, j] in each step.
    """
    steps = []
    for i_start in range(0, n, tile):
        for j_start in range(0, n, tile):
            for k_start in range(0, n, tile):
                # TODO: append the positions of all steps in this block, as an array (steps, 3).
                ### BEGIN SOLUTION
                i_end, j_end, k_end = (min(s + tile, n) for s in (i_start, j_start, k_start))
                block = np.mgrid[i_start:i_end, j_start:j_end, k_start:k_end]
                i, j, k = block.reshape(3, -1)
                positions = [i * n + k, n * n + k * n + j, 2 * n * n + i * n + j]
                steps.append(np.stack(positions, axis=1))
                ### END SOLUTION
    return np.concatenate(steps)


# %% nbgrader={"grade": true, "grade_id": "test-tiled-trace", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_tiled_trace():
    """Two points for whole blocks, two for ragged ones, one for blocks of one and of everything."""
    from tito.tools import conditions as c

    c.check(tiled_trace, {c.tiles_whole: 2, c.tiles_ragged: 2, c.tiles_extreme: 1})


test_tiled_trace()

# %% [markdown]
"""
Predict the share of misses for n = 128 in tiles of 16, where the best order of the plain loops had
2 %. Three tiles of 16 take 3 KiB of the 32.
"""

# %%
for tile in (4, 16, 64):
    print(
        f"tiles of {tile:2}: {100 * miss_rate(tiled_trace(128, tile)):5.2f} % of the accesses miss"
    )

# %% [markdown]
"""
**Open problem, 15 points.** Write `matmul_cache_optimized`: cut m, n and p, all three, into blocks
of `block_size`, and multiply only blocks. A side need not be a multiple of it, nor as long. What a
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
        If the inner sizes differ; names both shapes.
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
The last three conditions record the sides of every product that your function takes and that its
result is made of. None may be longer than `block_size`, and most of the work has to be done by
products longer than half of it. How a block is multiplied is up to you: single rows, numbers or
inner indices of a block are fine, as long as one block is finished before the next one begins.
"""


# %% nbgrader={"grade": true, "grade_id": "test-cache-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_matrix_multiplication():
    """Seven points for the product, two for ragged edges, two for blocks in each loop."""
    from tito.tools import conditions as c

    blocks = {c.rows_in_blocks: 2, c.columns_in_blocks: 2, c.inner_in_blocks: 2}
    c.check(matmul_cache_optimized, {**c.PRODUCT, c.ragged_blocks: 2, **blocks}, cut="block_size")


test_cache_optimized_matrix_multiplication()

# %% [markdown]
"""
### What do blocks cost?

Five points more for blocks of 256 that keep half of the speed of `A @ B` at n = 1024. Speed is
taken as CPU time on one thread, the least of several turns, which other programs hardly change.
"""


# %% nbgrader={"grade": true, "grade_id": "test-cache-performance", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_performance():
    """Five points for blocks that cost little."""
    from tito.tools import conditions as c

    c.check(matmul_cache_optimized, {c.fast_in_blocks: 5}, cut="block_size")


test_cache_optimized_performance()

# %% [markdown]
"""
Now the sweep. Predict the best `block_size`, and whether any beats `A @ B`, before you run it.
"""

# %%
experiments.sweep_blocks(matmul_cache_optimized, 1024, [32, 64, 128, 256, 512])

# %% [markdown]
"""
And what one step of the inner loop is made of, for a small block and for a large one:
"""

# %%
print(experiments.block_costs(64), experiments.block_costs(256), sep="\n\n")

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-small-blocks", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** Three float32 blocks of 64 fit into most first caches;
why do blocks of 64 lose against 256, and all against `A @ B`? Use both tables. Two to five sentences.

### BEGIN MARK SCHEME
Marking: 2 what surrounds a block shrinks against its arithmetic as b grows, 1 the extra pass over C,
1 figures from the tables, 1 BLAS blocks inside, so there is nothing left to win.
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-small-blocks", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
The arithmetic of a block grows with `b**3`, what surrounds it with `b**2` or not at all: one more pass
over the tile, a call into BLAS and the slices. At 64 that is a third of a step, at 256 less than a tenth.
`A @ B` never pays it: it is blocked inside for caches and registers alike, and packs its blocks as it needs them. The
fetches from memory that our blocks would save, it saves already.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 4: Where blocking wins - attention in chunks of rows

Attention takes `softmax(Q @ K.T / sqrt(d)) @ V`: each query's scores, made weights, average the rows
of V. Between the two products lie the scores, (N, N), larger than everything else: for N = 4096,
64 MB of float32 that go out to memory and come back, several times. Chunks of queries need a strip of
them at a time, and a strip can stay in a cache (Rabe and Staats, 2021; Dao and others, 2022).

**Worked example.** All at once, and what a row of it does. The weights of a query are
`exp(score - largest score)`, divided by their sum; `exp(1000)` alone is infinite.
"""


# %%
def attention_at_once(Q, K, V):
    """Average the rows of V by the softmax of each query's scores."""
    scores = Q @ K.T / np.sqrt(Q.shape[1]).astype(Q.dtype)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ V


print(attention_at_once(np.array([[2.0]]), np.array([[0.0], [1.0]]), np.array([[10.0], [20.0]])))

# %% [markdown]
"""
**Completion, 10 points.** Finish `attention_in_chunks`: never more than a strip of scores exists.
Predict first: will it be faster, slower or the same as all at once, at N = 2048? With which `rows`?

<details><summary>Hint 1: one strip</summary>A strip is to its chunk of Q what all scores are to
Q.</details>
<details><summary>Hint 2: the softmax</summary><code>keepdims=True</code> keeps a maximum or a sum as a
column, (rows, 1), that a strip can be reduced by.</details>
<details><summary>Hint 3: no copies</summary><code>strip -= ...</code> and <code>np.exp(strip,
out=strip)</code> reuse the memory that is there.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "attention-chunks", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def attention_in_chunks(Q: np.ndarray, K: np.ndarray, V: np.ndarray, rows: int = 256) -> np.ndarray:
    """Average the rows of V by the softmax of each query's scores, some queries at a time.

    Parameters
    ----------
    Q : ndarray of float, shape (queries, d)
    K : ndarray of float, shape (keys, d)
    V : ndarray of float, shape (keys, width)
    rows : int
        Most queries whose scores exist at a time, at least 1.

    Returns
    -------
    ndarray, shape (queries, width)
        ``softmax(Q @ K.T / sqrt(d)) @ V``, the softmax along each row.
    """
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    out = np.empty((Q.shape[0], V.shape[1]), dtype=np.result_type(Q, K, V))
    scaled = Q / np.sqrt(Q.shape[1]).astype(Q.dtype)
    for start in range(0, Q.shape[0], rows):
        # TODO: compute the scores of this chunk, make them weights, and put the averages into out.
        ### BEGIN SOLUTION
        strip = scaled[start : start + rows] @ K.T
        strip -= strip.max(axis=1, keepdims=True)
        np.exp(strip, out=strip)
        strip /= strip.sum(axis=1, keepdims=True)
        np.matmul(strip, V, out=out[start : start + rows])
        ### END SOLUTION
    return out


# %% nbgrader={"grade": true, "grade_id": "test-attention-chunks", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
def test_attention_in_chunks():
    """Seven points for the result, three for never holding all scores."""
    from tito.tools import conditions as c

    result = {c.attends: 3, c.attends_large_scores: 2}
    result |= {c.attends_ragged_chunks: 1, c.attends_narrow_types: 1}
    c.check(attention_in_chunks, {**result, c.little_memory: 3})


test_attention_in_chunks()

# %%
Q, K, V = (random_matrix(rng, 2048, 64, "float32") for _ in range(3))
calls = {"all at once": attention_at_once}
for rows in (512, 128, 32):
    calls[f"rows = {rows}"] = lambda *arrays, rows=rows: attention_in_chunks(*arrays, rows=rows)
with one_blas_thread():
    attention = SimpleProfiler().compare(calls, Q, K, V)
profiler.print_comparison(attention)
figures.speedups(attention, MACHINE)

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-rows", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** Choose `rows` for N = 8192 and d = 64 on your machine:
from which cache and which sizes does your choice follow, and which measurement would show it wrong?
Run that measurement (add cells here), and say what came out. Two to five sentences, with numbers.

### BEGIN MARK SCHEME
Marking: 1 the size of a strip, rows * N * 4 bytes, 1 a cache of this machine that it should fit
into, 1 a measurement named beforehand that could refute the choice, 2 the measured figures and an
honest conclusion, also where they refute it.
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-rows", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
A strip takes rows * 8192 * 4 bytes, 32 KiB a row. The second cache here, 1 MiB a core, holds 32 rows but
then nothing of K and V, which take 2 MiB each; the third, 32 MiB, holds all of it up to some 500 rows.
Chosen: 256 rows, 8 MiB. Refuted if half or twice as many were faster by more than the spread. Measured,
best of five: 16 rows take 1.7 times as long, 64 rows 1.2 times, 1024 rows 1.4 times; 128, 256 and 512
agree within 2 %. Not refuted, but 128 would have done as well.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 5: Row chunks on threads

Rows of the result do not depend on each other, so they can be computed at the same time. Threads
share memory: each reads A and B where they lie and writes its own rows. One Python thread runs at a
time, but NumPy releases the interpreter's lock while it multiplies, and there the time goes.
Processes, which the argument's name recalls, would have to copy A, B and the result.

**Worked example.** Two halves, each on a thread of its own, written into place:
"""

# %%
A, B = random_matrix(rng, 7, 4), random_matrix(rng, 4, 3)
C = np.empty((7, 3))


def multiply_rows(start, end):
    """Multiply rows `start` to `end` of A by B, into the same rows of C."""
    np.matmul(A[start:end], B, out=C[start:end])


with ThreadPoolExecutor(max_workers=2) as pool:
    list(pool.map(multiply_rows, [0, 3], [3, 7]))
print(np.allclose(C, A @ B))

# %% [markdown]
"""
**Completion, 2 points.** For any number of chunks, write the line that finds where they begin and end:
the worked example's were 0, 3 and 7.

<details><summary>Hint 1: what it gives</summary>One number more than there are chunks, from 0 to
m.</details>
<details><summary>Hint 2: fair chunks</summary>23 rows in 8 chunks: sizes 2 and 3.</details>
<details><summary>Hint 3: a formula</summary>Look at <code>m * i // chunks</code> for i = 0, 1, ...,
chunks.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "chunk-edges", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def chunk_edges(m: int, chunks: int) -> np.ndarray:
    """Return where chunks of m rows begin and end, their sizes as equal as can be.

    Parameters
    ----------
    m : int
        Rows, at least 0.
    chunks : int
        How many, at least 1.

    Returns
    -------
    ndarray of int, shape (chunks + 1,)
        Chunk i has the rows from the i-th edge up to, not including, the next.
    """
    # TODO: return the edges, from 0 to m.
    ### BEGIN SOLUTION
    return m * np.arange(chunks + 1) // chunks
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-chunk-edges", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
def test_chunk_edges():
    """A point for chunks that hold every row once, one for sizes that differ by at most one."""
    from tito.tools import conditions as c

    c.check(chunk_edges, {c.edges_cover: 1, c.edges_fair: 1})


test_chunk_edges()


# %% nbgrader={"grade": false, "grade_id": "kernels-cpus", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def available_cpus() -> int:
    """Return how many CPUs this process may use; in a container often fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# %% [markdown]
"""
**Open problem, 15 points, and 5 for chunks at once.** Write `matmul_parallel`: cut the rows of A into
`num_processes` chunks of as equal size as can be, and multiply each chunk by B on a thread of its
own, all at once; never more than `num_processes` threads. Without an argument, use
the CPUs this process may run on. What a caller can rely on in step 2 holds here, too.

Predict first: `@` may use several threads by itself. What happens when each of yours does?

<details><summary>Hint 1: the chunks</summary>
Never more than m of them; <code>chunk_edges</code> says where they begin and end.
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
        If the inner sizes differ; names both shapes.
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
        edges = chunk_edges(m, chunks)
        with ThreadPoolExecutor(max_workers=chunks) as pool:
            list(pool.map(multiply_rows, edges[:-1], edges[1:]))
    return C
    ### END SOLUTION


# %% [markdown]
"""
The last condition records how many rows of A are multiplied at a time, and by how many threads. Where
`num_processes` divides m, it has to be `m / num_processes` rows. It lets products wait for one another,
so that a race between threads shows.
"""


# %% nbgrader={"grade": true, "grade_id": "test-parallel-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_parallel_matrix_multiplication():
    """Seven points for the product, three for uneven chunks, five for working in chunks."""
    from tito.tools import conditions as c

    chunks = {c.uneven_chunks: 3, c.rows_in_chunks: 5}
    c.check(matmul_parallel, {**c.PRODUCT, **chunks}, cut="num_processes")


test_parallel_matrix_multiplication()

# %% [markdown]
"""
### Do they run at once?

Five points more. Chunks one after the other give the same result, so in the next cell each product
waits until all the others are under way. If one does not come within some seconds, they did not run
at once. How fast they are does not count.
"""


# %% nbgrader={"grade": true, "grade_id": "test-parallel-concurrent", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_parallel_at_once():
    """Five points for chunks that are multiplied at the same time."""
    from tito.tools import conditions as c

    c.check(matmul_parallel, {c.chunks_at_once: 5}, cut="num_processes")


test_parallel_at_once()

# %% [markdown]
"""
### How much can threads bring?

Let a run on one worker take 1, of which the share `serial` cannot be divided (Amdahl, 1967).

**Worked example.** With half of it serial, two workers take 0.5 for that half, and 0.5 / 2 for the
other, 0.75 in all: they are 1 / 0.75 = 1.33 times as fast. Ten thousand workers are not twice as fast.

**Completion, 3 points.** Finish `amdahl_speedup`. Predict first: with 0.05 serial, how many times as
fast are 64 workers?

<details><summary>Hint 1: time</summary>How long does the serial part take now, how long the rest?</details>
<details><summary>Hint 2: speedup</summary>Time before, which is 1, over time after.</details>
<details><summary>Hint 3: check it</summary>All serial gives 1, nothing serial gives workers.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "amdahl", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def amdahl_speedup(serial: float, workers: int) -> float:
    """Return how many times as fast a run gets by Amdahl's law.

    Parameters
    ----------
    serial : float
        The share of the time on one worker that cannot be divided, 0 to 1.
    workers : int
        How many share the rest, at least 1.

    Returns
    -------
    float
        Time on one worker over time on all of them.
    """
    if not 0 <= serial <= 1:
        raise ValueError(f"serial must be from 0 to 1, got {serial}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    # TODO: divide the time before by the time after.
    ### BEGIN SOLUTION
    return 1 / (serial + (1 - serial) / workers)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-amdahl", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
def test_amdahl_speedup():
    """Two points for the law, one for its ends."""
    from tito.tools import conditions as c

    c.check(amdahl_speedup, {c.amdahl_speedups: 2, c.amdahl_at_the_ends: 1})


test_amdahl_speedup()

# %% [markdown]
"""
Measured with BLAS held to one thread, so that the threads are yours alone. The law's curve takes the
serial share that the best speedup implies (Karp and Flatt, 1990).
"""

# %%
experiments.sweep_threads(matmul_parallel, 1024, [1, 2, 4])

# %% [markdown]
"""
And where BLAS has threads of its own? Each of your chunks then calls it, and they share the same
cores. Predict whether 4 chunks around a threaded BLAS help or hinder. A second trap: a BLAS's threads
wait for their next call by spinning. What does the process do while the cell below only sleeps?
"""

# %%
A, B = random_matrix(rng, 1024, 1024, "float32"), random_matrix(rng, 1024, 1024, "float32")
for chunks in (1, 2, 4):
    crowd = profiler.profile(matmul_parallel, A, B, num_processes=chunks, flops=2 * 1024**3)
    rate, cores = crowd["gflops"], crowd["cores_used"]
    print(f"{chunks} chunks around BLAS threads: {rate:6.1f} GFLOP/s on {cores:.2f} cores")
for label in ("right after a threaded A @ B", "a moment later"):
    start = time.process_time()
    time.sleep(0.2)
    print(f"{label}: {1e3 * (time.process_time() - start):5.1f} ms of CPU time in 200 ms of sleep")

# %% [markdown]
"""
Spinning counts as CPU time and takes cores from whoever runs next: so never time threaded BLAS and
single threads in turns. Every comparison in this module holds BLAS to one thread, or says otherwise.

## Step 6: All four, side by side

Before timing anything, let all versions multiply the same matrices. A fast wrong result is worth
nothing, and the sizes are odd on purpose.
"""

# %%
A, B = random_matrix(rng, 37, 29, "float32"), random_matrix(rng, 29, 41, "float32")
for kernel in (matmul_custom, matmul_vectorized, matmul_cache_optimized, matmul_parallel):
    assert_multiplies(kernel, A, B, hint="Run this kernel's own check above first.")
    print(f"{kernel.__name__:<24} agrees with the exact product up to rounding")

# %% [markdown]
"""
## Performance comparison

Order the versions from slow to fast for n = 64, on paper, and replace the guesses by yours: they were
made without measuring. All run in turns, BLAS on one thread; the first line is the triple loop.
"""

# %%
predicted = {  # GFLOP/s for n = 64
    "matmul_custom": 0.02,
    "matmul_cache_optimized": 40,
    "matmul_parallel": 80,
    "matmul_vectorized": 60,
}
A, B = random_matrix(rng, 64, 64, "float32"), random_matrix(rng, 64, 64, "float32")
versions = (matmul_custom, matmul_cache_optimized, matmul_parallel, matmul_vectorized)
with one_blas_thread():
    results = profiler.compare(
        {kernel.__name__: kernel for kernel in versions}, A, B, flops=2 * 64**3, peak=peak
    )
profiler.print_comparison(results)
figures.speedups(results, MACHINE)

# %%
figures.predicted_against_measured(
    [(name, predicted.get(name), one["gflops"]) for name, one in results.items()],
    "GFLOP/s",
    MACHINE,
)

# %% [markdown]
"""
What the numbers are matters as well. Predict: how fast is `A @ B` for float64, int64 and float16,
against float32? BLAS has no kernel for the last two.
"""

# %%
print(experiments.rates_by_type(256, ["float32", "float64", "int64", "float16"]))

# %% [markdown]
"""
## Profiling and analysis

`profile_function` measures one call and prints what it found: the wall time, which is what you wait
for, the CPU time, summed over all threads, and in a pass of its own the memory. The peak is the most
that one call held at a time, its result included. What exceeds the result went into buffers and copies.
"""

# %%
A, B = random_matrix(rng, 512, 512, "float32"), random_matrix(rng, 512, 512, "float32")
result = profile_function(matmul_vectorized, A, B, name="A @ B", show_details=True)
print(f"\nA @ B kept {result['cpu_efficiency']:.1f} of {available_cpus()} CPUs busy")
for kernel in (matmul_cache_optimized, matmul_parallel):
    result = profile_function(kernel, A, B)

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-claim", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** Make a claim of your own about these kernels on your
machine, such as "above n = 256, two chunks are never slower than one". State it with sizes and a
number, state which measurement would refute it, measure (add cells here), and say what came out.

### BEGIN MARK SCHEME
Marking: 1 a claim with sizes, types and a number, 1 a measurement that could refute it, 2 measured in
turns, repeated, with the spread or several runs, 1 an honest conclusion, also where it is "refuted".
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-claim", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
For instance: with float32 and one BLAS thread, blocks of 256 reach at least 0.75 of `A @ B` for every n
from 512 to 2048. One n in that range whose fastest of 15 passes, taken in turns, stays below 0.75 would
refute it. Measured at 512, 513, 768, 1024 and 2048: 0.79, 0.65, 0.78, 0.84, 0.81. Refuted at 513, where a
last block of one row and one column costs as many calls as a whole one.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 7, optional: The same loops, compiled

With Numba the loops become machine code, and what the simulated cache said comes true: their order
alone is a factor of a hundred. Predict for n = 512, where B takes 1 MB: what do tiles add to that, and
what does a part of C that stays in registers? Needs `pip install numba`.
"""

# %%
from tinytorch.utils import ladder

ladder.climb(512) if ladder.available() else "Numba is not installed: there is nothing to see here."

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
