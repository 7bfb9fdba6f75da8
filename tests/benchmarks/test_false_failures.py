"""A slice of the benchmark: no honest style fails by rounding. All 10,000 runs: `benchmarks/`."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.false_failures import false_failures, load, styles

pytestmark = pytest.mark.full


@pytest.mark.parametrize(("file", "cell"), styles())
def test_false_failures_finds_none(
    file: str, cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # one style writes a log
    assert false_failures(load(file, cell), runs=15, largest=16, seed=20) == []


def test_false_failures_finds_a_narrower_sum() -> None:
    def matmul_vectorized(A: Any, B: Any) -> Any:
        return (A.astype("float32") @ B.astype("float32")).astype(A.dtype)

    assert false_failures(matmul_vectorized, runs=20, largest=16, seed=20)
