"""A clock that moves only when a test says that work was done."""

import pytest

from tinytorch.utils.timing import Clock


class FakeClock:
    """Wall and CPU time in nanoseconds, both at zero until something works."""

    def __init__(self):
        self.wall_ns = 0
        self.cpu_ns = 0
        self.clock = Clock(
            wall=lambda: self.wall_ns,
            cpu=lambda: self.cpu_ns,
            thread=lambda: min(self.wall_ns, self.cpu_ns),
        )

    def work(self, seconds, cores=1.0):
        """Let ``seconds`` go by with ``cores`` of them busy."""
        self.wall_ns += round(seconds * 1e9)
        self.cpu_ns += round(seconds * cores * 1e9)


@pytest.fixture
def fake():
    return FakeClock()


@pytest.fixture
def brief(monkeypatch):
    """Measure for a few milliseconds, without rest."""
    monkeypatch.setattr("tinytorch.utils.timing.BUDGET_SECONDS", 0.005)
    monkeypatch.setattr("tinytorch.utils.timing.PASS_SECONDS", 0.0001)
    monkeypatch.setattr("tinytorch.utils.sweeps.SECONDS_TO_REST", 0.0)
