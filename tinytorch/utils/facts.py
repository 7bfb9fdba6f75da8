"""The facts of a profile, by key: time, work and memory of a call, its result, and doubts.

`tinytorch.utils.profiler.SimpleProfiler.profile` says what each key means.
"""

import sys
import tracemalloc
from typing import Any

import numpy as np

from tinytorch.utils import process
from tinytorch.utils.memory import measure_memory
from tinytorch.utils.timing import WIDE_SPREAD, Call, Timing

__all__ = [
    "MB",
    "array_facts",
    "cpu_facts",
    "memory_facts",
    "observer_doubts",
    "time_facts",
    "timing_doubts",
    "work_facts",
]

MB = 2**20


def time_facts(timing: Timing) -> dict[str, Any]:
    """Return what the passes say: best, median, spread, CPU time."""
    return {
        "wall_time": timing.minimum,
        "cpu_time": timing.cores * timing.minimum,
        "cpu_efficiency": timing.cores,
        "cores_used": timing.cores,
        "thread_time": timing.thread_cores * timing.minimum,
        "minimum": timing.minimum,
        "median": timing.median,
        "spread": timing.spread,
        "repeats": timing.repeats,
        "inner_loops": timing.inner_loops,
    }


def work_facts(
    seconds: float, flops: float | None, moved: float | None, peak: float | None
) -> dict[str, float]:
    """Return the rate of so much work in that time; empty where the work is not known."""
    if flops is None:
        return {}
    rate = flops / seconds if seconds else 0.0
    facts = {"gflops": rate / 1e9}
    if moved:
        facts["intensity"] = flops / moved
    if peak:
        facts["peak_percent"] = 100 * rate / peak
    return facts


def cpu_facts(timing: Timing) -> dict[str, Any]:
    """Return what the process used and has; None where that is not known here."""
    resident = process.resident_bytes()
    return {
        "cpu_percent": 100 * timing.cores,
        "process_memory_mb": None if resident is None else resident / MB,
        "memory_percent": process.resident_percent(),
        "num_threads": process.thread_count(),
    }


def memory_facts(call: Call) -> dict[str, Any]:
    """Return what one more call allocates, in MB."""
    use = measure_memory(call)
    return {
        "memory_before_mb": use.before / MB,
        "memory_after_mb": use.after / MB,
        "peak_memory_mb": use.peak / MB,
        "memory_delta_mb": use.kept / MB,
    }


def array_facts(result: Any) -> dict[str, Any]:
    """Return shape, type and size of a result that is an array; else nothing."""
    if not isinstance(result, np.ndarray):
        return {}
    return {
        "result_shape": result.shape,
        "result_dtype": str(result.dtype),
        "result_size_mb": result.nbytes / MB,
        "result_elements": result.size,
    }


def observer_doubts() -> tuple[str, ...]:
    """Return sentences on tools that slow this program."""
    doubts = []
    if tracemalloc.is_tracing():
        doubts.append("tracemalloc is on and slows what it traces: stop it before timing.")
    if sys.gettrace() is not None:
        doubts.append("A debugger or coverage tool slows every line: time without it.")
    return tuple(doubts)


def timing_doubts(timing: Timing) -> tuple[str, ...]:
    """Return sentences on what the passes leave uncertain."""
    if timing.spread is None:
        return ("One pass only: how far the time can be trusted is not known.",)
    if timing.spread > WIDE_SPREAD:
        return ("The passes differ widely: close other programs and measure again.",)
    return ()
