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

`A (m, n) @ B (n, p) -> (m, p)` is where most of a network's time goes. A function for such a step is
called a *kernel*. Every kernel in this module does the same `2 * m * n * p` additions and
multiplications. What they cost on your machine is what you will find out.

## Learning goals

- Measure so that a figure can be trusted, and say when it cannot.
- Explain cache misses by loop order, limits by arithmetic intensity, speedups by Amdahl's law.
- Write a vectorized, a blocked and a threaded product, and attention that works in strips.
- Predict, measure, and explain the figures that contradict your prediction.

| section | points | minutes | core | section | points | minutes | core |
|---|---|---|---|---|---|---|---|
| 0 ruler | - | 15 | 5 | 4 strips | 15 | 35 | - |
| 1 order | 10 | 40 | 10 | 5 threads | 25 | 55 | 25 |
| 2 vectorized | 15 | 35 | 15 | 6 compare | 5 | 35 | 10 |
| 3 blocked | 30 | 55 | 25 | 7 compiled | - | 15 | - |

Take three sittings: steps 0 to 2, 3 and 4, 5 to 7; begin each by running all cells above. The minutes
are those of a reader who writes Python every week; allow half as much again if NumPy is new to you. The
*core* is a way of 90 minutes: the exercises marked so, and what else steps 0, 1 and 6 can measure.
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
        raise ModuleNotFoundError("Install the course's package as your handout says.") from None
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

# %% nbgrader={"grade": false, "grade_id": "kernels-tools", "locked": true, "schema_version": 3, "solution": false, "task": false}
from tinytorch.utils import experiments, ladder, pictures
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.machine import describe_machine
from tinytorch.utils.predictions import Predictions
from tinytorch.utils.profiler import SimpleProfiler, profile_function
from tito.tools import pictures as traced

# A condition can be read: from tito.tools import conditions as c, then, say, c.mismatch??
mine = Predictions()  # kept in predictions.json, beside this notebook
predict, measure = mine.predict, mine.measure
profiler = SimpleProfiler()
rng = np.random.default_rng(1105)
print(describe_machine())

# %% [markdown]
"""
## Step 0: A ruler

Before each measurement you type a prediction. Run the cell: it asks. Put a number in place of each
`...`, and run it again. A guess is enough if you make it before you see the figure: a wrong one
teaches you something. The next cell times a product of 50 x 50 matrices, a triple loop over 16 x 16,
and products of many sizes. Sizes are compared by operations per second, `2 * m * n * p / seconds`. A
*FLOP* is an operation on floats; 1 GFLOP/s is 10**9 of them per second, or one per nanosecond.
"""

# %%
predict("first call", ...)
predict("traced loop", ...)
predict("small product", ...)
measure(experiments.ruler, matmul_naive)
measure(experiments.rates_by_size)

# %% [markdown]
"""
## Step 1: The baseline, and the order of its loops

The triple loop of module 03 is the reference; here it is called `matmul_custom`. A core does about three
cycles in a nanosecond, and can multiply and add many numbers in each of them.
"""


# %% nbgrader={"grade": false, "grade_id": "kernels-baseline", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def matmul_custom(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply A (m, n) by B (n, p) with the triple loop of module 03."""
    return matmul_naive(A, B)


# %%
predict("cycles", ...)
measure(experiments.cost_of_a_step, matmul_custom)

# %% [markdown]
"""
**Worked example.** In memory there is only one number after the other. Let A, B and C (n, n) follow one
another, each row by row. Then `A[i, k]` is number `i * n + k`, `B[k, j]` is `n * n + k * n + j`, and
`C[i, j]` is `2 * n * n + i * n + j`. What do the first three steps touch for n = 2?
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
pictures.layout()

# %% [markdown]
"""
**Completion, 5 points.** `memory_trace` does it for every order of the three loops. Its first lines
make arrays i, j and k that hold the loops' indices step by step. You compute the positions. The cell
after it is graded, like all that begin with `test_`: it shows a line for each condition, with its
points. Open a line that does not hold to read what was seen, and a hint. What cannot be decided here
is marked `for review`: a person looks at it. The grader checks the same conditions on more inputs.

<details><summary>Hint 1: by hand</summary>Order "ikj", n = 2: what does the second step touch?</details>
<details><summary>Hint 2: whole arrays</summary>NumPy does <code>i * n + k</code> for all steps.</details>
<details><summary>Hint 3: columns</summary>Try <code>np.stack([x, y, z], axis=1)</code>.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "memory-trace", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def memory_trace(order: str, n: int) -> np.ndarray:
    """List which numbers of A, B and C (n, n) the triple loop touches, in the order of its steps.

    Parameters
    ----------
    order : str
        The letters i, j and k, outermost loop first.
    n : int

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


# %% nbgrader={"grade": true, "grade_id": "test-memory-trace", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_memory_trace():
    """Two points for ijk, two for all orders, one for the smallest sizes."""
    from tito.tools import conditions as c

    c.check(memory_trace, {c.traces_ijk: 2, c.traces_orders: 2, c.traces_nothing: 1})


test_memory_trace()

# %% [markdown]
"""
A processor fetches a *line* of 64 bytes at a time, 16 numbers of float32, and keeps the lines used
most recently in a *cache*. A line may lie in one *set* only; its address tells which. A set has room
for some lines, its *ways*. If its line is not there, an access *misses*. The simulated cache below counts
misses, the same on every machine: n = 100 in a cache of 4 KiB, 8 sets of 8 ways; then two sizes in a
larger one, 32 KiB in 64 sets of 8 ways, as many processors have it.
"""

# %%
measure(pictures.touches, memory_trace, "ijk", 8)
measure(pictures.sets_and_ways)
predict("misses of jki", ...)
measure(experiments.loop_orders, memory_trace)
measure(experiments.two_sizes, memory_trace)
pictures.cache_sets((128, 129))

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

**Worked example.** The product has three loops. NumPy takes over more of them with each rung of this ladder:

| rung | loops in Python | what a step does |
|---|---|---|
| numbers of arrays, of lists | i, j, k | `C[i, j] += A[i, k] * B[k, j]` |
| a dot for each i, j | i, j | `C[i, j] = np.dot(A[i], B[:, j])` |
| an outer product for each k | k | `C += np.outer(A[:, k], B[k])` |
| row @ B for each i | i | `C[i] = A[i] @ B` |

For float32, float64 and their complex counterparts `A @ B` is one call into BLAS, a library tuned to the
processor, which multiplies several numbers with each SIMD instruction. And for other types?
"""

# %%
predict("compiled loops", ...)
predict("int64", ...)
measure(experiments.numpy_ladder)
measure(experiments.rates_by_type)

# %% [markdown]
"""
**Open problem, 10 points, core.** Write `matmul_vectorized`. The arithmetic is one expression without
a Python loop. The rest is what a caller can rely on, here and in the later exercises:

- any m, n and p, 0 included; float32, float64 and integers, mixed ones too, as precise as they are or
  better; NaN and infinity where `A @ B` has them; A and B in any memory order, left as they were;
- where the inner sizes differ, a `ValueError` that names both shapes;
- for two 1-D operands or a 3-D one, any exception: `A @ B` alone accepts both.

The last condition counts the array operations behind the result: one multiplies, whatever the sizes.

<details><summary>Hint 1: what to check</summary>An operand has <code>ndim</code> and
<code>shape</code>. Which facts make A (m, n) and B (n, p)?</details>
<details><summary>Hint 2: what to say</summary>Whoever reads the error wants both shapes. Look at
what NumPy says of <code>np.ones((2, 3)) @ np.ones((4, 5))</code>: does it name them?</details>
<details><summary>Hint 3: what is there</summary>Look at <code>check_operands??</code>.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-vectorized", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_vectorized(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Multiply two matrices in one compiled call.

    Parameters
    ----------
    A, B : ndarray, shapes (m, n) and (n, p)

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``; A and B are left as they were.

    Raises
    ------
    ValueError
        If the inner sizes differ; names both shapes. 1-D and 3-D operands raise, too.
    """
    # TODO: refuse what is not A (m, n) and B (n, p), then multiply without a Python loop.
    ### BEGIN SOLUTION
    check_operands(A, B)
    return A @ B
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-vectorized-immediate", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
def test_vectorized_matrix_multiplication():
    """Seven points for the product, three for leaving the loops to NumPy."""
    from tito.tools import conditions as c

    c.check(matmul_vectorized, {**c.PRODUCT, c.no_python_loop: 3})


test_vectorized_matrix_multiplication()

# %% [markdown]
"""
### How fast can it be?

Two things limit a kernel: how many operations the core does per second, and how many bytes reach it. The
kernel's operations per byte are its *arithmetic intensity*.

**Worked example.** Adding two float32 vectors of n numbers does n operations, reads `2 * n` numbers
and writes n: n operations for `3 * n * 4` bytes, an intensity of 1/12, however long the vectors are.

**Completion, 5 points.** Finish `arithmetic_intensity` for a product that moves A, B and C once each.

<details><summary>Hint 1: by hand</summary>2 x 2, float32: 16 operations; bytes of A, B, C?</details>
<details><summary>Hint 2: bytes</summary>Count the numbers of A, of B and of C.</details>
<details><summary>Hint 3: nothing</summary>Where nothing is moved, nothing is done: 0.0.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "arithmetic-intensity", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def arithmetic_intensity(m: int, n: int, p: int, itemsize: int = 4) -> float:
    """Return the operations per byte of A (m, n) @ B (n, p), each matrix moved once.

    Parameters
    ----------
    m, n, p, itemsize : int
        Sides of the matrices, and bytes of a number.

    Returns
    -------
    float
        0.0 where there is nothing to move.
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
The *roofline* puts the limits in one picture (Williams, Waterman and Patterson, CACM 52, 2009). No
kernel gets above its roofs: slanted ones for bytes, a flat one for operations, a steep one for the cost
of a call. Where bytes and operations limit alike is the *ridge*. At 3 cycles a nanosecond, how many
operations a cycle is the flat roof?
"""

# %%
predict("n = 16", ...)
measure(experiments.roofs, matmul_vectorized, arithmetic_intensity)

# %% [markdown]
"""
## Step 3: Blocked - the second sitting begins

A core multiplies fast only what is in a cache. The triple loop needs all of B again for each
row of A, and a large B has left the cache by then. Blocking finishes a *tile* of the result at a time: two
b x b blocks hold `2 * b**2` numbers and feed `2 * b**3` operations, so each number is used b times.

**Worked example.** One tile of a 5 x 5 product in blocks of 2, the ragged edge included. A slice of an
array, such as `A[0:2, 4:5]`, is a *view*: it shares the array's memory, and nothing is copied.
"""

# %%
A, B = random_matrix(rng, 5, 5), random_matrix(rng, 5, 5)
tile = A[0:2, 0:2] @ B[0:2, 2:4] + A[0:2, 2:4] @ B[2:4, 2:4] + A[0:2, 4:5] @ B[4:5, 2:4]
print(np.allclose(tile, (A @ B)[0:2, 2:4]))
pictures.tile_and_strip()

# %% [markdown]
"""
**Completion, 5 points.** `tiled_trace` lists what a product in blocks touches, block after block. The
loops over blocks are there, and where each block ends. Add the steps inside a block, in the order i, j,
k again. Three plain loops will do, as in `trace_ijk`. In 4 KiB and with n = 100, the best plain order
had 2.1 % of misses: which `tile`, of 4, 8, 16 and 32, will miss least?

<details><summary>Hint 1: the ranges</summary>i goes from i_start up to, not including, i_end.</details>
<details><summary>Hint 2: the positions</summary>They are those of <code>memory_trace</code>.</details>
<details><summary>Hint 3: by hand</summary>For n = 2 and tile = 1, what are the first steps?</details>
"""


# %% nbgrader={"grade": false, "grade_id": "tiled-trace", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def tiled_trace(n: int, tile: int) -> np.ndarray:
    """List which numbers of A, B and C (n, n) a product in blocks touches, step by step.

    Parameters
    ----------
    n, tile : int
        Side of the matrices, and largest side of a block, both at least 1.

    Returns
    -------
    ndarray of int, shape (n**3, 3)
        As `memory_trace` returns it.
    """
    steps = []
    for i_start in range(0, n, tile):
        for j_start in range(0, n, tile):
            for k_start in range(0, n, tile):
                i_end, j_end, k_end = (min(s + tile, n) for s in (i_start, j_start, k_start))
                # TODO: append the three positions of each step in this block.
                ### BEGIN SOLUTION
                for i in range(i_start, i_end):
                    for j in range(j_start, j_end):
                        for k in range(k_start, k_end):
                            steps.append((i * n + k, n * n + k * n + j, 2 * n * n + i * n + j))
                ### END SOLUTION
    return np.array(steps)


# %% nbgrader={"grade": true, "grade_id": "test-tiled-trace", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_tiled_trace():
    """Two points for whole blocks, two for ragged ones, one for blocks of one and of everything."""
    from tito.tools import conditions as c

    c.check(tiled_trace, {c.tiles_whole: 2, c.tiles_ragged: 2, c.tiles_extreme: 1})


test_tiled_trace()

# %%
measure(pictures.touches, tiled_trace, 8, 4)
predict("best tile", ...)
measure(experiments.tile_sizes, tiled_trace)

# %% [markdown]
"""
**Open problem, 15 points, core.** Write `matmul_cache_optimized`: cut m, n and p, all three, into
blocks of `block_size`, and multiply only blocks. Sides may be shorter than a block, or no multiple of
it. What a caller can rely on in step 2 holds here, too. The last three conditions record the sides of
all products that the result is made of: each at most `block_size`, and most of the work in products
longer than half of it. How you multiply a block is up to you: single rows, numbers or inner indices
are fine, as long as one block is finished before the next one begins.

<details><summary>Hint 1: the shape of the code</summary>Three loops over the first index of a block:
<code>range(0, m, block_size)</code>.</details>
<details><summary>Hint 2: the ragged edge</summary>Of 100 rows, <code>A[96:160]</code> is four.</details>
<details><summary>Hint 3: memory</summary><code>tile = C[i:i + b, j:j + b]</code> is a view, so <code>tile
+= ...</code> adds into C; <code>np.matmul(X, Y, out=buffer)</code> makes no new array.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-cache", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_cache_optimized(A: np.ndarray, B: np.ndarray, block_size: int = 64) -> np.ndarray:
    """Multiply two matrices block by block; refuses what `matmul_vectorized` refuses.

    Parameters
    ----------
    A, B : ndarray, shapes (m, n) and (n, p)
    block_size : int
        Largest side of a block, at least 1. m, n and p need not be multiples of it.

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``, in which the blocks are summed as well.
    """
    # TODO: refuse operands that do not fit, then add up products of blocks, tile by tile.
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
                left = A[i : i + block_size, k : k + block_size]
                np.matmul(left, B[k : k + block_size, j : j + block_size], out=partial)
                tile += partial
    return C
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-cache-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_matrix_multiplication():
    """Seven points for the product, two for ragged edges, two for blocks in each loop."""
    from tito.tools import conditions as c

    blocks = {c.rows_in_blocks: 2, c.columns_in_blocks: 2, c.inner_in_blocks: 2}
    c.check(matmul_cache_optimized, {**c.PRODUCT, c.ragged_blocks: 2, **blocks}, cut="block_size")


test_cache_optimized_matrix_multiplication()

# %%
traced.tiles(matmul_cache_optimized)

# %% [markdown]
"""
### What do blocks cost?

Five points more for blocks of 256 that keep half of the speed of `A @ B` at n = 1024: CPU time on one
thread, the least of several turns. Where the BLAS cannot be held to one thread, as on many Macs, the cell says
that the grader will measure it. `@` is tuned already: will blocks of 32, 64, 128, 256 or 512 be faster?
"""


# %% nbgrader={"grade": true, "grade_id": "test-cache-performance", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_cache_optimized_performance():
    """Five points for blocks that cost little."""
    from tito.tools import conditions as c

    c.check(matmul_cache_optimized, {c.fast_in_blocks: 5}, cut="block_size")


test_cache_optimized_performance()

# %%
predict("best block_size", ...)
predict("blocked over A @ B", ...)
measure(experiments.sweep_blocks, matmul_cache_optimized)
experiments.block_costs()

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-small-blocks", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** Small blocks fit into a nearer cache than large ones. Which
is fastest on your machine, blocks of 64, of 256 or `A @ B`, and why? Say from your machine's
caches which of the blocks fit where, and use both tables. Two to five sentences.

### BEGIN MARK SCHEME
Marking: 2 what surrounds a block shrinks against its arithmetic as b grows, 1 the extra pass over C,
1 figures from the tables, 1 BLAS blocks inside, so there is nothing left to win.
### END MARK SCHEME
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-small-blocks", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
"""
### BEGIN SOLUTION
Three blocks of 64 take 48 KiB, in or near the first cache; three of 256 take 768 KiB, in the second. But the
arithmetic of a block grows with `b**3`, what surrounds it with `b**2` or not at all: one more pass over the
tile, a call and the slices. At 64 that is a third of a step, at 256 less than a tenth. `A @ B` never pays it:
it is blocked inside for caches and registers, and saves the fetches already that our blocks would save.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 4: Where blocks may win - strips of rows

Blocks pay where data is fetched again and again. Take seven elementwise operations on 4096 x 4096
numbers, one after the other, *in place*: each writes its result over its operand, and passes over
all 64 MiB. A strip of rows can stay in a cache for all seven.
"""

# %%
predict("rows of a chain", ...)
measure(experiments.chain)

# %% [markdown]
"""
Attention is such a chain between two products: `softmax(Q @ K.T / sqrt(d)) @ V`. Each query, a row of
Q, is compared with all keys; its scores become weights, which average the rows of V. For N = 4096 the scores
(N, N) take 64 MiB. In strips they never exist as a whole (Rabe and Staats, 2021; Dao and others, 2022).

**Worked example.** The weights of a query are `exp(score - largest score)`, divided by their sum;
`exp(1000)` alone is infinite. `keepdims=True` keeps a maximum as a column, (N, 1), which NumPy
*broadcasts*: `scores - largest` takes from each row its own.
"""


# %% nbgrader={"grade": false, "grade_id": "kernels-attention", "locked": true, "schema_version": 3, "solution": false, "task": false}
#| export
def attention_at_once(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Average the rows of V by the softmax of each query's scores."""
    scores = Q @ K.T / np.sqrt(Q.shape[1]).astype(Q.dtype)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ V


# %% [markdown]
"""
**Completion, 10 points.** Finish `attention_in_chunks`: never more than a strip of scores exists. It
is compared with all at once in place (`out=`), so you see what strips add to that.

<details><summary>Hint 1: one strip</summary>The scores as above, but of the rows
<code>start</code> to <code>start + rows</code> of <code>scaled</code> only.</details>
<details><summary>Hint 2: the softmax</summary>Each query has its own maximum: along which axis?</details>
<details><summary>Hint 3: no copies</summary>In place: <code>strip -= ...</code>, <code>out=strip</code>.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "attention-chunks", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def attention_in_chunks(Q: np.ndarray, K: np.ndarray, V: np.ndarray, rows: int = 256) -> np.ndarray:
    """Average the rows of V by the softmax of each query's scores, some queries at a time.

    Parameters
    ----------
    Q, K, V : ndarray of float, shapes (queries, d), (keys, d) and (keys, width)
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
predict("attention in chunks", ...)
measure(experiments.attention, attention_at_once, attention_in_chunks)

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
A strip takes rows * 8192 * 4 bytes, 32 KiB a row. The second cache here, 1 MiB, holds 32 rows but nothing of
K and V, 2 MiB each; the third, 32 MiB, holds all of it up to some 500 rows. Chosen: 256 rows, 8 MiB. Refuted
if half or twice as many were faster by more than the spread. Measured, best of five in turns, against 256:
16 rows 1.4 times as long, 64 to 1024 rows 0.97 to 1.1 times, spreads of 5 %. Not refuted; 64 would do, too.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 5: Row chunks on threads - the third sitting begins

Rows of the result do not depend on each other: they can be computed at the same time. Threads share
memory. Python usually runs one at a time, but NumPy lets the others go on while it multiplies.

**Worked example.** Two halves, each on a thread of its own. A *pool* keeps threads and hands them calls:
"""

# %%
A, B = random_matrix(rng, 7, 4), random_matrix(rng, 4, 3)
C = np.empty((7, 3))
with ThreadPoolExecutor(max_workers=2) as pool:
    list(pool.map(lambda a, b: np.matmul(A[a:b], B, out=C[a:b]), [0, 3], [3, 7]))
print(np.allclose(C, A @ B))

# %% [markdown]
"""
**Completion, 2 points, core.** For any number of chunks, find where they begin and end, with sizes that
differ by at most one: the worked example's were 0, 3 and 7.

<details><summary>Hint 1: what it gives</summary>One number more than chunks, from 0 to m.</details>
<details><summary>Hint 2: fair chunks</summary>23 rows in 8 chunks: sizes 2 and 3.</details>
<details><summary>Hint 3: where they lie</summary>Where would they lie if rows could be cut?</details>
"""


# %% nbgrader={"grade": false, "grade_id": "chunk-edges", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def chunk_edges(m: int, chunks: int) -> np.ndarray:
    """Return where chunks of m rows begin and end, their sizes as equal as can be.

    Parameters
    ----------
    m, chunks : int
        Rows, at least 0; how many chunks, at least 1.

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
**Open problem, 15 points, and 5 for chunks at once, core.** Write `matmul_parallel`: cut the rows of A
into `num_processes` chunks, and multiply each chunk by B on a thread of its own, all at once; never
more than `num_processes` threads. Without an argument, use the CPUs this process may run on,
`available_cpus()`. What a caller can rely on in step 2 holds here, too. The last condition records how
many rows of A are multiplied at a time, and by how many threads: where `num_processes` divides m,
`m / num_processes` rows. In the cell after that, each product waits until all others are under way: if
one does not come within some seconds, they did not run at once. Their speed does not count.

<details><summary>Hint 1: the chunks</summary>Never more than m; see <code>chunk_edges</code>.</details>
<details><summary>Hint 2: no joining</summary>Create the result once;
<code>np.matmul(A[a:b], B, out=C[a:b])</code> writes a chunk into place.</details>
<details><summary>Hint 3: the pool</summary>Without <code>list(pool.map(...))</code> an error in a
thread goes unseen. No rows means no chunks, and no pool.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "matmul-parallel", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def matmul_parallel(A: np.ndarray, B: np.ndarray, num_processes: int | None = None) -> np.ndarray:
    """Multiply two matrices in chunks of rows, each on a thread; refuses what the others refuse.

    Parameters
    ----------
    A, B : ndarray, shapes (m, n) and (n, p)
    num_processes : int, optional
        Most threads (not processes), at least 1; default: one for each CPU it may run on.

    Returns
    -------
    ndarray, shape (m, p)
        The product in ``np.result_type(A, B)``.
    """
    # TODO: refuse operands that do not fit, cut the rows, and let a pool fill the result.
    ### BEGIN SOLUTION
    check_operands(A, B)
    if num_processes is None:
        num_processes = available_cpus()
    if num_processes < 1:
        raise ValueError(f"num_processes must be at least 1, got {num_processes}")
    m = A.shape[0]
    C = np.empty((m, B.shape[1]), dtype=np.result_type(A, B))
    B = B.astype(C.dtype, copy=False)  # converted once, not by every thread
    if chunks := min(num_processes, m):
        edges = chunk_edges(m, chunks)
        with ThreadPoolExecutor(max_workers=chunks) as pool:
            list(pool.map(lambda a, b: np.matmul(A[a:b], B, out=C[a:b]), edges[:-1], edges[1:]))
    return C
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-parallel-immediate", "locked": true, "points": 15, "schema_version": 3, "solution": false, "task": false}
def test_parallel_matrix_multiplication():
    """Seven points for the product, three for uneven chunks, five for working in chunks."""
    from tito.tools import conditions as c

    chunks = {c.uneven_chunks: 3, c.rows_in_chunks: 5}
    c.check(matmul_parallel, {**c.PRODUCT, **chunks}, cut="num_processes")


test_parallel_matrix_multiplication()


# %% nbgrader={"grade": true, "grade_id": "test-parallel-concurrent", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
def test_parallel_at_once():
    """Five points for chunks that are multiplied at the same time."""
    from tito.tools import conditions as c

    c.check(matmul_parallel, {c.chunks_at_once: 5}, cut="num_processes")


test_parallel_at_once()

# %%
traced.threads(matmul_parallel)

# %% [markdown]
"""
### How much can threads bring?

On one worker, a run takes one second. A fraction `serial` of it cannot be shared (Amdahl, 1967).

**Worked example.** With half of it serial, two workers take 0.5 s for that half, and 0.5 / 2 for the
other, 0.75 s in all: they are 1 / 0.75 = 1.33 times as fast. Ten thousand workers are not twice as fast.

**Completion, 3 points, core.** Finish `amdahl_speedup`.

<details><summary>Hint 1: time</summary>How long does each of the two parts take now?</details>
<details><summary>Hint 2: speedup</summary>Time before, which is 1, over time after.</details>
<details><summary>Hint 3: check it</summary>All serial gives 1, nothing serial gives workers.</details>
"""


# %% nbgrader={"grade": false, "grade_id": "amdahl", "locked": false, "schema_version": 3, "solution": true, "task": false}
#| export
def amdahl_speedup(serial: float, workers: int) -> float:
    """Return how many times as fast a run gets by Amdahl's law.

    Parameters
    ----------
    serial, workers : float, int
        The share of the time that stays with one worker, 0 to 1; how many share the rest.

    Returns
    -------
    float
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
First by the law; then measured, with BLAS held to one thread where that is possible, so that the
threads are yours alone. The law's share is fitted to some numbers of threads, and tested on the
others. Where BLAS has threads of its own, what happens when two of yours call `A @ B` at once?
"""

# %%
predict("64 workers", ...)
predict("threads", ...)
predict("two calls at once", ...)
measure(experiments.sweep_threads, matmul_parallel, amdahl_speedup)
measure(experiments.threads_of_blas)

# %% [markdown]
"""
## Step 6: All four, side by side

First, all versions multiply the same matrices, of odd sizes: a fast wrong result is worth nothing.
"""

# %%
kernels = (matmul_custom, matmul_cache_optimized, matmul_parallel, matmul_vectorized)
A, B = random_matrix(rng, 37, 29, "float32"), random_matrix(rng, 29, 41, "float32")
for kernel in kernels:
    assert_multiplies(kernel, A, B, hint="Run this kernel's own check above first.")
    print(f"{kernel.__name__:<24} agrees with the exact product up to rounding")

# %% [markdown]
"""
## Performance comparison

Order the versions from slow to fast for n = 64, on paper. And in use? A dense layer is `relu(x @ W + b)`.
By Amdahl's law, the last column of its table is the most that work on the product can still bring.
"""

# %%
predict("threads at n = 64", ...)
predict("share of the product", ...)
measure(experiments.side_by_side, kernels)
measure(experiments.dense_layer, kernels, amdahl_speedup)

# %% [markdown]
"""
## Profiling and analysis

`profile_function` measures a call: its *wall time* is what you wait for, its *CPU time* is summed over
all threads. In a second call each allocation is recorded, which takes time: the *peak* is the most
memory it held at once, its result included. BLAS has its own threads here.
"""

# %%
A, B = random_matrix(rng, 512, 512, "float32"), random_matrix(rng, 512, 512, "float32")
result = profile_function(matmul_vectorized, A, B, name="A @ B", show_details=True)
print(f"A @ B kept {result['cpu_efficiency']:.1f} of {available_cpus()} CPUs busy")
mine.chart()

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-claim", "locked": true, "schema_version": 3, "solution": false, "task": false}
"""
**Open problem, 5 points, read by a person.** The chart shows your predictions: where were you furthest
off? Make a claim of your own about these kernels on your machine, such as "above n = 256, two chunks
are never slower than one". State it with sizes and a number, state which measurement would refute it,
measure (add cells here; `profiler.compare` takes turns), and say what came out.

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
refute it. Measured at 512, 513, 1024, 1025 and 1500: 0.89, 0.76, 0.84, 0.82, 0.78, with spreads of 2 %. Not
refuted, but 513 comes near: a last block of one row and one column costs as many calls as a whole one.
### END SOLUTION
"""

# %% [markdown]
"""
## Step 7, optional: The same loops, compiled

With Numba the loops become machine code. From rung to rung one thing changes: which numbers a
step touches, how many an instruction takes (SIMD), tiles, and *packing*: blocks are copied in the order
in which they are read, and a part of C stays in *registers*, the core's own few dozen numbers.
"""

# %%
predict("loop order", ...)
measure(ladder.climb)

# %% [markdown]
"""
## Where this code lives

The cells marked `#| export` become `tinytorch.core.kernels`. You hand in the solution cells: put
an import that a solution needs into its own cell.

## Summary

No single thing makes the difference between the baseline and `A @ B`: your ladder shows. Blocks pay where data
would be fetched again and again, threads while cores are idle and the work is large. What your figures
do not show, such as other sizes, types or processors, you do not know yet: module 12 is about that.

## Module testing

The last cell runs all graded cells once more. The grader then adds inputs of its own.
"""

# %% nbgrader={"grade": false, "grade_id": "standardized-testing", "locked": true, "schema_version": 3, "solution": false, "task": false}
if __name__ == "__main__":
    from tito.tools.testing import run_module_tests_auto

    success = run_module_tests_auto("Kernels")
