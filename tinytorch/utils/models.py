"""What simple models say of a kernel before it is measured: two roofs, a block's parts, threads.

They leave out all but one or two causes, on purpose: where one fails, another cause is at work.
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Prediction", "amdahl", "block_rate", "roofline_rate", "serial_share"]


class Prediction(NamedTuple):
    """What `model` predicts for `name`, and what was measured; both above 0."""

    name: str
    predicted: float
    measured: float
    model: str


def roofline_rate(n: int, peak: float, bandwidth: float) -> float:
    """Return the most operations per second of ``A @ B`` in float32, each matrix moved once.

    Williams, Waterman and Patterson, Communications of the ACM 52 (4), 2009, p. 65.

    Parameters
    ----------
    n : int
        Side of the matrices (n, n).
    peak : float
        Operations per second.
    bandwidth : float
        Bytes per second.
    """
    return min(peak, n / 6 * bandwidth)


def block_rate(block_size: int, peak: float, overhead: float) -> float:
    """Return the operations per second of a blocked product whose arithmetic runs at `peak`.

    Parameters
    ----------
    block_size : int
        Side of the blocks.
    peak : float
        Operations per second.
    overhead : float
        Seconds that a step, the product of two blocks, takes beside its arithmetic.
    """
    work = 2 * block_size**3
    return work / (work / peak + overhead)


def amdahl(serial: float, workers: float) -> float:
    """Return the speedup by Amdahl's law, for a serial share of 0 to 1."""
    return workers / (1 + serial * (workers - 1))


def serial_share(points: Sequence[tuple[float, float]], cores: float | None = None) -> float:
    """Return the serial share whose curve by Amdahl's law lies nearest to the speedups, 0 to 1.

    Least squares in the time, 1 / speedup; for one point the share of Karp and Flatt,
    Communications of the ACM 33 (5), 1990, p. 539. Without a point of two workers, 1.

    Parameters
    ----------
    points : sequence of (threads, speedup)
    cores : float, optional
        Threads beyond these do not work at the same time, and do not count.
    """
    workers = [(min(threads, cores or threads), speedup) for threads, speedup in points]
    pairs = [(1 - 1 / count, 1 / speedup - 1 / count) for count, speedup in workers if count > 1]
    if not pairs:
        return 1.0
    share = sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs)
    return min(1.0, max(0.0, share))
