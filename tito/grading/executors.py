"""Executors: where submissions are examined, in processes of this machine or on a cluster.

Both are a `concurrent.futures.Executor`, and both can be lost as a whole: a worker process that
is killed breaks the local pool, a scheduler that goes takes its cluster along. So an executor is
made anew when need be.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

from tito.errors import TitoError

__all__ = ["Cluster", "LocalPool", "Workers", "cpu_count", "is_lost"]

Answer = TypeVar("Answer")

SECONDS_TO_CONNECT = 10.0
SECONDS_TO_SETTLE = 0.5  # what was killed together is not noticed together
SECONDS_TO_RECONNECT = 120.0
# Imported once by the process that the workers are forked from.
PRELOADED = ("tito.grading.examination", "nbgrader.preprocessors", "numpy")


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
    """Whether an error of a future means that its executor was lost, not that its work failed."""
    if isinstance(error, (BrokenProcessPool, CancelledError)):
        return True
    return type(error).__module__.startswith("distributed")


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalPool:
    """Processes on this machine; they end with this one, even when it is killed.

    Parameters
    ----------
    jobs : int
        How many.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: Executor | None = None
        self._pipe: tuple[Connection, Connection] | None = None

    @property
    def at_a_time(self) -> int:
        """One more than there are processes: it waits, so that none of them has to."""
        return self.jobs + 1

    def warm_up(self) -> None:
        """Start the processes."""
        with suppress(BrokenProcessPool):
            for _ in range(self.jobs):
                self.submit(os.getpid)

    def submit(self, work: Callable[..., Answer], *arguments: Any) -> "Future[Answer]":
        """Have `work` done by the next process that is free."""
        if self._pool is None:
            self._pool = self._started()
        try:
            return self._pool.submit(work, *arguments)
        except OSError as error:  # no further process can be started from what they start from
            raise BrokenProcessPool(str(error)) from error

    def replace(self) -> None:
        """End the processes; others start when they are needed."""
        self.close()
        time.sleep(SECONDS_TO_SETTLE)

    def close(self) -> None:
        """End all processes, and with them their sandboxes."""
        for end in self._pipe or ():
            end.close()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._pipe = None

    def _started(self) -> Executor:
        context = _context()
        self._pipe = context.Pipe(duplex=False)
        return ProcessPoolExecutor(
            self.jobs, mp_context=context, initializer=_follow, initargs=(self._pipe[0],)
        )


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _follow(alive: Connection) -> None:
    """In a worker: end when the grader does, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    try:
        alive.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


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
        with suppress(OSError, TimeoutError):  # whoever waits for results will notice, too
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
            remedy = "Install it with `pip install 'tinytorch-kernels[dask]'`."
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
