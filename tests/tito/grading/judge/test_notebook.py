"""What of a notebook the judge is given, and the checks that it asks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tito.conditions.results import CellVerdict, Check
from tito.course import Course, Limits
from tito.grading.judge import notebook
from tito.grading.judge.connection import launch_plain
from tito.grading.judge.notebook import checks_in, judge_notebook, load_checks
from tito.grading.judge.remote import JudgeLimits

CHECKS = """
from tito import conditions as c
from tito.conditions import Check, Share

CHECKS = {"test-f": Check("f", "f", (Share(c.square, 2),))}
"""


def cell(source: str, name: str = "", **flags: Any) -> Any:
    found = nbformat.v4.new_code_cell(source)
    if name:
        metadata = {"grade": False, "solution": False, "locked": False, "schema_version": 3}
        found.metadata["nbgrader"] = metadata | {"grade_id": name, **flags}
    return found


def released(solution: str) -> Any:
    return nbformat.v4.new_notebook(
        cells=[
            cell("#| export\nimport numpy as np"),
            cell("raise ValueError('not exported: never loaded')"),
            cell(solution, "f", solution=True),
            cell("raise ValueError('a check: never loaded')", "test-f", grade=True, points=2),
            cell("1 / 0", "test-other", grade=True, points=1),
        ]
    )


def test_judge_notebook_judges_the_cells_that_have_a_check() -> None:
    source = "#| export\ndef f(A, B):\n    return np.matmul(A, B)\n"
    (verdict,) = judge_notebook(released(source), checks_in(CHECKS), launch_plain, Limits(), seed=3)
    assert (verdict.grade_id, verdict.score, verdict.verdict) == ("test-f", 2.0, "passed")


def test_judge_notebook_passes_limits_and_seed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def judge(
        cells: Sequence[str], solutions: Mapping[str, str], checks: Mapping[str, Check], **how: Any
    ) -> list[CellVerdict]:
        given.update(how, cells=cells, solutions=solutions, checks=list(checks))
        return []

    monkeypatch.setattr(notebook, "judge_cells", judge)
    limits = Limits(cell_seconds=4, notebook_seconds=50)
    judge_notebook(released("x"), checks_in(CHECKS), launch_plain, limits, seed=7)
    assert given["limits"] == JudgeLimits(call_seconds=4.0, notebook_seconds=50.0)
    assert given["launch"] is launch_plain
    assert (given["seed"], given["solutions"], given["checks"]) == (7, {"f": "x"}, ["test-f"])
    assert given["cells"] == ["#| export\nimport numpy as np"]


def test_load_checks_reads_the_file_beside_the_lesson(tmp_path: Path) -> None:
    course = replace(Course.find(Path(__file__).parent), root=tmp_path)
    path = course.sources / "12_squares" / "checks.py"
    path.parent.mkdir(parents=True)
    assert load_checks(course, "12_squares") == {}
    path.write_text(CHECKS, encoding="utf-8")
    assert list(load_checks(course, "12_squares")) == ["test-f"]
    path.write_text("CHECKS =", encoding="utf-8")
    with pytest.raises(SyntaxError, match="checks.py, line 1") as caught:
        load_checks(course, "12_squares")
    assert caught.value.filename == str(path)
