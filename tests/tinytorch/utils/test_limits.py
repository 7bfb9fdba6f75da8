"""What the machine can do: that figures are of the right kind, never how large they are."""

import numpy as np
import pytest

from tinytorch.utils.limits import bandwidth, peak_flops


def test_peak_flops_counts_what_a_product_does(monkeypatch):
    monkeypatch.setattr("tinytorch.utils.limits._least_seconds", lambda call: 0.5)
    assert peak_flops("float64", sizes=(8, 4)) == 2 * 8**3 / 0.5


def test_bandwidth_counts_what_is_moved(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "tinytorch.utils.limits._least_seconds", lambda call: calls.append(call) or 2
    )
    n = 1000
    assert bandwidth(24 * n) == pytest.approx(2**26 / 2, rel=0.01)
    out = calls[0].keywords["out"]
    calls[0]()
    assert out.strides == (0, 8)
    assert np.array_equal(out[0], np.full(n, 2.0))


def test_both_measure():
    assert peak_flops(sizes=(32,)) > 0
    assert min(map(bandwidth, (2**16, 2**20))) > 0


def test_bandwidth_of_too_little():
    with pytest.raises(ValueError, match="three numbers"):
        bandwidth(23)
