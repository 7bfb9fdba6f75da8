"""The simulated cache: by hand, against the plainest model, and on the loop orders of a product."""

import numpy as np
import pytest

from tinytorch.utils.caches import SimulatedCache, miss_rate
from tito.conditions.traces import trace


def plainest(cache, addresses):
    """A list of each set's lines, the last one used at the end."""
    count = cache.size // (cache.ways * cache.line)
    sets, missed = [[] for _ in range(count)], 0
    for address in addresses:
        number = address // cache.line
        held = sets[number % count]
        missed += number not in held
        held[:] = [*(line for line in held if line != number), number][-cache.ways :]
    return missed


def test_misses_by_hand():
    cache = SimulatedCache(size=128, ways=1, line=64)  # two sets of one line
    assert cache.misses([0, 63, 64, 128, 0, 64]) == 4  # 0 and 128 share a set, 64 has its own
    assert SimulatedCache(size=128, ways=2, line=64).misses([0, 64, 0, 128, 0, 64]) == 4
    assert cache.misses([]) == 0
    assert miss_rate(np.zeros((0, 3), int)) == 0.0


@pytest.mark.parametrize(("size", "ways", "line"), [(512, 2, 64), (1024, 4, 32), (256, 4, 64)])
def test_misses_agree_with_the_plainest_model(size, ways, line):
    addresses = np.random.default_rng(5).integers(0, 4096, 2000)
    cache = SimulatedCache(size, ways, line)
    assert cache.misses(addresses) == plainest(cache, addresses.tolist())
    assert cache.misses(iter(addresses.tolist())) == cache.misses(addresses)


@pytest.mark.parametrize(("size", "ways", "line"), [(0, 8, 64), (100, 8, 64), (-512, 8, 64)])
def test_a_cache_that_cannot_be_built(size, ways, line):
    with pytest.raises(ValueError, match="multiple of ways"):
        SimulatedCache(size, ways, line)


@pytest.mark.full
@pytest.mark.parametrize(
    ("order", "n", "percent"),
    [("ijk", 128, 33.6), ("ikj", 128, 2.1), ("jki", 128, 66.9), ("ijk", 129, 2.1)],
)
def test_miss_rate_of_loop_orders(order, n, percent):
    assert 100 * miss_rate(trace(order, n)) == pytest.approx(percent, abs=0.05)
