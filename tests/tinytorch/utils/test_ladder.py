"""The ladder of compiled loops: each rung multiplies, in Python and compiled, and is measured."""

import sys
from functools import partial

import numpy as np
import pytest

from tinytorch.utils import ladder
from tinytorch.utils.checking import assert_multiplies, random_matrix
from tinytorch.utils.ladder import available, climb, rungs
from tinytorch.utils.timing import Pass, Timing

compiled = pytest.mark.skipif(not available(), reason="numba is an optional extra")
SHAPES = [(1, 1, 1), (3, 5, 2), (4, 8, 8), (9, 7, 13)]


@pytest.fixture
def without_numba(monkeypatch):
    rungs.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    yield
    rungs.cache_clear()


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles and panels with edges inside of small matrices."""
    for name, size in (("TALL", 3), ("LONG", 4), ("DEEP", 4)):
        monkeypatch.setattr(ladder, name, size)


def took(seconds):
    return Timing((Pass(seconds, seconds, 1),))


def matrices(m, n, p):
    rng = np.random.default_rng(m)
    return random_matrix(rng, m, n, "float32"), random_matrix(rng, n, p, "float32")


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("loops", [ladder.jki, ladder.ijk, ladder.ikj, ladder.tiled])
@pytest.mark.parametrize("shape", SHAPES)
def test_loops_multiply_in_python(loops, shape):
    assert_multiplies(ladder._kernel(loops), *matrices(*shape), hint="")


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("shape", SHAPES)
def test_packed_multiplies_in_python(threads, shape):
    kernel = partial(ladder.packed, ladder.multiply_panels, threads=threads)
    assert_multiplies(kernel, *matrices(*shape), hint="")


def test_packed_divides_all_panels_among_its_threads():
    done = []

    def panels(rows, columns, C, first, last):
        done.extend(range(first, last))

    A, B = matrices(7 * ladder.HIGH - 1, 3, 5)
    ladder.packed(panels, A, B, threads=3)
    assert sorted(done) == list(range(7))


@pytest.mark.usefixtures("small_tiles")
def test_pack_lays_out_panels_in_the_order_in_which_they_are_read():
    M = np.arange(15, dtype="float32").reshape(3, 5)
    panels = ladder.pack(M, 2)
    assert panels.shape == (2, 2, 2, 4)
    assert panels.flags.c_contiguous
    assert panels[0].tolist() == [[[0, 1, 2, 3], [5, 6, 7, 8]], [[10, 11, 12, 13], [0] * 4]]
    assert panels[1, :, :, 0].tolist() == [[4, 9], [14, 0]]
    assert not panels[1, :, :, 1:].any()


@compiled
@pytest.mark.parametrize("shape", [(1, 1, 1), (66, 130, 67), (9, 600, 5), (70, 600, 530)])
def test_rungs_multiply_compiled(shape):
    for name, kernel in rungs().items():
        assert_multiplies(kernel, *matrices(*shape), hint=name)


@compiled
@pytest.mark.parametrize(
    ("cores", "last"), [(1, "packed"), (None, "packed"), (3, "packed, 3 threads")]
)
def test_rungs_end_with_threads_where_there_are_cores(monkeypatch, cores, last):
    monkeypatch.setattr(ladder, "usable_cores", lambda: cores)
    assert list(rungs.__wrapped__())[-1] == last  # the compiled ones stay in the cache


@compiled
@pytest.mark.usefixtures("brief")
def test_climb_measures_every_rung_beside_the_product(monkeypatch):
    monkeypatch.setattr(ladder, "peak_flops", lambda: 1e12)
    found = climb(24)
    chart = found.chart
    assert chart.head == ["rung", "best", "spread", "GFLOP/s", "of A @ B", "of peak"]
    assert [name for name, *_ in chart.rows] == ["jki", "jki, n = 32", *list(rungs())[1:], "A @ B"]
    assert chart.rows[-1][4] == "1"
    assert list(found.figures) == ["loop order"]
    assert "n = 24" in chart.title


@compiled
def test_climb_measures_nothing_that_does_not_multiply(monkeypatch):
    monkeypatch.setattr(ladder, "rungs", lambda: {"halved": lambda A, B: A @ B / 2})
    monkeypatch.setattr(ladder, "in_turns", None)
    with pytest.raises(AssertionError, match="rung 'halved'"):
        climb(8)


def test_figures_follow_from_the_times():
    times = {"jki": took(0.02), "jki, n = 200": took(0.08), "A @ B": took(0.001)}
    assert ladder._chart(100, times, peak=4e9).rows == [
        ["jki", "20.0 ms", "-", "0.1", "0.05", "2.5 %"],
        ["jki, n = 200", "80.0 ms", "-", "0.2", "0.1", "5 %"],
        ["A @ B", "1.00 ms", "-", "2", "1", "50 %"],
    ]


@compiled
def test_a_rung_is_compiled_without_simd_and_the_others_with_it():
    import numba

    before = numba.config.LOOP_VECTORIZE
    rungs.__wrapped__()
    assert before == numba.config.LOOP_VECTORIZE


@pytest.mark.usefixtures("without_numba")
def test_climb_without_numba_says_how_to_get_it():
    assert not available()
    found = climb()
    assert "python -m pip install numba" in found.chart.title
    assert found.figures == {}
