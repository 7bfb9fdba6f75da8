"""A cluster of Dask's distributed on this machine: a scheduler and workers, each a process."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Cluster", "running_cluster"]

QUIET = ("--no-dashboard",)


class Cluster:
    """A scheduler and its workers on the loopback."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.scheduler = self._start_scheduler()
        self.workers = [self.start_worker() for _ in range(2)]

    @property
    def url(self) -> str:
        """The scheduler's address."""
        return f"tcp://127.0.0.1:{self.port}"

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """Start one more worker; nobody restarts it when it is killed."""
        options = ("--no-nanny", "--nthreads", "1", "--host", "127.0.0.1", *QUIET)
        return _start("dask_worker", self.url, *options)

    def restart_scheduler(self) -> None:
        """Kill the scheduler, and start it and its workers again."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()
        self.scheduler = self._start_scheduler()
        self.workers = [self.start_worker() for _ in range(2)]

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start_scheduler(self) -> "subprocess.Popen[bytes]":
        return _start("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), *QUIET)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a cluster inside the block."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.close()


def _start(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    nowhere = subprocess.DEVNULL
    command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
    return subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
