"""Profile one call: its time, its memory and what it returns, in one dict.

Time and memory are measured in calls of their own, because tracing memory slows the code that is
timed. `timing` reads the clocks, `memory` counts bytes, `process` asks the operating system,
`facts` makes keys of both and `report` prints; this module puts all of it together. Keys
with ``_mb`` count 2**20 bytes, a MiB: a float32 array of 1024 x 1024 takes 4.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tinytorch.utils import process
from tinytorch.utils.checking import name_of
from tinytorch.utils.facts import (
    MB,
    array_facts,
    cpu_facts,
    memory_facts,
    observer_doubts,
    time_facts,
    timing_doubts,
    work_facts,
)
from tinytorch.utils.machine import environment
from tinytorch.utils.report import comparison_text, profile_text
from tinytorch.utils.timing import SYSTEM_CLOCK, Call, Timing, interleave, measure

__all__ = ["MB", "SimpleProfiler", "profile_function"]


class SimpleProfiler:
    """Measure calls one at a time.

    Parameters
    ----------
    track_memory : bool
        Make one more call, under tracemalloc, to count its memory. Where the work is done in
        Python, not in NumPy, that call can take ten times as long as the others.
    track_cpu : bool
        Report CPU use, resident memory and threads of the process.
    """

    _clock = SYSTEM_CLOCK

    def __init__(self, track_memory: bool = True, track_cpu: bool = True) -> None:
        self.track_memory = track_memory
        self.track_cpu = track_cpu

    def profile(
        self,
        func: Callable[..., Any],
        *args: Any,
        name: str | None = None,
        warmup: bool = True,
        flops: float | None = None,
        moved: float | None = None,
        peak: float | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Call ``func(*args, **kwargs)`` repeatedly and return what was measured.

        It is called once to warm up, then in up to 20 timed passes that take about a second
        together (a call of more than a second is timed once), then once for memory. Every call
        gets the same arguments: a function that changes them in place meets its own changes.
        Where ``func`` itself has a keyword of these names, bind it by `functools.partial`.

        Parameters
        ----------
        func : callable
        *args, **kwargs
            Handed to ``func`` as they are.
        name : str, optional
            What the report calls it; by default the function's own name.
        warmup : bool
            Make one call before the timed ones, so that caches are filled and threads started.
        flops, moved : float, optional
            Floating-point operations of a call, and the bytes that it has to move.
        peak : float, optional
            Operations per second that this machine reaches, as `tinytorch.utils.limits` measures.

        Returns
        -------
        dict
            Times in seconds per call, memory in MiB (2**20 bytes); None is "not known here".

            - ``name``, and ``result``: what the first timed call returned.
            - ``wall_time`` and ``minimum``, the same: of the fastest pass. ``median``;
              ``spread``: distance of the quartiles over the median, None for a single pass;
              ``repeats``: passes; ``inner_loops``: calls in each.
            - ``cpu_efficiency``: CPU time over wall time of all timed passes, the number of cores
              kept busy: above 1 with threads, of which those of a BLAS count even while they
              only wait for work. ``cpu_time``: the same share of ``wall_time``.
            - with memory: ``peak_memory_mb``: the most that one call had allocated at a time, its
              result included; ``memory_before_mb``, ``memory_after_mb``: memory traced (Python's
              objects and NumPy's buffers) around that call, the first 0 unless tracemalloc was
              already on; ``memory_delta_mb``: their difference, what the call left behind.
            - with CPU: ``cpu_percent``: 100 * cpu_efficiency; and after the timed passes
              ``process_memory_mb``: resident memory of the process; ``memory_percent``: its share
              of the machine's; ``num_threads``: of the process, those of libraries included.
            - for arrays: ``result_shape``, ``result_dtype``, ``result_size_mb``,
              ``result_elements``.
            - with flops: ``gflops``: 1e9 operations per second in the fastest pass; with moved,
              ``intensity``, too: operations per byte; with peak: ``peak_percent``.
            - ``cores_used``: the same as cpu_efficiency. ``thread_time``: CPU time a call took on
              the calling thread; what exceeds it in cpu_time was other threads' work.
            - ``unstable``: whether the figures can be trusted no further than their ``spread``;
              ``doubts`` then says what to do. ``environment``: CPU, cores, BLAS, its threads, load.
            - ``doubts``: sentences that say what makes these figures uncertain, if anything.

        Raises
        ------
        TypeError
            If ``func`` is not callable.
        BaseException
            Whatever ``func`` raises, unchanged, in whichever call.
        """
        if not callable(func):
            raise TypeError(f"func must be callable, got {type(func).__name__}: {func!r}")
        call = partial(func, *args, **kwargs)
        if warmup:
            call()
        doubts = observer_doubts()
        timing, result = measure(call, self._clock)
        return {
            "name": name_of(func) if name is None else name,
            **self._facts(call, timing, result, doubts),
            **work_facts(timing.minimum, flops, moved, peak),
        }

    def compare(
        self,
        calls: Mapping[str, Callable[..., Any]],
        *args: Any,
        flops: float | None = None,
        moved: float | None = None,
        peak: float | None = None,
        **kwargs: Any,
    ) -> dict[str, dict[str, Any]]:
        """Profile several functions on the same arguments, in turns.

        A machine gets warm, and other programs come and go: what is timed last is timed on another
        machine than what is timed first. In turns, all meet the same one. Do not mix functions that
        use BLAS on several threads with others: its threads go on spinning for 0.1 s after a call.

        Parameters
        ----------
        calls : mapping of name to callable
            Each is called as ``func(*args, **kwargs)``, once to warm up, then in up to 20 rounds.
        flops, moved, peak : float, optional
            As in `profile`; the same for all.

        Returns
        -------
        dict
            For each name the dict that `profile` returns, and ``speedup``: how many times as fast
            as the first one it is, by their fastest passes.

        Raises
        ------
        ValueError
            If there is nothing to compare.
        """
        if not calls:
            raise ValueError("there has to be a call to compare")
        bound = {name: partial(func, *args, **kwargs) for name, func in calls.items()}
        results = {name: call() for name, call in bound.items()}
        doubts = observer_doubts()
        timings = interleave(bound, self._clock)
        first = next(iter(timings.values())).minimum
        return {
            name: {
                "name": name,
                **self._facts(bound[name], timing, results[name], doubts),
                **work_facts(timing.minimum, flops, moved, peak),
                "speedup": first / timing.minimum if timing.minimum else 0.0,
            }
            for name, timing in timings.items()
        }

    def print_comparison(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        """Print what `compare` returned as a table, with the doubts beneath it."""
        print(comparison_text(results))

    def _facts(
        self, call: Call, timing: Timing, result: Any, doubts: tuple[str, ...]
    ) -> dict[str, Any]:
        doubts += timing_doubts(timing)
        return {
            **time_facts(timing),
            **(cpu_facts(timing) if self.track_cpu else {}),
            **(memory_facts(call) if self.track_memory else {}),
            **array_facts(result),
            "result": result,
            "environment": environment(),
            "unstable": bool(doubts),
            "doubts": doubts,
        }

    def print_result(self, result: dict[str, Any], show_details: bool = False) -> None:
        """Print what `profile` returned; details are the process's figures and the array's."""
        print(profile_text(result, show_details))

    def get_capabilities(self) -> dict[str, bool]:
        """Return which figures `profile` will report here."""
        return {
            "wall_time": True,
            "cpu_time": True,
            "peak_memory": self.track_memory,
            "cpu_percent": self.track_cpu,
            "memory_percent": self.track_cpu and process.resident_percent() is not None,
            "num_threads": self.track_cpu and process.thread_count() is not None,
        }


def profile_function(
    func: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    show_details: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """Profile one call with everything tracked, print the result and return it.

    See `SimpleProfiler.profile` for the parameters and for what is measured and returned.
    """
    profiler = SimpleProfiler()
    result = profiler.profile(func, *args, name=name, **kwargs)
    profiler.print_result(result, show_details)
    return result
