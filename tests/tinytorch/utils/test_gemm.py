"""Comparing kernels: which are measured, at which sizes, and against what."""

from contextlib import contextmanager
from types import ModuleType

import numpy as np
import pytest

from tinytorch.utils import gemm
from tinytorch.utils.gemm import ALL_THREADS, REFERENCE, compare, kernels_in


@pytest.fixture
def blas(monkeypatch):
    """Whether BLAS can be held to one thread, and whether it is."""
    state = {"can": True, "held": False}

    @contextmanager
    def hold():
        state["held"] = state["can"]
        yield state["can"]
        state["held"] = False

    monkeypatch.setattr(gemm, "one_blas_thread", hold)
    return state


@pytest.fixture
def run(fake, blas, monkeypatch):
    """Compare kernels on the fake clock, on which ``A @ B`` takes a second at n = 1000."""

    def matmul(A, B):
        fake.work((len(A) / 1000) ** 3)
        return np.matmul(A, B)

    monkeypatch.setattr(gemm.operator, "matmul", matmul)

    def run(sizes, **kernels):
        return compare(kernels, sizes, clock=fake.clock)

    return run


@pytest.fixture
def taking(fake):
    """Make a correct kernel that takes so many seconds at n = 1000, and some more at any n."""

    def taking(seconds, overhead=0.0, cores=1.0):
        def kernel(A, B):
            fake.work(seconds * (len(A) / 1000) ** 3 + overhead, cores)
            return A @ B

        return kernel

    return taking


def by_kernel(comparison, n):
    return {one.kernel: one for one in comparison.measurements if one.n == n}


def sizes_of(comparison, kernel):
    return [one.n for one in comparison.measurements if one.kernel == kernel]


def test_kernels_in_are_the_matmul_functions_a_module_exports():
    module = ModuleType("lesson")
    module.matmul_one = module.matmul_two = module.matmul_imported = module.other = len
    module.matmul_size = 3
    module.__all__ = ["matmul_one", "matmul_two", "matmul_size", "other"]
    assert list(kernels_in(module)) == ["matmul_one", "matmul_two"]


def test_kernels_in_a_module_without_all():
    module = ModuleType("lesson")
    module.matmul_one, module.np = len, np
    assert list(kernels_in(module)) == ["matmul_one"]


def test_compare_relates_speed_to_the_reference(run, taking):
    found = by_kernel(run([100], matmul_half=taking(2.0, cores=1.5)), 100)
    half = found["matmul_half"]
    assert half.best_seconds == pytest.approx(0.002)
    assert half.gflops == pytest.approx(1.0)
    assert half.share == pytest.approx(0.5)
    assert half.cores == pytest.approx(1.5)
    assert found[REFERENCE].share == 1.0


def test_compare_measures_each_size_once_and_in_order(run, taking):
    comparison = run([200, 100, 200], matmul_x=taking(1.0))
    assert sizes_of(comparison, "matmul_x") == [100, 200]


def test_compare_leaves_a_slow_kernel_out_where_a_call_takes_too_long(run, taking):
    comparison = run([64, 100, 256], matmul_slow=taking(1000.0), matmul_x=taking(1.0))
    assert sizes_of(comparison, "matmul_slow") == [64, 100]
    assert sizes_of(comparison, "matmul_x") == [64, 100, 256]
    assert "matmul_slow ends before n = 256: a call would take about 16.8 s." in comparison.notes


def test_compare_adds_a_small_size_for_a_kernel_too_slow_for_all(run, taking):
    comparison = run([256], matmul_slow=taking(1000.0), matmul_x=taking(1.0))
    assert sizes_of(comparison, "matmul_slow") == [64]
    assert sizes_of(comparison, REFERENCE) == [64, 256]


def test_compare_does_not_mistake_a_slow_start_for_slow_work(run, taking):
    comparison = run([256, 1024], matmul_pool=taking(0.5, overhead=0.3))
    assert sizes_of(comparison, "matmul_pool") == [256, 1024]


def test_compare_measures_all_threads_last_and_not_held(run, blas, taking, fake):
    comparison = run([64, 128], matmul_x=taking(1.0))
    assert comparison.one_blas_thread
    assert sizes_of(comparison, ALL_THREADS) == [64, 128]
    assert not blas["held"]


def test_compare_holds_blas_while_kernels_are_measured(run, blas, taking):
    seen, kernel = [], taking(1.0)

    def matmul_x(A, B):
        seen.append(blas["held"])
        return kernel(A, B)

    run([100], matmul_x=matmul_x)
    assert all(seen)


def test_compare_says_so_when_blas_cannot_be_held(run, blas, taking):
    blas["can"] = False
    comparison = run([64], matmul_x=taking(1.0))
    assert not comparison.one_blas_thread
    assert sizes_of(comparison, ALL_THREADS) == []
    assert "threadpoolctl" in comparison.notes[0]


def unwritten(A, B):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("kernel", "cause"),
    [
        (lambda A, B: None, "NoneType"),
        (lambda A, B: B @ A, "matmul_bad"),
        (lambda A, B: np.zeros_like(A @ B), "zero"),
        (unwritten, "not written"),
        (lambda A, B: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_compare_does_not_measure_what_does_not_multiply(run, taking, kernel, cause):
    kernel.__name__ = "matmul_bad"
    comparison = run([64], matmul_bad=kernel, matmul_x=taking(1.0))
    assert comparison.kernels == {"matmul_x"}
    assert any(note.startswith("Not measured") and cause in note for note in comparison.notes)


def test_compare_notes_an_unsteady_machine(run, fake, monkeypatch):
    seconds = iter(range(1, 1000))

    def matmul(A, B):
        fake.work(0.01 * next(seconds))
        return np.matmul(A, B)

    monkeypatch.setattr(gemm.operator, "matmul", matmul)
    assert any("differ widely at n = 64" in note for note in run([64]).notes)


def test_compare_uses_the_same_float32_matrices_in_every_run(run, taking):
    seen, kernel = [], taking(1.0)

    def matmul_x(A, B):
        seen.append((A, B))
        return kernel(A, B)

    for _ in range(2):
        run([100], matmul_x=matmul_x)
    (A, B), *_, (again, _) = [(A, B) for A, B in seen if A.shape == (100, 100)]
    assert A.dtype == B.dtype == np.float32
    np.testing.assert_array_equal(A, again)
    assert not np.array_equal(A, B)
