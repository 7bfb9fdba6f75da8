"""A student's function in a worker process: called from the trusted side, replaced when it fails.

A worker that breaks a rule of the line, dies or is late costs the condition that was being tried;
the next call starts a fresh one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.calls import KNOBS, NoAnswer, Reply, Watching, draw_factor, reply
from tito.grading.line import Line, Lines
from tito.grading.observation import Observation, Record
from tito.grading.wire import (
    COUNTS,
    Garbled,
    ReplyHeader,
    layout_of,
    parse_json,
    parse_reply,
    place,
    shorten,
)

__all__ = ["Limits", "RemoteCall"]

Array: TypeAlias = NDArray[Any]


END_SECONDS = 2.0


@dataclass(frozen=True)
class Limits:
    """What a graded cell may use.

    Parameters
    ----------
    call_seconds, load_seconds : float
        For one call, and for starting a worker and loading the cells.
    cell_seconds : float
        For all calls of a graded cell; conditions after that are not run.
    late_calls : int
        How many calls may be too long before the other conditions are not run.
    result_bytes : int
        The longest result.
    """

    call_seconds: float = 10.0
    load_seconds: float = 20.0
    cell_seconds: float = 90.0
    late_calls: int = 3
    result_bytes: int = 1 << 22


class RemoteCall:
    """A function in a worker process; a worker that fails is replaced at the next call.

    Parameters
    ----------
    function : str
        The name of the function.
    cells : sequence of (name, source)
        What defines it, in order.
    lines : Lines
        Leads to the worker. It forks for each function, so that no cell is another's concern.
    limits : Limits
        What it may use.
    """

    def __init__(
        self, function: str, cells: Sequence[tuple[str, str]], lines: Lines, limits: Limits
    ) -> None:
        self.__name__ = function
        self.knob = KNOBS.get(function)
        self.cells, self.lines, self.limits = cells, lines, limits
        self.line: Line | None = None
        self.spent = 0.0
        self.late = 0
        self.watched = False

    def __call__(self, *arrays: Array, **options: Any) -> Reply:
        """Call it with copies of its operands that have the same strides."""
        return self._ask(arrays, options, factor=0, **vars(Watching()), measure="")

    def measure(self, what: str, *arrays: Array, **options: Any) -> Reply:
        """Call it for what it costs."""
        self.watched = True
        return self._ask(arrays, options, factor=0, **vars(Watching()), measure=what)

    def watch(self, A: Array, B: Array, how: Watching, **options: Any) -> Reply:
        """Call it on recorded arrays."""
        self.watched = True
        return self._ask((A, B), options, factor=draw_factor(), **vars(how), measure="")

    def close(self) -> None:
        """End the process that holds the function, and leave the worker for the next."""
        if self.line is None:
            return
        try:
            told = parse_json(self.line.ask({"end": True}, b"", time.monotonic() + END_SECONDS))
        except (TimeoutError, EOFError, BrokenPipeError, Garbled):
            told = {}
        if told != {"ended": True}:
            self.lines.drop()
        self.line = None

    def start(self) -> None:
        """Start a worker and load the cells."""
        if self.line is None:
            self._guard(self._load, "loading the cell", self.limits.load_seconds)

    def _ask(self, arrays: tuple[Array, ...], options: dict[str, Any], **watching: Any) -> Reply:
        self.start()

        def exchange(deadline: float) -> Reply:
            return self._exchange(arrays, options, watching, deadline)

        answer: Reply = self._guard(exchange, "a call", self.limits.call_seconds)
        return answer

    def _guard(self, work: Callable[[float], Any], what: str, seconds: float) -> Any:
        """Do `work` by a deadline; whatever goes wrong is `NoAnswer` and ends the worker."""
        start = time.monotonic()
        try:
            return work(start + seconds)
        except TimeoutError:
            self.late += 1
            hint = "Look for a loop that does not end."
            problem = NoAnswer(f"{self.__name__}: {what} took longer than {seconds:.3g} s", hint)
        except (EOFError, BrokenPipeError):
            hint = "Look for exit(), for memory without end, or for recursion."
            problem = NoAnswer(f"{self.__name__}: the process ended during {what}", hint)
        except Garbled as error:
            hint = "A kernel returns its result; it writes nowhere else."
            problem = NoAnswer(f"{self.__name__}: {what} gave no proper reply: {error}", hint)
        finally:
            self.spent += time.monotonic() - start
        self.lines.drop()
        self.line = None
        raise problem

    def _load(self, deadline: float) -> None:
        self.line = self.lines.get()
        request = {"cells": [list(cell) for cell in self.cells], "function": self.__name__}
        told = parse_json(self.line.ask(request, b"", deadline))
        if set(told) != {"errors", "defined"} or type(told["errors"]) is not list:
            raise Garbled("it is not said what the cells raised")
        if told["defined"] is not True:
            self.close()
            raise NoAnswer(*undefined(self.__name__, told["errors"]))

    def _exchange(
        self,
        arrays: tuple[Array, ...],
        options: dict[str, Any],
        watching: dict[str, Any],
        deadline: float,
    ) -> Reply:
        assert self.line is not None  # start() came first
        layouts = [layout_of(x) for x in arrays]
        sent = [bytearray(layout.size) for layout in layouts]
        for array, layout, buffer in zip(arrays, layouts, sent, strict=True):
            place(layout, buffer)[...] = array
        request = {"function": self.__name__, "options": options, **watching}
        request["arrays"] = [vars(layout) for layout in layouts]
        request["most_bytes"] = self.limits.result_bytes
        text = self.line.ask(request, b"".join(sent), deadline)
        header = parse_reply(text, self.limits.result_bytes)
        kept = [self.line.receive(layout.size, deadline) for layout in layouts] == sent
        products = self.line.receive(header.products * 32, deadline)
        value = self.line.receive(header.value_bytes, deadline)
        if self.line.waiting():
            raise Garbled("more bytes came than were announced")
        seen = to_observation(header, products, value)
        return reply(seen, unchanged=kept, factor=watching["factor"])


def undefined(function: str, errors: list[Any]) -> tuple[str, str]:
    """Return the fact and the hint for cells after which there is no `function`."""
    for error in errors:
        if type(error) is list and len(error) == 3:
            name, kind, message = (shorten(str(part)) for part in error)
            return f"{function} is not defined: {name} raised {kind}: {message}", "Run the cell."
    return f"{function} is not defined", "Keep the name that the cell was released with."


def to_observation(header: ReplyHeader, products: bytes, value: bytes) -> Observation:
    """Return what a checked reply says; its arrays are the judge's own."""
    result = None
    if header.dtype is not None:
        result = np.frombuffer(value, header.dtype).reshape(header.shape)
    record = None
    if header.counts is not None:
        table = np.frombuffer(products, np.int64).reshape(-1, 4).clip(0, 1 << 20)
        rows = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in table)
        counts = dict(zip(COUNTS, header.counts, strict=True))
        met = bool(counts.pop("met"))
        record = Record(rows, **counts, met=met)
    return Observation(result, header.returned, header.raised, record, header.cost)
