"""Recording every product that a function takes, in the process where the function runs.

The function is given arrays of a subclass of `ndarray` that sees `@`, `dot`, `einsum` and their
kin. While it runs, NumPy's functions that make arrays give the subclass too, so packed, padded and
converted copies stay in sight. Every recorded product is multiplied by a secret factor: a result
carries the factor only if all of it came from products that were recorded. The factor may also
differ from product to product: a result that is still a multiple of the right one is not made of
them, and they were taken for show.

The recorder lives beside the student's code and is no proof against code written to deceive it;
`tito.grading.screen` reads the source for that, and the judge combines both.
"""

import functools
import itertools
import math
import os
import struct
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tito.grading.contraction import CONTRACTIONS, UFUNCS, Product, product_of
from tito.grading.meeting import Meeting

__all__ = ["Watch", "recorded", "recording"]

Array: TypeAlias = NDArray[Any]

MAKERS = (  # NumPy's functions that give a new array, or a plain view of one
    "array asarray asanyarray ascontiguousarray asfortranarray require zeros empty ones full "
    "zeros_like empty_like ones_like full_like frombuffer fromiter copy pad eye identity"
)
MOST_READS = 400_000  # beyond that a record would fill the memory
FRAME = struct.Struct("=5q")


class Watch:
    """What one call did: its products, and the single elements that it read.

    Parameters
    ----------
    factor : int
        What every recorded product is multiplied by.
    vary : bool
        Whether one product after another gets a factor of its own instead.
    meeting : Meeting, optional
        Where products wait for one another.
    """

    def __init__(self, factor: int, vary: bool = False, meeting: Meeting | None = None) -> None:
        self.factor, self.vary = factor, vary
        self.meeting = meeting
        self.turn = itertools.count()
        self.products: Counter[Product] = Counter()
        self.work: Counter[tuple[int, int]] = Counter()  # multiplications of a process's thread
        self.reads = array("q")  # addresses, in order
        self.read_from: Counter[tuple[int, ...]] = Counter()
        self.process = os.getpid()
        self.lock = threading.Lock()
        # What forked children say; where nothing forks, nobody would.
        self.mailbox = os.pipe() if hasattr(os, "fork") else None
        for end in self.mailbox or ():
            os.set_blocking(end, False)

    def take(self, product: Product) -> None:
        """Note a product that was taken; wait for company where products meet."""
        if self.meeting is not None:
            self.meeting.attend()
        if self.mailbox and os.getpid() != self.process:  # a child, whose memory is not ours
            with suppress(BlockingIOError):  # a full pipe: the record stays short, and says so
                os.write(self.mailbox[1], FRAME.pack(*product, os.getpid()))
        else:
            self.note(product, self.process, threading.get_ident())

    def note(self, product: Product, process: int, thread: int) -> None:
        """Count a product."""
        with self.lock:
            self.products[product._replace(times=1)] += product.times
            self.work[process, thread] += math.prod(product)

    def factors(self, count: int) -> list[int]:
        """Return what the next `count` products are multiplied by: powers of two, so exactly."""
        if not self.vary:
            return [self.factor] * count
        # Neighbours differ, in one process as in several that were forked one after another.
        return [self.factor << (next(self.turn) + os.getpid()) % 8 for _ in range(count)]

    def read(self, source: Array, index: Any) -> None:
        """Note that one element was read."""
        where = index if isinstance(index, tuple) else (index,)
        if len(self.reads) < MOST_READS and len(where) == source.ndim:
            steps = (
                (i + n if i < 0 else i) * step
                for i, n, step in zip(where, source.shape, source.strides, strict=True)
            )
            self.reads.append(source.__array_interface__["data"][0] + int(sum(steps)))
            self.read_from[source.shape] += 1

    def close(self) -> None:
        """Collect what forked children recorded."""
        if self.mailbox is None:
            return
        with suppress(BlockingIOError):
            while frame := os.read(self.mailbox[0], FRAME.size):
                *sides, process = FRAME.unpack(frame)
                self.note(Product(*sides), process, 0)
        for end in self.mailbox:
            os.close(end)


class Recorded(np.ndarray):
    """An array whose products are noted in the watch of its class."""

    _watch: ClassVar[Watch]

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        plain = [strip(x) for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(strip(x) for x in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if (
            ufunc.__name__ in UFUNCS
            and method in ("__call__", "outer")
            and multiplies(ufunc, plain)
        ):
            result = self._note(ufunc.__name__, plain, result)
        return self._wrap(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = func.__name__
        operands = [x for x in args if isinstance(x, np.ndarray)]
        if name not in CONTRACTIONS or len(operands) != 2:
            return self._wrap(super().__array_function__(func, types, args, kwargs))
        plain = {key: strip(value) for key, value in kwargs.items()}
        result = func(*(strip(x) for x in args), **plain)
        return self._wrap(self._note(name, [strip(x) for x in operands], result, args[0]))

    def _note(self, name: str, plain: list[Any], result: Any, subscripts: Any = None) -> Any:
        a, b, out = (tuple(np.shape(x)) for x in (*plain[:2], result))
        product = product_of(name, a, b, out, subscripts)
        if product is None:
            return result
        self._watch.take(product)
        # A stack of matrices is as many products. np.array is patched: what it makes is recorded.
        stack = (*out[:-2], 1, 1) if name == "matmul" and len(out) > 2 else ()
        factors = strip(np.array(self._watch.factors(math.prod(stack)))).reshape(stack)
        if isinstance(result, np.ndarray) and result.dtype.kind in "iufc":
            result *= factors.astype(result.dtype)
            return result
        return result * factors[()]

    def _wrap(self, result: Any) -> Any:
        return np.ndarray.view(result, type(self)) if type(result) is np.ndarray else result

    def __getitem__(self, index: Any) -> Any:
        result = super().__getitem__(index)
        if not isinstance(result, np.ndarray):
            self._watch.read(self, index)
        return result

    def item(self, *index: Any) -> Any:
        self._watch.read(self, index)
        return super().item(*index)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        asked = kwargs.get("type", args[0] if args else None)
        return self if asked is np.ndarray else super().view(*args, **kwargs)

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other) if out is None else np.dot(self, other, out=out)

    def __reduce__(self) -> Any:
        return rebuild, (strip(self).copy(),)


current: list[type[Recorded]] = []  # the class of the call that is being recorded


def rebuild(plain: Array) -> Array:
    """Unpickle a recorded array: recorded again in a forked child of the call, plain elsewhere."""
    return np.ndarray.view(plain, current[-1]) if current else plain


def strip(value: Any) -> Any:
    """Return a plain view of a recorded array, anything else as it is."""
    return np.ndarray.view(value, np.ndarray) if isinstance(value, Recorded) else value


def multiplies(ufunc: np.ufunc, plain: list[Any]) -> bool:
    """Tell whether a ufunc call multiplies data: ``2 * A`` only changes A's scale."""
    if ufunc.__name__ != "multiply":
        return True
    return all(isinstance(x, (np.ndarray, np.generic)) for x in plain)


@contextmanager
def recording(watch: Watch, function: Callable[..., Any]) -> Iterator[type[Recorded]]:
    """Give the class of array to call `function` with, and keep what it makes in sight."""
    kind = type("ndarray", (Recorded,), {"_watch": watch})
    current.append(kind)
    places = [vars(np), getattr(function, "__globals__", {})]
    before = patch(places, {id(vars(np)[name]): name for name in MAKERS.split()}, kind)
    try:
        yield kind
    finally:
        for place, name, original in before:
            place[name] = original
        current.remove(kind)
        watch.close()


def recorded(plain: Array, kind: type[Recorded]) -> Array:
    """Return `plain` as an array whose products are noted."""
    return np.ndarray.view(plain, kind)


def patch(
    places: list[dict[str, Any]], makers: dict[int, str], kind: type[Recorded]
) -> list[tuple[dict[str, Any], str, Any]]:
    """Replace each function in `makers`, under whatever name; return what undoes it."""
    before = []
    for place in places:
        for name, value in list(place.items()):
            if id(value) in makers:
                before.append((place, name, value))
                place[name] = making(value, kind)
    return before


def making(maker: Callable[..., Any], kind: type[Recorded]) -> Callable[..., Any]:
    @functools.wraps(maker)
    def make(*args: Any, **kwargs: Any) -> Any:
        made = maker(*args, **kwargs)
        return np.ndarray.view(made, kind) if type(made) is np.ndarray else made

    return make
