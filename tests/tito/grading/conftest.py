"""The lesson's graded cells, and the judge on solutions that a test writes itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import corpora
import pytest

from tito.conditions.results import CellVerdict, Check
from tito.grading.judge import Launch, Limits, judge_cells, launch_plain

Judge = Callable[..., list[CellVerdict]]


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
        limits: Limits | None = None,
    ) -> list[CellVerdict]:
        asked = {name: check for name, check in checks.items() if not only or name in only}
        solutions = {**reference["cells"], **cells}
        return judge_cells(reference["given"], solutions, asked, launch=launch, limits=limits)

    return run
