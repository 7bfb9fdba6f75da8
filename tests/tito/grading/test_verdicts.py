"""CellVerdicts: from the outcome of a cell to points and words, and into nbgrader's outputs."""

from dataclasses import replace
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.utils import compute_checksum, determine_grade

from tito.conditions.results import MIME_TYPE, CellVerdict
from tito.grading.gradebook.cell_metadata import (
    read_verdicts,
    record_verdicts,
    reject,
    rejected_verdicts,
)
from tito.grading.verdicts import (
    Execution,
    Outcome,
    answer_verdicts,
    verdict_without_points,
    verdicts_of,
)

POINTS = 10.0


def notebook_with(
    outputs: list[Any], solution: str = "def f(): return 1", check: str = "assert f()"
) -> Any:
    """A solution cell called ``solve`` and the graded cell ``test`` with these outputs."""
    notebook = new_notebook()
    for name, source, graded in (("solve", solution, False), ("test", check, True)):
        nbgrader = {"grade_id": name, "grade": graded, "solution": not graded, "locked": graded}
        if graded:
            nbgrader["points"] = POINTS
        cell = new_code_cell(source, metadata={"nbgrader": nbgrader})
        cell["id"] = name
        notebook.cells.append(cell)
    notebook.cells[1].outputs = outputs
    return notebook


def verdict_on(outcome: Outcome, outputs: list[Any] | None = None, **kwargs: Any) -> CellVerdict:
    solved = kwargs.pop("solved", Outcome("ok"))
    notebook = notebook_with(outputs or [], **kwargs)
    (verdict,) = verdicts_of(Execution(notebook, {"solve": solved, "test": outcome}))
    return verdict


def value(text: str) -> list[Any]:
    return [new_output("execute_result", {"text/plain": text})]


def test_verdicts_of_passed() -> None:
    assert verdict_on(Outcome("ok")) == CellVerdict("test", POINTS, POINTS, "passed")


def test_verdicts_of_splits_fact_and_hint() -> None:
    verdict = verdict_on(Outcome("error", "CheckFailure", "row 3 is zero\nHint: Look there."))
    assert (verdict.verdict, verdict.score) == ("failed", 0.0)
    assert (verdict.message, verdict.hint) == ("row 3 is zero", "Look there.")


def test_verdicts_of_another_error_is_named() -> None:
    verdict = verdict_on(Outcome("error", "IndexError", "list index out of range"))
    assert verdict.message == "IndexError: list index out of range"
    assert "cell solve" in verdict.hint


def test_verdicts_of_a_stub_says_where_to_write() -> None:
    verdict = verdict_on(Outcome("error", "NotImplementedError", "this cell is not written yet"))
    assert verdict.verdict == "failed"
    assert verdict.hint == "Fill in cell solve."


def test_verdicts_name_the_function_that_a_cell_does_not_define() -> None:
    failed = Outcome("error", "NameError", "name 'double' is not defined")
    verdict = verdict_on(failed, solution="def duble(x): return x", check="assert double(2)")
    assert verdict.message == "Cell solve does not define double: it defines duble."
    assert verdict.hint == "Keep the name that the cell was released with."
    verdict = verdict_on(failed, solution="def f(x): return double(x)", check="assert f(2)")
    assert verdict.message == "NameError: name 'double' is not defined"


def test_verdicts_of_a_syntax_error_names_cell_and_line() -> None:
    verdict = verdict_on(
        Outcome("error", "NameError", "name 'f' is not defined"), solution="x = 1\ndef f( return"
    )
    assert verdict.verdict == "not-run"
    assert "Cell solve is not Python: line 2: " in verdict.message


def test_verdicts_of_a_broken_definition_is_not_run() -> None:
    verdict = verdict_on(
        Outcome("error", "NameError", "f"), solved=Outcome("error", "ImportError", "no torch")
    )
    assert verdict.verdict == "not-run"
    assert "ImportError: no torch" in verdict.message


@pytest.mark.parametrize("status", ["died", "timeout", "skipped"])
def test_verdicts_of_what_did_not_finish_is_not_run(status: str) -> None:
    verdict = verdict_on(Outcome(status, evalue="the reason"))
    assert (verdict.verdict, verdict.score) == ("not-run", 0.0)
    assert "the reason" in verdict.message


def test_verdicts_of_a_value_gives_its_part_of_the_points() -> None:
    verdict = verdict_on(Outcome("ok"), value("4.5"))
    assert (verdict.verdict, verdict.score) == ("failed", 4.5)


@pytest.mark.parametrize("text", ["nan", "-1", "11", "inf"])
def test_verdicts_of_a_value_that_is_no_score_gives_nothing(text: str) -> None:
    verdict = verdict_on(Outcome("ok"), value(text))
    assert (verdict.verdict, verdict.score) == ("failed", 0.0)


STDERR = new_output("stream", name="stderr", text="a warning")
ERROR = new_output("error", ename="E", evalue="e", traceback=[])


@pytest.mark.parametrize(
    ("verdict", "outputs"),
    [
        (CellVerdict("test", POINTS, POINTS, "passed"), []),
        (CellVerdict("test", POINTS, POINTS, "passed"), [STDERR]),
        (CellVerdict("test", POINTS, POINTS, "passed"), value("3")),
        (CellVerdict("test", 4.5, POINTS, "failed", "some of it"), value("4.5")),
        (CellVerdict("test", 4.5, POINTS, "failed", "some of it"), [STDERR, ERROR]),
        (CellVerdict("test", 0.0, POINTS, "failed", "all of it"), []),
        (CellVerdict("test", 0.0, POINTS, "failed", "all of it"), value("nan")),
        (CellVerdict("test", 0.0, POINTS, "not-run", "the kernel died", "Look."), [ERROR]),
    ],
)
def test_record_verdicts_makes_nbgrader_score_alike(
    verdict: CellVerdict, outputs: list[Any]
) -> None:
    notebook = notebook_with([output.copy() for output in outputs])
    record_verdicts(notebook, [verdict])
    assert determine_grade(notebook.cells[1]) == (verdict.score, POINTS)
    assert read_verdicts(notebook) == [verdict]
    (cell,) = [cell for cell in notebook.cells if "tito" in cell.metadata]
    cell.metadata["tito"] |= {"colour": "of a later version"}
    for name in ("hint", "conditions"):
        del cell.metadata["tito"][name]
    assert read_verdicts(notebook) == [replace(verdict, hint="", conditions=())]


def test_read_verdicts_reads_those_of_other_versions() -> None:
    notebook = notebook_with([])
    verdict = CellVerdict("test", 3.0, POINTS, "failed", "fact", "hint")
    record_verdicts(notebook, [verdict])
    recorded = notebook.cells[1].metadata["tito"]
    recorded["invented_later"] = 1
    del recorded["conditions"], recorded["hint"]
    assert read_verdicts(notebook) == [replace(verdict, hint="")]
    recorded["verdict"] = "invented-later"
    assert read_verdicts(notebook) == [replace(verdict, hint="", verdict="review")]


def test_rejected_verdicts_carry_the_reason() -> None:
    notebook = notebook_with([])
    reject(notebook, "It is not JSON.")
    (verdict,) = rejected_verdicts(notebook)
    assert (verdict.verdict, verdict.score, verdict.message) == ("not-run", 0.0, "It is not JSON.")


def test_verdict_without_points_has_none() -> None:
    assert verdict_without_points("test_f", Outcome("ok")).verdict == "passed"
    assert verdict_without_points("test_f", Outcome("error", "AssertionError", "no")).score == 0.0


@pytest.mark.parametrize("shown", [[], [{}], "text", [{"points": "many"}], None, [1]])
def test_verdicts_of_believes_no_output_of_a_graded_process(shown: object) -> None:
    data = {MIME_TYPE: shown}
    verdict = verdict_on(
        Outcome("error", "AssertionError", "no"), [new_output("display_data", data)]
    )
    assert (verdict.verdict, verdict.score, verdict.conditions) == ("failed", 0.0, ())


@pytest.mark.parametrize("data", [5, None, {"text/plain": 5}, {"text/html": None}])
def test_record_verdicts_drops_outputs_that_no_tool_can_show(data: object) -> None:
    output = new_output("execute_result", {"text/plain": "1"})
    output["data"] = data
    notebook = notebook_with([output])
    notebook.cells[0].outputs = [output.copy()]
    verdicts = verdicts_of(Execution(notebook, {"test": Outcome("ok")}))
    record_verdicts(notebook, verdicts)
    assert notebook.cells[0].outputs == []
    assert determine_grade(notebook.cells[1]) == (POINTS, POINTS)


STUB = "YOUR ANSWER HERE"


def notebook_with_answer(text: str) -> Any:
    """A notebook with an answer called ``why`` that was released as a stub."""
    notebook = notebook_with([])
    nbgrader = {"grade_id": "why", "grade": True, "solution": True, "locked": False, "points": 5}
    cell = new_markdown_cell(STUB, metadata={"nbgrader": nbgrader})
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    cell.source = text
    notebook.cells.append(cell)
    return notebook


@pytest.mark.parametrize(
    ("text", "verdict", "score"), [(STUB, "failed", 0), ("Because of B.", "review", None)]
)
def test_answer_verdicts_say_what_nbgrader_enters(
    text: str, verdict: str, score: float | None
) -> None:
    notebook = notebook_with_answer(text)
    (found,) = answer_verdicts(notebook)
    assert (found.grade_id, found.verdict, found.score, found.max_score) == ("why", verdict, 0, 5)
    assert bool(found.hint) == (verdict == "failed")
    record_verdicts(notebook, [found])
    assert read_verdicts(notebook) == [found]
    assert determine_grade(notebook.cells[-1]) == (score, 5)


def test_verdicts_of_leaves_answers_to_a_person() -> None:
    notebook = notebook_with_answer("Because of B.")
    verdicts = verdicts_of(Execution(notebook, {"test": Outcome("ok")}))
    assert [verdict.grade_id for verdict in verdicts] == ["test"]


def test_rejected_verdicts_are_recorded_for_answers_too() -> None:
    notebook = notebook_with_answer(STUB)
    reject(notebook, "It is not JSON.")
    record_verdicts(notebook, rejected_verdicts(notebook))
    assert [v.message for v in read_verdicts(notebook)] == ["It is not JSON."] * 2
