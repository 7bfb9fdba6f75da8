"""The lesson's measurements: that they call what they say and count it right."""

import numpy as np
import pytest

from tinytorch.utils.experiments import (
    PRODUCT,
    Sweep,
    block_costs,
    cores_at_a_time,
    machine_name,
    rates_by_type,
    step_times,
    sweep,
    sweep_blocks,
    sweep_threads,
)


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    monkeypatch.setattr("tinytorch.utils.timing.BUDGET_SECONDS", 0.01)
    monkeypatch.setattr("tinytorch.utils.experiments.SECONDS_TO_REST", 0.0)


def test_sweep_blocks_asks_for_each_size():
    asked = []

    def kernel(A, B, block_size):
        asked.append((A.shape, A.dtype, block_size))
        return A @ B

    chart = sweep_blocks(kernel, 32, [8, 16])
    assert set(asked) == {((32, 32), np.dtype("float32"), size) for size in (8, 16)}
    assert [line.split()[0] for line in chart.table.splitlines()[1:3]] == ["8", "16"]


def test_sweep_threads_compares_with_the_first():
    asked = []

    def kernel(A, B, num_processes):
        asked.append(num_processes)
        return A @ B

    chart = sweep_threads(kernel, 16, [1, 2])
    assert set(asked) == {1, 2}
    assert chart.table.splitlines()[1].split() == ["1", "1.00", "1.00"]


@pytest.mark.parametrize(
    ("cores", "quota", "found"), [(4, None, 4), (4, 1.5, 1.5), (None, 2.0, 2.0), (None, None, None)]
)
def test_cores_at_a_time_are_no_more_than_a_container_allows(monkeypatch, cores, quota, found):
    monkeypatch.setattr("tinytorch.utils.experiments.usable_cores", lambda: cores)
    monkeypatch.setattr("tinytorch.utils.experiments.core_quota", lambda: quota)
    assert cores_at_a_time() == found


def test_sweep_names_the_kernel_and_the_argument():
    def matmul_with(A, B, width):
        return A @ B * width

    found = sweep(matmul_with, 16, "width", [1, 3])
    assert (found.kernel, found.n, list(found.seconds)) == ("matmul_with", 16, [1, 3])
    assert found.title == "matmul_with, n = 16, float32"
    assert min(found.reference, *found.seconds.values()) > 0


def test_a_sweep_counts_operations():
    assert Sweep("", 1000, {8: 2.0, 16: 0.5}, 1.0).rates == {8: 1.0, 16: 4.0}


def test_step_times_are_those_of_its_parts():
    times = step_times(16, 64)
    assert list(times)[0] == PRODUCT
    assert len(times) == 3
    assert all(seconds > 0 for seconds in times.values())


def test_block_costs_are_the_parts_of_a_step():
    lines = block_costs(16, n=64).splitlines()
    assert len(lines) == 5
    parts = [int(line.split()[-2]) for line in lines[2:]]
    assert sum(parts) == pytest.approx(100, abs=2)


def test_rates_by_type_are_against_the_first():
    lines = rates_by_type(16, ["float32", "int64"]).splitlines()
    assert lines[0].endswith("of float32")
    assert lines[1].split()[0::2] == ["float32", "1"]
    assert lines[2].split()[0] == "int64"


def test_machine_name_says_how_many_cores():
    assert " cores, " in machine_name()
