"""Examining ahead of the writer: the same results, and only for what is really the same."""

from collections.abc import Callable
from pathlib import Path

import pytest
from classroom import Sample, hand_in, read_samples

from tito.course import Course
from tito.grading.assignment import generate
from tito.grading.autograde import autograde
from tito.grading.gradebook import read_grades
from tito.lesson import Lesson, code_cells, grade_id, is_graded, read_notebook

SAMPLES = {sample.name: sample for sample in read_samples()}
HIDDEN = """    ### BEGIN HIDDEN TESTS
    assert False, "a hidden test\\nHint: There is one."
    ### END HIDDEN TESTS


test_vectorized_matrix_multiplication()
"""


@pytest.fixture
def submit(lesson: Lesson) -> Callable[[Sample], Path]:
    """Put a sample where submissions lie."""
    return lambda sample: hand_in(sample, lesson, lesson.course.assignments / "submitted")


@pytest.mark.parametrize("jobs", [1, 2])
def test_autograde_runs_hidden_tests_with_any_number_of_jobs(
    course: Course, lesson: Lesson, submit: Callable[[Sample], Path], jobs: int
) -> None:
    (lesson.folder / "checks.py").unlink()  # else the judge decides, who asks other things
    text = lesson.source.read_text(encoding="utf-8")
    hidden = text.replace("\n\ntest_vectorized_matrix_multiplication()\n", HIDDEN, 1)
    lesson.source.write_text(hidden, encoding="utf-8")
    generate(lesson)
    submit(SAMPLES["complete"])
    assert [graded.status for graded in autograde(lesson, jobs=jobs)] == ["graded"]
    (submission,) = read_grades(lesson).submissions
    scores = {cell.grade_id: cell.score for cell in submission.cells}
    expected = SAMPLES["complete"].expect | {"test-vectorized-immediate": 0}
    for seen in (scores, expected):  # a speed is another matter, and there is no judge here
        seen.pop("test-cache-performance")
    assert scores == expected
    cells = {cell.grade_id: cell for cell in submission.cells}
    assert cells["test-vectorized-immediate"].message == "a hidden test"


def test_autograde_with_jobs_rejects_and_goes_on(
    lesson: Lesson, submit: Callable[[Sample], Path]
) -> None:
    submit(SAMPLES["complete"])
    broken = lesson.handed_in("broken")
    broken.parent.mkdir(parents=True)
    broken.write_text("[]", encoding="utf-8")
    autograde(lesson, jobs=2)
    statuses = {s.student: (s.status, s.score) for s in read_grades(lesson).submissions}
    assert statuses == {"ada": ("graded", SAMPLES["complete"].points), "broken": ("rejected", 0.0)}


def test_autograde_leaves_it_to_the_judge_to_take_the_time(
    lesson: Lesson, submit: Callable[[Sample], Path]
) -> None:
    submit(SAMPLES["complete"])
    autograde(lesson)
    cells = code_cells(read_notebook(lesson.handed_in("ada", "autograded")))
    counts = {grade_id(cell): cell.execution_count for cell in cells if is_graded(cell)}
    assert counts["test-cache-performance"] is None
    assert counts["test-cache-immediate"] is not None
    assert counts["test-parallel-immediate"] is not None
    (submission,) = read_grades(lesson).submissions
    (timed,) = [c for c in submission.cells if c.grade_id == "test-cache-performance"]
    assert timed.score == timed.max_score == 5
