"""Reading solution cells, and choosing those that a graded cell needs."""

import pytest

from tito.source_cells import (
    MOST_SOURCE,
    imported_modules,
    needed_cells,
    read_cell,
    without_magic,
)

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


def test_read_cell_knows_all_names_that_it_binds() -> None:
    source = "def f(): x = 1\nclass C: pass\nimport a.b, c.d as e\nif f():\n    y = 2\n"
    assert read_cell("a", source).defines == {"f", "C", "a", "e", "y"}


def test_read_cell_takes_off_the_mark_of_an_editor() -> None:
    assert read_cell("a", "\ufeffx = 1").defines == {"x"}


def test_read_cell_understands_magic_commands() -> None:
    cell = read_cell("a", "%%time\n%matplotlib inline\ndef f(): pass\n!ls\n")
    assert cell.tree is not None
    assert cell.defines == {"f"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        "x = '\0'",
        "(" * 5000,
        "-" * 90_000 + "1",
        "x" * 200_000,
        "[" * 500 + "]" * 500,
        *(
            "return",
            "yield 1",
            "break",
            "def f(a, a): pass",
            "%%bash\nls *.py",
            "x = " + "not " * 20_000 + "x",
        ),
    ],
)
def test_read_cell_says_why_there_is_no_tree(source: str) -> None:
    cell = read_cell("a", source)
    assert (cell.name, cell.tree) == ("a", None)
    assert cell.problem
    assert cell.source == (source if len(source) <= MOST_SOURCE else "")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = = 1", "line 1: invalid syntax"),
        ("def f():\n    x = (1,\n", "line 2: '(' was never closed"),
        ("x = 1\ny = 2\n  z = 3", "line 3: unexpected indent"),
        ("%timeit x\nfor i in x\n    pass", "line 2: expected ':'"),
        ("x = 1\nreturn x", "line 2: 'return' outside function"),
        ("(" * 90_000, "line 1: too many nested parentheses"),
    ],
    ids=["operator", "parenthesis", "indentation", "after a magic", "return", "nested"],
)
def test_read_cell_names_the_line(source: str, problem: str) -> None:
    assert read_cell("a", source).problem == problem


@pytest.mark.parametrize(
    "source",
    [
        *("", "x = 1", "%timeit x", "%%time\nx = 1", "!ls *.py", "x = !ls", "x?", "await f()"),
        *("x = (3\n % 2)", "def f():\n    %time g()\n", "?x", "%who?", "t.x = %timeit y", "? f"),
    ],
)
def test_read_cell_allows_what_a_notebook_allows(source: str) -> None:
    assert read_cell("a", source).problem == ""


def test_read_cell_takes_sources_up_to_its_bound() -> None:
    assert read_cell("a", "x = 1" + "#" * (MOST_SOURCE - 5)).tree is not None
    problem = read_cell("a", "x = 1" + "#" * (MOST_SOURCE - 4)).problem
    assert problem == "it is longer than 100,000 characters"


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("%timeit f()", "pass"),
        ("    %matplotlib inline", "    pass"),
        ("!ls -l", "pass"),
        ("?np.dot", "pass"),
        ("np.dot??", "pass"),
        ("x = !ls", "x = None"),
        ("a, b = %magic 1", "a, b = None"),
        ("x = y != z", "x = y != z"),
        ("x %= 3", "x %= 3"),
        ("    % b)", "    % b)"),
        ("print('100%')", "print('100%')"),
    ],
)
def test_without_magic_takes_out_magic_commands_only(line: str, plain: str) -> None:
    assert without_magic(f"y = 1\n{line}\n") == f"y = 1\n{plain}\n"


def test_without_magic_leaves_blank_lines() -> None:
    assert without_magic(" \n\n") == " \n\n"


@pytest.mark.parametrize("first", ["%%time", "\n  %%capture out", "%%prun -s x"])
def test_without_magic_runs_the_rest_of_a_timed_cell(first: str) -> None:
    assert "f()" in without_magic(f"{first}\nf()\n")


@pytest.mark.parametrize(
    "source",
    [
        "x = !ls\n" * 8000,
        "x = 1 + " * 8000,
        "a, " * 20000 + "\n%%",
        " " * 60000 + "!",
        "%" * 60000,
        "x = " + "=" * 60000 + "\n!",
        "a?" * 30000,
        ("x" * 1900 + "\n") * 30,
    ],
)
def test_read_cell_takes_linear_time(source: str) -> None:
    """As work done, not as seconds: the regular expressions are tried on bounded lines."""
    assert read_cell("a", source).name == "a"


def test_read_cell_says_nothing_on_stderr() -> None:
    assert read_cell("a", "x = 1 is 1; y = '\\d'").tree is not None


def test_imported_modules_names_those_of_the_lesson() -> None:
    sources = ["import os, numpy as np\nfrom a.b import c\n", "def f(:", "x = 1\nimport sys"]
    assert imported_modules(sources) == ["os", "numpy", "a.b", "sys"]
