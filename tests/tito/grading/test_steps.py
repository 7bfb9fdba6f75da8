"""Counting Python steps."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tito.grading.steps import counting_steps

LOOPS: dict[str, Callable[[Any], Any]] = {
    "comprehension": lambda x: [v + 1 for v in x],
    "generator": lambda x: sum(v + 1 for v in x),
    "map": lambda x: list(map(lambda v: v + 1, x)),  # noqa: C417 (the style is the point)
    "vectorize": lambda x: np.vectorize(lambda v: v + 1)(x),
    "apply": lambda x: np.apply_along_axis(lambda v: v + 1, 1, x[:, None]),
}


def steps(function: Callable[[Any], Any], size: int) -> int:
    with counting_steps() as counted:
        function(np.ones(size))
    return counted.count


@pytest.mark.parametrize("loop", LOOPS)
def test_counting_steps_sees_a_loop_written_in_any_way(loop: str) -> None:
    steps(LOOPS[loop], 3)
    assert steps(LOOPS[loop], 200) - steps(LOOPS[loop], 100) >= 100


def test_counting_steps_sees_no_growth_in_one_operation() -> None:
    assert steps(lambda x: x @ x, 1000) == steps(lambda x: x @ x, 10)


def test_counting_steps_gives_the_tracer_back() -> None:
    before = sys.gettrace(), threading.gettrace()
    steps(len, 3)
    assert (sys.gettrace(), threading.gettrace()) == before
