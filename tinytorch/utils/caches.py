"""A cache in a few lines: count which of a program's accesses find their data there.

A processor moves data between memory and cache in *lines* of 64 bytes. A line may lie in one *set*
of the cache only, given by its address, and a set holds as many lines as the cache has *ways*;
a line that finds its set full takes the place of the one that was used longest ago. So the same
accesses give the same misses everywhere, on every machine (Hennessy and Patterson, Computer
Architecture, appendix B). What is left out: levels behind the first, prefetching, writing back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SimulatedCache", "miss_rate"]

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class SimulatedCache:
    """A set-associative cache that drops the line used longest ago.

    Parameters
    ----------
    size : int
        Bytes; a multiple of ``ways * line``. 32 KiB: a core's first level for years.
    ways : int
        Lines in a set.
    line : int
        Bytes in a line.

    Raises
    ------
    ValueError
        If `size` is no multiple of ``ways * line``.
    """

    size: int = 32 * 1024
    ways: int = 8
    line: int = 64

    def __post_init__(self) -> None:
        if self.size <= 0 or self.size % (self.ways * self.line):
            raise ValueError(
                f"size must be a multiple of ways * line = {self.ways * self.line}, got {self.size}"
            )

    def misses(self, addresses: Iterable[int] | NDArray[np.integer]) -> int:
        """Return how many accesses miss, from an empty cache on.

        Parameters
        ----------
        addresses : iterable of int, or integer ndarray
            The byte addresses, in the order of the accesses; an array is read row by row.
        """
        return sum(self.missed(addresses))

    def missed(self, addresses: Iterable[int] | NDArray[np.integer]) -> Iterator[bool]:
        """Yield for each access whether it misses, from an empty cache on."""
        count = self.size // (self.ways * self.line)
        sets: list[dict[int, None]] = [{} for _ in range(count)]
        for number in self._lines(addresses):
            held = sets[number % count]
            is_held = number in held
            if is_held:
                del held[number]  # to be put in again, as the last one used
            elif len(held) == self.ways:
                del held[next(iter(held))]  # a dict begins with what came first
            held[number] = None
            yield not is_held

    def _lines(self, addresses: Iterable[int] | NDArray[np.integer]) -> Iterable[int]:
        """Yield the line of each access."""
        if isinstance(addresses, np.ndarray):
            numbers: list[int] = (addresses.ravel() // self.line).tolist()
            return numbers
        return (address // self.line for address in addresses)


def miss_rate(elements: NDArray[np.integer], cache: SimulatedCache | None = None) -> float:
    """Return the share of accesses that miss, 0 to 1; 0 where there is no access.

    Parameters
    ----------
    elements : integer ndarray
        Which float32 each access touches, row by row; number 0 begins a line.
    cache : SimulatedCache, optional
        Default: 32 KiB, 8 ways, lines of 64 bytes.
    """
    cache = cache or SimulatedCache()
    return cache.misses(elements * FLOAT32) / elements.size if elements.size else 0.0
