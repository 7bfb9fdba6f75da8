"""A slice of the benchmark: no honest style fails by rounding. All 10,000 runs: `benchmarks/`."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "false_failures.py"
spec = importlib.util.spec_from_file_location("false_failures", PATH)
assert spec is not None
assert spec.loader is not None
benchmark: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


@pytest.mark.parametrize(
    "kernel", [pytest.param(kernel, id=name) for name, kernel in benchmark.styles()]
)
def test_false_failures_finds_none(kernel: Any) -> None:
    assert benchmark.false_failures(kernel, runs=15, largest=16, seed=20) == []


def test_false_failures_finds_a_narrower_sum() -> None:
    def matmul_vectorized(A: Any, B: Any) -> Any:
        return (A.astype("float32") @ B.astype("float32")).astype(A.dtype)

    assert benchmark.false_failures(matmul_vectorized, runs=20, largest=16, seed=20)
