"""Which BLAS multiplies matrices for NumPy, and on how many threads.

threadpoolctl finds the libraries that are loaded and sets their threads. Without it NumPy still
tells what it was built with, but nobody can hold the threads.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["describe_blas", "one_blas_thread"]


def describe_blas() -> tuple[str | None, int | None]:
    """Return name and version of NumPy's BLAS, and its number of threads; None if not told."""
    loaded = _loaded_blas()
    if loaded:
        return _titled(loaded["internal_api"], loaded["version"]), int(loaded["num_threads"])
    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    return _titled(blas.get("name"), blas.get("version")), None


@contextmanager
def one_blas_thread() -> Iterator[bool]:
    """Hold every BLAS to one thread inside; yield whether that could be done.

    It cannot without threadpoolctl, nor with a BLAS that threadpoolctl does not know (Apple's).
    """
    threadpoolctl = _threadpoolctl()
    if threadpoolctl is None or not _loaded_blas():
        yield False
        return
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield True


def _loaded_blas() -> dict[str, Any]:
    """Return what threadpoolctl knows of NumPy's BLAS, or of the only other one loaded."""
    threadpoolctl = _threadpoolctl()
    pools = threadpoolctl.threadpool_info() if threadpoolctl else []
    blas = [pool for pool in pools if pool["user_api"] == "blas"]
    of_numpy = [pool for pool in blas if "numpy" in pool["filepath"].lower()]
    return dict((of_numpy or blas or [{}])[0])


def _titled(name: str | None, version: str | None) -> str | None:
    return " ".join(part for part in (name, version) if part) or None


def _threadpoolctl() -> Any:
    try:
        return importlib.import_module("threadpoolctl")
    except ImportError:
        return None
