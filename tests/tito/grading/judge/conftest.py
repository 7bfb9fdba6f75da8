"""A connection to a real supervisor, with and without the sandbox, and a function behind it."""

import time
from collections.abc import Callable, Iterator

import pytest

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.judge.connection import Connection, Launch, launch_plain
from tito.grading.judge.remote import JudgeLimits, RemoteCall

Remote = Callable[..., RemoteCall]

GIVEN = "import os, sys, time\nimport numpy as np\n"


@pytest.fixture(scope="session")
def sandboxed() -> Launch:
    """What starts a supervisor in the sandbox."""
    from tito.grading.sandbox.mode import choose_sandbox

    try:
        mode = choose_sandbox("bwrap")
    except TitoError as refusal:
        pytest.skip(refusal.fact)
    return mode.launcher(Limits(memory_mib=1024))


@pytest.fixture(scope="module")
def kept() -> Iterator[Connection]:
    found = Connection(launch_plain)
    yield found
    found.drop()


@pytest.fixture
def connection(kept: Connection) -> Iterator[Connection]:
    """A supervisor without a sandbox: that of the test before, if it is still there."""
    yield kept
    kept.end_child()


@pytest.fixture
def inside(sandboxed: Launch) -> Iterator[Connection]:
    found = Connection(sandboxed)
    yield found
    found.drop()


@pytest.fixture
def remote() -> Remote:
    """Return a function `f` that a source defines, behind a connection."""

    def make(source: str, connection: Connection, **limits: float) -> RemoteCall:
        bounds = JudgeLimits(**{"call_seconds": 20.0, **limits})  # type: ignore[arg-type]
        cells = [("given", GIVEN), ("cell", source)]
        return RemoteCall("f", None, cells, connection, bounds, time.monotonic() + 300)

    return make
