"""Timing, on a clock that the test turns: how many calls, which figures, what is left behind."""

import gc
from functools import partial

import pytest

from tinytorch.utils import timing
from tinytorch.utils.timing import MAX_REPEATS, Pass, Timing, interleave, measure, without_gc


def of(*walls, loops=1, cores=1.0):
    """A timing whose passes took ``walls`` seconds."""
    return Timing(tuple(Pass(wall, wall * cores, loops) for wall in walls))


class Job:
    """Counts its calls, each of which takes the next of ``seconds``, the last one for ever."""

    def __init__(self, fake, *seconds, cores=1.0):
        self.fake, self.seconds, self.cores, self.calls = fake, seconds, cores, 0

    def __call__(self):
        self.calls += 1
        self.fake.work(self.seconds[min(self.calls, len(self.seconds)) - 1], self.cores)
        return self.calls


@pytest.mark.parametrize(("seconds", "calls"), [(0.4, 3), (0.3, 4), (0.06, 17), (0.01, 20)])
def test_measure_stops_after_a_second_or_twenty_passes(fake, seconds, calls):
    job = Job(fake, seconds)
    found, result = measure(job, fake.clock)
    assert (job.calls, found.repeats, found.inner_loops) == (calls, calls, 1)
    assert result == 1  # what the first call returned


def test_measure_makes_short_calls_in_passes_of_five_milliseconds(fake):
    found, _ = measure(Job(fake, 1e-6), fake.clock)
    assert 5_000 <= found.inner_loops <= 10_000
    assert found.repeats == MAX_REPEATS
    assert found.minimum == pytest.approx(1e-6)


def test_measure_goes_on_when_the_clock_sees_nothing(fake, monkeypatch):
    monkeypatch.setattr(timing, "_MAX_LOOPS", 50)
    found, _ = measure(lambda: None, fake.clock)
    assert (found.inner_loops, found.minimum, found.spread, found.cores) == (50, 0.0, None, 0.0)


def test_minimum_median_and_spread_of_passes():
    found = of(1.0, 2.0, 3.0, 4.0, 5.0)
    assert (found.minimum, found.median) == (1.0, 3.0)
    assert found.spread == pytest.approx((4.0 - 2.0) / 3.0)
    assert of(2.0, 2.0, 2.0).spread == 0.0


def test_figures_are_for_one_call():
    found = of(8.0, 12.0, loops=4)
    assert (found.minimum, found.median) == (2.0, 2.5)


def test_cores_come_from_all_passes_together():
    coarse = Timing((Pass(0.01, 0.0, 1), Pass(0.01, 0.02, 1)))
    assert coarse.cores == 1.0


def test_interleave_takes_turns_and_moves_the_start(fake):
    order = []

    def job(name):
        order.append(name)
        fake.work(0.01)

    interleave({name: partial(job, name) for name in "abc"}, fake.clock)
    assert "".join(order[:12]) == "abc" + "bca" + "cab" + "abc"


def test_interleave_gives_every_call_as_many_passes(fake):
    jobs = {"slow": Job(fake, 0.2), "quick": Job(fake, 0.0001)}
    found = interleave(jobs, fake.clock)
    assert found["slow"].repeats == found["quick"].repeats
    assert found["slow"].inner_loops == 1 < found["quick"].inner_loops


def test_interleave_stops_after_a_second_for_each_call(fake):
    jobs = {"a": Job(fake, 0.5), "b": Job(fake, 0.5)}
    interleave(jobs, fake.clock)
    assert [job.calls for job in jobs.values()] == [2, 2]


def test_interleave_stops_after_twenty_rounds(fake):
    found = interleave({"a": Job(fake, 0.01), "b": Job(fake, 0.01)}, fake.clock)
    assert [one.repeats for one in found.values()] == [MAX_REPEATS, MAX_REPEATS]


def test_interleave_lets_drift_hit_all_alike(fake):
    def job():
        fake.work(0.01 * (1 + fake.wall_ns * 1e-9))

    found = interleave({"a": job, "b": job, "c": job}, fake.clock)
    medians = [one.median for one in found.values()]
    assert max(medians) / min(medians) < 1.02


@pytest.fixture
def gc_state():
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.usefixtures("gc_state")
@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_collection_is_off_inside_and_restored(fake, was_on):
    (gc.enable if was_on else gc.disable)()
    seen = []

    def job():
        seen.append(gc.isenabled())
        fake.work(0.001)

    measure(job, fake.clock)
    assert not any(seen)
    assert gc.isenabled() is was_on


@pytest.mark.usefixtures("gc_state")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_garbage_collection_is_restored_after_an_exception(error):
    gc.enable()
    with pytest.raises(error), without_gc():
        raise error
    assert gc.isenabled()


@pytest.mark.parametrize("words", [{}, {"width": 3, "k0": 4}, {"class": 5}, {"not a name": 6}])
def test_measure_passes_the_arguments_of_a_partial(fake, words):
    seen = []

    def job(*args, **kwargs):
        seen.append((args, kwargs))
        fake.work(0.01)

    measure(partial(job, 1, "b", **words), fake.clock)
    assert seen == [((1, "b"), words)] * MAX_REPEATS
