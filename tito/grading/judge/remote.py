"""A student's function in a child of the supervisor, called from the trusted side."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.conditions.call import CallResult, NoAnswer
from tito.conditions.call_failures import CALL_SECONDS, OVERRUNS, process_ended, took_too_long
from tito.conditions.results import Inconclusive
from tito.grading.judge.connection import Connection, WorkerFailure
from tito.grading.judge.protocol import (
    MOST_HEADER,
    MOST_LOG,
    ProtocolError,
    layout_of,
    parse_json,
    parse_reply,
    place,
    shorten,
)
from tito.tracing import LogError, Proof, decode
from tito.tracing.observe import Raised

__all__ = ["JudgeLimits", "OutOfTime", "RemoteCall"]

Array: TypeAlias = NDArray[Any]

GRACE = 2.0  # how many times its seconds a child may wait for a CPU, as the supervisor has it
MOST_THREADS = 32  # that a child may have kept when the next call begins
ELSEWHERE = "it works in other processes, where its products cannot be seen"

TIME = ("wall_seconds", "notebook_seconds")
"""The limits whose end is the end of the submission."""


class OutOfTime(Exception):  # noqa: N818 (a limit, not a bug)
    """The time of the whole submission is over."""


@dataclass(frozen=True)
class JudgeLimits:
    """What a submission may use.

    Parameters
    ----------
    call_seconds, load_seconds : float
        For one call, and for loading the cells of a check.
    notebook_seconds : float
        For all checks; conditions after that are not run.
    late_calls : int
        How many calls of a check may be too long before its other conditions are not run.
    result_bytes : int
        The longest result.
    """

    call_seconds: float = CALL_SECONDS
    load_seconds: float = 20.0
    notebook_seconds: float = 300.0
    late_calls: int = 3
    result_bytes: int = 1 << 26


class RemoteCall:
    """A function in a child; a child that fails is replaced at the next call.

    Parameters
    ----------
    function : str
        The name of the function.
    cut : str or None
        The option that says how the product is cut.
    cells : sequence of (name, source)
        What defines the function, in order.
    connection : Connection
        Leads to the supervisor, which forks a child for this call.
    limits : JudgeLimits
        What it may use.
    until : float
        When the time of the whole submission is over, by the monotonic clock.
    """

    def __init__(
        self,
        function: str,
        cut: str | None,
        cells: Sequence[tuple[str, str]],
        connection: Connection,
        limits: JudgeLimits,
        until: float,
    ) -> None:
        self.__name__, self.cut = function, cut
        self.limits, self.late = limits, 0
        self.proofs: dict[Any, Proof] = {}
        self._cells = [list(cell) for cell in cells]
        self._connection, self._until = connection, until
        self._is_open = self._was_lost = False

    def __call__(self, *arrays: Array, **options: Any) -> CallResult:
        """Call it with copies of its operands that have the same strides."""
        return self._call(arrays, options, traced=False, meet=0)

    def trace(self, *arrays: Array, meet: int = 0, **options: Any) -> CallResult:
        """Call it with traced operands; with `meet`, products wait for one another."""
        return self._call(_in_order(arrays), options, traced=True, meet=meet)

    def time(self, *arrays: Array, **options: Any) -> CallResult:
        """Take the CPU time of one traced call in a child of its own, and of A @ B."""
        self.close()
        arrays = _in_order(arrays)
        seconds, load = self._seconds(self.limits.call_seconds), self.limits.load_seconds
        request = self._request(arrays, options, seconds, traced=True, meet=0)
        request |= {"do": "time", "cells": self._cells, "function": self.__name__}
        request |= {"load_seconds": load}
        told, said = self._ask(request, _bytes_of(arrays), 2 * load + 4 * seconds)
        if told.get("others"):
            raise Inconclusive(f"{self.__name__} starts processes, whose CPU time cannot be told")
        what = "the timed call" if told.get("called") else "loading the cells"
        self._expect_reply(told, what, seconds if told.get("called") else load)
        if not told["called"]:
            self._expect_defined(said)
        result = self._read(told, said, arrays)
        measured = {name: told[name] for name in ("seconds", "reference", "logging")}
        return replace(result, **measured)

    def open(self) -> None:
        """Have a child load the cells, if none has."""
        if self._is_open:
            return
        seconds = self._seconds(self.limits.load_seconds)
        request = {"do": "open", "cells": self._cells, "function": self.__name__}
        told, said = self._ask(request | {"seconds": seconds}, b"", seconds)
        self._expect_reply(told, "loading the cells", seconds)
        self._is_open = True
        try:
            self._expect_defined(said)
        except NoAnswer:
            self.close()
            raise

    def close(self) -> None:
        """End the child."""
        if self._is_open:
            self._is_open = False
            self._connection.end_child()

    def _call(
        self, arrays: tuple[Array, ...], options: dict[str, Any], *, traced: bool, meet: int
    ) -> CallResult:
        self.open()
        seconds = self._seconds(self.limits.call_seconds)
        request = self._request(arrays, options, seconds, traced=traced, meet=meet)
        told, said = self._ask(request | {"do": "call"}, _bytes_of(arrays), seconds)
        others = traced and told.get("others") is True
        try:
            self._expect_reply(told, "a call", seconds)
            result = self._read(told, said, arrays)
        except NoAnswer:
            if others:
                raise Inconclusive(f"{self.__name__}: {ELSEWHERE}") from None
            raise
        if others and result.raised is not None:
            raise Inconclusive(f"{self.__name__}: {ELSEWHERE}")
        if others and not result.unlogged:
            result = replace(result, unlogged=ELSEWHERE)
        if told.get("threads", 0) > MOST_THREADS:
            self.close()  # threads that wait for ever, of one call after the other
        return result

    def _request(
        self,
        arrays: tuple[Array, ...],
        options: dict[str, Any],
        seconds: float,
        *,
        traced: bool,
        meet: int,
    ) -> dict[str, Any]:
        layouts = [vars(layout_of(x)) for x in arrays]
        most = self.limits.result_bytes
        echo = sum(layout["size"] for layout in layouts)
        reply = echo + most + (MOST_LOG if traced else 0)
        request = {"options": options, "arrays": layouts, "traced": traced, "meet": meet}
        return request | {"seconds": seconds, "most": most, "most_reply": reply}

    def _ask(
        self, request: dict[str, Any], payload: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        most = request.get("most_reply", 0) + MOST_HEADER
        try:
            return self._connection.ask(request, payload, (1 + GRACE) * seconds, most)
        except WorkerFailure as failure:
            self._is_open = False
            if not failure.overrun and not self._was_lost:
                self._was_lost = True  # perhaps another program's doing: once more
                if request["do"] == "call":
                    self.open()
                return self._ask(request, payload, seconds)
            if failure.overrun in TIME:
                raise OutOfTime from None
            if failure.overrun:
                fact = f"{self.__name__} needed {_overrun(failure.overrun)}"
                raise NoAnswer(fact, "Look for a loop or a list that grows without end.") from None
            fact = f"{self.__name__} ended the process that watches over it"
            raise NoAnswer(fact, "A kernel leaves other processes alone.") from None

    def _expect_reply(self, told: dict[str, Any], what: str, seconds: float) -> None:
        """Raise what a child's silence means; it has been ended then."""
        status = told["status"]
        if status == "reply":
            return
        self._is_open = False
        name = self.__name__
        if status == "late":
            self.late += 1
            raise took_too_long(name, what, seconds)
        if status == "died":
            raise process_ended(name, what, told.get("code", 0))
        raise self._improper(what, told.get("why", ""))

    def _improper(self, what: str, why: object) -> NoAnswer:
        hint = "A kernel returns its result; it writes nowhere else."
        return NoAnswer(f"{self.__name__}: {what} gave no proper reply: {why}", hint)

    def _expect_defined(self, said: bytes) -> None:
        try:
            fields = parse_json(said)
            if set(fields) != {"errors", "defined"} or type(fields["errors"]) is not list:
                raise ProtocolError("it is not said what the cells raised")
        except ProtocolError as error:
            raise self._improper("loading the cells", error) from None
        if fields["defined"] is not True:
            raise NoAnswer(*_undefined(self.__name__, fields["errors"]))

    def _read(self, told: dict[str, Any], said: bytes, arrays: tuple[Array, ...]) -> CallResult:
        """Return what a reply says; a reply that is none ends the child."""
        try:
            return _read_reply(told, said, _bytes_of(arrays), self.limits.result_bytes)
        except ProtocolError as error:
            self.close()
            raise self._improper("a call", error) from None

    def _seconds(self, most: float) -> float:
        """Return `most`, or what is left of the time of the submission."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return min(most, max(left, 1.0))


def _in_order(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the arrays as they lie in memory row by row: a log names places in memory."""
    return tuple(np.asarray(x, order="C") for x in arrays)


def _bytes_of(arrays: tuple[Array, ...]) -> bytes:
    """Return the arrays' bytes, each in the smallest buffer that keeps its strides."""
    buffers: list[bytes | bytearray] = []
    for array in arrays:
        layout = layout_of(array)
        if array.flags.c_contiguous:
            buffers.append(array.tobytes())
            continue
        buffers.append(bytearray(layout.size))
        place(layout, buffers[-1])[...] = array
    return b"".join(buffers)


def _read_reply(told: dict[str, Any], said: bytes, sent: bytes, most: int) -> CallResult:
    header = parse_reply(said[: told["said"]], most)
    start, echo = told["said"], "unchanged" not in told
    ends = [start + len(sent) * echo]
    ends.append(ends[0] + header.value_bytes)
    ends.append(ends[1] + header.log)
    if len(said) != ends[2]:
        raise ProtocolError("it is not as long as it says")
    value, log, unlogged = None, None, header.unlogged
    if header.dtype is not None:
        try:
            value = np.frombuffer(said[ends[0] : ends[1]], header.dtype).reshape(header.shape)
        except ValueError as error:
            raise ProtocolError(str(error)) from None
    if header.log:
        try:
            log = decode(said[ends[1] :], MOST_LOG)
        except LogError as error:
            unlogged = shorten(str(error))
    return CallResult(
        value=value,
        returned=header.returned,
        raised=None if header.raised is None else Raised(*header.raised),
        unchanged=said[start : ends[0]] == sent if echo else told["unchanged"] is True,
        log=log,
        unlogged=unlogged,
        together=tuple(told.get("together", ())),
    )


def _overrun(limit: str) -> str:
    return OVERRUNS.get(limit, f"more than the limit {limit} allows")


def _undefined(function: str, errors: list[Any]) -> tuple[str, str]:
    """Return the fact and the hint for cells after which there is no `function`."""
    for error in errors:
        if type(error) is list and len(error) == 3:
            name, kind, message = (shorten(str(part)) for part in error)
            return f"{function} is not defined: {name} raised {kind}: {message}", "Run the cell."
    return f"{function} is not defined", "Keep the name that the cell was released with."
