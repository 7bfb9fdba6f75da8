"""Reading solution cells, and choosing those that a graded cell needs."""

import pytest

from tito.grading.sources import needed_cells, read_cell

GIVEN = ["import numpy as np\n"]


def needed(wanted: str, **sources: str) -> list[str]:
    cells = {name: read_cell(name, source) for name, source in sources.items()}
    return [cell.name for cell in needed_cells(cells[wanted], cells, GIVEN)]


def test_needed_cells_leaves_out_what_is_not_used() -> None:
    assert needed("b", a="def f(): pass", b="def g(): return np.ones(1)") == ["b"]


def test_needed_cells_follows_uses_through_cells_in_order() -> None:
    sources = {"a": "x = 1", "b": "def f(): return g()", "c": "def g(): return x"}
    assert needed("b", **sources) == ["a", "b", "c"]


def test_needed_cells_takes_no_given_name_from_a_student() -> None:
    assert needed("b", a="np = None", b="def g(): return np.ones(1)") == ["b"]


def test_needed_cells_takes_imports_from_other_cells() -> None:
    sources = {"a": "from threading import Thread as T", "b": "def g(): return T()"}
    assert needed("b", **sources) == ["a", "b"]


def test_needed_cells_leaves_out_a_cell_that_is_not_python() -> None:
    assert needed("b", a="def f(:", b="def g(): return f()") == ["b"]


def test_read_cell_understands_magic_commands() -> None:
    cell = read_cell("a", "%%time\n%matplotlib inline\ndef f(): pass\n!ls\n")
    assert cell.tree is not None
    assert cell.defines == {"f"}


@pytest.mark.parametrize(
    "source",
    ["def f(:", "x = '\0'", "(" * 5000, "-" * 90_000 + "1", "x" * 200_000, "[" * 500 + "]" * 500],
)
def test_read_cell_says_why_there_is_no_tree(source: str) -> None:
    cell = read_cell("a", source)
    assert cell.tree is None
    assert cell.error
