"""Simple models against cases that can be worked out by hand."""

import pytest

from tinytorch.utils.models import amdahl, block_rate, roofline_rate, serial_share


def test_roofline_rate_is_bound_by_bytes_left_of_the_ridge_only():
    assert roofline_rate(12, peak=100.0, bandwidth=10.0) == pytest.approx(20.0)  # 12 / 6 flop/B
    assert roofline_rate(600, peak=100.0, bandwidth=10.0) == 100.0


def test_block_rate_nears_the_peak_with_the_block():
    assert block_rate(1, peak=2.0, overhead=1.0) == 1.0  # one second each
    assert block_rate(10, peak=2.0, overhead=0.0) == 2.0
    rates = [block_rate(size, 2.0, 1.0) for size in (1, 2, 4, 8)]
    assert rates == sorted(rates)
    assert rates[-1] < 2.0


def test_amdahl_at_its_ends_and_between():
    assert amdahl(0.0, 8) == 8.0
    assert amdahl(1.0, 8) == 1.0
    assert amdahl(0.1, 2) == pytest.approx(1 / 0.55)


@pytest.mark.parametrize(
    ("points", "cores", "share"),
    [
        ([(1, 1.0), (2, 2.0)], None, 0.0),
        ([(1, 1.0), (2, 1 / 0.55)], None, 0.1),
        ([(1, 1.0), (4, 0.5)], None, 1.0),
        ([(1, 1.0)], None, 1.0),
        ([(1, 1.0), (2, 2.2)], None, 0.0),
        ([(1, 1.0), (4, 1 / 0.55)], 2, 0.1),  # two of the four threads wait for a core
        ([(1, 1.0), (2, 1.1)], 1, 1.0),
    ],
)
def test_serial_share(points, cores, share):
    assert serial_share(points, cores) == pytest.approx(share)
