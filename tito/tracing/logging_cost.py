"""How long it takes to log a product: a timed call is not to blame for it."""

import time
from functools import cache
from typing import Any

import numpy as np

from tito.tracing.observe import observe

__all__ = ["seconds_of_a_product"]

PRODUCTS = 100


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

    passes = [spent(PRODUCTS, True) - spent(0, True) - spent(PRODUCTS, False) for _ in range(2)]
    return max(0.0, min(passes)) / PRODUCTS


def _multiply(A: Any, B: Any, count: int) -> Any:
    C = np.zeros((4, 4), np.float32)
    for _ in range(count):
        C[:2, :2] += A[:2, :2] @ B[:2, :2]
    return C
