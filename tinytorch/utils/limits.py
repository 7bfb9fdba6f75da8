"""What this machine can do at best, measured: operations per second, and bytes per second.

Both are measured with NumPy alone, on one core. The peak is the best rate that any product
reached, so it is a floor: the processor's own peak lies some ten per cent above it. Where other
programs are busy, figures come out low, never high.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from tinytorch.utils.blas import one_blas_thread
from tinytorch.utils.timing import without_gc

__all__ = ["SMALLEST_SET", "bandwidth", "peak_flops"]

SMALLEST_SET = 2**16
"""Bytes. Below that NumPy's steps between rows take as long as the bytes do, so the first cache
cannot be measured in this way."""
REPEATS = 7
BYTES_PER_PASS = 2**26
ARRAYS = 3
NUMBER = np.dtype(np.float64)


def peak_flops(dtype: DTypeLike = "float32", sizes: Sequence[int] = (256, 512, 1024)) -> float:
    """Return the most floating-point operations per second that ``A @ B`` reaches on one thread.

    Where the BLAS cannot be held to one thread (see `tinytorch.utils.blas`), on all of its threads.
    """
    rng = np.random.default_rng(0)
    best = 0.0
    with one_blas_thread():
        for n in sizes:
            A, B = (rng.standard_normal((n, n)).astype(dtype) for _ in range(2))
            C = np.empty((n, n), A.dtype)
            best = max(best, 2 * n**3 / _least_seconds(partial(np.matmul, A, B, out=C)))
    return best


def bandwidth(working_set: int) -> float:
    """Return the bytes per second that ``z = x + y`` moves: two numbers read, one written.

    Parameters
    ----------
    working_set : int
        Bytes of x, y and z together, at least 24. They are gone over again and again, so that
        they lie in the smallest cache that holds them.
    """
    n = working_set // (ARRAYS * NUMBER.itemsize)
    if n < 1:
        raise ValueError(f"working_set must hold three numbers of 8 bytes, got {working_set}")
    times = max(1, BYTES_PER_PASS // (ARRAYS * NUMBER.itemsize * n))
    x, y = (np.broadcast_to(np.ones(n), (times, n)) for _ in range(2))
    # One call goes over the same z `times` times: its first step is 0 bytes wide.
    z = np.lib.stride_tricks.as_strided(np.empty(n), (times, n), (0, NUMBER.itemsize))
    moved = ARRAYS * NUMBER.itemsize * n * times
    return moved / _least_seconds(partial(np.add, x, y, out=z))


def _least_seconds(call: Callable[[], object]) -> float:
    call()
    seconds = []
    with without_gc():
        for _ in range(REPEATS):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return min(seconds)
