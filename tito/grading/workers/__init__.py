"""Workers: processes of this machine or of a cluster, and their replacement when they are lost.

Both are a `concurrent.futures.Executor`, and both can be lost as a whole: a worker process that is
killed breaks the local pool, and a cluster ends with its scheduler.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

__all__ = ["Workers", "is_lost"]

Answer = TypeVar("Answer")


class Workers(Protocol):
    """What the run asks of an executor.

    Attributes
    ----------
    at_a_time : int
        How many submissions it should have at a time, so that no worker waits for the next.
    """

    @property
    def at_a_time(self) -> int:
        """How many submissions it should have at a time."""

    def warm_up(self) -> None:
        """Start what takes a while, and do not wait for it."""

    def submit(self, work: Callable[..., Answer], *arguments: Any) -> "Future[Answer]":
        """Have `work` done."""

    def replace(self) -> None:
        """Make it anew, as it was lost."""

    def close(self) -> None:
        """End it at once, whatever it is doing."""


def is_lost(error: BaseException) -> bool:
    """Tell whether an error of a future means that its workers were lost, not that work failed."""
    if isinstance(error, (BrokenProcessPool, CancelledError)):
        return True
    return type(error).__module__.startswith("distributed")
