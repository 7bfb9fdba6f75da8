"""Where student code runs: the sandbox unless told otherwise, and never silently outside it."""

import os
from pathlib import Path
from typing import Any

import pytest
from classroom import read_samples

from tito.errors import TitoError
from tito.grading.assignment import student_notebook
from tito.grading.place import machine_id, place_of
from tito.grading.sandbox.forkserver import server_of_process
from tito.grading.sandbox.probing import probed
from tito.lesson import Lesson

SAMPLES = {sample.name: sample for sample in read_samples()}


def notebook_of(lesson: Lesson, source: str) -> Any:
    """The complete sample with `source` as its last solution cell's first statement."""
    notebook = SAMPLES["complete"].edit(student_notebook(lesson))
    cell = next(c for c in notebook.cells if c.id == "matmul-parallel")
    cell.source = f"{source}\n{cell.source}"
    return notebook


def test_place_of_names_the_legal_choices() -> None:
    with pytest.raises(TitoError, match="auto, bwrap, off") as caught:
        place_of("docker")
    assert caught.value.exit_code == 2


def test_place_of_auto_is_the_sandbox_from_a_warm_parent() -> None:
    place = place_of("auto")
    assert (place.name, place.note) == ("warm", "")


def test_place_of_auto_says_where_there_is_no_warm_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.sandbox.birth.PROGRAM", ("-m", "no.such.module"))
    _forget_what_was_probed()
    place = place_of("auto")
    monkeypatch.undo()
    _forget_what_was_probed()
    assert place.name == "bwrap"
    assert "started cold" in place.note


def _forget_what_was_probed() -> None:
    server_of_process(os.getpid()).close()
    server_of_process.cache_clear()
    probed.cache_clear()


def test_place_of_believes_that_this_machine_was_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.sandbox.require_sandbox", lambda start: pytest.fail("tried"))
    assert place_of("warm", machine_id()).name == "warm"
    with pytest.raises(pytest.fail.Exception, match="tried"):
        place_of("warm", "another machine")


def test_sandbox_hides_the_course_from_a_notebook(lesson: Lesson) -> None:
    root = lesson.course.root
    source = f"import os\nprint('seen', os.path.exists({str(root)!r}))"
    notebook = notebook_of(lesson, source)
    execution = place_of("bwrap").run(notebook, lesson.course.limits, Path.cwd(), set())
    cell = next(c for c in execution.notebook.cells if c.id == "matmul-parallel")
    assert cell.outputs[0].text == "seen False\n"


def test_sandbox_has_no_solution_to_import(lesson: Lesson) -> None:
    notebook = notebook_of(lesson, "import tinytorch.core.kernels")
    execution = place_of("bwrap").run(notebook, lesson.course.limits, Path.cwd(), set())
    assert execution.outcomes["matmul-parallel"].ename == "ModuleNotFoundError"


@pytest.mark.parametrize("choice", ["auto", "bwrap", "off"])
def test_place_runs_an_honest_notebook(lesson: Lesson, choice: str) -> None:
    notebook = SAMPLES["complete"].edit(student_notebook(lesson))
    execution = place_of(choice).run(notebook, lesson.course.limits, Path.cwd(), set())
    assert {outcome.status for outcome in execution.outcomes.values()} == {"ok"}
