"""The lesson's measurements: that they call what they say and count it right."""

import numpy as np
import pytest

from tinytorch.utils.experiments import (
    block_costs,
    machine_name,
    rates_by_type,
    serial_share,
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
    ("points", "share"),
    [
        ([(1, 1.0), (2, 2.0)], 0.0),
        ([(1, 1.0), (2, 1 / 0.55)], 0.1),
        ([(1, 1.0), (4, 0.5)], 1.0),
        ([(1, 1.0)], 1.0),
        ([(1, 1.0), (2, 2.2)], 0.0),
    ],
)
def test_serial_share(points, share):
    assert serial_share(points) == pytest.approx(share)


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
