"""`tito test` as a student calls it."""

import json
from typing import Any

import nbformat
import pytest
from classroom import ANSWERS, CHECKS, MOST_CHECKED, Sample, read_samples
from shell import Tito

from tito.course import Course
from tito.lesson import Lesson
from tito.notebooks import student_notebook

SAMPLES = {sample.name: sample for sample in read_samples()}


def work_on(lesson: Lesson, sample: Sample) -> None:
    """Save the sample as the student's working copy."""
    nbformat.write(sample.edit(student_notebook(lesson)), lesson.working_copy)


def test_test_on_a_complete_notebook(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["complete"])
    done = tito("test", "kernels")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Testing modules/source/11_kernels/kernels.ipynb"
    assert f"{MOST_CHECKED:g} / {MOST_CHECKED:g}" in done.stdout
    assert done.stderr == ""


def test_test_on_a_blank_notebook(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["blank"])
    done = tito("test", "11")
    assert done.returncode == 1
    assert f" 0 / {MOST_CHECKED:g}\n" in done.stdout
    assert "matmul_vectorized is not written yet" in done.stdout


def test_test_on_a_half_done_notebook_as_json(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["partly-done"])
    done = tito("test", "11_kernels", "--json")
    assert done.returncode == 1
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["file"] == "modules/source/11_kernels/kernels.ipynb"
    partly = SAMPLES["partly-done"]
    assert result["assignment"] == "11_kernels"
    assert (result["score"], result["max_score"]) == (partly.points, MOST_CHECKED)
    verdicts = {cell["grade_id"]: cell["verdict"] for cell in result["cells"]}
    assert verdicts == {n: "passed" if partly.expect[n] else "failed" for n in CHECKS}
    keys = {"grade_id", "score", "max_score", "verdict", "message", "hint", "conditions"}
    assert all(set(cell) == keys for cell in result["cells"] + result["answers"])
    read = {answer["grade_id"]: answer["verdict"] for answer in result["answers"]}
    assert read == {n: "review" if n in partly.answers else "failed" for n in ANSWERS}


def test_test_says_what_a_person_reads_and_lets_it_fail_nothing(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["late"])
    done = tito("test", "kernels")
    assert done.returncode == 0, done.stderr
    assert "20 more points: 4 written answers, for a person to read." in done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith("Note: ")]
    assert said == [
        "Note: answer-small-blocks: Nothing is written here.",
        "Note: answer-claim: Nothing is written here.",
    ]


def test_test_names_cell_and_line_of_a_syntax_error(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["syntax-error"])
    done = tito("test", "kernels")
    assert "Cell matmul-cache has a syntax error in line 9: expected ':'." in done.stdout
    assert "could not run" in done.stdout


def test_test_uses_the_released_text_of_changed_checks(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["deleted-test-cell"])
    done = tito("test", "kernels")
    assert done.returncode == 1
    assert "The locked cell test-cache-immediate is missing" in done.stdout
    assert "The locked cell test-parallel-immediate was changed" in done.stdout
    assert f"{SAMPLES['deleted-test-cell'].points:g} / {MOST_CHECKED:g}" in done.stdout


def test_test_takes_a_percent_file(lesson: Lesson, tito: Tito) -> None:
    import jupytext

    notebook = SAMPLES["partly-done"].edit(student_notebook(lesson))
    jupytext.write(notebook, "mine.py", fmt="py:percent")
    done = tito("test", "kernels", "mine.py")
    assert done.stdout.splitlines()[0] == "Testing mine.py"
    assert f"{SAMPLES['partly-done'].points:g} / {MOST_CHECKED:g}" in done.stdout


def test_test_of_the_source_needs_an_author_who_asks(plain_course: Course, tito: Tito) -> None:
    done = tito("test", "kernels")
    assert (done.returncode, done.stdout) == (2, "")
    assert "tito notebook kernels" in done.stderr
    done = tito("test", "kernels", "--source")
    assert done.returncode == 0
    assert done.stdout.startswith("Testing modules/source/11_kernels/kernels_dev.py\n")
    assert "Note:" not in done.stdout


def test_test_takes_the_working_copy(lesson: Lesson, tito: Tito) -> None:
    assert tito("notebook", "kernels").returncode == 0
    done = tito("test", "kernels")
    assert done.stdout.startswith("Testing modules/source/11_kernels/kernels.ipynb\n")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not JSON"), ("[]", "not a notebook"), ("", "not JSON")],
)
def test_test_on_what_is_no_notebook(lesson: Lesson, tito: Tito, content: str, words: str) -> None:
    lesson.working_copy.write_text(content, encoding="utf-8")
    done = tito("test", "kernels")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_test_of_a_file_that_is_not_there(plain_course: Course, tito: Tito) -> None:
    done = tito("test", "kernels", "mine.ipynb")
    assert (done.returncode, done.stderr) == (
        2,
        "tito: There is no file mine.ipynb. Check the name.\n",
    )


def test_test_of_a_lesson_without_checks(plain_course: Course, tito: Tito) -> None:
    done = tito("test", "layers", "--source")
    assert done.returncode == 1
    assert "has no checks" in done.stderr
