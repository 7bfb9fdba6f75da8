"""Lessons: found by name, read from both formats, their cells told apart."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4
from rights import read_only

from tito.course import Course, LessonSettings, Limits
from tito.errors import TitoError
from tito.lesson import (
    assign_cell_ids,
    cell_name,
    code_cells,
    find_lesson,
    grade_id,
    is_graded,
    is_locked,
    is_solution,
    read_notebook,
)

FORMATS = [".py", ".ipynb"]

PERCENT = """\
# %% [markdown]
# # A lesson

# %% nbgrader={"grade_id": "solve", "grade": false, "solution": true, "locked": false}
x = 1

# %% nbgrader={"grade_id": "check", "grade": true, "solution": false, "locked": true, "points": 3}
assert x == 1

# %%
%timeit x
"""

# What nbgrader's metadata says of a cell: grade, solution, locked; and what the cell is for us.
ROLES = {
    "solution": ({"solution": True, "locked": False}, {"solution"}),
    "check": ({"grade": True, "locked": True}, {"graded", "locked"}),
    "check that is not locked": ({"grade": True}, {"graded", "locked"}),
    "written answer": ({"grade": True, "solution": True}, {"graded", "solution"}),
    "given text": ({"locked": True}, {"locked"}),
    "given cell to play with": ({"locked": False}, set()),
    "cell of no name": (None, set()),
}

NO_NOTEBOOK = {
    "nothing": "",
    "prose": "def f(): pass",
    "cut short": '{"cells": [',
    "a list": "[]",
    "null": "null",
    "a number": "3",
    "an object without cells": "{}",
    "cells that are null": '{"cells": null, "nbformat": 4}',
    "a cell that is a number": '{"cells": [3], "nbformat": 4, "nbformat_minor": 5}',
    "a format of the future": '{"cells": [], "nbformat": 99}',
}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course of two lessons, of which only the settings exist."""
    lessons = {"03_layers": LessonSettings("Layers"), "11_kernels": LessonSettings("Kernels")}
    return Course(tmp_path, "tinytorch", "TinyTorch", "", None, lessons, 0.0, "auto", Limits())


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str], Path]:
    """Write the notebook of PERCENT in the format of a suffix."""

    def save(suffix: str) -> Path:
        file = tmp_path / f"lesson{suffix}"
        if suffix == ".py":
            file.write_text(PERCENT, encoding="utf-8")
        else:
            nbformat.write(read_notebook(save(".py")), file)
        return file

    return save


def named_cell(grade_id: str | None = None, **flags: bool) -> Any:
    """Return a code cell with nbgrader's metadata, or without any."""
    cell = v4.new_code_cell("x = 1")
    if grade_id is not None:
        cell.metadata["nbgrader"] = nbformat.from_dict({"grade_id": grade_id, **flags})
    return cell


@pytest.mark.parametrize("name", ["kernels", "11", "11_kernels", "KERNELS", "11_Kernels", " 11 "])
def test_find_lesson_takes_name_number_and_id_in_any_case(course: Course, name: str) -> None:
    lesson = find_lesson(course, name)
    assert (lesson.number, lesson.name, lesson.title) == ("11", "kernels", "Kernels")


@pytest.mark.parametrize("name", ["kernel", "1", "", "12_kernels", "kernels.ipynb", "../layers"])
def test_find_lesson_lists_the_known_ones_beside_an_unknown_one(course: Course, name: str) -> None:
    with pytest.raises(TitoError) as caught:
        find_lesson(course, name)
    assert repr(name) in caught.value.fact
    assert caught.value.remedy.endswith("Name one of: layers, kernels.")
    assert caught.value.exit_code == 2


def test_find_lesson_names_all_that_could_be_meant(course: Course) -> None:
    course.lessons["12_kernels"] = LessonSettings("Kernels again")
    with pytest.raises(TitoError) as caught:
        find_lesson(course, "kernels")
    assert caught.value.fact == "'kernels' names several lessons."
    assert caught.value.remedy == "Name one of: 11_kernels, 12_kernels."
    assert find_lesson(course, "12_kernels").title == "Kernels again"
    assert find_lesson(course, "kernels again").number == "12"


def test_lesson_knows_where_its_files_lie(course: Course) -> None:
    lesson = find_lesson(course, "kernels")
    assert lesson.source == course.root / "modules/source/11_kernels/kernels_dev.py"
    assert lesson.working_copy == course.root / "modules/source/11_kernels/kernels.ipynb"
    assert lesson.released == course.root / "assignments/release/11_kernels/kernels.ipynb"
    assert lesson.handed_in("ada") == (
        course.root / "assignments/submitted/ada/11_kernels/kernels.ipynb"
    )
    assert lesson.module == "tinytorch.core.kernels"
    assert lesson.checks == course.root / "modules/source/11_kernels/checks.py"


def test_read_checks(course: Course) -> None:
    lesson = find_lesson(course, "kernels")
    assert lesson.read_checks() == ""
    lesson.folder.mkdir(parents=True)
    lesson.checks.write_text("CHECKS = {}  # für alle\n", encoding="utf-8")
    assert lesson.read_checks() == "CHECKS = {}  # für alle\n"
    lesson.checks.write_bytes(b"\xff")
    with pytest.raises(TitoError, match=r"checks\.py cannot be read: .*0xff.* Save it again"):
        lesson.read_checks()


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_gives_the_same_cells_from_both_formats(
    save: Callable[[str], Path], suffix: str
) -> None:
    notebook = read_notebook(save(suffix))
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code", "code"]
    assert [cell.source for cell in code_cells(notebook)] == ["x = 1", "assert x == 1", "%timeit x"]
    assert [cell.id for cell in notebook.cells] == ["cell-000", "solve", "check", "cell-003"]
    assert [cell_name(notebook, cell) for cell in notebook.cells] == [
        "number 1",
        "solve",
        "check",
        "number 4",
    ]


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_takes_a_file_that_begins_with_a_byte_order_mark(
    save: Callable[[str], Path], suffix: str
) -> None:
    file = save(suffix)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(read_notebook(file).cells) == 4


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_takes_the_newlines_of_windows(
    save: Callable[[str], Path], suffix: str
) -> None:
    file = save(suffix)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert [cell.source for cell in code_cells(read_notebook(file))][0] == "x = 1"


@pytest.mark.parametrize("name", ["lesson.txt", "lesson", "lesson.ipynb.bak", "lesson.PY"])
def test_read_notebook_refuses_another_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PERCENT, encoding="utf-8")
    with pytest.raises(TitoError, match="neither a notebook nor a percent file") as caught:
        read_notebook(tmp_path / name)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_names_a_file_that_is_missing(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"missing{suffix}"
    with pytest.raises(TitoError) as caught:
        read_notebook(file)
    assert caught.value.fact == f"There is no file {file}."
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_names_a_file_that_is_not_utf8(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"latin{suffix}"
    file.write_bytes("# é".encode("latin-1"))
    with pytest.raises(TitoError, match="cannot be read.*utf-8") as caught:
        read_notebook(file)
    assert caught.value.remedy == "Save it again as UTF-8."


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_names_a_file_that_may_not_be_read(tmp_path: Path, suffix: str) -> None:
    file, empty = tmp_path / f"kernels{suffix}", tmp_path / "empty"
    file.touch()
    file.chmod(0)
    empty.mkdir()
    with read_only(empty), pytest.raises(TitoError, match="cannot be read: Perm") as caught:
        read_notebook(file)
    assert caught.value.remedy.startswith("Change its rights")


@pytest.mark.parametrize("suffix", FORMATS)
def test_read_notebook_names_a_folder(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    with pytest.raises(TitoError, match="cannot be read"):
        read_notebook(folder)


@pytest.mark.parametrize("text", NO_NOTEBOOK.values(), ids=NO_NOTEBOOK)
def test_read_notebook_refuses_what_is_no_notebook_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.ipynb"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TitoError, match=r"broken\.ipynb is not a notebook: ") as caught:
        read_notebook(file)
    assert "\n" not in str(caught.value)


def test_read_notebook_refuses_deep_nesting(tmp_path: Path) -> None:
    file = tmp_path / "deep.ipynb"
    file.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(TitoError, match="is not a notebook"):
        read_notebook(file)


# An editor other than Jupyter, or a cell copied by hand: both happen, and neither is a warning's
# worth, as every cell is given its id anew.
@pytest.mark.parametrize("ids", [["same", "same"], [None, None]], ids=["twice", "none"])
def test_read_notebook_takes_cells_without_an_id_of_their_own(
    tmp_path: Path, ids: list[str | None]
) -> None:
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": []}
    cells = [{**cell, "execution_count": None, **({"id": i} if i else {})} for i in ids]
    file = tmp_path / "ids.ipynb"
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    file.write_text(text, encoding="utf-8")
    assert [cell.id for cell in read_notebook(file).cells] == ["cell-000", "cell-001"]


@pytest.mark.parametrize("metadata", ["null", "3", '"solve"', "[]"])
def test_read_notebook_takes_nbgrader_metadata_of_any_shape_for_none(
    tmp_path: Path, metadata: str
) -> None:
    file = tmp_path / "odd.py"
    file.write_text(f"# %% nbgrader={metadata}\nx = 1\n", encoding="utf-8")
    (cell,) = read_notebook(file).cells
    assert grade_id(cell) == ""
    assert not any(role(cell) for role in (is_graded, is_solution, is_locked))


@pytest.mark.parametrize("header", ["jupytext: 3", "kernelspec: 3", "jupytext: {main_language: 3}"])
def test_read_notebook_refuses_a_percent_file_with_a_broken_header(
    tmp_path: Path, header: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_text(f"# ---\n# jupyter:\n#   {header}\n# ---\n# %%\nx = 1\n", encoding="utf-8")
    with pytest.raises(TitoError, match=r"broken\.py is not a"):
        read_notebook(file)


def test_read_notebook_gives_the_same_ids_on_every_run(save: Callable[[str], Path]) -> None:
    file = save(".py")
    first, second = read_notebook(file), read_notebook(file)
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]


def test_assign_cell_ids_makes_every_id_unique_and_legal() -> None:
    names = ["a-3", "a", "a-2", "a", "a", "ü b/c", "x" * 200, "x" * 200, "", None, "cell-007"]
    notebook = v4.new_notebook(cells=[named_cell(name) for name in names])
    assign_cell_ids(notebook)
    nbformat.validate(notebook)  # of an id twice it warns, and a warning is an error here
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(names)
    assert ids[:2] == ["a-3", "a"]


def test_assign_cell_ids_brings_older_notebooks_to_a_format_with_ids() -> None:
    notebook = v4.new_notebook(cells=[named_cell("a")])
    notebook.nbformat_minor = 2
    assign_cell_ids(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)


@pytest.mark.parametrize("value", [None, 3, ["a"], {"a": 1}], ids=str)
def test_grade_id_is_empty_where_the_metadata_holds_no_text(value: object) -> None:
    cell = v4.new_code_cell("")
    cell.metadata["nbgrader"] = {"grade_id": value}
    assert grade_id(cell) == ""


@pytest.mark.parametrize(("flags", "roles"), ROLES.values(), ids=ROLES)
def test_cell_has_the_roles_that_its_metadata_names(
    flags: dict[str, bool] | None, roles: set[str]
) -> None:
    cell = named_cell() if flags is None else named_cell("name", **flags)
    tests = {"graded": is_graded, "solution": is_solution, "locked": is_locked}
    assert {role for role, holds in tests.items() if holds(cell)} == roles


def test_find_lesson_knows_its_title(course: Course) -> None:
    lesson = find_lesson(course, "kernels")
    assert find_lesson(course, lesson.title.upper()) == lesson


def test_find_lesson_names_the_one_that_is_meant(course: Course) -> None:
    with pytest.raises(TitoError, match=r"no lesson 'kernel'\. Did you mean 'kernels'\? Name"):
        find_lesson(course, "kernel")
