"""What the tests of the sandbox share: the skip where there is none, and a way to run a program."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tito.course import Limits
from tito.errors import TitoError
from tito.grading.sandbox.mounts import Mounts
from tito.grading.sandbox.process import run_in_sandbox


@dataclass(frozen=True)
class Result:
    """How a program in the sandbox ended, and what it wrote to descriptor 4."""

    status: int
    overrun: str
    said: str


Run = Callable[..., Result]

SAY = "import os\ndef say(*a):\n  os.write(4, (' '.join(map(str, a)) + '\\n').encode())\n"


@pytest.fixture(scope="session", autouse=True)
def _needs_sandbox() -> None:
    try:
        with run_in_sandbox(["/bin/true"]) as process:
            status = process.wait()
    except TitoError as error:
        pytest.skip(str(error))
    assert status == 0, "the sandbox starts, but no program runs in it"


@pytest.fixture(scope="session")
def run() -> Run:
    """Run Python code in the sandbox; `say(text)` in it is what comes back."""

    def run_code(
        code: str, limits: Limits | None = None, mounts: Mounts | None = None, given: bytes = b""
    ) -> Result:
        requests, replies = os.pipe(), os.pipe()
        os.write(requests[1], given)
        os.close(requests[1])
        command, descriptors = [sys.executable, "-c", SAY + code], (requests[0], replies[1])
        with run_in_sandbox(command, limits=limits, pass_fds=descriptors, mounts=mounts) as process:
            os.close(requests[0])
            os.close(replies[1])
            with open(replies[0], encoding="utf-8") as file:
                said = file.read()
            status = process.wait()
        return Result(status, process.overrun, said.strip())

    return run_code
