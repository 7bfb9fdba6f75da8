"""Names that a solution takes from cells that the grader does not run."""

import pytest

from tito.grading.intake.read import SubmittedCell
from tito.selftest.missing_names import defined_twice, free_names, missing_names
from tito.source_cells import read_cell

SOLVE = "def solve(x):\n    size = len(x)\n    return math.sqrt(size) + offset + np.pi"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (SOLVE, {"len", "math", "offset", "np"}),
        ("import math\ndef f():\n    return math.pi", set()),
        ("x = [i for i in y]", {"y"}),
        ("def f(:", set()),
    ],
)
def test_free_names_are_those_that_come_from_elsewhere(source: str, names: set[str]) -> None:
    assert free_names(source) == names


def said(*cells: SubmittedCell) -> list[str]:
    needed = {"solve": [read_cell("solve", SOLVE)]}
    return missing_names(needed, ["import numpy as np"], cells, {"solve"})


def test_missing_names_names_what_the_grader_will_not_have() -> None:
    helper = SubmittedCell("code", "offset = 3", "demo")
    assert said(SubmittedCell("code", "import math\nprint(math.pi)"), helper) == [
        "`math` is imported in cell 1, which the grader does not run: it runs solution cells only. "
        "Move it into cell solve.",
        "`offset` is defined in cell demo, which the grader does not run: it runs solution cells "
        "only. Move it into cell solve.",
    ]


def test_missing_names_says_nothing_of_names_that_nobody_defines() -> None:
    assert said(SubmittedCell("markdown", "offset = 3")) == []


def test_defined_twice_names_another_cell_that_defines_a_solution() -> None:
    own = SubmittedCell("code", "def solve(x):\n    return 1")
    part = SubmittedCell("code", SOLVE.partition("\n    return")[0])
    cells = [SubmittedCell("code", SOLVE, "solve"), part, own]
    assert defined_twice([read_cell("solve", SOLVE)], cells) == [
        "`solve` is defined in cell 3 as well, which the grader does not run: what cell solve "
        "defines counts."
    ]
