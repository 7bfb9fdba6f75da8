"""What runs at once, and what a layer gains from a faster product."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import random_matrix
from tinytorch.utils.figures import speedups, spread_doubts
from tinytorch.utils.machine import machine_name
from tinytorch.utils.predictions import Finding
from tinytorch.utils.report import difference, format_seconds, format_spread, short_number
from tinytorch.utils.sweeps import (
    facts_of,
    in_turns,
    square_matrices,
    sweep,
    thread_chart,
    thread_counts,
)
from tinytorch.utils.timing import measure

__all__ = ["dense_layer", "side_by_side", "sweep_threads", "threads_of_blas"]

Array = NDArray[Any]
Kernel = Callable[..., Any]

SECONDS_ASLEEP = 0.2


def sweep_threads(
    kernel: Kernel,
    law: Callable[[float, int], float],
    n: int = 1024,
    counts: Sequence[int] | None = None,
) -> Finding:
    """Time a kernel on float32 matrices (n, n) on one thread up to twice as many as cores.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(A, B, num_processes=count)``.
    law : callable
        Amdahl's law: the speedup for a serial share and a number of workers.
    n : int
        Side of the matrices.
    counts : sequence of int, optional
        Numbers of threads; the first is what the others are compared with.
    """
    predicted = law(0.05, 64)
    found = sweep(kernel, n, "num_processes", counts or thread_counts())
    first, *_ = found.rates.values()
    best = max(found.rates.values()) / first
    return Finding(thread_chart(found), {"64 workers": predicted, "threads": best})


def threads_of_blas(n: int = 1024, trials: int = 7) -> Finding:
    """Measure two calls at once on this machine's BLAS, with its own threads, and what stays busy.

    Parameters
    ----------
    n : int
        Side of the float32 matrices.
    trials : int
        How often two calls are made at once.
    """
    A, B = square_matrices(n)
    np.matmul(A, B)
    alone = measure(partial(np.matmul, A, B))[0]
    busy = _cpu_asleep()
    calm = _cpu_asleep()
    ends = [sorted(_two_calls(A, B)) for _ in range(trials)]
    first, second = ([one / alone.minimum for one in some] for some in zip(*ends, strict=True))
    rows = [
        ["one call alone", format_seconds(alone.minimum), format_spread(alone.spread)],
        *(
            [name, f"{median(some):.2f} calls", f"{min(some):.2f} to {max(some):.2f}"]
            for name, some in (("two at once: one ends after", first), ("both end after", second))
        ),
        ["CPU time in 200 ms of sleep, right after", format_seconds(busy), ""],
        ["and in the next 200 ms", format_seconds(calm), ""],
    ]
    chart = Chart(
        f"BLAS with threads of its own: A @ B, float32, n = {n}",
        machine_name(),
        f"Medians of {trials} trials and their range. One call keeps {alone.cores:.2f} cores busy.",
        ["", "measured", "spread"],
        rows,
        None,
        doubts=spread_doubts({"one call": alone.spread}),
    )
    return Finding(chart, {"two calls at once": median(second)})


def _two_calls(A: Array, B: Array) -> list[float]:
    """Return the seconds after which each of two calls ended that began together."""
    begin, ends = threading.Barrier(3), [0.0, 0.0]

    def call(place: int) -> None:
        out = np.empty((A.shape[0], B.shape[1]), A.dtype)
        begin.wait()
        np.matmul(A, B, out=out)
        ends[place] = time.perf_counter()

    threads = [threading.Thread(target=call, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    begin.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return [end - start for end in ends]


def _cpu_asleep() -> float:
    start = time.process_time()
    time.sleep(SECONDS_ASLEEP)
    return time.process_time() - start


def side_by_side(kernels: Sequence[Kernel], n: int = 64) -> Finding:
    """Compare kernels on float32 matrices (n, n), in turns; the first is the reference.

    Parameters
    ----------
    kernels : sequence of callable
        The last but one is `matmul_parallel`, the last ``A @ B`` in the lesson's terms.
    n : int
    """
    A, B = square_matrices(n)
    times = in_turns({one.__name__: partial(one, A, B) for one in kernels})
    chart = speedups(facts_of(times, 2 * n**3), machine_name(), of=f"float32, n = {n}")
    *_, threads, plain = (one.minimum for one in times.values())
    return Finding(chart, {"threads at n = 64": plain / threads})


def dense_layer(
    kernels: Sequence[Kernel], law: Callable[[float, int], float], n: int = 64
) -> Finding:
    """Measure a dense layer, relu(x @ W + b), with each kernel as its product.

    Parameters
    ----------
    kernels : sequence of callable
        The first is the reference; the last is ``A @ B`` in the lesson's terms.
    law : callable
        Amdahl's law: the speedup for a serial share and a number of workers. Bias and activation
        are the serial share; without end of workers, the product takes no time.
    n : int
        Side of x and W, in float32.
    """
    x, W = square_matrices(n)
    b = random_matrix(np.random.default_rng(n), 1, n, "float32")
    rest_of_it = "bias and activation"
    times = in_turns(
        {rest_of_it: partial(_activate, x.copy(), b)}
        | {one.__name__: partial(_layer, one, x, W, b) for one in kernels}
    )
    rest = times.pop(rest_of_it).minimum
    shares = {name: max(0.0, 1 - rest / one.minimum) for name, one in times.items()}
    facts, first = facts_of(times), next(iter(times))
    rows = [
        [
            name,
            format_seconds(one.minimum),
            format_spread(one.spread),
            short_number(times[first].minimum / one.minimum),
            difference(facts[name], facts[first]) if name != first else "-",
            f"{100 * shares[name]:.4g} %",
            short_number(law(1 - shares[name], sys.maxsize)),
        ]
        for name, one in times.items()
    ]
    chart = Chart(
        f"One dense layer, relu(x @ W + b): float32, n = {n}",
        machine_name(),
        f"Bias and activation take {format_seconds(rest)}, whatever multiplies. Most to gain: the "
        "layer's speedup by Amdahl, if its product took no time.",
        ["", "layer", "spread", "speedup", "differs", "its product", "most to gain"],
        rows,
        None,
        doubts=spread_doubts({name: one.spread for name, one in times.items()}),
    )
    return Finding(chart, {"share of the product": 100 * shares[kernels[-1].__name__]})


def _layer(product: Kernel, x: Array, W: Array, b: Array) -> Array:
    return _activate(product(x, W), b)


def _activate(y: Array, b: Array) -> Array:
    y += b
    np.maximum(y, np.float32(0), out=y)
    return y
