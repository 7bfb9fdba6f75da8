"""Proof that two products run at the same time: the first waits until the second is there.

No clock decides. Whoever comes raises a flag in memory that threads and forked processes share, and
leaves it up while inside; who sees a second flag has met. A kernel that takes its products one
after another never meets, however long the first one waits.
"""

import itertools
import mmap
import os
import sys
import threading
import time

__all__ = ["Meeting"]

SLOTS = 4096
PATIENCE = 4.0  # seconds that one call may wait in all; only a kernel that meets nobody spends them
NAP = 0.0005


class Meeting:
    """A place where products of one call wait for one another."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, SLOTS + 1)  # the last byte: somebody met somebody
        self.arrivals = itertools.count()
        self.patience = PATIENCE
        self.process = os.getpid()

    @property
    def met(self) -> bool:
        """Whether two were inside at once."""
        return self.memory[SLOTS] == 1

    def attend(self) -> None:
        """Wait for company: until somebody meets, or for at most half of the patience left."""
        if self.met or self.patience < NAP or self.alone():
            return
        slot = (os.getpid() * 61 + next(self.arrivals)) % SLOTS
        start = time.monotonic()
        self.memory[slot] = 1
        while not self.met and time.monotonic() - start < self.patience / 2:
            if self.memory[:SLOTS].count(1) > 1:
                self.memory[SLOTS] = 1
            else:
                time.sleep(NAP)
        self.memory[slot] = 0
        self.patience -= time.monotonic() - start

    def alone(self) -> bool:
        """Tell whether nobody can come: this is the only thread of a process without children."""
        if os.getpid() != self.process or threading.active_count() > 1:
            return False
        processes = sys.modules.get("multiprocessing")
        return processes is None or not processes.active_children()
