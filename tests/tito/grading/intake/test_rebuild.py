"""Rebuilding: whatever a student hands in, the release is graded, with their solutions in it."""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import v4

from tito.course import Limits
from tito.grading.intake.read import SubmittedCell, notebook_cells
from tito.grading.intake.rebuild import NOTE_KEY, given_notes, rebuild
from tito.lesson import assign_cell_ids, grade_id
from tito.source_cells import MOST_SOURCE

LIMITS = Limits(notebook_mib=1, cells=20)
SOLUTION = "def double(x):\n    return 2 * x"
STUB = "def double(x):\n    raise NotImplementedError"
CHECK = "assert double(3) == 6"


def cell(grade_id: str, source: str, **flags: Any) -> Any:
    """Return a code cell with nbgrader's metadata."""
    made = v4.new_code_cell(source)
    made.metadata["nbgrader"] = nbformat.from_dict({"grade_id": grade_id, **flags})
    return made


def a_release() -> Any:
    """Return a release of four cells: prose, a solution, its check, and a cell to play with."""
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Doubling"),
            cell("double", STUB, solution=True, locked=False),
            cell("check-double", CHECK, grade=True, locked=True, points=4),
            cell("try", "double(1)", locked=False),
        ]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    assign_cell_ids(notebook)
    return notebook


@pytest.fixture
def release() -> Any:
    return a_release()


@pytest.fixture
def cells(release: Any) -> list[SubmittedCell]:
    """What a student hands in who wrote the solution and changed nothing else."""
    handed_in = [SubmittedCell(c.cell_type, c.source, grade_id(c), c.id) for c in release.cells]
    handed_in[1] = SubmittedCell("code", SOLUTION, "double", "double")
    return handed_in


def rebuilt(release: Any, cells: list[SubmittedCell]) -> str:
    """Rebuild, check that all but the solution is the release's, and return the solution."""
    before = copy.deepcopy(release)
    notebook, _ = rebuild(release, cells)
    assert release == before
    found = notebook.cells[1].source
    notebook.cells[1].source = release.cells[1].source
    notebook.cells[1].metadata.pop(NOTE_KEY, "")
    assert notebook == release
    return found


# Cells that hold the solution, in the order of the notebook: kind, source, grade id, cell id.
FOUND = {
    "by its grade id": [("code", SOLUTION, "double", "another")],
    "by its cell id": [("code", SOLUTION, "", "double")],
    "by the function it defines": [("code", SOLUTION, "", "a1b2c3")],
    "by the function, with more around it": [
        ("code", f"import math\n\n\n{SOLUTION}\n\n\ndef more(): pass", "", "")
    ],
    "by grade id before cell id": [
        ("code", SOLUTION, "double", "a1b2c3"),
        ("code", "wrong", "", "double"),
    ],
    "by cell id before the function": [
        ("code", SOLUTION, "", "double"),
        ("code", "def double(x): wrong", "", "a1b2c3"),
    ],
    "the last of two": [
        ("code", "def double(x): wrong", "double", ""),
        ("code", SOLUTION, "double", ""),
    ],
    "the one that is written, before the stub": [
        ("code", SOLUTION, "double", ""),
        ("code", f"{STUB}\n", "double", ""),
    ],
    "not the one in a markdown cell": [
        ("code", SOLUTION, "double", "double"),
        ("markdown", "wrong", "double", "double"),
    ],
    "not the one of another grade id": [
        ("code", SOLUTION, "", ""),
        ("code", "def double(x): wrong", "try", "double"),
    ],
}


@pytest.mark.parametrize("handed_in", FOUND.values(), ids=FOUND)
def test_rebuild_finds_the_solution(release: Any, handed_in: list[tuple[str, ...]]) -> None:
    cells = [SubmittedCell(*values) for values in handed_in]
    assert "return 2 * x" in rebuilt(release, cells)


@pytest.mark.parametrize("name", ["double", ""])
def test_rebuild_finds_a_solution_that_no_parser_can_read(release: Any, name: str) -> None:
    broken = "def double(x:\n    return 2 x"
    assert rebuilt(release, [SubmittedCell("code", broken, name)]) == broken


def test_rebuild_keeps_the_stub_and_notes_that_the_solution_is_missing(
    release: Any, cells: list[SubmittedCell]
) -> None:
    del cells[1]
    assert rebuilt(release, cells) == STUB
    assert rebuild(release, cells)[1] == ["The solution cell double is missing."]


def test_rebuild_notes_nothing_where_only_the_solution_was_written(
    release: Any, cells: list[SubmittedCell]
) -> None:
    assert rebuilt(release, cells) == SOLUTION
    assert rebuild(release, cells)[1] == []


GIVEN = {"locked cell check-double": 2, "given cell try": 3}


@pytest.mark.parametrize(("name", "place"), GIVEN.items(), ids=GIVEN)
@pytest.mark.parametrize("change", ["is missing", "was changed"])
def test_what_is_given_comes_from_the_release_and_it_is_said(
    release: Any, cells: list[SubmittedCell], name: str, place: int, change: str
) -> None:
    if change == "is missing":
        del cells[place]
    else:
        cells[place] = replace(cells[place], source="pass")
    assert rebuild(release, cells)[1] == []
    assert rebuilt(release, cells) == SOLUTION
    assert given_notes(release, cells) == [f"The {name} {change}: its released text counts."]


def test_given_notes_take_space_around_a_cell_for_no_change(
    release: Any, cells: list[SubmittedCell]
) -> None:
    cells[2] = replace(cells[2], source=f"{CHECK}\n\n")
    assert given_notes(release, cells) == []


def test_given_notes_know_a_copy_of_a_check_that_says_something_else(
    release: Any, cells: list[SubmittedCell]
) -> None:
    cells.append(SubmittedCell("code", "double = lambda x: 6", "check-double"))
    assert rebuilt(release, cells) == SOLUTION
    assert len(given_notes(release, cells)) == 1


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [2, 1, 0, 3], [1, 0, 3, 2]], ids=str)
def test_rebuild_restores_the_order_of_the_release(
    release: Any, cells: list[SubmittedCell], order: list[int]
) -> None:
    assert rebuilt(release, [cells[place] for place in order]) == SOLUTION


@pytest.mark.parametrize(
    "extra",
    [
        SubmittedCell("code", "import os; os._exit(0)"),
        SubmittedCell("code", "points = 100", "bonus"),
        SubmittedCell("markdown", "def double(x): wrong"),
        SubmittedCell("raw", "raw", "double", "double"),
        SubmittedCell("", "", "", ""),
    ],
    ids=["code", "graded", "prose", "raw", "nothing"],
)
@pytest.mark.parametrize("place", [0, 4], ids=["first", "last"])
def test_rebuild_ignores_cells_that_were_added(
    release: Any, cells: list[SubmittedCell], extra: SubmittedCell, place: int
) -> None:
    cells.insert(place, extra)
    assert rebuilt(release, cells) == SOLUTION


def test_submission_counts_by_its_sources_alone(release: Any) -> None:
    handed_in = copy.deepcopy(release)
    handed_in.metadata.kernelspec.name = "bash"
    handed_in.metadata["tito"] = {"status": "graded"}
    for one in handed_in.cells:
        one.metadata["tags"] = ["skip-execution"]
        one.metadata.setdefault("nbgrader", {}).update(points=100, schema_version=9, grade=True)
        one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "40 points"}]
    handed_in.cells[1].source = SOLUTION
    handed_in.nbformat_minor = 99
    assert rebuilt(release, notebook_cells(json.dumps(handed_in).encode(), LIMITS)) == SOLUTION


# What was split, copied or left without its ids is put together again.

FIRST = "def double(x):\n    y = 2 * x"
SECOND = "    return y"
HELPER = "import math\n\n\ndef twice(x):\n    return 2 * x"
USES = "def double(x):\n    return twice(x)"
BROKEN = "def double(x:\n    return 2 x"
DEEP = f"def double(x):\n    return {'-' * 20_000}x"

# The cells in place of the solution: source, grade id, cell id; and what is graded.
PARTS = {
    "halves": ([(FIRST, "double", "double"), (SECOND, "double", "b2")], f"{FIRST}\n{SECOND}"),
    "three parts": (
        [(HELPER, "double", "a"), (FIRST, "double", "b"), (SECOND, "double", "c")],
        f"{HELPER}\n{FIRST}\n{SECOND}",
    ),
    "halves of which one lost its id": (
        [(FIRST, "double", "double"), (SECOND, "", "b2")],
        f"{FIRST}\n{SECOND}",
    ),
    "a helper and the function": (
        [(HELPER, "double", "double"), (USES, "double", "b2")],
        f"{HELPER}\n{USES}",
    ),
    "a helper, and the function without an id": (
        [(HELPER, "double", "double"), (USES, "", "b2")],
        f"{HELPER}\n{USES}",
    ),
    "a function with an id and more behind it": (
        [(SOLUTION, "double", "double"), ("double(3)", "", "b2")],
        SOLUTION,
    ),
    "the same twice": ([(SOLUTION, "double", "double"), (SOLUTION, "double", "b2")], SOLUTION),
    "a broken copy before": ([(BROKEN, "double", "a"), (SOLUTION, "double", "b")], SOLUTION),
    "a broken copy behind": ([(SOLUTION, "double", "a"), (BROKEN, "double", "b")], SOLUTION),
    "a copy that Python refuses to run": (
        [(f"{SOLUTION}\nreturn 1", "double", "a"), (SOLUTION, "double", "b")],
        SOLUTION,
    ),
    "a copy too deep to parse": ([(DEEP, "double", "a"), (SOLUTION, "double", "b")], SOLUTION),
    "a magic": (
        [("%%time\nx = !ls\n%timeit 1", "double", "a"), (SOLUTION, "double", "b")],
        f"%%time\nx = !ls\n%timeit 1\n{SOLUTION}",
    ),
    "nothing but broken ones": (
        [(BROKEN, "double", "a"), ("x = = 1", "double", "b")],
        f"{BROKEN}\nx = = 1",
    ),
    "the stub as its second half": ([(SOLUTION, "double", "a"), (STUB, "double", "b")], SOLUTION),
    "by its place": ([("double = lambda x: 2 * x", "", "b2")], "double = lambda x: 2 * x"),
}


@pytest.mark.parametrize(("parts", "graded"), PARTS.values(), ids=PARTS)
def test_rebuild_puts_a_solution_together(
    release: Any, cells: list[SubmittedCell], parts: list[tuple[str, str, str]], graded: str
) -> None:
    cells[1:2] = [SubmittedCell("code", *part) for part in parts]
    assert rebuilt(release, cells) == graded


def test_rebuild_says_that_it_joined_a_solution(release: Any, cells: list[SubmittedCell]) -> None:
    cells[1:2] = [SubmittedCell("code", part, "double") for part in (FIRST, SECOND)]
    notebook, notes = rebuild(release, cells)
    said = "This cell was found in 2 parts: they were joined in order."
    assert notes == [f"The solution cell double: {said}"]
    assert notebook.cells[1].metadata[NOTE_KEY] == said


def test_rebuild_says_that_it_passed_over_a_part(release: Any, cells: list[SubmittedCell]) -> None:
    cells[1:2] = [SubmittedCell("code", part, "double") for part in (BROKEN, SOLUTION)]
    said = "found in 2 parts: 1 that can be read as Python count, joined in order."
    assert said in rebuild(release, cells)[0].cells[1].metadata[NOTE_KEY]


def test_rebuild_leaves_out_a_solution_that_is_too_long(
    release: Any, cells: list[SubmittedCell]
) -> None:
    cells[1] = replace(cells[1], source="os " * MOST_SOURCE)
    found, notes = rebuilt(release, cells), rebuild(release, cells)[1]
    with pytest.raises(ValueError, match="it has 300,000 characters, and at most 100,000 are read"):
        exec(found)
    (note,) = notes
    assert note.removeprefix("The solution cell double: ") in found


# Whatever the text, the work grows with its length, not with its square.

LONG = {
    "one grade id": lambda n: [SubmittedCell("code", f"x = {i}", "double") for i in range(n)],
    "one answer": lambda n: [SubmittedCell("markdown", f"{i}", "answer") for i in range(n)],
    "no ids": lambda n: [SubmittedCell("code", "def double(x): pass") for _ in range(n)],
    "added cells": lambda n: [
        SubmittedCell("markdown", "# Doubling"),
        *(SubmittedCell("code", f"y{i}") for i in range(n)),
        SubmittedCell("markdown", "Done", "answer"),
    ],
    "nearly definitions": lambda n: [SubmittedCell("code", "def " * 40 * n, "", "double")],
    "blanks": lambda n: [SubmittedCell("code", f"def{' ' * 200 * n}", "", "x")],
    "nearly magics": lambda n: [SubmittedCell("code", "a, " * 30 * n, "double")] * 2,
    "fences": lambda n: [
        SubmittedCell("markdown", "Done", "answer"),
        SubmittedCell("code", "` " * 100 * n),
    ],
}


def seconds(release: Any, cells: list[SubmittedCell]) -> float:
    """Return the CPU seconds that rebuilding takes, at best."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        rebuild(release, cells)
        spent.append(time.process_time() - start)
    return min(spent)


@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_rebuild_takes_time_in_proportion(
    release: Any, make: Callable[[int], list[SubmittedCell]]
) -> None:
    release.cells.append(cell("answer", "YOUR ANSWER HERE", solution=True, grade=True, points=5))
    assert seconds(release, make(16000)) < 8 * max(seconds(release, make(4000)), 0.01)


texts = st.sampled_from([SOLUTION, STUB, CHECK, FIRST, SECOND, HELPER, BROKEN, "", "# Doubling"])
names = st.sampled_from(["", "double", "check-double", "try", "other"])
kinds = st.sampled_from(["code", "markdown", "raw", ""])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(handed_in=st.lists(st.builds(SubmittedCell, kinds, texts | st.text(), names, names)))
def test_rebuild_survives_whatever_is_handed_in(handed_in: list[SubmittedCell]) -> None:
    rebuilt(a_release(), handed_in)
