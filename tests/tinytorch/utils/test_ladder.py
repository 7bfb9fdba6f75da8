"""The compiled ladder: each rung is the product, and says so without Numba."""

import importlib
import sys

import numpy as np
import pytest

from tinytorch.utils import ladder
from tinytorch.utils.checking import assert_multiplies, random_matrix


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinytorch.utils.timing.BUDGET_SECONDS", 0.01)
    monkeypatch.setattr("tinytorch.utils.experiments.SECONDS_TO_REST", 0.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 7), (64, 64, 64), (66, 130, 67), (9, 600, 5)])
def test_rungs_multiply_every_shape(shape: tuple[int, int, int]) -> None:
    m, n, p = shape
    rng = np.random.default_rng(7)
    A, B = random_matrix(rng, m, n, "float32"), random_matrix(rng, n, p, "float32")
    for rung in ladder.rungs().values():
        assert_multiplies(rung, A, B, hint="")


def test_rungs_climb_from_the_worst_order_to_threads() -> None:
    names = list(ladder.rungs())
    assert names[:5] == ["jki", "ijk", "ikj", "tiled", "packed"]
    assert [name for name in names[5:] if "threads" not in name] == []


def test_climb_shows_each_rung_and_the_product() -> None:
    chart = ladder.climb(32)
    assert [row[0] for row in chart.rows] == [*ladder.rungs(), "A @ B"]
    assert "n = 32" in chart.title
    assert all(row[-1].endswith(" %") for row in chart.rows)


def test_ladder_without_numba_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    fresh = importlib.reload(ladder)
    with pytest.raises(ImportError, match="python -m pip install numba"):
        fresh.rungs()
