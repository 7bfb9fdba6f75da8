"""`tito test` as a student calls it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any

import nbformat
import pytest
from classroom import ANSWERS, CHECKS, MOST_CHECKED, SAMPLES, Sample
from shell import Tito

from tito.course import Course
from tito.lesson import Lesson, grade_id
from tito.notebooks import student_notebook


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
    assert done.stdout.count("not written yet") == len(CHECKS)
    assert len(done.stdout.splitlines()) <= 25


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
    said = " ".join(done.stdout.split())
    assert said.endswith("Nothing is written in answer-small-blocks, answer-claim.")


def test_test_names_cell_and_line_of_a_syntax_error(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["syntax-error"])
    done = tito("test", "kernels")
    assert "Cell matmul-cache is not Python: line 9: expected ':'." in done.stdout
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
    [
        ("{", "not JSON. Open it in Jupyter and save it again"),
        ("[]", "not a notebook"),
        ("", "kernels.ipynb: The file is empty"),
        ("{\n<<<<<<< HEAD\n", "line 2 has the mark of a merge conflict"),
        (
            '{"cells": [{"cell_type": "code", "source": "1"}]}',
            "no cell of the lesson kernels. Name the notebook that `tito notebook",
        ),
    ],
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


@pytest.mark.parametrize("command", [["test"], ["status"], ["submit"], ["test", "kernels"]])
def test_a_misspelt_file_is_told_with_the_one_that_is_there(
    lesson: Lesson, tito: Tito, command: list[str]
) -> None:
    Path("kernels.ipynb").write_text("{}", encoding="utf-8")
    done = tito(*command, "kernals.ipynb")
    said = "tito: There is no file kernals.ipynb. Did you mean kernels.ipynb?\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("command", [["test", "--check", "amdahl"], ["submit"]])
def test_a_missing_solution_cell_is_told_with_where_to_take_it_from(
    lesson: Lesson, tito: Tito, command: list[str]
) -> None:
    work_on(lesson, SAMPLES["complete"])
    notebook = nbformat.read(lesson.working_copy, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != "matmul-cache"]
    nbformat.write(notebook, lesson.working_copy)
    said = " ".join(tito(command[0], "kernels", *command[1:]).stdout.split())
    assert "The solution cell matmul-cache is missing." in said
    assert "from a fresh notebook: `tito notebook kernels --output fresh.ipynb`." in said


def test_a_handout_has_no_source_to_test(lesson: Lesson, tito: Tito) -> None:
    lesson.source.unlink()
    done = tito("test", "kernels", "--source")
    said = "The source of kernels, with its solutions, is not here. Test your own file"
    assert done.returncode == 2
    assert said in done.stderr


def test_test_of_a_lesson_without_checks(plain_course: Course, tito: Tito) -> None:
    done = tito("test", "layers", "--source")
    assert done.returncode == 1
    assert "has no checks" in done.stderr


def test_test_takes_a_file_alone(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["complete"])
    lesson.working_copy.rename("my kernels.ipynb")
    done = tito("test", "my kernels.ipynb", "--check", "chunk-edges")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Testing my kernels.ipynb"
    lesson.source.with_name("other.ipynb").write_text("{}", encoding="utf-8")
    done = tito("test", lesson.source.with_name("other.ipynb"))
    assert done.returncode == 2
    assert "does not say which lesson" in done.stderr


def test_test_runs_one_check(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["complete"])
    done = tito("test", "kernels", "--json", "--check", "amdahl")
    (cell,) = json.loads(done.stdout)["cells"]
    assert (cell["grade_id"], cell["verdict"]) == ("test-amdahl", "passed")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("test-amdal", "no check called 'test-amdal'. Name one of: test-amdahl"),
        ("cache", "several"),
    ],
)
def test_test_helps_with_the_name_of_a_check(
    lesson: Lesson, tito: Tito, name: str, said: str
) -> None:
    work_on(lesson, SAMPLES["blank"])
    done = tito("test", "kernels", "--check", name)
    assert done.returncode == 2
    assert said in done.stderr


def test_test_stops_at_the_first_check_that_fails(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, SAMPLES["wrong-block-edges"])
    done = tito("test", "kernels", "--first", "--json")
    cells = json.loads(done.stdout)["cells"]
    wrong = [cell["grade_id"] for cell in cells if cell["verdict"] != "passed"]
    assert done.returncode == 1
    assert wrong
    not_run = json.loads(done.stdout)["not_run"]
    assert len(cells) + len(not_run) == len(CHECKS)
    assert not_run
    said = tito("test", "kernels", "--first").stdout
    assert f"{len(not_run)} more checks were not run; their points are not in the total." in said


def test_test_watches_a_file(lesson: Lesson) -> None:
    work_on(lesson, SAMPLES["blank"])
    command = [sys.executable, "-m", "tito", "test", "kernels", "--watch", "--check", "amdahl"]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process.stderr, "Waiting for kernels.ipynb")
        work_on(lesson, SAMPLES["complete"])
        until(process.stderr, "Waiting for kernels.ipynb")
        process.send_signal(signal.SIGINT)
        printed = process.stdout.read()
    assert process.returncode == 0
    assert "not written yet" in printed
    assert "passed" in printed


def until(lines: IO[str], text: str) -> None:
    """Read lines until one has the text."""
    assert any(text in line for line in lines)
