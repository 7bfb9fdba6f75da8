"""Calls in this process."""

import os
import time
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import name_of
from tito.conditions.call import LocalCall
from tito.tracing.observe import CPUS, observe, pretend_cpus

ONE = np.ones((1, 1))


def matmul_cache_optimized(A: Any, B: Any, block_size: int = 64) -> Any:
    return A @ B


def test_local_call_knows_the_cut_parameter_that_it_is_given() -> None:
    assert LocalCall(matmul_cache_optimized, "block_size").cut == "block_size"
    assert LocalCall(matmul_cache_optimized).cut is None


class Kernel:
    def __call__(self, A: Any, B: Any) -> Any:
        return A @ B


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (matmul_cache_optimized, "matmul_cache_optimized"),
        (partial(matmul_cache_optimized, block_size=2), "matmul_cache_optimized"),
        (partial(partial(Kernel())), "Kernel"),
    ],
)
def test_local_call_takes_whatever_can_be_called(function: Any, name: str) -> None:
    assert LocalCall(function).__name__ == name_of(function) == name
    result = LocalCall(function).trace(np.ones((2, 3)), np.ones((3, 2)))
    assert result.log is not None
    assert result.value is not None
    assert result.value.tolist() == [[3, 3], [3, 3]]


def test_local_call_reports_what_was_raised() -> None:
    result = LocalCall(matmul_cache_optimized)(np.ones((2, 3)), np.ones((2, 3)))
    assert result.raised is not None
    assert "ValueError" in result.raised.kinds
    assert result.value is None


@pytest.mark.parametrize("traced", [False, True])
def test_local_call_works_on_copies(traced: bool) -> None:
    def scales(A: Any, B: Any) -> Any:
        A *= 2
        return A @ B

    A, call = np.ones((2, 2)), LocalCall(scales)
    result = (call.trace if traced else call)(A, np.ones((2, 2)))
    assert not result.unchanged
    assert A.sum() == 4


def test_local_call_times_the_product_beside_the_call() -> None:
    before = time.process_time()
    result = LocalCall(matmul_cache_optimized).time(np.ones((64, 64)), np.ones((64, 64)))
    assert result.log is not None
    assert min(result.seconds, result.reference) > 0
    assert result.seconds + result.reference <= time.process_time() - before
    assert result.untimed == ""


@pytest.mark.parametrize("way", ["trace", "time"])
def test_local_call_traces_rows_that_lie_together(way: str) -> None:
    strides = []

    def keeps(A: Any, B: Any) -> Any:
        strides.append(A.strides)
        return A @ B

    getattr(LocalCall(keeps), way)(np.ones((3, 2)).T, np.ones((3, 3)))
    assert strides == [(24, 8)]


def test_observe_notes_what_was_raised() -> None:
    def leaves(A: Any, B: Any) -> Any:
        raise SystemExit("gone")

    raised = observe(leaves, (ONE, ONE), {}).raised
    assert raised is not None
    assert (raised.kinds, raised.message) == (("SystemExit", "BaseException"), "gone")


def test_observe_shows_no_warnings() -> None:
    seen = observe(lambda A, B: A / 0, (ONE, ONE), {})
    assert seen.value is not None
    assert np.isinf(seen.value).all()


@pytest.mark.parametrize(
    ("made", "returned"),
    [
        ([1.0], "list"),
        (None, "NoneType"),
        (2.0, "float"),
        (Fraction(1, 2), "float"),
        (ONE, "ndarray"),
    ],
)
def test_observe_names_the_type_of_what_came_back(made: Any, returned: str) -> None:
    assert observe(lambda: made, (), {}).returned == returned


def test_pretend_cpus_shows_the_same_number_on_every_machine() -> None:
    before = os.cpu_count()
    with pretend_cpus():
        assert os.cpu_count() == CPUS
    assert os.cpu_count() == before
