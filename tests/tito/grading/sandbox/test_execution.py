"""Execution: real kernels that live, die and hang."""

from pathlib import Path

from cells import notebook_of, statuses

from tito.course import Limits
from tito.grading.sandbox.execution import run_notebook
from tito.grading.verdicts import Outcome

LIMITS = Limits(cell_seconds=30, notebook_seconds=60)


def test_run_notebook_goes_on_after_a_dead_kernel(tmp_path: Path) -> None:
    notebook = notebook_of(
        ("define", "x = 2"),
        ("test-a", "assert x == 2; x = 3"),
        ("test-b", "import os; os._exit(1)"),
        ("test-c", "assert x == 2; print('alive')"),
    )
    execution = run_notebook(notebook, LIMITS, tmp_path)
    assert statuses(execution) == {
        "define": "ok",
        "test-a": "ok",
        "test-b": "died",
        "test-c": "ok",
    }
    assert notebook.cells[3].outputs[0].text == "alive\n"


def test_run_notebook_ends_an_endless_cell_and_goes_on(tmp_path: Path) -> None:
    notebook = notebook_of(("test-a", "while True: pass"), ("test-b", "pass"))
    execution = run_notebook(notebook, Limits(cell_seconds=1, notebook_seconds=60), tmp_path)
    assert statuses(execution) == {"test-a": "timeout", "test-b": "ok"}


def test_run_notebook_skips_what_its_time_does_not_reach(tmp_path: Path) -> None:
    cells = [("test-a", "import time; time.sleep(99)"), ("test-b", "pass")]
    execution = run_notebook(notebook_of(*cells), Limits(2, 2), tmp_path)
    assert statuses(execution) == {"test-a": "timeout", "test-b": "skipped"}


def test_run_notebook_ignores_what_follows_the_last_check(tmp_path: Path) -> None:
    notebook = notebook_of(("test-a", "pass"), ("measure", "print('never')"))
    assert statuses(run_notebook(notebook, LIMITS, tmp_path)) == {"test-a": "ok"}


def test_run_notebook_leaves_out_what_only_demonstrates(tmp_path: Path) -> None:
    notebook = notebook_of(("define", "x = 2"), ("measure", "x = 3"), ("test-a", "assert x == 2"))
    del notebook.cells[1].metadata["nbgrader"]
    assert statuses(run_notebook(notebook, LIMITS, tmp_path)) == {"define": "ok", "test-a": "ok"}


def test_run_notebook_leaves_out_what_it_is_told(tmp_path: Path) -> None:
    notebook = notebook_of(("define", "x = 2"), ("test-a", "x = 3"), ("test-b", "assert x == 2"))
    execution = run_notebook(notebook, LIMITS, tmp_path, leave_out={"test-a"})
    assert statuses(execution) == {"define": "ok", "test-b": "ok"}
    assert notebook.cells[1].outputs == []


def test_run_notebook_defines_again_what_follows_a_cell_that_did_not_run(tmp_path: Path) -> None:
    notebook = notebook_of(
        ("measure", "x = 3"),
        ("define", "x = 2"),
        ("test-a", "import os; os._exit(1)"),
        ("test-b", "assert x == 2"),
    )
    del notebook.cells[0].metadata["nbgrader"]
    execution = run_notebook(notebook, LIMITS, tmp_path)
    assert statuses(execution) == {"define": "ok", "test-a": "died", "test-b": "ok"}


def test_run_notebook_works_in_the_folder(tmp_path: Path) -> None:
    run_notebook(notebook_of(("test-a", "open('made', 'w').close()")), LIMITS, tmp_path)
    assert (tmp_path / "made").exists()


def test_run_notebook_goes_on_after_cells_that_have_been_run(tmp_path: Path) -> None:
    notebook = notebook_of(("define", "x = 2"), ("test-a", "x = 3"), ("test-b", "print(x)"))
    reported: list[str] = []
    execution = run_notebook(
        notebook,
        LIMITS,
        tmp_path,
        outcomes={"define": Outcome("ok"), "test-a": Outcome("died")},
        report=lambda cell, outcome: reported.append(cell.id),
    )
    assert statuses(execution) == {"define": "ok", "test-a": "died", "test-b": "ok"}
    assert notebook.cells[2].outputs[0].text == "2\n"
    assert reported == ["test-b"]
