"""Reading what was handed in: a few texts of each cell, or one sentence that says why not."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tito.course import Limits
from tito.grading.intake.read import Rejected, SubmittedCell, notebook_cells, read_submission

LIMITS = Limits(notebook_mib=1, cells=20)
SOLUTION = "def double(x):\n    return 2 * x"

Save = Callable[[object], Path]


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


CODE = {"cell_type": "code", "metadata": {}, "source": "x = 1"}

REJECTED = {
    "nothing": (b"", "The file is empty"),
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


# What may lie there in a file's place, and what is said of it; tests of tito.files try the others.
NO_FILE = {
    "nothing": (lambda path: None, "is not there"),
    "link to a notebook": (link_to_a_notebook, "is a link"),
    "FIFO": (os.mkfifo, "is not a regular file"),
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


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ([{"output_type": "stream", "text": ["512\n", "lines\n"]}], "512\nlines"),
        ([{"output_type": "execute_result", "data": {"text/plain": "0.25"}}], "0.25"),
        ([{"output_type": "stream", "text": "\x1b[31mred\x1b[0m"}], "red"),
        ([{"output_type": "stream", "text": "x" * 9000}], "x" * 2000),
        ([{"output_type": "display_data", "data": {"text/html": "<b>"}}], ""),
        ([None, 3, {"data": 4}, {"text": {"a": 1}}], ""),
        ("no list", ""),
    ],
    ids=["stream", "result", "colours", "long", "html", "nonsense", "no list"],
)
def test_notebook_cells_keep_the_text_that_a_cell_had_shown(outputs: object, text: str) -> None:
    cell = {"cell_type": "code", "source": "f()", "metadata": {}, "outputs": outputs}
    data = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (found,) = notebook_cells(data.encode(), Limits())
    assert found.output == text


SMALL, LARGE = "QUJD", "QUJD" * 2**17


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        ([{"image/png": SMALL}], 1),
        ([{"image/png": [SMALL, "\n"], "text/html": "<b>"}] * 9, 4),
        ([{"image/png": LARGE}] * 3 + [{"image/png": SMALL}], 2),
        ([{"image/svg+xml": "<svg onload=x>"}, {"image/png": "no base64, this"}, {}], 0),
        ([None, 3], 0),
    ],
    ids=["one", "many", "large", "no picture", "nonsense"],
)
def test_notebook_cells_keep_some_pictures_that_a_cell_had_shown(
    shown: list[object], kept: int
) -> None:
    outputs = [{"output_type": "display_data", "data": data} for data in shown]
    cell = {"cell_type": "code", "source": "f()", "metadata": {}, "outputs": outputs}
    (found,) = notebook_cells(json.dumps({"cells": [cell]}).encode(), Limits())
    assert len(found.drawn) == kept
    assert all(set(one) == {"image/png"} for one in found.drawn)
