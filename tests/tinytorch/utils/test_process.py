"""What the system says about this process, and what it refuses to say."""

import mmap
import threading

import numpy as np
import psutil
import pytest

from tinytorch.utils import process


def test_resident_memory_grows_with_an_array():
    fresh = mmap.mmap(-1, 64_000_000)  # from the system: malloc may give what is resident already
    before = process.resident_bytes()
    held = np.frombuffer(fresh)
    held[:] = 1
    assert process.resident_bytes() - before > held.nbytes // 2


def test_thread_count_counts_a_thread_while_it_runs():
    release, before = threading.Event(), process.thread_count()
    thread = threading.Thread(target=release.wait)
    thread.start()
    during = process.thread_count()
    release.set()
    thread.join()
    assert during == before + 1


def test_resident_percent_is_the_share_of_physical_memory():
    percent, resident = process.resident_percent(), process.resident_bytes()
    assert percent == pytest.approx(100 * resident / process.physical_bytes(), rel=0.1)


def test_what_the_system_does_not_tell_is_none(monkeypatch):
    def refuse(process):
        raise psutil.AccessDenied

    for name in ("memory_info", "num_threads"):
        monkeypatch.setattr(psutil.Process, name, refuse)
    assert process.resident_bytes() is None
    assert process.resident_percent() is None
    assert process.thread_count() is None
