"""Repeating a log on other numbers, in the trusted process.

Every buffer of the log becomes memory of this process; views are checked when the log is decoded.
What a replay may cost is bounded: bytes that are alive, elementary operations, and seconds.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.tracing.log import Log, Number, Step, View
from tito.tracing.operations import NotAllowed, find_operation, operations_of

__all__ = ["CannotReplay", "Hook", "Uses", "last_uses", "replay"]

Array: TypeAlias = NDArray[Any]
Hook: TypeAlias = Callable[[int, Step, list[Array]], float]
"""Takes a step's index, the step and its operands; returns what its results are multiplied by."""

Uses: TypeAlias = dict[int, list[int]]
"""Which buffers are used for the last time at each step."""

MOST_BYTES = 1 << 29
MOST_OPERATIONS = 1 << 34
SECONDS = 10.0  # of CPU time: a loaded machine refuses nothing
LOOKS = 16  # steps between two readings of the clock, which take as long as a small step


class CannotReplay(Exception):
    """A log that cannot be repeated; the text says why."""


def replay(
    log: Log,
    inputs: Sequence[Array],
    steps: Sequence[int],
    hook: Hook | None = None,
    uses: Uses | None = None,
) -> Array:
    """Return the result that a log's steps compute from other numbers.

    Parameters
    ----------
    log : Log
        From `decode`, or of this process.
    inputs : sequence of ndarray
        As many as the log has, of the same shapes.
    steps : sequence of int
        The indices of the steps to take, in order.
    hook : Hook, optional
        Sees each step before it is taken.
    uses : Uses, optional
        What `last_uses` returns for these steps, if it is known.

    Raises
    ------
    CannotReplay
        If a step is not allowed or not possible, or if it would cost too much.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return _Machine(log, inputs, steps, uses).run(steps, hook)


class _Machine:
    """The memory of a replay."""

    def __init__(
        self, log: Log, inputs: Sequence[Array], steps: Sequence[int], uses: Uses | None
    ) -> None:
        if len(inputs) != log.inputs or log.result is None:
            raise CannotReplay("the result lies in memory that was not seen")
        self.log, self.result = log, log.result
        self.memory: dict[int, Array] = {}
        self.fresh: set[int] = set()  # buffers that the present step has made
        self.operation_of: dict[str, Callable[..., Any]] = {}
        self.bytes, self.operations, self.deadline = 0, 0, time.thread_time() + SECONDS
        self.last = last_uses(log, steps) if uses is None else uses
        for key, array in enumerate(inputs):
            if log.buffers[key].size != max(array.nbytes, 1):
                raise CannotReplay("an input has another size")
            memory = np.zeros(max(array.nbytes, 16), np.uint8)
            memory[: array.nbytes] = np.frombuffer(array.tobytes(), np.uint8)
            self.memory[key] = memory
            self.bytes += log.buffers[key].size

    def at(self, view: View) -> Array:
        """Return the array that a view describes."""
        memory = self.memory.get(view.buffer)
        if memory is None:
            memory = self.make(view.buffer)
        return np.ndarray(view.shape, view.dtype, memory, view.offset, view.strides)

    def make(self, key: int) -> Array:
        """Make a buffer's memory: known contents, else zeros."""
        buffer = self.log.buffers[key]
        self.bytes += buffer.size
        if self.bytes > MOST_BYTES:
            raise CannotReplay("it would take more memory than a replay has")
        memory = np.zeros(max(buffer.size, 16), np.uint8)
        if buffer.content:
            memory[: buffer.size] = np.frombuffer(buffer.content, np.uint8)
        self.memory[key] = memory
        return memory

    def run(self, steps: Sequence[int], hook: Hook | None) -> Array:
        for number, index in enumerate(steps):
            step = self.log.steps[index]
            try:
                self.take(index, step, hook)
            except (NotAllowed, CannotReplay) as refused:
                raise CannotReplay(str(refused)) from None
            except Exception as error:  # NumPy raises many kinds for operands that do not fit
                text = f"a step cannot be repeated: {step.name} ({type(error).__name__})"
                raise CannotReplay(text) from None
            for key in self.last.get(index, ()):
                if key != self.result.buffer and key in self.memory:
                    self.bytes -= self.log.buffers[key].size
                    del self.memory[key]
            if number % LOOKS == 0 and time.thread_time() > self.deadline:
                raise CannotReplay("it takes too long to repeat")
        return self.at(self.result).copy()

    def take(self, index: int, step: Step, hook: Hook | None) -> None:
        operation = self.operation_of.get(step.name)
        if operation is None:
            operation = self.operation_of[step.name] = find_operation(step.name)
        args = [self.value(x) for x in step.args]
        kwargs = {key: self.value(x) for key, x in step.kwargs.items()}
        self.operations += operations_of(step.name, args, kwargs)
        if self.operations > MOST_OPERATIONS:
            raise CannotReplay("it takes too many operations to repeat")
        factor = 1.0 if hook is None else hook(index, step, _operands(args, kwargs))
        if factor == 0:
            for view in step.targets():
                self.at(view)[...] = 0
            for made in step.results:
                if made is not None:
                    self.make(made.buffer)
            return
        result = operation(*args, **kwargs)
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        self.fresh = set()
        for array, made in zip(results, step.results, strict=False):
            if made is not None:
                self.keep(made, np.asarray(array))
        if factor != 1:
            for view in (*step.targets(), *(x for x in step.results if x is not None)):
                written = self.at(view)
                np.multiply(written, factor, out=written, casting="unsafe")

    def keep(self, view: View, array: Array) -> None:
        """Copy what a step made into its buffer, where it was in the call."""
        if array.shape != view.shape or array.dtype.str != view.dtype:
            raise CannotReplay("a step makes another array than the log says")
        if view.buffer not in self.fresh:
            self.make(view.buffer)
            self.fresh.add(view.buffer)
        self.at(view)[...] = array

    def value(self, x: Any) -> Any:
        if isinstance(x, View):
            return self.at(x)
        if isinstance(x, (list, tuple)):
            return type(x)([self.value(each) for each in x])
        return np.dtype(x.dtype).type(x.value) if isinstance(x, Number) else x


def _operands(args: list[Any], kwargs: dict[str, Any]) -> list[Array]:
    named = (value for key, value in kwargs.items() if key != "out")
    return [x for x in (*args, *named) if isinstance(x, np.ndarray)]


def last_uses(log: Log, steps: Sequence[int]) -> Uses:
    """Return which buffers are used for the last time at each step."""
    last: dict[int, int] = {}
    for index in steps:
        step = log.steps[index]
        used = [*step.operands(), *step.targets(), *(r for r in step.results if r is not None)]
        for view in used:
            last[view.buffer] = index
    at: dict[int, list[int]] = {}
    for key, index in last.items():
        at.setdefault(index, []).append(key)
    return at
