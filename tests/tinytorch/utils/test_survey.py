"""What is measured for pictures beside a comparison, and what is drawn of it."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from tinytorch.utils import survey
from tinytorch.utils.gemm import ALL_THREADS, REFERENCE, Comparison, Measurement
from tinytorch.utils.survey import take_survey
from tinytorch.utils.timing import Pass, Timing


@pytest.fixture(autouse=True)
def _known(brief, monkeypatch):
    monkeypatch.setattr(survey.limits, "peak_flops", lambda dtype: 50e9)
    monkeypatch.setattr(survey.limits, "bandwidth", lambda working_set: 10e9)
    monkeypatch.setattr(survey, "cores_at_a_time", lambda: 2.0)
    monkeypatch.setattr("tinytorch.utils.sweeps.cores_at_a_time", lambda: 2.0)


@pytest.fixture(autouse=True)
def steady(monkeypatch):
    """Say how far repeats differ, whatever else this machine does: not at all, unless set."""
    spread = {"spread": 0.0}
    sweep = survey.sweep

    def steady_sweep(*rest):
        found, share = sweep(*rest), spread["spread"]
        waits = [0.0] if share is None else [0.0, share / 2, share]

        def steadied(one):
            seconds = one.minimum
            return Timing(tuple(Pass(seconds * (1 + wait), seconds, 1) for wait in waits))

        times = {value: steadied(one) for value, one in found.times.items()}
        return replace(found, reference=steadied(found.reference), times=times)

    monkeypatch.setattr(survey, "sweep", steady_sweep)
    return spread


def matmul_plain(A, B):
    return A @ B


def matmul_blocks(A, B, block_size=64):
    return A @ B


def matmul_rows(A, B, num_processes=None):
    return A @ B


def measurement(kernel, n, gflops):
    seconds = 2e-9 * n**3 / gflops
    return Measurement(kernel, n, seconds, seconds, 0.0, 3, 1, gflops, 1.0, 1.0)


def compared(*kernels, sizes=(16, 32), more=()):
    rows = [measurement(name, n, 40.0) for n in sizes for name in (REFERENCE, *kernels)]
    return Comparison("float32", True, (*rows, *more), ())


def taken(*kernels, **options):
    named = {kernel.__name__: kernel for kernel in kernels}
    return take_survey(named, compared(*named, **options))


def chart(found, title):
    return next(one for one in found.charts if one.title.startswith(title))


def test_a_plain_kernel_needs_no_sweep():
    found = taken(matmul_plain)
    assert [one.title for one in found.charts] == [
        "Speedup: n = 32, float32",
        "Rate by size: float32",
        "Roofline: float32, one core",
        "Predicted and measured, in GFLOP/s",
    ]
    assert found.notes == ()


def test_a_kernel_is_swept_over_the_argument_that_it_takes():
    found = taken(matmul_blocks, matmul_rows)
    blocks = chart(found, "Block size: matmul_blocks, n = 32")
    threads = chart(found, "Threads: matmul_rows, n = 32")
    assert [row[0] for row in blocks.rows][:5] == ["1", "2", "4", "8", "16"]
    assert [row[0] for row in threads.rows] == ["1", "2", "4"]


def test_no_long_call_is_repeated_for_each_value():
    slow = Measurement("matmul_blocks", 64, 2.0, 2.0, None, 1, 1, 0.1, 0.1, 1.0)
    found = taken(matmul_blocks, more=(slow,))
    assert chart(found, "Block size: matmul_blocks, n = 32")


def test_values_with_which_a_kernel_fails_are_noted_and_left_out():
    def matmul_even(A, B, block_size=64):
        if block_size < 4:
            raise ValueError("too small")
        return A @ B

    found = taken(matmul_even)
    assert [row[0] for row in chart(found, "Block size").rows][:3] == ["4", "8", "16"]
    assert len(found.notes) == 2
    assert all("Not drawn" in note and "too small" in note for note in found.notes)


def test_a_kernel_that_fails_with_every_value_is_not_drawn():
    def matmul_wrong(A, B, block_size=64):
        return np.zeros_like(A @ B)

    found = taken(matmul_wrong)
    assert not any(one.title.startswith("Block size") for one in found.charts)
    assert len(found.notes) == 5


@pytest.mark.parametrize(("spread", "doubtful"), [(0.05, False), (1.0, True), (None, True)])
def test_a_sweep_on_a_busy_machine_is_doubted(steady, spread, doubtful):
    steady["spread"] = spread
    assert len(chart(taken(matmul_blocks), "Block size").doubts) == doubtful


def test_kernels_that_were_not_compared_are_not_called():
    def matmul_unwritten(A, B, block_size=64):
        raise NotImplementedError

    kernels = {"matmul_plain": matmul_plain, "matmul_unwritten": matmul_unwritten}
    found = take_survey(kernels, compared("matmul_plain"))
    assert not any(one.title.startswith("Block size") for one in found.charts)


def test_all_stand_side_by_side_at_a_size_that_all_have_slowest_first():
    slow = Measurement("matmul_blocks", 16, 1.0, 2.0, None, 1, 1, 0.1, 0.1, 1.0)
    rows = [measurement(name, n, 40.0) for n in (16, 24) for name in (REFERENCE, "matmul_plain")]
    comparison = Comparison("float32", True, (*rows, slow), ())
    kernels = {"matmul_plain": matmul_plain, "matmul_blocks": matmul_blocks}
    first = chart(take_survey(kernels, comparison), "Speedup: n = 16")
    assert first.rows[0] == ["matmul_blocks", "1.00 s", "2.00 s", "1"]


def test_twice_that_size_is_tried_where_others_went_further():
    slow = measurement("matmul_blocks", 16, 0.1)
    rows = [measurement(name, n, 40.0) for n in (16, 64) for name in (REFERENCE, "matmul_plain")]
    comparison = Comparison("float32", True, (*rows, slow), ())
    kernels = {"matmul_plain": matmul_plain, "matmul_blocks": matmul_blocks}
    told = []
    assert chart(take_survey(kernels, comparison, told.append), "Speedup: n = 32")
    assert any(line.startswith("n = 32: A @ B") for line in told)


def test_the_peak_is_the_best_rate_of_any_product_and_threads_have_their_own_roof():
    more = (measurement(REFERENCE, 64, 60.0), measurement(ALL_THREADS, 64, 110.0))
    table = chart(taken(matmul_plain, more=more), "Roofline").table
    rows = {line.rpartition("  ")[0].split("  ")[0]: line.split() for line in table.splitlines()}
    assert rows["ridge, memory"][2:] == ["6", "60", "10"]
    assert rows["roof: BLAS threads"][-1] == "110"


def test_predictions_come_from_the_models_of_the_lesson(monkeypatch):
    seconds = {survey.PRODUCT: 9e-6, "adding": 2e-6, "cutting": 1e-6}
    parts = {name: Timing((Pass(one, one, 1),)) for name, one in seconds.items()}
    monkeypatch.setattr(survey, "step_times", lambda size, n: parts)
    found = taken(matmul_blocks, matmul_rows)
    rows = {row[0]: row for row in chart(found, "Predicted").rows}
    assert rows["A @ B, n = 16"][1::3] == ["26.7", "roofline"]  # 16 / 6 flop/B at 10 GB/s
    assert rows["A @ B, n = 32"][1] == "50"
    whole = 2 * 16**3 / 50e9 + 12e-6
    assert rows["matmul_blocks, 16"][1] == f"{2 * 16**3 / whole / 1e9:.3g}"
    two, four = rows["matmul_rows, 2 threads"], rows["matmul_rows, 4 threads"]
    assert two[1] == four[1]
    assert two[-1] == "one thread x cores"


def test_a_compiled_kernel_that_tells_no_arguments_is_not_swept():
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(max)
    assert len(taken(max).charts) == 4
