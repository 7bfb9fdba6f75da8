"""What an honest submission does; the sandbox must let it."""

import importlib
import threading

from tito.grading.sandbox.hostile import Targets

__all__ = ["use_numpy", "use_package", "use_pool", "use_threads"]


def use_threads(_: Targets) -> str:
    """Run eight threads."""
    total: list[int] = []
    threads = [threading.Thread(target=total.append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{len(total)} threads"


def use_pool(_: Targets) -> str:
    """Share work out to a pool of processes."""
    from multiprocessing import get_context

    with get_context("fork").Pool(2) as pool:
        return f"squares {pool.map(abs, range(3))}"


def use_numpy(_: Targets) -> str:
    """Multiply matrices."""
    import numpy as np

    A = np.ones((64, 64))
    return f"{(A @ A)[0, 0]:.0f}"


def use_package(_: Targets) -> str:
    """Import what the lesson imports."""
    importlib.import_module("tinytorch")
    return "tinytorch"
