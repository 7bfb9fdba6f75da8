"""Which known buffer an array lies in, found by its address."""

import weakref
from bisect import bisect_right, insort
from collections import deque
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BufferMap", "Root", "address_bounds", "is_same_memory", "owner_of"]

Array: TypeAlias = NDArray[Any]
ndarray = np.ndarray  # NumPy's own name stands for a recorded class while a call is recorded


class Root:
    """A known buffer: its number in the log, and the addresses it takes."""

    __slots__ = ("key", "reference", "start", "stop")

    def __init__(self, key: int, start: int, stop: int) -> None:
        self.key, self.start, self.stop = key, start, stop
        self.reference: weakref.ref[Array] | None = None


class BufferMap:
    """The buffers that are alive; a freed one is removed before its address is used again."""

    def __init__(self) -> None:
        self._by_start: dict[int, Root] = {}
        self._starts: list[int] = []
        self._dead: deque[Root] = deque()

    def add(self, owner: Array, key: int, bounds: tuple[int, int] | None = None) -> Root:
        """Make the memory of `owner` known as buffer `key`."""
        self._forget_dead()
        start, stop = bounds or address_bounds(owner)[1:]
        root = Root(key, start, max(stop, start + 1))
        # Called before the memory is given back; list and dictionary are changed elsewhere.
        root.reference = weakref.ref(owner, lambda _: self._dead.append(root))
        if start not in self._by_start:
            insort(self._starts, start)
        self._by_start[start] = root
        return root

    def find(self, low: int, high: int) -> Root | None:
        """Return the buffer that holds the addresses from `low` up to `high`."""
        if self._dead:
            self._forget_dead()
        root = self._by_start.get(low)
        if root is None:
            place = bisect_right(self._starts, low)
            if not place:
                return None
            root = self._by_start[self._starts[place - 1]]
        return root if high <= root.stop and low < root.stop else None

    def _forget_dead(self) -> None:
        while self._dead:
            root = self._dead.popleft()
            if self._by_start.get(root.start) is root:
                del self._by_start[root.start]
                self._starts.pop(bisect_right(self._starts, root.start) - 1)


def address_bounds(array: Array) -> tuple[int, int, int]:
    """Return the address of an array's first element, of its first byte, and after its last one."""
    first: int = array.__array_interface__["data"][0]
    if array.flags.c_contiguous:
        return first, first, first + array.nbytes
    low, high = first, first + array.itemsize
    for n, step in zip(array.shape, array.strides, strict=True):
        if step < 0:
            low += (n - 1) * step
        else:
            high += (n - 1) * step
    return first, low, high


def is_same_memory(one: Array, other: Any) -> bool:
    """Whether both are the same elements in the same memory."""
    return (
        isinstance(other, ndarray)
        and one.shape == other.shape
        and one.strides == other.strides
        and one.dtype == other.dtype
        and address_bounds(one) == address_bounds(other)
    )


def owner_of(array: Array) -> Array:
    """Return the array that the memory of `array` belongs to, as far as NumPy knows."""
    while isinstance(array.base, ndarray):
        array = array.base
    return array
