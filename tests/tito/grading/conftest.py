"""The lesson's graded cells, and the judge on solutions that a test writes itself."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import corpora
import pytest

from tito.conditions.results import CellVerdict, Check
from tito.grading.judge import connection
from tito.grading.judge.connection import Launch, launch_plain
from tito.grading.judge.judge import judge_cells
from tito.grading.judge.remote import JudgeLimits

Judge = Callable[..., list[CellVerdict]]
MEASURED = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage.py finds the processes that it shall measure."""


@pytest.fixture(scope="session", autouse=True)
def _measured_supervisors() -> Iterator[None]:
    """Let coverage.py measure supervisors outside the sandbox: they end by themselves."""
    if MEASURED not in os.environ:
        yield
        return
    kill = connection.PlainProcess.kill

    def wait_and_kill(process: connection.PlainProcess) -> None:
        with suppress(subprocess.TimeoutExpired):
            subprocess.Popen.wait(process, 2)
        kill(process)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "PASSED_ON", (*connection.PASSED_ON, MEASURED))
        patch.setattr(connection.PlainProcess, "kill", wait_and_kill)
        yield


@pytest.fixture(scope="session")
def checks() -> Mapping[str, Check]:
    return corpora.checks()


@pytest.fixture(scope="session")
def reference() -> Mapping[str, Any]:
    return corpora.reference()


@pytest.fixture(scope="session")
def judge(checks: Mapping[str, Check], reference: Mapping[str, Any]) -> Judge:
    """Judge a trusted submission: the reference solution with some cells exchanged."""

    def run(
        cells: Mapping[str, str],
        only: Sequence[str] = (),
        launch: Launch = launch_plain,
        limits: JudgeLimits | None = None,
    ) -> list[CellVerdict]:
        asked = {name: check for name, check in checks.items() if not only or name in only}
        solutions = {**reference["cells"], **cells}
        return judge_cells(reference["given"], solutions, asked, launch=launch, limits=limits)

    return run
