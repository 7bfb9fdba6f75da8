"""SimpleProfiler's contract: its keys, what it calls and how often, what it leaves as it was."""

import functools
import gc
import operator
import sys
import tracemalloc

import numpy as np
import pytest

from tinytorch.utils import process
from tinytorch.utils.profiler import MB, SimpleProfiler, profile_function

TIME_KEYS = {"name", "wall_time", "cpu_time", "cpu_efficiency", "result"} | {
    *("minimum", "median", "spread", "repeats", "inner_loops", "doubts", "unstable"),
    *("cores_used", "thread_time", "environment"),
}
MEMORY_KEYS = {"memory_before_mb", "memory_after_mb", "peak_memory_mb", "memory_delta_mb"}
CPU_KEYS = {"cpu_percent", "memory_percent", "num_threads", "process_memory_mb"}
ARRAY_KEYS = {"result_shape", "result_dtype", "result_size_mb", "result_elements"}
SMALL_OBJECTS = 2048
"""Bytes that an array's header, the clock's numbers and the like may take beside a buffer."""


@pytest.fixture
def profiler(fake, monkeypatch):
    """A profiler on the fake clock, with everything tracked."""
    monkeypatch.setattr(SimpleProfiler, "_clock", fake.clock)
    return SimpleProfiler()


@pytest.fixture
def timer(profiler):
    """A profiler on the fake clock that tracks times alone."""
    profiler.track_memory = profiler.track_cpu = False
    return profiler


@pytest.fixture
def long(fake):
    """A function that takes three seconds and returns its arguments."""

    def long(*args, **kwargs):
        fake.work(3.0)
        return args, kwargs

    return long


def raising(fake, error, at):
    """A function of three seconds that raises ``error`` in its call number ``at``."""
    calls = iter(range(1, 100))

    def fail():
        fake.work(3.0)
        if next(calls) == at:
            raise error

    return fail


@pytest.mark.parametrize(
    ("memory", "cpu", "extra"),
    [
        (True, True, MEMORY_KEYS | CPU_KEYS),
        (True, False, MEMORY_KEYS),
        (False, True, CPU_KEYS),
        (False, False, set()),
    ],
)
def test_profile_has_the_keys_of_what_is_tracked(profiler, long, memory, cpu, extra):
    profiler.track_memory, profiler.track_cpu = memory, cpu
    assert profiler.profile(long).keys() == TIME_KEYS | extra


def test_profile_of_an_array_adds_its_keys(profiler, fake):
    def zeros():
        fake.work(2.0)
        return np.zeros((3, 4), np.float32)

    result = profiler.profile(zeros)
    assert result.keys() == TIME_KEYS | MEMORY_KEYS | CPU_KEYS | ARRAY_KEYS
    assert result["result_shape"] == (3, 4)
    assert result["result_dtype"] == "float32"
    assert result["result_elements"] == 12
    assert result["result_size_mb"] * MB == 48


def test_profile_values_are_plain_python():
    result = profile_function(np.add, np.ones(3), 1)
    plain = {key: type(value) for key, value in result.items() if key != "result"}
    assert set(plain.values()) <= {float, int, str, tuple, bool, dict, type(None)}
    assert all(type(size) is int for size in result["result_shape"])


def test_profile_returns_the_functions_own_result(profiler, fake):
    made = []

    def make():
        fake.work(3.0)
        made.append(object())
        return made[-1]

    assert profiler.profile(make, warmup=False)["result"] is made[0]


def test_profile_hands_over_arguments_as_they_are(profiler, long):
    array = np.ones(3)
    args, kwargs = profiler.profile(long, array, 2, size=(1, 2), show=5)["result"]
    assert args[0] is array
    assert args[1:] == (2,)
    assert kwargs == {"size": (1, 2), "show": 5}


def test_profile_measures_a_function_whose_keywords_it_takes_itself(profiler, fake):
    def greet(name, warmup):
        fake.work(3.0)
        return name, warmup

    call = functools.partial(greet, name="me", warmup="you")
    assert profiler.profile(call)["result"] == ("me", "you")


@pytest.mark.parametrize(
    ("warmup", "memory", "traced"),
    [
        (True, True, [False, False, True]),
        (False, True, [False, True]),
        (True, False, [False, False]),
        (False, False, [False]),
    ],
)
def test_profile_calls_a_long_function_as_few_times_as_can_be(
    fake, profiler, warmup, memory, traced
):
    seen = []

    def long():
        seen.append(tracemalloc.is_tracing())
        fake.work(3.0)

    profiler.track_memory = memory
    result = profiler.profile(long, warmup=warmup)
    assert seen == traced
    assert (result["repeats"], result["inner_loops"], result["spread"]) == (1, 1, None)


def test_profile_does_not_time_the_warm_up(fake, profiler):
    seconds = iter([100.0, 2.0, 2.0])
    result = profiler.profile(lambda: fake.work(next(seconds)))
    assert result["wall_time"] == 2.0


def test_profile_reports_the_fastest_pass_and_the_rest_beside_it(fake, profiler):
    seconds = iter([0.0, 0.5, 0.125, 0.25, 0.25, 0.0])
    result = profiler.profile(lambda: fake.work(next(seconds)))
    assert result["wall_time"] == result["minimum"] == 0.125
    assert result["median"] == 0.25
    assert result["spread"] == pytest.approx((0.3125 - 0.21875) / 0.25)


@pytest.mark.parametrize("cores", [0.0, 0.5, 1.0, 1.75])
def test_profile_relates_cpu_time_to_wall_time(fake, profiler, cores):
    result = profiler.profile(lambda: fake.work(2.0, cores))
    assert result["cpu_efficiency"] == pytest.approx(cores)
    assert result["cpu_time"] == pytest.approx(cores * result["wall_time"])
    assert result["cpu_percent"] == pytest.approx(100 * cores)


def test_profile_sees_that_a_busy_function_is_busy():
    result = SimpleProfiler(track_memory=False).profile(sum, range(100_000))
    assert result["cpu_percent"] > 1


def test_profile_traces_memory_in_one_call_and_in_no_timed_one(fake, profiler):
    tracing = []

    def work():
        tracing.append(tracemalloc.is_tracing())
        fake.work(0.3)

    profiler.profile(work, warmup=False)
    assert tracing == [False] * 4 + [True]
    assert not tracemalloc.is_tracing()


def test_profile_finds_the_peak_and_what_is_kept_of_one_call(fake, profiler):
    def half(count):
        fake.work(3.0)
        return np.ones(count)[::2].copy()

    result = profiler.profile(half, 100_000)
    assert 0 <= result["peak_memory_mb"] * MB - 1_200_000 < SMALL_OBJECTS
    assert 0 <= result["memory_delta_mb"] * MB - 400_000 < SMALL_OBJECTS
    assert result["memory_delta_mb"] == result["memory_after_mb"] - result["memory_before_mb"]


def test_profile_leaves_tracing_on_where_it_was_on_and_doubts_the_time(profiler, long):
    tracemalloc.start()
    try:
        result = profiler.profile(long)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    for cause in ("tracemalloc", "One pass only"):
        assert any(cause in doubt for doubt in result["doubts"])


def test_profile_doubts_a_wide_spread(fake, profiler):
    seconds = iter([0.0, 0.1, 0.2, 0.3, 0.4, 0.0])
    result = profiler.profile(lambda: fake.work(next(seconds)))
    assert any("differ widely" in doubt for doubt in result["doubts"])


def test_profile_doubts_what_a_debugger_slows(profiler, long):
    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: None)
    try:
        result = profiler.profile(long)
    finally:
        sys.settrace(before)
    assert any("debugger" in doubt for doubt in result["doubts"])


@pytest.mark.parametrize("at", [1, 2, 3], ids=["warm-up", "timed", "memory"])
@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(3)])
def test_profile_lets_every_exception_through_and_restores(fake, profiler, error, at):
    function = raising(fake, error, at)
    with pytest.raises(type(error)) as caught:
        profiler.profile(function)
    assert caught.value is error
    assert caught.traceback[-1].name == "fail"
    assert error.__cause__ is error.__context__ is None
    assert gc.isenabled()
    assert not tracemalloc.is_tracing()


def test_profile_without_warm_up_meets_the_exception_in_the_first_timed_call(fake, profiler):
    seen = []

    def fail():
        seen.append(gc.isenabled())
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (its type is all it has)
        profiler.profile(fail, warmup=False)
    assert seen == [False]


@pytest.mark.parametrize("thing", [None, 3, "matmul", np.ones(2)])
def test_profile_of_something_not_callable_names_the_argument(profiler, thing):
    with pytest.raises(TypeError, match=f"func must be callable, got {type(thing).__name__}"):
        profiler.profile(thing)


class Callable:
    def __call__(self):
        return 1


@pytest.mark.parametrize(
    ("func", "args", "name"),
    [
        (np.add, (1, 2), "add"),
        (lambda: None, (), "<lambda>"),
        (functools.partial(operator.add, 1), (2,), "add"),
        (functools.partial(functools.partial(np.multiply, 1), 2), (), "multiply"),
        (operator.itemgetter(0), ([1],), "itemgetter"),
        (Callable(), (), "Callable"),
        (dict, (), "dict"),
    ],
)
def test_profile_finds_a_name_for_any_callable(func, args, name):
    assert SimpleProfiler(False, False).profile(func, *args)["name"] == name


@pytest.mark.parametrize("name", ["Baseline", ""])
def test_profile_uses_the_name_it_is_given(profiler, long, name):
    result = profiler.profile(long, name=name)
    assert result["name"] == name
    assert result["result"] == ((), {})


def test_print_result_prints_what_profile_returned(profiler, long, capsys):
    profiler.print_result(profiler.profile(long, name="Baseline"))
    printed = capsys.readouterr().out
    assert printed.startswith("Baseline\n")
    assert "3.00 s" in printed
    assert "threads" not in printed


def test_profile_function_prints_and_returns(profiler, long, capsys):
    result = profile_function(long, 1, name="Once", show_details=True, key=2)
    printed = capsys.readouterr().out
    assert printed.startswith("Once\n")
    assert "threads" in printed
    assert result["result"] == ((1,), {"key": 2})
    assert result.keys() == TIME_KEYS | MEMORY_KEYS | CPU_KEYS


def test_profile_function_forwards_warmup(fake, profiler, capsys):
    seen = []

    def long():
        seen.append(None)
        fake.work(3.0)

    profile_function(long, warmup=False)
    assert len(seen) == 2


def test_get_capabilities_says_what_is_reported():
    able = SimpleProfiler().get_capabilities()
    assert able["wall_time"] is able["cpu_time"] is able["peak_memory"] is True
    assert SimpleProfiler(track_memory=False).get_capabilities()["peak_memory"] is False
    assert SimpleProfiler(track_cpu=False).get_capabilities()["cpu_percent"] is False


def test_get_capabilities_agrees_with_the_report(profiler, long, monkeypatch):
    monkeypatch.setattr(process, "thread_count", lambda: None)
    able, result = profiler.get_capabilities(), profiler.profile(long)
    assert able["num_threads"] is False
    for key in ("memory_percent", "num_threads"):
        assert able[key] is (result[key] is not None)


def test_profile_of_known_work_says_how_much_of_the_peak(fake, timer):
    result = timer.profile(lambda: fake.work(2.0), flops=4e9, moved=1e9, peak=8e9)
    assert (result["gflops"], result["intensity"]) == (pytest.approx(2.0), 4.0)
    assert result["peak_percent"] == pytest.approx(25.0)


def test_profile_tells_the_calling_thread_from_the_others(fake, timer):
    result = timer.profile(lambda: fake.work(2.0, cores=3.0))
    assert (result["cores_used"], result["cpu_time"]) == (pytest.approx(3.0), pytest.approx(6.0))
    assert result["thread_time"] <= result["cpu_time"]


def test_compare_takes_turns_and_sets_the_first_to_one(fake, timer):
    turns = []

    def working(name, seconds):
        def work(*_):
            turns.append(name)
            fake.work(seconds)
            return name

        return work

    found = timer.compare({"slow": working("slow", 0.2), "fast": working("fast", 0.1)}, 1)
    assert list(found) == ["slow", "fast"]
    assert found["slow"]["speedup"] == 1
    assert found["fast"]["speedup"] == pytest.approx(2.0)
    assert found["fast"]["result"] == "fast"
    rounds = turns[4:]  # a warm-up and a first pass each
    assert rounds[:4] == ["fast", "slow", "slow", "fast"]


def test_compare_of_real_calls_counts_their_memory():
    A = np.ones((64, 64))
    found = SimpleProfiler().compare({"sum": np.sum, "copy": np.copy}, A)
    assert found["copy"]["peak_memory_mb"] * 2**20 >= A.nbytes
    assert found["sum"]["peak_memory_mb"] * 2**20 < A.nbytes


def test_compare_of_nothing():
    with pytest.raises(ValueError, match="a call to compare"):
        SimpleProfiler().compare({})


def test_print_comparison_is_a_table_with_each_doubt_once(fake, timer, capsys):
    calls = {"one": lambda: fake.work(3.0), "another": lambda: fake.work(6.0)}
    timer.print_comparison(timer.compare(calls, flops=3e9, peak=2e9))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-6:] == ["speedup", "differs", "GFLOP/s", "%", "of", "peak"]
    assert lines[1].split()[:3] == ["one", "3.00", "s"]
    assert lines[2].split()[-5:] == ["0.5", "not", "known", "0.5", "25"]
    assert len([line for line in lines if line.startswith("doubt: One pass only")]) == 1
