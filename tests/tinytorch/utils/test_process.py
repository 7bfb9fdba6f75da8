"""What the system says about this process, with psutil, without it, and where nobody knows."""

import sys
import threading

import numpy as np
import pytest

from tinytorch.utils import process


@pytest.fixture
def without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)


@pytest.fixture
def without_anything(monkeypatch, tmp_path, without_psutil):
    monkeypatch.setattr(process, "_PROC", tmp_path)
    monkeypatch.setattr(process, "_sysconf", lambda name: None)


class Reluctant:
    """A psutil that is installed and tells nothing."""

    class Error(Exception):
        pass

    def Process(self):  # noqa: N802 (psutil's name)
        raise self.Error


def test_resident_memory_grows_with_an_array():
    before = process.resident_bytes()
    held = np.ones(8_000_000)
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


@pytest.mark.usefixtures("without_psutil")
def test_linux_tells_without_psutil(monkeypatch, tmp_path):
    (tmp_path / "statm").write_text("9999 25 3 1 0 7 0\n", encoding="ascii")
    for thread in ("101", "102", "103"):
        (tmp_path / "task" / thread).mkdir(parents=True)
    monkeypatch.setattr(process, "_PROC", tmp_path)
    monkeypatch.setattr(process, "_sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 100}.get)
    assert process.resident_bytes() == 25 * 4096
    assert process.physical_bytes() == 100 * 4096
    assert process.resident_percent() == 25.0
    assert process.thread_count() == 3


@pytest.mark.usefixtures("without_anything")
def test_not_known_is_none():
    assert process.resident_bytes() is None
    assert process.physical_bytes() is None
    assert process.resident_percent() is None
    assert process.thread_count() is None


def test_has_psutil_is_whether_it_can_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", Reluctant())
    assert process.has_psutil()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert not process.has_psutil()


def test_psutil_that_may_not_tell_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "_PROC", tmp_path)
    monkeypatch.setitem(sys.modules, "psutil", Reluctant())
    assert process.thread_count() is None
    assert process.resident_bytes() is None
