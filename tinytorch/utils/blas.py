"""Which BLAS multiplies matrices for NumPy, and on how many threads.

threadpoolctl finds the libraries that are loaded and sets their threads. Of a BLAS that it does not
know (Apple's) only what NumPy was built with is known, and its threads cannot be limited.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

__all__ = ["describe_blas", "one_blas_thread"]


def describe_blas() -> tuple[str | None, int | None]:
    """Return name and version of NumPy's BLAS, and its number of threads; None if not known."""
    loaded = _loaded_blas()
    if loaded:
        return _titled(loaded["internal_api"], loaded["version"]), int(loaded["num_threads"])
    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    return _titled(blas.get("name"), blas.get("version")), None


@contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Hold every BLAS to one thread inside; yield whether threadpoolctl can do that."""
    with threadpool_limits(1, user_api="blas"):
        yield bool(_loaded_blas())


def _loaded_blas() -> dict[str, Any]:
    """Return what threadpoolctl knows of NumPy's BLAS, or of the only other one loaded."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    of_numpy = [pool for pool in blas if "numpy" in pool["filepath"].lower()]
    return dict((of_numpy or blas or [{}])[0])


def _titled(name: str | None, version: str | None) -> str | None:
    return " ".join(part for part in (name, version) if part) or None
