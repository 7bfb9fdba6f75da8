"""Processes on this machine that grade submissions."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from tinytorch.utils.processor import usable_cores

__all__ = ["LocalPool", "cpu_count"]

Answer = TypeVar("Answer")

SECONDS_TO_SETTLE = 0.5  # what was killed together is not noticed together
# Imported once by the process that the workers are forked from.
PRELOADED = ("tito.startup", "tito.grading.pipeline.grade", "nbgrader.preprocessors", "numpy")


def cpu_count() -> int:
    """Return how many CPUs this process may use."""
    return usable_cores() or 1


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
    with _interrupts_ignored():
        forkserver.ensure_running()
    return context


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C, as the fork server then does: while it imports it would print a traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _follow(alive: Connection) -> None:
    """In a worker: end when the grader does, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    try:
        alive.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
