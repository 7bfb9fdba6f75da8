"""Sweeps over one argument: that they call what they say and count it right."""

import numpy as np
import pytest

from tinytorch.utils.sweeps import (
    PRODUCT,
    Sweep,
    block_chart,
    cores_at_a_time,
    step_times,
    sweep,
    thread_chart,
    thread_counts,
)
from tinytorch.utils.timing import Pass, Timing

pytestmark = pytest.mark.usefixtures("brief")


def took(seconds):
    return Timing((Pass(seconds, seconds, 1),))


def test_a_sweep_asks_for_each_value():
    asked = []

    def kernel(A, B, block_size):
        asked.append((A.shape, A.dtype, block_size))
        return A @ B

    chart = block_chart(sweep(kernel, 32, "block_size", [8, 16]))
    assert set(asked) == {((32, 32), np.dtype("float32"), size) for size in (8, 16)}
    assert [line.split()[0] for line in chart.table.splitlines()[1:3]] == ["8", "16"]


def test_the_law_is_fitted_to_every_second_number_of_threads():
    found = Sweep("", 10, {n: took(1 / n) for n in (1, 2, 4, 8)}, took(1.0))
    chart = thread_chart(found)
    assert [row[-1] for row in chart.rows] == ["-", "fits it", "tests it", "fits it"]


@pytest.mark.parametrize(
    ("cores", "counts"), [(1.0, [1, 2]), (2.0, [1, 2, 4]), (6.0, [1, 2, 4, 6, 12]), (None, [1, 2])]
)
def test_threads_are_swept_beyond_the_cores(monkeypatch, cores, counts):
    monkeypatch.setattr("tinytorch.utils.sweeps.cores_at_a_time", lambda: cores)
    assert thread_counts() == counts


@pytest.mark.parametrize(
    ("cores", "quota", "found"), [(4, None, 4), (4, 1.5, 1.5), (None, 2.0, 2.0), (None, None, None)]
)
def test_cores_at_a_time_are_no_more_than_a_container_allows(monkeypatch, cores, quota, found):
    monkeypatch.setattr("tinytorch.utils.sweeps.usable_cores", lambda: cores)
    monkeypatch.setattr("tinytorch.utils.sweeps.core_quota", lambda: quota)
    assert cores_at_a_time() == found


def test_sweep_names_the_kernel_and_the_argument():
    def matmul_with(A, B, width):
        return A @ B * width

    found = sweep(matmul_with, 16, "width", [1, 3])
    assert (found.kernel, found.n, list(found.times)) == ("matmul_with", 16, [1, 3])
    assert found.title == "matmul_with, n = 16, float32"
    assert min(found.reference.minimum, *(one.minimum for one in found.times.values())) > 0


def test_a_sweep_counts_operations():
    assert Sweep("", 1000, {8: took(2.0), 16: took(0.5)}, took(1.0)).rates == {8: 1.0, 16: 4.0}


def test_step_times_are_those_of_its_parts():
    times = step_times(16, 64)
    assert list(times)[0] == PRODUCT
    assert len(times) == 3
    assert all(one.minimum > 0 for one in times.values())
