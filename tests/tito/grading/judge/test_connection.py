"""Starting a supervisor, asking it and ending it, with real processes."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tito.grading.judge import connection as module
from tito.grading.judge.connection import Connection, Process, WorkerFailure, launch_plain

LOOK = """
import json, os, sys
into, out = map(int, sys.argv[1:])
files = [os.readlink(f"/proc/self/fd/{n}") for n in range(3)]
os.write(out, json.dumps([os.environ.copy(), files]).encode())
"""


def test_launch_plain_passes_on_no_more_than_it_has_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    into, out = os.pipe()
    process = launch_plain([sys.executable, "-S", "-c", LOOK], (into, out))
    assert process.wait() == 0
    environment, files = json.loads(os.read(into, 1 << 16))
    for descriptor in (into, out):
        os.close(descriptor)
    assert files == [os.devnull] * 3
    assert "SECRET" not in environment
    assert environment["PATH"] == os.environ["PATH"]
    threads = {name: value for name, value in environment.items() if name.endswith("_THREADS")}
    assert threads == dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1"
    )
    process.kill()  # after its end, as a connection does that is dropped


def test_connection_gives_the_supervisor_some_seconds_more(connection: Connection) -> None:
    assert connection.ask({"do": "end"}, bytes(1 << 20), 0.0, 0) == ({"status": "ended"}, b"")


def test_connection_gives_up_a_supervisor_that_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    monkeypatch.setattr(module, "SPARE_SECONDS", 0.0)

    def silent(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        code = "import time; time.sleep(60)"
        return launch_plain([sys.executable, "-S", "-c", code], descriptors)

    with pytest.raises(WorkerFailure) as caught:
        Connection(silent).start()
    assert caught.value.overrun == str(caught.value) == ""
    assert str(WorkerFailure()) == ""
    assert str(WorkerFailure("memory_mib")) == "memory_mib"


@pytest.fixture
def started() -> list[Process]:
    """The supervisors that `counted` has started."""
    return []


@pytest.fixture
def counted(started: list[Process]) -> Iterator[Connection]:
    def launch(command: Sequence[str], descriptors: tuple[int, int]) -> Process:
        started.append(launch_plain(command, descriptors))
        return started[-1]

    found = Connection(launch)
    yield found
    found.drop()


def test_connection_ends_the_child_and_leaves_the_supervisor(
    counted: Connection, started: list[Process], tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    source = f"import os\nwith open({str(file)!r}, 'w') as file: file.write(str(os.getpid()))\n"
    request = {"do": "open", "cells": [["cell", source]], "function": "f", "seconds": 20.0}
    for _ in range(2):
        counted.ask(request, b"", 60.0, 1 << 16)
        counted.end_child()
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)
    assert len(started) == 1


def test_connection_ends_no_child_where_no_supervisor_is(
    counted: Connection, started: list[Process]
) -> None:
    counted.end_child()
    assert counted.drop() == ""
    assert started == []
    counted.start()
    started[0].kill()
    counted.end_child()
    assert len(started) == 1
