"""The workers of a Dask cluster, on whatever machines they are."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from tito.errors import TitoError

__all__ = ["Cluster"]

Answer = TypeVar("Answer")

SECONDS_TO_CONNECT = 10.0
SECONDS_TO_RECONNECT = 120.0


class Cluster:
    """The workers of a scheduler of Dask's distributed, on whatever machines they are.

    Parameters
    ----------
    url : str
        The scheduler's address, as in ``tcp://host:8786``.

    Raises
    ------
    TitoError
        If distributed is not installed, or the scheduler does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._threads = 1
        self._connect(SECONDS_TO_CONNECT)

    @property
    def at_a_time(self) -> int:
        """Two for each thread of each worker that is there now; at least two."""
        with suppress(OSError, TimeoutError):  # waiting for results will show it, too
            threads: dict[str, int] = self._client.nthreads()
            self._threads = sum(threads.values())
        return 2 * max(1, self._threads)

    def warm_up(self) -> None:
        """Do nothing: the workers run already."""

    def submit(self, work: Callable[..., Answer], *arguments: Any) -> "Future[Answer]":
        """Have `work` done by a worker of the scheduler's choice."""
        future: Future[Answer] = self._executor.submit(work, *arguments)
        return future

    def replace(self) -> None:
        """Connect again, waiting for a scheduler that was restarted."""
        self.close()
        self._connect(SECONDS_TO_RECONNECT)

    def close(self) -> None:
        """Leave the scheduler; it drops what nobody asks for any longer."""
        self._client.close(timeout=2)

    def _connect(self, seconds: float) -> None:
        try:
            from distributed import Client
        except ImportError:
            remedy = "Run `pip install -e '.[dask]'` in the course's checkout."
            raise TitoError("A scheduler needs Dask's distributed.", remedy, exit_code=2) from None
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._client = Client(self.url, timeout=SECONDS_TO_CONNECT, set_as_default=False)
                break
            except (OSError, TimeoutError, ValueError) as error:
                if time.monotonic() > deadline or isinstance(error, ValueError):
                    raise TitoError(
                        f"No scheduler answers at {self.url}.",
                        "Start one with `dask scheduler`, and name its address.",
                    ) from None
        self._executor = self._client.get_executor(pure=False, retries=0)
