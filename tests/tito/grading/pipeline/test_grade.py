"""Examination: what is judged, what is run, and what is kept of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cells import notebook_of as cells_of
from classroom import LITTLE, SAMPLES, Sample, hand_in

from tito.conditions.results import CellVerdict
from tito.course import Course, Limits
from tito.grading.gradebook.assignment import generate
from tito.grading.gradebook.grades import read_grades
from tito.grading.pipeline import grade
from tito.grading.pipeline.autograde import autograde
from tito.grading.pipeline.grade import GradingContext, Submission, grade_notebook, grade_submission
from tito.grading.sandbox.mode import SandboxMode
from tito.lesson import Lesson

HIDDEN = """    ### BEGIN HIDDEN TESTS
    assert False, "a hidden test\\nHint: There is one."
    ### END HIDDEN TESTS


test_vectorized_matrix_multiplication()
"""


@pytest.fixture
def submit(lesson: Lesson) -> Callable[[Sample], Path]:
    """Put a sample where submissions lie."""
    return lambda sample: hand_in(sample, lesson, lesson.course.assignments / "submitted")


def test_autograde_runs_hidden_tests(
    course: Course, lesson: Lesson, submit: Callable[[Sample], Path]
) -> None:
    (lesson.folder / "checks.py").unlink()  # else the judge decides, who asks other things
    text = lesson.source.read_text(encoding="utf-8")
    hidden = text.replace("\n\ntest_vectorized_matrix_multiplication()\n", HIDDEN, 1)
    lesson.source.write_text(hidden, encoding="utf-8")
    generate(lesson)
    submit(SAMPLES["complete"])
    assert [graded.status for graded in autograde(lesson, jobs=2)] == ["graded"]
    (submission,) = read_grades(lesson).submissions
    scores = {cell.grade_id: cell.score for cell in submission.cells}
    expected = {**SAMPLES["complete"].expect, "test-vectorized-immediate": 0.0}
    for seen in (scores, expected):  # a speed is another matter, and there is no judge here
        seen.pop("test-cache-performance")
    assert scores == expected
    cells = {cell.grade_id: cell for cell in submission.cells}
    assert cells["test-vectorized-immediate"].message == "a hidden test"


def test_autograde_with_jobs_rejects_and_goes_on(
    lesson: Lesson, submit: Callable[[Sample], Path]
) -> None:
    submit(LITTLE)
    broken = lesson.handed_in("broken")
    broken.parent.mkdir(parents=True)
    broken.write_text("[]", encoding="utf-8")
    autograde(lesson, jobs=2)
    statuses = {s.student: (s.status, s.score) for s in read_grades(lesson).submissions}
    assert statuses == {LITTLE.student: ("graded", LITTLE.points), "broken": ("rejected", 0.0)}


def notebook_of(*cells: tuple[str, str]) -> Any:
    made = cells_of(*cells)
    for cell in made.cells:
        cell.metadata.nbgrader.update(points=1, cell_type="code", schema_version=3)
    return made


def no_kernel(*_: object) -> None:
    raise AssertionError("a kernel was started")


def judging(
    monkeypatch: pytest.MonkeyPatch, *, load: float = 0.0, seconds: int = 60
) -> tuple[list[CellVerdict], dict[str, Any], list[int]]:
    """Examine a notebook with a check by a judge that only notes the seed; no kernel may start."""
    seeds: list[int] = []

    def judge(*arguments: Any) -> list[CellVerdict]:
        seeds.append(arguments[-1])
        return [CellVerdict("test-a", 1.0, 1.0, "passed")]

    monkeypatch.setattr(grade, "judge_notebook", judge)
    monkeypatch.setattr(SandboxMode, "run_notebook", no_kernel)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    notebook = notebook_of(("test-a", "1 / 0"))
    checks: Any = {"test-a": None}
    verdicts, _ = grade_notebook(
        notebook, checks, Limits(notebook_seconds=seconds), SandboxMode("off")
    )
    return verdicts, notebook.metadata["tito"], seeds


def test_grade_notebook_starts_no_kernel_where_all_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdicts, metadata, seeds = judging(monkeypatch)
    assert [(verdict.grade_id, verdict.score) for verdict in verdicts] == [("test-a", 1.0)]
    assert [metadata["seed"]] == seeds


@pytest.mark.parametrize(("load", "seconds", "times"), [(999.0, 0, 2), (0.0, 0, 1), (999.0, 60, 1)])
def test_grade_notebook_judges_once_more_what_a_loaded_grader_had_no_time_for(
    monkeypatch: pytest.MonkeyPatch, load: float, seconds: int, times: int
) -> None:
    _, metadata, seeds = judging(monkeypatch, load=load, seconds=seconds)
    assert len(set(seeds)) == times
    assert metadata["seed"] == seeds[-1]


def test_grade_notebook_runs_what_no_check_judges() -> None:
    notebook = notebook_of(("define", "x = 2"), ("test-a", "assert x == 2"), ("test-b", "1 / 0"))
    verdicts, _ = grade_notebook(notebook, {}, Limits(), SandboxMode("off"))
    assert {verdict.grade_id: verdict.score for verdict in verdicts} == {"test-a": 1, "test-b": 0}


def test_grade_refuses_to_judge_by_other_code_than_the_graders() -> None:
    context = GradingContext("{}", "", Limits(), "off", engine="another")
    result = grade_submission(context, Submission("ada", ""))
    assert result.status == "failed"
    assert "Install the same version" in result.reason
