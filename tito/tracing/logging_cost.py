"""How long it takes to log a product: a timed call is not to blame for it."""

import time
from functools import cache
from typing import Any

import numpy as np

from tito.tracing.observe import observe

__all__ = ["seconds_of_a_product"]

PRODUCTS, PASSES = 100, 3


@cache
def seconds_of_a_product() -> float:
    """Return the CPU seconds that logging adds to one product of a loop over blocks.

    They are measured in this process, once: slices of A, B and C, the product, and its addition.
    """
    A = np.ones((4, 4), np.float32)

    def spent(count: int, traced: bool) -> float:
        start = time.process_time()
        observe(_multiply, (A, A), {"count": count}, traced=traced)
        return time.process_time() - start

    def least(count: int, traced: bool) -> float:
        return min(spent(count, traced) for _ in range(PASSES))  # what disturbs only adds

    added = least(PRODUCTS, True) - least(0, True) - least(PRODUCTS, False)
    return max(0.0, added) / PRODUCTS


def _multiply(A: Any, B: Any, count: int) -> Any:
    C = np.zeros((4, 4), np.float32)
    for _ in range(count):
        C[:2, :2] += A[:2, :2] @ B[:2, :2]
    return C
