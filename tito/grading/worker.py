"""The untrusted side of the judge: runs in the sandbox, loads a student's cells, answers calls.

Started as ``python -m tito.grading.worker REQUESTS REPLIES`` with the numbers of two inherited
file descriptors. It ends when the requests do. Cells are loaded by a process that it forks, which
then answers until it is told to end: so no graded cell finds what another has left behind. Nothing
is believed of what they say without a check: the student's code runs in that very process.
"""

import json
import os
import sys
import tracemalloc
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.observation import Observation, Record, observe
from tito.grading.orphans import adopt_orphans
from tito.grading.wire import (
    COUNTS,
    DTYPES,
    LENGTH,
    MOST_PRODUCTS,
    NONCE,
    Layout,
    frame,
    place,
    shorten,
)

__all__ = ["main"]

Array: TypeAlias = NDArray[Any]
TOLD_TO_END = 17  # an exit status that no program has by chance
WATCHING = ("factor", "vary", "count_steps", "meet", "measure")
NO_RECORD: dict[str, Any] = {"products": 0, "counts": None}


class Channel:
    """The two descriptors, read and written to the last byte."""

    def __init__(self, requests: int, replies: int) -> None:
        self.requests, self.replies = requests, replies
        self.ahead = bytearray()

    def read(self, size: int) -> bytearray:
        """Return exactly `size` bytes; end the process when the judge has gone.

        Nobody asks before the last answer, so what is read ahead belongs to the same request.
        """
        while len(self.ahead) < size:
            piece = os.read(self.requests, 1 << 16)
            if not piece:
                os._exit(0)
            self.ahead += piece
        got = self.ahead[:size]
        del self.ahead[:size]
        return got

    def request(self) -> tuple[bytes, dict[str, Any]]:
        """Return the next request's nonce and header."""
        nonce = bytes(self.read(NONCE))
        return nonce, json.loads(self.read(*LENGTH.unpack(self.read(LENGTH.size))))

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.replies, rest) :]


class Quiet:
    """Stands for IPython's shell, so that a cell with a magic command loads."""

    def run_line_magic(self, *arguments: Any, **keywords: Any) -> None:
        """Do nothing."""

    run_cell_magic = system = getoutput = run_line_magic


def main() -> None:
    """Fork for each request to load cells; end with the requests, or with a process that fails."""
    channel = Channel(*map(int, sys.argv[1:3]))
    while True:
        nonce, request = channel.request()
        servant = os.fork()
        if servant == 0:
            serve(channel, nonce, request)
        if os.waitstatus_to_exitcode(os.waitpid(servant, 0)[1]) != TOLD_TO_END:
            os._exit(1)


def serve(channel: Channel, nonce: bytes, request: dict[str, Any]) -> NoReturn:
    """Load the cells of a request and answer the next ones, until told to end."""
    own = sys.modules["__main__"]  # held, because the student's cells take its name
    adopt_orphans()
    cells = request["cells"]
    namespace = notebook_namespace()
    errors = load(cells, namespace, own)
    defined = callable(namespace.get(request["function"]))
    channel.write(frame(nonce, {"errors": errors, "defined": defined}))
    while True:
        nonce, request = channel.request()
        if "end" in request:
            channel.write(frame(nonce, {"ended": True}))
            os._exit(TOLD_TO_END)
        buffers = [channel.read(layout["size"]) for layout in request["arrays"]]
        if request["measure"]:
            request["measure"] += " alone"
        if request["measure"] == "memory alone":
            with all_memory(request, cells, own) as traced:
                channel.write(answer(nonce, request, buffers, traced))
        else:
            channel.write(answer(nonce, request, buffers, namespace))


@contextmanager
def all_memory(
    request: dict[str, Any], cells: list[list[str]], own: types.ModuleType
) -> Iterator[dict[str, Any]]:
    """Load the cells once more under tracing, so that what they keep is measured as well."""
    tracemalloc.start()
    try:
        namespace = notebook_namespace()
        load(cells, namespace, own)
        yield namespace
    finally:
        tracemalloc.stop()


def notebook_namespace() -> dict[str, Any]:
    """Return the namespace of a fresh ``__main__``, as cells have in a notebook."""
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    vars(module).update(get_ipython=Quiet, display=lambda *shown, **how: None)
    return vars(module)


def load(
    cells: list[list[str]], namespace: dict[str, Any], own: types.ModuleType
) -> list[list[str]]:
    """Run cells in order; return the name, error and message of those that raised."""
    errors = []
    for name, source in cells:
        try:
            exec(compile(source, f"<{name}>", "exec"), namespace)
        except BaseException as error:
            errors.append([name, type(error).__name__, shorten(str(error))])
    return errors[:4]


def answer(
    nonce: bytes, request: dict[str, Any], buffers: list[bytearray], namespace: dict[str, Any]
) -> bytes:
    """Call the function that is asked for; return the reply's frame."""
    arrays = [place(to_layout(a), b) for a, b in zip(request["arrays"], buffers, strict=True)]
    seen = run(request, arrays, namespace)
    header: dict[str, Any] = {"returned": seen.returned, "raised": None, "dtype": None, "shape": []}
    header["cost"] = int(seen.cost)
    if seen.raised is not None:
        kinds, message = seen.raised
        header["raised"] = [[shorten(kind, 60) for kind in kinds[:8]], shorten(message)]
    value = b""
    if seen.value is not None:
        value, described = pack_value(seen.value, request["most_bytes"])
        header |= described
    products, counts = pack_record(seen.record)
    return frame(nonce, header | counts, b"".join([*buffers, products, value]))


def run(request: dict[str, Any], arrays: list[Array], namespace: dict[str, Any]) -> Observation:
    try:
        function = namespace[request["function"]]
        watching = {name: request[name] for name in WATCHING}
        return observe(function, tuple(arrays), request["options"], **watching)
    except BaseException as error:
        kinds = tuple(kind.__name__ for kind in type(error).__mro__[:-1])
        return Observation(None, "", (kinds, str(error)), None)


def to_layout(fields: dict[str, Any]) -> Layout:
    shape, strides = tuple(fields["shape"]), tuple(fields["strides"])
    return Layout(shape, fields["dtype"], strides, fields["offset"], fields["size"])


def pack_value(value: Array, most_bytes: int) -> tuple[bytes, dict[str, Any]]:
    """Return the bytes of a result and what the header says about it."""
    if value.dtype == np.longdouble:
        value = value.astype(np.float64)  # the long type's bytes differ between machines
    if value.dtype.name not in DTYPES or value.nbytes > most_bytes or value.ndim > 8:
        text = f"{value.dtype} array of shape {value.shape}"
        return b"", {"returned": shorten(text)}
    described = {"dtype": value.dtype.name, "shape": list(value.shape)}
    native = value.astype(value.dtype.newbyteorder("="), copy=False)
    return native.tobytes(), described


def pack_record(record: Record | None) -> tuple[bytes, dict[str, Any]]:
    if record is None:
        return b"", NO_RECORD
    products = np.array(record.products[:MOST_PRODUCTS], dtype=np.int64).reshape(-1, 4)
    counts = [int(getattr(record, name)) for name in COUNTS]
    return products.tobytes(), {"products": len(products), "counts": counts}


if __name__ == "__main__":
    main()
