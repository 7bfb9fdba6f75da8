"""Written answers: whatever became of the cell, what a student wrote reaches the person."""

from typing import Any

import nbformat
import pytest
from nbformat import v4

from tito.grading.intake.answers import MOST_CHARACTERS, put_answer
from tito.grading.intake.place import Handed
from tito.grading.intake.read import SubmittedCell, pictures
from tito.grading.intake.rebuild import rebuild
from tito.lesson import assign_cell_ids

STUB = "YOUR ANSWER HERE"
TEXT = "It is B that misses."
PNG = "iVBORw0KGgo="
PICTURE = {"plot.png": {"image/png": PNG}}


@pytest.fixture
def release() -> Any:
    """A question, its answer, and a check behind them."""
    flags = {"grade": True, "points": 5}
    cells = [
        ("question", v4.new_markdown_cell("Why?"), {"locked": True}),
        ("answer", v4.new_markdown_cell(STUB), {"solution": True, "locked": False, **flags}),
        ("check", v4.new_code_cell("assert f()"), {"locked": True, **flags}),
    ]
    for name, cell, more in cells:
        cell.metadata["nbgrader"] = nbformat.from_dict({"grade_id": name, **more})
    notebook = v4.new_notebook(cells=[cell for _, cell, _ in cells])
    assign_cell_ids(notebook)
    return notebook


def answered(release: Any, *cells: SubmittedCell) -> Any:
    """Rebuild, check that all but the answer is the release's, and return the answer's cell."""
    notebook, _ = rebuild(release, cells)
    nbformat.validate(notebook)
    found = notebook.cells[1]
    assert notebook.cells == [release.cells[0], found, release.cells[2]]
    assert found.cell_type == "markdown"
    assert found.metadata == release.cells[1].metadata
    return found


@pytest.mark.parametrize("kind", ["markdown", "code", "raw"])
@pytest.mark.parametrize(("name", "cell_id"), [("answer", "x"), ("answer", ""), ("", "answer")])
def test_rebuild_finds_an_answer_in_a_cell_of_any_kind(
    release: Any, kind: str, name: str, cell_id: str
) -> None:
    assert answered(release, SubmittedCell(kind, TEXT, name, cell_id)).source == TEXT


def test_rebuild_puts_a_split_answer_together_in_its_order(release: Any) -> None:
    parts = (SubmittedCell("markdown", text, "answer") for text in ("One.", STUB, "Two.", "One."))
    assert answered(release, *parts).source == "One.\n\nTwo."


@pytest.mark.parametrize("text", ["", " \n\t", STUB, f"\n{STUB} \n"])
def test_rebuild_leaves_an_answer_that_is_not_written_as_it_was(release: Any, text: str) -> None:
    part = SubmittedCell("markdown", text, "answer", attachments=PICTURE)
    assert answered(release, part) == release.cells[1]


@pytest.mark.parametrize("name", ["check", "question", ""])
def test_rebuild_takes_an_answer_from_no_other_cell(release: Any, name: str) -> None:
    assert answered(release, SubmittedCell("markdown", TEXT, name, name)) == release.cells[1]


def test_rebuild_cuts_what_is_too_long_to_read_and_says_so(release: Any) -> None:
    text = answered(release, SubmittedCell("markdown", "a" * 10**6, "answer")).source
    assert text.startswith("a" * MOST_CHARACTERS)
    assert text.endswith(f"[Cut here: of 1000000 characters, {MOST_CHARACTERS} are read.]")
    assert len(text) < MOST_CHARACTERS + 100


def test_rebuild_brings_the_pictures_of_an_answer_along(release: Any) -> None:
    part = SubmittedCell("markdown", TEXT, "answer", attachments=PICTURE)
    assert answered(release, part).attachments == PICTURE


def test_put_answer_keeps_an_answer_in_code_what_it_is() -> None:
    cell = v4.new_code_cell("# YOUR CODE HERE")
    part = SubmittedCell("code", "x = 1", "answer", attachments=PICTURE)
    put_answer(cell, [0], Handed([part], v4.new_notebook(cells=[cell])))
    assert (cell.source, "attachments" in cell) == ("x = 1", False)


QUESTION = SubmittedCell("markdown", "Why?", "question", "question")
OWN = SubmittedCell("markdown", TEXT, "answer", "answer")
LEFT = SubmittedCell("markdown", STUB, "answer", "answer")
LAST = SubmittedCell("code", "assert f()", "check", "check")
MORE = SubmittedCell("markdown", "And A does not.", "", "a1")
MEASURED = SubmittedCell("code", "measure(`n`)", "", "a2")
FENCED = "```python\nmeasure(`n`)\n```"

# What was handed in, in its order, and what of it is read.
BESIDE = {
    "a paragraph behind": ([QUESTION, OWN, MORE, LAST], f"{TEXT}\n\n{MORE.source}"),
    "a measurement before": ([QUESTION, MEASURED, OWN, LAST], f"{FENCED}\n\n{TEXT}"),
    "several": ([QUESTION, MEASURED, OWN, MORE], f"{FENCED}\n\n{TEXT}\n\n{MORE.source}"),
    "in place of the answer": ([QUESTION, LEFT, MORE, LAST], MORE.source),
    "in place of a deleted answer": ([QUESTION, MORE, LAST], MORE.source),
    "a measurement alone": ([QUESTION, MEASURED, LEFT, MEASURED, LAST], STUB),
    "behind the next cell": ([QUESTION, OWN, LAST, MORE], TEXT),
    "before the question": ([MORE, QUESTION, OWN, LAST], TEXT),
    "before the question of a deleted answer": ([MORE, QUESTION, LAST], STUB),
    "with neither question nor answer": ([MORE, LAST], STUB),
    "blank": ([QUESTION, OWN, SubmittedCell("markdown", " ", "", "a1"), LAST], TEXT),
    "a released cell without its ids": (
        [SubmittedCell("markdown", "Why? "), OWN, SubmittedCell("code", "assert f()\n")],
        TEXT,
    ),
    "the next released cell of a deleted answer": (
        [QUESTION, SubmittedCell("code", "assert f()")],
        STUB,
    ),
}


@pytest.mark.parametrize(("cells", "text"), BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("scheme", ["", "\n\n### BEGIN MARK SCHEME\n1 B\n### END MARK SCHEME"])
def test_rebuild_reads_what_was_added_beside_an_answer(
    release: Any, cells: list[SubmittedCell], text: str, scheme: str
) -> None:
    release.cells[0].source += scheme
    assert answered(release, *cells).source == text


def test_rebuild_fences_code_that_has_fences_in_it(release: Any) -> None:
    code = SubmittedCell("code", "print('```')\n<script>", "", "a1")
    text = answered(release, QUESTION, OWN, code, LAST).source
    assert text == f"{TEXT}\n\n````python\nprint('```')\n<script>\n````"


def test_rebuild_keeps_what_an_added_cell_had_shown(release: Any) -> None:
    code = SubmittedCell("code", "measure()", "", "a1", output="```\n0.25 s")
    text = answered(release, QUESTION, OWN, code, LAST).source
    shown = "What it had shown, as saved by the student:\n\n````\n```\n0.25 s\n````"
    assert text == f"{TEXT}\n\n````python\nmeasure()\n````\n\n{shown}"


def test_rebuild_keeps_the_pictures_that_an_added_cell_had_shown(release: Any) -> None:
    drawn = ({"image/png": PNG}, {"image/png": PNG})
    code = SubmittedCell("code", "plot()", "", "a1", drawn=drawn)
    cell = answered(release, QUESTION, OWN, code, LAST)
    names = [f"shown-2-{number}" for number in range(2)]
    for name in names:
        assert f"![saved by the student](attachment:{name})" in cell.source
        assert cell.attachments[name] == {"image/png": PNG}
    assert "What it had shown, as saved by the student:" in cell.source


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (PICTURE, PICTURE),
        ({"a": {"image/png": [PNG[:4], "\n", PNG[4:]]}}, {"a": {"image/png": PNG}}),
        ({"a": {"image/png": PNG, "text/html": "<script>"}}, {"a": {"image/png": PNG}}),
        ({"a": {"image/svg+xml": "<svg onload=x>"}}, {}),
        ({"a": {"image/png": "no base64, this"}}, {}),
        ({"a": {"image/png": '"><script>'}}, {}),
        ({"a": {"image/png": ""}}, {}),
        ({"a": {"image/png": 5}, "b": 5, "c": None}, {}),
        ([PICTURE], {}),
        (None, {}),
    ],
)
def test_pictures_are_pictures_and_nothing_else(found: object, kept: object) -> None:
    assert pictures(found) == kept
