"""The untrusted side: a process that loads a student's cells and answers calls.

The supervisor forks it. Nothing is believed of what it says: the student's code runs in it.
"""

import _thread
import ast
import inspect
import mmap
import os
import socket
import struct
import sys
import threading
import types
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.judge.protocol import (
    DTYPES,
    MOST_LOG,
    Layout,
    Stream,
    frame,
    parse_json,
    place,
    shorten,
)
from tito.tracing import encode
from tito.tracing.observe import Observation, Raised, observe, pretend_cpus
from tito.tracing.rendezvous import late_threads

__all__ = ["ARRIVAL", "ENTER", "LEAVE", "PERMIT", "serve"]

Array: TypeAlias = NDArray[Any]

ARRIVAL = struct.Struct("<BQ")
"""What a child says of a product: ENTER or LEAVE, and its step."""
ENTER, LEAVE = 1, 2
PERMIT = struct.Struct("<Q")
"""The step that may go on, as the supervisor says it."""

FOR_EVER = 1e6  # seconds
MOST_REQUEST = 1 << 30


class Shell:
    """Stands for IPython's shell, so that a cell that asks for it loads."""

    def run_line_magic(self, *arguments: Any, **keywords: Any) -> None:
        """Do nothing."""

    run_cell_magic = system = getoutput = run_line_magic


class RemoteGate:
    """A gate that asks the supervisor: each product waits until the supervisor lets it go on."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._permitted: dict[int, threading.Event] = {}
        _thread.start_new_thread(self._listen, ())

    def enter(self, step: int) -> None:
        """Wait until this product may be computed."""
        self._ask(ENTER, step)

    def leave(self, step: int) -> None:
        """Say that it has been computed; wait until its thread may go on."""
        self._ask(LEAVE, step)

    def _ask(self, what: int, step: int) -> None:
        event = self._permitted[step] = threading.Event()
        self._line.send(ARRIVAL.pack(what, step))
        event.wait()

    def _listen(self) -> None:
        while permit := self._line.recv(PERMIT.size):
            (step,) = PERMIT.unpack(permit)
            self._permitted[step].set()


def serve(
    stream: Stream, line: socket.socket, request: dict[str, Any], memory: mmap.mmap | None = None
) -> NoReturn:
    """Load the cells of a request and answer calls until the supervisor ends this process.

    Operands come with a call and go back with its reply, unless they lie in `memory`, which the
    supervisor shares.
    """
    own = sys.modules["__main__"]  # held, because the student's cells take its name
    gate: RemoteGate | None = None
    namespace = notebook_namespace()
    errors = load(request["cells"], namespace)
    defined = callable(namespace.get(request["function"]))
    stream.send(frame({"errors": errors, "defined": defined}), _for_ever)
    while own:
        text, payload = stream.receive(_for_ever, MOST_REQUEST, MOST_REQUEST)
        call = parse_json(text)
        if call["meet"] and gate is None:
            gate = RemoteGate(line)
        reply = answer(call, memory or payload, namespace.get(request["function"]), gate)
        stream.send(reply, _for_ever)
    os._exit(0)


def notebook_namespace() -> dict[str, Any]:
    """Return the namespace of a fresh ``__main__``, as cells have in a notebook."""
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    vars(module).update(get_ipython=Shell, display=lambda *shown, **how: None)
    return vars(module)


def load(cells: list[list[str]], namespace: dict[str, Any]) -> list[list[str]]:
    """Run cells in order; return the name, error and message of those that raised."""
    errors = []
    with pretend_cpus():
        for name, source in cells:
            try:
                _run(source, f"<{name}>", namespace)
            except BaseException as error:
                errors.append([name, type(error).__name__, describe(error)])
    return errors[:4]


def _run(source: str, name: str, namespace: dict[str, Any]) -> None:
    """Run a cell; what it awaits outside of functions is awaited, as in a notebook."""
    code = compile(source, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    waits = eval(code, namespace)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio  # few cells need it, and it takes as long as all else here

        asyncio.run(waits)


def answer(
    call: dict[str, Any], given: bytes | mmap.mmap, function: Any, gate: RemoteGate | None
) -> bytes:
    """Call the function that is asked for; return the reply's frame."""
    layouts = [Layout.read(fields) for fields in call["arrays"]]
    buffer = bytearray(given) if isinstance(given, bytes) else given
    starts = [sum(layout.size for layout in layouts[:i]) for i in range(len(layouts))]
    arrays = tuple(
        place(layout, buffer, start) for layout, start in zip(layouts, starts, strict=True)
    )
    seen = run(call, arrays, function, gate)
    header: dict[str, Any] = {"returned": shorten(seen.returned), "raised": None, "dtype": None}
    header |= {"shape": [], "unlogged": shorten(seen.unlogged), "log": 0}
    if seen.raised is not None:
        kinds = [shorten(kind, 60) for kind in seen.raised.kinds[:8]]
        header["raised"] = [kinds, shorten(seen.raised.message)]
    value, described = pack_value(seen.value, call["most"])
    log, why = pack_log(seen) if call["traced"] else (b"", {})
    echo = buffer if isinstance(buffer, bytearray) else b""
    return frame(header | described | why, b"".join([echo, value, log]))


def run(
    call: dict[str, Any], arrays: tuple[Array, ...], function: Any, gate: RemoteGate | None
) -> Observation:
    """Call the function once, with its products at a gate if they are to wait."""
    try:
        if not call["meet"]:
            return observe(function, arrays, call["options"], traced=call["traced"])
        with late_threads(first_last=call["meet"] == 1):
            return observe(function, arrays, call["options"], gate=gate, traced=True)
    except BaseException as error:  # one that is no Exception
        kinds = tuple(kind.__name__ for kind in type(error).__mro__[:-1])
        return Observation(None, "", Raised(kinds, describe(error)))


def pack_value(value: Array | None, most: int) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of a result and what the header says about it."""
    if value is None:
        return b"", {}
    if value.dtype == np.longdouble:
        value = value.astype(np.float64)  # the long type's bytes differ between machines
    if value.nbytes > most:
        return b"", {"returned": f"{value.dtype} array of {value.nbytes >> 20} MiB"}
    if value.dtype.name not in DTYPES or value.ndim > 8:
        return b"", {"returned": shorten(f"{value.dtype} array of shape {value.shape}")}
    native = value.astype(value.dtype.newbyteorder("="), copy=False)
    return native.tobytes(), {"dtype": value.dtype.name, "shape": list(value.shape)}


def pack_log(seen: Observation) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of a log and what the header says about it."""
    if seen.log is None:
        return b"", {}
    log = encode(seen.log)
    if len(log) > MOST_LOG:
        return b"", {"unlogged": f"its log has {len(log) >> 20} MiB"}
    return log, {"log": len(log)}


def describe(error: BaseException) -> str:
    """Return the message of an exception, whose own code may raise."""
    try:
        return shorten(str(error))
    except BaseException:
        return ""


def _for_ever() -> float:
    return FOR_EVER
