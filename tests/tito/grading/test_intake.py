"""Intake: whatever a student hands in, the release is graded, with their solutions in it."""

import copy
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import v4

from tito.course import Limits
from tito.grading.intake import (
    Rejected,
    SubmittedCell,
    fingerprint,
    read_submission,
    rebuild,
)
from tito.lesson import assign_cell_ids, grade_id

LIMITS = Limits(notebook_mib=1, cells=20)
SOLUTION = "def double(x):\n    return 2 * x"
STUB = "def double(x):\n    raise NotImplementedError"
CHECK = "assert double(3) == 6"

Save = Callable[[object], Path]


def cell(grade_id: str, source: str, **flags: Any) -> Any:
    """Return a code cell with nbgrader's metadata."""
    made = v4.new_code_cell(source)
    made.metadata["nbgrader"] = nbformat.from_dict({"grade_id": grade_id, **flags})
    return made


@pytest.fixture
def release() -> Any:
    """A release of four cells: prose, a solution, its check, and a given cell to play with."""
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
def cells(release: Any) -> list[SubmittedCell]:
    """What a student hands in who wrote the solution and changed nothing else."""
    handed_in = [SubmittedCell(c.cell_type, c.source, grade_id(c), c.id) for c in release.cells]
    handed_in[1] = SubmittedCell("code", SOLUTION, "double", "double")
    return handed_in


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a file that is handed in: bytes as they are, all else as JSON."""

    def save(content: object) -> Path:
        file = tmp_path / "kernels.ipynb"
        file.write_bytes(
            content if isinstance(content, bytes) else json.dumps(content).encode("utf-8")
        )
        return file

    return save


def notebook_of(*cells: object) -> dict[str, object]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


# Rebuilding: the solution is found, and nothing else matters.


def rebuilt(release: Any, cells: list[SubmittedCell]) -> str:
    """Rebuild, check that all but the solution is the release's, and return the solution."""
    before = copy.deepcopy(release)
    notebook, _ = rebuild(release, cells)
    assert release == before
    found = notebook.cells[1].source
    notebook.cells[1].source = release.cells[1].source
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
def test_rebuild_notes_a_given_cell_that_was_deleted(
    release: Any, cells: list[SubmittedCell], name: str, place: int
) -> None:
    del cells[place]
    assert rebuilt(release, cells) == SOLUTION
    assert rebuild(release, cells)[1] == [f"The {name} is missing: its released text counts."]


@pytest.mark.parametrize(("name", "place"), GIVEN.items(), ids=GIVEN)
def test_rebuild_notes_a_given_cell_that_was_changed(
    release: Any, cells: list[SubmittedCell], name: str, place: int
) -> None:
    cells[place] = replace(cells[place], source="pass")
    assert rebuilt(release, cells) == SOLUTION
    assert rebuild(release, cells)[1] == [f"The {name} was changed: its released text counts."]


def test_rebuild_takes_space_around_a_given_cell_for_no_change(
    release: Any, cells: list[SubmittedCell]
) -> None:
    cells[2] = replace(cells[2], source=f"{CHECK}\n\n")
    assert rebuild(release, cells)[1] == []


def test_rebuild_notes_a_copy_of_a_check_that_says_something_else(
    release: Any, cells: list[SubmittedCell]
) -> None:
    cells.append(SubmittedCell("code", "double = lambda x: 6", "check-double"))
    assert rebuilt(release, cells) == SOLUTION
    assert len(rebuild(release, cells)[1]) == 1


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


def test_submission_counts_by_its_sources_alone(release: Any, save: Save) -> None:
    handed_in = copy.deepcopy(release)
    handed_in.metadata.kernelspec.name = "bash"
    handed_in.metadata["tito"] = {"status": "graded"}
    for one in handed_in.cells:
        one.metadata["tags"] = ["skip-execution"]
        one.metadata.setdefault("nbgrader", {}).update(points=100, schema_version=9, grade=True)
        one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "40 points"}]
    handed_in.cells[1].source = SOLUTION
    handed_in.nbformat_minor = 99
    assert rebuilt(release, read_submission(save(handed_in), LIMITS)) == SOLUTION


# Reading: what is no notebook is rejected in one sentence, whatever it is.

CODE = {"cell_type": "code", "metadata": {}, "source": "x = 1"}

REJECTED = {
    "nothing": (b"", "it is not JSON"),
    "prose": (b"My solution is attached.", "it is not JSON"),
    "cut short": (b'{"cells": [{"cell_type": "code", "sou', "it is not JSON"),
    "a program": (b"PK\x03\x04\xff\xfe", "not UTF-8"),
    "another encoding": ('{"cells": ["\u00e9"]}'.encode("latin-1"), "not UTF-8"),
    "UTF-16": ('{"cells": []}'.encode("utf-16"), "not UTF-8"),
    "an array": (b"[]", "not a notebook"),
    "null": (b"null", "not a notebook"),
    "a number": (b"40", "not a notebook"),
    "a number of many digits": (b"9" * 10_000, "not a notebook"),
    "a string": (b'"cells"', "not a notebook"),
    "an object without cells": (b"{}", "it has no cells"),
    "cells that are null": (b'{"cells": null}', "it has no cells"),
    "arrays in arrays": (b"[" * 100_000, "nested too deeply"),
    "arrays in arrays, closed": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "objects in objects": (b'{"cells":' * 100_000, "nested too deeply"),
    "deep metadata": (b'{"cells": [], "metadata": ' + b"[" * 100_000, "nested too deeply"),
    "too many cells": (
        json.dumps(notebook_of(*[CODE] * 21)).encode(),
        "has 21 cells; 20 are allowed",
    ),
    "too large": (b" " * (2**20 + 1), "larger than the 1 MiB allowed"),
}


@pytest.mark.parametrize(("content", "reason"), REJECTED.values(), ids=REJECTED)
def test_read_submission_rejects_what_is_no_notebook(
    save: Save, content: bytes, reason: str
) -> None:
    with pytest.raises(Rejected) as caught:
        read_submission(save(content), LIMITS)
    assert reason in caught.value.fact
    assert caught.value.fact.endswith(".")
    assert len(caught.value.fact) < 100


def test_read_submission_takes_a_notebook_at_its_limits(save: Save) -> None:
    text = json.dumps(notebook_of(*[CODE] * 20)).encode()
    assert len(read_submission(save(text.ljust(2**20)), LIMITS)) == 20


def link_to_a_notebook(path: Path) -> None:
    target = path.with_name("elsewhere.ipynb")
    target.write_text(json.dumps(notebook_of(CODE)), encoding="utf-8")
    path.symlink_to(target)


def link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.ipynb"))


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


# What may lie there in a file's place, and what is said of it.
NO_FILE = {
    "nothing": (lambda path: None, "There is no file"),
    "folder": (Path.mkdir, "is not a regular file"),
    "symbolic link": (link_to_a_notebook, "is a link"),
    "dangling link": (link_to_nothing, "is a link"),
    "link to itself": (link_to_itself, "is a link"),
    "FIFO": (os.mkfifo, "is not a regular file"),
    "socket": (lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "is not a"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize("suffix", [".ipynb", ".py"])
@pytest.mark.parametrize(("make", "reason"), NO_FILE.values(), ids=NO_FILE)
def test_read_submission_rejects_what_is_no_regular_file(
    tmp_path: Path, suffix: str, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / f"kernels{suffix}"
    make(path)
    with pytest.raises(Rejected, match=reason):
        read_submission(path, LIMITS)


# A cell as it stands in the file, and the source that is read from it.
SOURCES = {
    "a text": ({"source": "x = 1"}, "x = 1"),
    "a list of lines": ({"source": ["x = 1\n", "y = 2"]}, "x = 1\ny = 2"),
    "a list with a number in it": ({"source": ["x = 1\n", 3, None, "y = 2"]}, "x = 1\ny = 2"),
    "no source": ({}, ""),
    "null": ({"source": None}, ""),
    "a number": ({"source": 3}, ""),
    "an object": ({"source": {"x": 1}}, ""),
    "format 3": ({"input": "x = 1"}, "x = 1"),
    "newlines of Windows": ({"source": "x = 1\r\ny = 2"}, "x = 1\ny = 2"),
    "newlines of another age": ({"source": "x = 1\ry = 2"}, "x = 1\ny = 2"),
    "half a character": ({"source": "x = '\ud800'"}, "x = '?'"),
    "a whole one": ({"source": "x = '\u00e9\u4e2d'"}, "x = '\u00e9\u4e2d'"),
    "null metadata": ({"source": "x = 1", "metadata": None}, "x = 1"),
    "metadata of nbgrader that is null": (
        {"source": "x = 1", "metadata": {"nbgrader": None}},
        "x = 1",
    ),
    "a grade id that is a number": (
        {"source": "x = 1", "metadata": {"nbgrader": {"grade_id": 3}}, "id": 4},
        "x = 1",
    ),
}


@pytest.mark.parametrize(("given", "source"), SOURCES.values(), ids=SOURCES)
def test_read_submission_reads_the_source_of_a_cell_of_any_shape(
    save: Save, given: dict[str, object], source: str
) -> None:
    content = notebook_of({"cell_type": "code", **given})
    assert read_submission(save(content), LIMITS) == [SubmittedCell("code", source)]


def test_read_submission_reads_what_identifies_a_cell(save: Save) -> None:
    content = notebook_of({**CODE, "id": "a1", "metadata": {"nbgrader": {"grade_id": "double"}}})
    assert read_submission(save(content), LIMITS) == [
        SubmittedCell("code", "x = 1", "double", "a1")
    ]


def test_read_submission_passes_over_cells_that_are_none(save: Save) -> None:
    content = notebook_of(None, 3, "x", [CODE], CODE)
    assert read_submission(save(content), LIMITS) == [SubmittedCell("code", "x = 1")]


def test_read_submission_reads_the_worksheets_of_format_3(save: Save) -> None:
    sheets = [{"cells": [{"cell_type": "code", "input": "x = 1"}]}, None, {"cells": [CODE]}, {}]
    content = {"nbformat": 3, "worksheets": sheets}
    assert read_submission(save(content), LIMITS) == [SubmittedCell("code", "x = 1")] * 2


def test_read_submission_takes_a_byte_order_mark(save: Save) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(notebook_of(CODE)).encode()
    assert read_submission(save(content), LIMITS) == [SubmittedCell("code", "x = 1")]


def test_read_submission_reads_a_percent_file(tmp_path: Path) -> None:
    file = tmp_path / "kernels.py"
    text = f'# %% [markdown]\n# # Doubling\n\n# %% nbgrader={{"grade_id": "double"}}\n{SOLUTION}\n'
    file.write_text(text, encoding="utf-8")
    assert read_submission(file, LIMITS) == [
        SubmittedCell("markdown", "# Doubling", "", "cell-000"),
        SubmittedCell("code", SOLUTION, "double", "double"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"# caf\xe9", "cannot be read"),
        (b"# %%\nx = 1\n" * 21, "21 cells"),
        (b"#" * (2**20 + 1), "larger"),
    ],
    ids=["encoding", "cells", "size"],
)
def test_read_submission_rejects_a_percent_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "kernels.py"
    file.write_bytes(content)
    with pytest.raises(Rejected, match=reason):
        read_submission(file, LIMITS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "worksheets", "source", "input", "cell_type", "metadata"])
            | st.sampled_from(["nbgrader", "grade_id", "id"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
percent_lines = st.lists(
    st.sampled_from(
        [
            *("# %%", "# %% [markdown]", "# %% [raw]", '# %% nbgrader={"grade_id": "a"}', "x = 1"),
            *("# ---", "# jupyter:", "#   jupytext:", "#     text_representation:", '"""', "# +"),
            *("#       format_name: light", "# # text", "%timeit x", "#!/bin/sh", "\x0c", "\x00"),
        ]
    ),
    max_size=12,
).map("\n".join)
bounded = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read_whatever_it_is(path: Path) -> None:
    """Reading ends with cells whose values are texts a file can hold, or with a rejection."""
    try:
        cells = read_submission(path, LIMITS)
    except Rejected:
        return
    for one in cells:
        for value in (one.kind, one.source, one.grade_id, one.id):
            value.encode("utf-8")


@bounded
@given(content=json_values | st.builds(lambda cells: notebook_of(*cells), st.lists(json_values)))
def test_read_submission_survives_any_json(save: Save, content: object) -> None:
    read_whatever_it_is(save(content))


@bounded
@given(content=st.binary(max_size=200))
def test_read_submission_survives_any_bytes(save: Save, content: bytes) -> None:
    read_whatever_it_is(save(content))


@bounded
@given(text=percent_lines)
def test_read_submission_survives_any_percent_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kernels.py"
    file.write_text(text, encoding="utf-8")
    read_whatever_it_is(file)


@bounded
@given(content=st.lists(json_values, min_size=1, max_size=6))
def test_rebuild_survives_whatever_is_read(release: Any, save: Save, content: object) -> None:
    handed_in = read_submission(save({"cells": content}), LIMITS)
    rebuilt(release, handed_in)


# The fingerprint: what the grade depends on, and nothing else.


@pytest.fixture
def submitted(tmp_path: Path) -> Path:
    """The notebook that a student handed in, in a course tree with its source and release."""
    path = tmp_path / "submitted" / "ada" / "11_kernels" / "kernels.ipynb"
    for folder in ("source", "release"):
        file = tmp_path / folder / "11_kernels" / "kernels.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(folder, encoding="utf-8")
    path.parent.mkdir(parents=True)
    path.write_text("submitted", encoding="utf-8")
    path.with_name("timestamp.txt").write_text("2027-01-31 12:00:00 UTC", encoding="utf-8")
    return path


DEPENDS_ON = {
    "notebook": "submitted/ada/11_kernels/kernels.ipynb",
    "timestamp": "submitted/ada/11_kernels/timestamp.txt",
    "source": "source/11_kernels/kernels.ipynb",
    "release": "release/11_kernels/kernels.ipynb",
}


@pytest.mark.parametrize("change", ["edited", "deleted"])
@pytest.mark.parametrize("name", DEPENDS_ON.values(), ids=DEPENDS_ON)
def test_fingerprint_changes_with_what_the_grade_depends_on(
    submitted: Path, tmp_path: Path, name: str, change: str
) -> None:
    before = fingerprint(submitted, LIMITS)
    file = tmp_path / name
    if change == "deleted":
        file.unlink()
    else:
        file.write_text("edited", encoding="utf-8")
    assert fingerprint(submitted, LIMITS) != before


def test_fingerprint_stays_while_nothing_of_that_changes(submitted: Path, tmp_path: Path) -> None:
    before = fingerprint(submitted, LIMITS)
    os.utime(submitted, (0, 0))
    submitted.with_name("notes.txt").write_text("new", encoding="utf-8")
    other = tmp_path / "submitted" / "grace" / "11_kernels"
    other.mkdir(parents=True)
    (other / "kernels.ipynb").write_text("another", encoding="utf-8")
    assert fingerprint(submitted, LIMITS) == before


def test_fingerprint_tells_the_files_apart(submitted: Path, tmp_path: Path) -> None:
    before = fingerprint(submitted, LIMITS)
    source, release = (tmp_path / DEPENDS_ON[name] for name in ("source", "release"))
    source.write_text("sourcer", encoding="utf-8")
    release.write_text("elease", encoding="utf-8")
    assert fingerprint(submitted, LIMITS) != before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFO")
def test_fingerprint_takes_no_file_for_what_it_is(submitted: Path) -> None:
    submitted.unlink()
    os.mkfifo(submitted)
    assert len(fingerprint(submitted, LIMITS)) == 64
