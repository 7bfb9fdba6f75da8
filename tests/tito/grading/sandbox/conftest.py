"""What the tests of the sandbox share: the skip where there is none, and a way to run a program."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from tito.errors import TitoError
from tito.grading.sandbox import (
    ForkServer,
    SandboxLimits,
    Start,
    View,
    run_in_sandbox,
    warm_start,
)


@dataclass(frozen=True)
class Result:
    """How a program in the sandbox ended, and what it wrote to descriptor 4."""

    status: int
    overrun: str
    said: str


Run = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def _needs_sandbox() -> None:
    try:
        with run_in_sandbox(["/bin/true"]) as process:
            status = process.wait()
    except TitoError as error:
        pytest.skip(str(error))
    assert status == 0, "the sandbox starts, but no program runs in it"


@pytest.fixture(params=["cold", "warm"])
def start(request: pytest.FixtureRequest) -> Start:
    """Both ways to start a sandbox: what holds for one has to hold for the other."""
    if request.param == "cold":
        return run_in_sandbox
    with warm_start(["/bin/true"]) as process:  # the parent stands, whatever is counted next
        process.wait()
    return warm_start


@pytest.fixture
def run(start: Start) -> Run:
    """Run Python code in the sandbox; `say(text)` in it is what comes back."""

    def run_code(
        code: str,
        limits: SandboxLimits | None = None,
        view: View | None = None,
        given: bytes = b"",
        files: Mapping[str, bytes] | None = None,
    ) -> Result:
        requests, replies = os.pipe(), os.pipe()
        stack = ExitStack()
        begin = start if view is None else _with_view(start, view, stack)
        os.write(requests[1], given)
        os.close(requests[1])
        program = (
            "import os\ndef say(*a):\n  os.write(4, (' '.join(map(str, a)) + '\\n').encode())\n"
        )
        with (
            stack,
            begin(
                [sys.executable, "-c", program + code],
                limits=limits,
                pass_fds=(requests[0], replies[1]),
                files=files,
            ) as process,
        ):
            os.close(requests[0])
            os.close(replies[1])
            with open(replies[0], encoding="utf-8") as file:
                said = file.read()
            status = process.wait()
        return Result(status, process.overrun, said.strip())

    return run_code


def _with_view(start: Start, view: View, stack: ExitStack) -> Start:
    if start is run_in_sandbox:
        return partial(run_in_sandbox, view=view)
    return stack.enter_context(ForkServer(view)).start
