"""The lesson's experiments: each answers its questions, on small matrices, with its spreads."""

import numpy as np
import pytest

from tinytorch.core import kernels
from tinytorch.core.layers import matmul_naive
from tinytorch.utils import experiments, rungs
from tinytorch.utils.charts import Chart
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.questions import EXPERIMENTS


@pytest.fixture(autouse=True)
def _known(brief, monkeypatch):
    monkeypatch.setattr("tinytorch.utils.experiments.threads.SECONDS_ASLEEP", 0.001)
    monkeypatch.setattr("tinytorch.utils.limits.peak_flops", lambda dtype="float32": 1e11)
    monkeypatch.setattr("tinytorch.utils.limits.bandwidth", lambda working_set: 1e10)


def attention_at_once(Q, K, V):
    scores = Q @ K.T / np.sqrt(Q.shape[1]).astype(Q.dtype)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ V


KERNELS = (
    kernels.matmul_custom,
    kernels.matmul_cache_optimized,
    kernels.matmul_parallel,
    kernels.matmul_vectorized,
)
SMALL = {
    "ruler": lambda: experiments.ruler(matmul_naive),
    "rates_by_size": lambda: experiments.rates_by_size((8, 16)),
    "cost_of_a_step": lambda: experiments.cost_of_a_step(matmul_naive, 4),
    "loop_orders": lambda: experiments.loop_orders(kernels.memory_trace, 12),
    "tile_sizes": lambda: experiments.tile_sizes(kernels.tiled_trace, 12),
    "numpy_ladder": lambda: experiments.numpy_ladder(8),
    "rates_by_type": lambda: experiments.rates_by_type(16),
    "roofs": lambda: experiments.roofs(
        kernels.matmul_vectorized, kernels.arithmetic_intensity, (16, 32)
    ),
    "sweep_blocks": lambda: experiments.sweep_blocks(kernels.matmul_cache_optimized, 32, (8, 16)),
    "chain": lambda: experiments.chain(16),
    "attention": lambda: experiments.attention(
        attention_at_once, kernels.attention_in_chunks, 64, 8
    ),
    "sweep_threads": lambda: experiments.sweep_threads(
        kernels.matmul_parallel, kernels.amdahl_speedup, 16, (1, 2)
    ),
    "threads_of_blas": lambda: experiments.threads_of_blas(32, 3),
    "side_by_side": lambda: experiments.side_by_side(KERNELS, 8),
    "dense_layer": lambda: experiments.dense_layer(KERNELS, kernels.amdahl_speedup, 8),
}


TIMING = {*SMALL} - {"loop_orders", "tile_sizes", "threads_of_blas"}
COMPARING = {"numpy_ladder", "rates_by_type", "chain", "attention", "side_by_side", "dense_layer"}
COMPARING |= {"sweep_blocks", "sweep_threads"}


@pytest.mark.parametrize("name", SMALL)
def test_an_experiment_answers_what_it_asks_with_figures_and_their_spread(name):
    found = SMALL[name]()
    assert set(found.figures) == set(EXPERIMENTS[name].questions)
    assert all(figure > 0 for figure in found.figures.values())
    head, rows = list(found.chart.head), found.chart.rows
    assert rows
    assert all(len(row) == len(head) for row in rows)
    assert "spread" in head or name not in TIMING
    if name in COMPARING:  # it tells whether a difference exceeds the spread
        told = {row[head.index("differs")] for row in rows}
        assert told <= {"-", "", "yes", "no", "not known"}


def test_an_experiment_shows_its_chart_wherever_it_is_run():
    found = SMALL["loop_orders"]()
    assert repr(found) == repr(found.chart)
    assert found._repr_html_().startswith("<figure")


def test_every_experiment_of_the_lesson_is_known_by_its_questions():
    assert {*SMALL, "climb"} == set(EXPERIMENTS)


@pytest.mark.full
def test_loop_order_shows_where_no_power_of_two_does():
    found = experiments.loop_orders(kernels.memory_trace, 100)
    assert [row[1] for row in found.chart.rows] == ["35.69 %", "2.12 %", "67.00 %"]
    assert found.figures == {"misses of jki": pytest.approx(67.0, abs=0.01)}


@pytest.mark.full
def test_the_largest_tiles_that_fit_miss_least():
    found = experiments.tile_sizes(kernels.tiled_trace)
    assert [row[1] for row in found.chart.rows] == ["2.63 %", "0.99 %", "0.78 %", "2.87 %"]
    assert found.figures == {"best tile": 16.0}


def test_a_power_of_two_misses_where_its_neighbour_does_not():
    found = experiments.two_sizes(kernels.memory_trace, (32, 33))
    assert [row[0] for row in found.chart.rows] == ["ijk, n = 32", "ijk, n = 33"]


def test_block_costs_are_the_parts_of_a_step():
    chart = experiments.block_costs((16,), n=64)
    assert isinstance(chart, Chart)
    parts = [int(row[-1].split()[0]) for row in chart.rows[1:]]
    assert sum(parts) == pytest.approx(100, abs=2)


def test_a_chain_keeps_its_numbers_as_large_as_they_are():
    from tinytorch.utils.experiments.blocks import _chain

    X = random_matrix(np.random.default_rng(1), 8, 8, "float32")
    for _ in range(100):
        _chain(X, 3)
    assert np.isfinite(X).all()
    assert 0.01 < abs(X).max() <= 8


@pytest.mark.parametrize("name", rungs.RUNGS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (9, 7, 13)])
def test_rungs_multiply(name, shape):
    m, n, p = shape
    rng = np.random.default_rng(m)
    A, B = random_matrix(rng, m, n, "float64"), random_matrix(rng, n, p, "float64")
    assert_multiplies(rungs.RUNGS[name], A, B, hint=name)
