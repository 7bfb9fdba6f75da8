"""The lesson as released: no solutions, and locked cells that ask what the judge asks.

Right and wrong kernels are files of `tests/corpora`, which the judge's own tests run as well.
"""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jupytext
import numpy as np
import pytest
from corpora import checks, entries, graded

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import LocalCall
from tito.course import Course
from tito.notebooks import load_config
from tito.tools.conditions import empty_sides, mismatch, no_python_loop

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "source" / "11_kernels" / "kernels_dev.py"

GIVEN = [f"kernels-{name}" for name in ("imports", "tools", "baseline", "attention", "cpus")]
SOLUTIONS = list(graded())
VECTORIZED, CACHE = "test-vectorized-immediate", "test-cache-immediate"
CHECKS = checks()
POINTS = {name: check.points for name, check in CHECKS.items()}


@pytest.fixture(autouse=True)
def whole_lines(monkeypatch):
    """Break no line of what a check prints."""
    monkeypatch.setattr("tito.conditions.results.COLUMNS", 10_000)


@pytest.fixture(scope="module")
def cells():
    """The source of each cell that has a grade id."""
    return by_name(jupytext.read(SOURCE, fmt="py:percent"))


@pytest.fixture(scope="module")
def released():
    """The cells as nbgrader hands them to students, with the course's settings."""
    from nbgrader.preprocessors import ClearSolutions

    config = load_config(Course.read(ROOT))
    notebook = jupytext.read(SOURCE, fmt="py:percent")
    return by_name(ClearSolutions(config=config).preprocess(notebook, {})[0])


@pytest.fixture(scope="module")
def namespace(cells):
    """What a student's kernel knows who has run every cell above the graded ones."""
    names = {"__name__": "lesson", "mp": SimpleNamespace(cpu_count=lambda: 2)}
    for name in [*GIVEN, *SOLUTIONS]:
        exec(cells[name], names)
    return names


@pytest.fixture(autouse=True)
def measured_speed(monkeypatch):
    """No clock decides a test: each function has nine tenths of the speed of ``A @ B``."""

    def time(call, *arrays, **options):
        return replace(call.trace(*arrays, **options), seconds=1.0, reference=0.9)

    monkeypatch.setattr(LocalCall, "time", time)


@pytest.fixture
def locked(released, namespace, capfd):
    """Run a locked cell, with other kernels on demand; return its lines and what it raised."""

    def run(name, *sources, **names):
        names = namespace | names
        for source in sources:
            exec(source, names)
        failure = None
        try:
            exec(released[name], names)
        except CheckFailure as raised:
            failure = raised
        out, err = capfd.readouterr()
        assert err == ""
        return out, failure

    return run


def by_name(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [cell for cell in cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in found}


def points(printed):
    """The points earned and to be had, from the line of each condition."""
    found = re.findall(r"^\w[\w ]+? +(\d+)/(\d+)  [^\n]+\.$", printed, re.MULTILINE)
    return sum(int(earned) for earned, _ in found), sum(int(most) for _, most in found)


def test_release_is_valid_python_without_solutions(released, cells):
    for name, source in released.items():
        compile(source, name, "exec")
        assert "###" not in source
    for name in SOLUTIONS:
        assert "raise NotImplementedError(" in released[name]
        assert "check_operands(" not in released[name]
        assert "return " in cells[name].partition("### BEGIN SOLUTION")[2]
        assert len(released[name]) < len(cells[name])


def test_release_leaves_all_other_cells_as_they_are(released, cells):
    assert {name for name in cells if released[name] != cells[name]} == set(SOLUTIONS)


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_asks_what_the_judge_asks(locked, name, monkeypatch):
    asked = []

    def noting(*arguments, cut=None):
        asked.append((*arguments, cut))

    monkeypatch.setattr("tito.tools.conditions.check", noting)
    locked(name)
    ((function, conditions, cut),) = asked
    shares = [(share.condition, share.points) for share in CHECKS[name].shares]
    assert (function.__name__, cut) == (CHECKS[name].function, CHECKS[name].cut)
    assert list(conditions.items()) == shares
    assert sum(worth for _, worth in shares) == POINTS[name]


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_fails_an_unwritten_kernel_in_plain_words(locked, released, name):
    printed, failure = locked(name, released[CHECKS[name].solution])
    assert points(printed) == (0, POINTS[name])
    assert str(failure) == (
        f"{CHECKS[name].function} is not written yet\n"
        "Hint: Replace the line that raises NotImplementedError by your solution."
    )


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_has_the_same_inputs_on_every_run(locked, namespace, name):
    kernel, runs = namespace[CHECKS[name].function], ([], [])

    def noting(run):
        def call(*arrays, **options):
            if all(type(x) is np.ndarray for x in arrays):  # others are traced
                seen = [(x.shape, x.dtype, x.strides, x.tobytes()) for x in arrays if x.size < 1000]
                run.append((seen, options))
            return kernel(*arrays, **options)

        call.__name__ = kernel.__name__
        return call

    for seed, run in enumerate(runs):
        np.random.seed(seed)
        locked(name, **{kernel.__name__: noting(run)})
    assert runs[0] == runs[1] != []


def test_locked_cell_tries_all_conditions_and_raises_the_first_failure(locked):
    kernel = """
def matmul_vectorized(A, B):
    if not A.size:
        raise RuntimeError("nothing to multiply")
    return np.array([row @ B[: len(row)] for row in A])
"""
    printed, failure = locked(VECTORIZED, kernel)
    failed = [line for line in printed.splitlines() if line.startswith("failed")]
    assert [line[21:] for line in failed] == [
        c.__doc__ for c in (empty_sides, mismatch, no_python_loop)
    ]
    assert points(printed) == (5, 10)
    assert failure.fact.endswith("raised RuntimeError: nothing to multiply")


def test_locked_cell_shows_doubt_without_raising(locked):
    kernel = """
def matmul_vectorized(A, B):
    check_operands(A, B)
    rows, columns = (np.frompyfunc(float, 1, 1)(x).tolist() for x in (A, B.T))
    C = [[sum(map(float.__mul__, row, column)) for column in columns] for row in rows]
    return np.array(C, np.result_type(A, B)).reshape(A.shape[0], B.shape[1])
"""
    printed, failure = locked(VECTORIZED, kernel)
    assert printed.count("for review      0/3  ") == 1
    assert failure is None
    assert points(printed) == (7, 10)


RIGHT = {
    name: entry
    for entry in reversed(entries("honest"))
    for name, points in entry.asked.items()
    if points == "full"
}
"""For each graded cell the first honest file that is about it."""

WRONG = {name: entry for entry in reversed(entries("wrong")) for name in entry.says}
"""For each graded cell the first wrong file that says what is wrong with it."""


def test_every_graded_cell_has_a_right_and_a_wrong_file():
    assert set(RIGHT) == set(WRONG) == set(CHECKS)


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_passes_the_reference_and_another_right_style(locked, name):
    for cells in ([], RIGHT[name].cells.values()):
        printed, failure = locked(name, *cells)
        assert failure is None
        assert points(printed) == (POINTS[name], POINTS[name])
        assert {line.partition(" ")[0] for line in printed.splitlines()} == {"passed"}


@pytest.mark.parametrize("name", POINTS)
def test_locked_cell_names_what_is_wrong(locked, name):
    printed, failure = locked(name, *WRONG[name].cells.values())
    assert re.search(WRONG[name].says[name], failure.fact)
    assert failure.fact.startswith(CHECKS[name].function)
    assert re.fullmatch(r"[^\n]+\.", failure.hint)
    first = re.search(r"^failed.*\n +(.*)\n(?: +Line.*\n)? +Hint: (.*)$", printed, re.MULTILINE)
    assert first.groups() == (failure.fact, failure.hint)


@pytest.mark.parametrize("side", ["rows", "columns", "inner"])
def test_locked_cell_hints_at_the_edge_that_was_dropped(locked, side):
    wrong = next(e for e in entries("wrong") if e.name == f"blocked_drops_ragged_{side}")
    printed, failure = locked(CACHE, *wrong.cells.values())
    assert printed.count("not tried") > printed.count("failed")
    assert "range(0, m, block_size)" in failure.hint
