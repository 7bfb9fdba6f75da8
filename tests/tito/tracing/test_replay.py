"""What a replay refuses: other operations, large arrays, strange operands, too much work."""

from typing import Any

import numpy as np
import pytest

from tito.tracing.costs import cost_of
from tito.tracing.log import Buffer, Log, Step, View
from tito.tracing.operations import operations_of
from tito.tracing.replay import CannotReplay, replay

A = np.arange(6.0).reshape(2, 3)
INPUT = View(0, 0, (2, 3), (24, 8), "<f8")
MADE = View(1, 0, (2, 3), (24, 8), "<f8")


def result_of(*steps: Step, size: int = 48, made: View = MADE) -> Any:
    log = Log([Buffer(48, "input"), Buffer(size, "made")], steps, made, False, 1)
    return replay(log, [A], range(len(steps)))


def step(name: str, *args: Any, **kwargs: Any) -> Step:
    return Step(name, 0, args, kwargs, (MADE,))


def test_replay_repeats_steps_on_other_numbers() -> None:
    assert (result_of(step("ufunc multiply.__call__", INPUT, 2)) == 2 * A).all()
    assert (np.arange(6.0).reshape(2, 3) == A).all()


def test_replay_memory_that_nobody_wrote_is_nan() -> None:
    assert np.isnan(result_of(step("create empty", (2, 3)))).all()


@pytest.mark.parametrize(
    "wrong",
    {
        "function that is not listed": step("function load", "/etc/passwd"),
        "ufunc that is not listed": step("ufunc frompyfunc.__call__", INPUT),
        "method that is not listed": step("ufunc add.resolve_dtypes", INPUT),
        "attribute": step("function linalg.solve", INPUT),
        "own name": step("import"),
        "option that is not listed": step("function concatenate", [INPUT], sneaky=1),
        "large array": step("create zeros", (1 << 14, 1 << 14)),
        "large square": step("create eye", 1 << 20),
        "large range": step("create arange", 0, 1, 1e-12),
        "large tile": step("function tile", INPUT, (1 << 20, 1 << 10)),
        "large padding": step("function pad", INPUT, 1 << 30),
        "large outer product": step("ufunc multiply.outer", [INPUT] * 2, INPUT),
        "large repeat": step("function repeat", INPUT, 1 << 40),
        "einsum of many": step("function einsum", "a,b,c,d,e->", *[INPUT] * 5),
        "many operations": step(
            "ufunc add.__call__", View(0, 0, (1 << 15, 1 << 15), (0, 0), "<f8"), INPUT
        ),
        "result of another shape": step("ufunc add.reduce", INPUT),
        "operands of other types": step("ufunc add.__call__", INPUT, "text"),
    }.values(),
)
def test_replay_refuses(wrong: Step) -> None:
    with pytest.raises(CannotReplay):
        result_of(wrong)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (
            step("astype", INPUT, np.dtype("f4"), "K"),
            "a step makes another array than the log says",
        ),
        (
            step("ufunc matmul.__call__", INPUT, INPUT),
            r"a step cannot be repeated: ufunc matmul.__call__ \(ValueError\)",
        ),
    ],
)
def test_replay_says_why_it_refuses(wrong: Step, why: str) -> None:
    with pytest.raises(CannotReplay, match=f"^{why}$"):
        result_of(wrong)


def test_replay_refuses_inputs_of_another_size() -> None:
    log = Log([Buffer(48, "input")], [], INPUT, False, 1)
    with pytest.raises(CannotReplay, match="^an input has another size$"):
        replay(log, [A[:1]], [])
    with pytest.raises(CannotReplay, match="^the result lies in memory that was not seen$"):
        replay(log, [], [])


def chain(*sources: int, result: int) -> Log:
    """A log in which each step doubles what an earlier one made, or the input, 0."""
    views = [View(i, 0, (2, 3), (24, 8), "<f8") for i in range(len(sources) + 1)]
    doubled = "ufunc multiply.__call__"
    steps = [
        Step(doubled, 0, (views[source], 2), {}, (views[place + 1],))
        for place, source in enumerate(sources)
    ]
    buffers = [Buffer(48, "input"), *[Buffer(48, "made") for _ in sources]]
    return Log(buffers, steps, views[result], False, 1)


@pytest.fixture
def bytes_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a replay have room for three arrays."""
    monkeypatch.setattr("tito.tracing.replay.MOST_BYTES", 144)


def test_replay_forgets_arrays_that_no_later_step_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.tracing.replay.MOST_BYTES", 96)  # of two
    log = chain(0, 1, 2, 3, result=4)
    assert (replay(log, [A], range(4)) == 16 * A).all()


MEMORY = "^it would take more memory than a replay has$"


@pytest.mark.usefixtures("bytes_of_three")
def test_replay_refuses_more_memory_than_it_has() -> None:
    log = chain(0, 0, 0, 1, 2, result=1)
    with pytest.raises(CannotReplay, match=MEMORY):
        replay(log, [A], range(5))


def test_replay_counts_the_memory_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.tracing.replay.MOST_BYTES", 192)
    log = chain(0, 0, 0, 3, 1, 1, 2, 4, 5, result=1)  # steps before the sixth free two arrays
    with pytest.raises(CannotReplay, match=MEMORY):
        replay(log, [A], range(9))


@pytest.mark.usefixtures("bytes_of_three")
def test_replay_takes_what_is_known_of_last_uses() -> None:
    with pytest.raises(CannotReplay, match=MEMORY):
        replay(chain(0, 1, 2, result=3), [A], range(3), uses={})


def test_replay_counts_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    log = chain(0, 1, result=2)
    cost = operations_of(log.steps[0].name, [A, 2], {})
    monkeypatch.setattr("tito.tracing.replay.MOST_OPERATIONS", 2 * cost)
    assert (replay(log, [A], range(2)) == 4 * A).all()
    monkeypatch.setattr("tito.tracing.replay.MOST_OPERATIONS", 2 * cost - 1)
    with pytest.raises(CannotReplay, match="^it takes too many operations to repeat$"):
        replay(log, [A], range(2))


@pytest.mark.parametrize(
    ("name", "args", "cost"),
    [
        ("ufunc add.reduceat", [np.ones(60_000), np.arange(0, 60_000, 2)], (30_000, 60_000)),
        ("ufunc add.reduceat", [np.ones((3, 9)), [0, 4, 2], 1], (9, 36)),
        ("ufunc add.reduceat", [np.ones(1000), [0, 1 << 62, 0, 1 << 62]], (4, 2002)),
        ("ufunc add.at", [np.ones((75, 30)), ([5] * 90_000, [7] * 90_000), 1.0], (90_000, 90_000)),
    ],
)
def test_cost_counts_the_segments_and_places_of_a_step(
    name: str, args: list[Any], cost: tuple[int, int]
) -> None:
    made, operations = cost_of(name, args, {})
    assert made == cost[0]
    assert cost[1] <= operations <= 8 * cost[1]  # whole numbers count 8 times


def test_replay_refuses_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.tracing.replay.SECONDS", -1.0)
    with pytest.raises(CannotReplay, match="^it takes too long to repeat$"):
        replay(chain(0, result=1), [A], [0])


def test_replay_takes_an_input_of_one_byte() -> None:
    view = View(0, 0, (1,), (1,), "|b1")
    assert replay(Log([Buffer(1, "input")], [], view, False, 1), [np.array([True])], []).all()


def test_replay_is_silent_about_numbers() -> None:
    parts = View(0, 0, (3,), (16,), "<c16")
    real = Step("astype", 0, (parts, np.dtype("<f8"), "K"), {}, (View(1, 0, (3,), (8,), "<f8"),))
    log = Log([Buffer(48, "input"), Buffer(24, "made")], [real], real.results[0], False, 1)
    with np.errstate(all="raise"):
        assert np.isposinf(result_of(step("ufunc divide.__call__", INPUT, 0.0))[1]).all()
        assert (replay(log, [A], [0]) == [0, 2, 4]).all()


HALVES = (View(1, 0, (2, 3), (24, 8), "<f8"), View(1, 48, (2, 3), (24, 8), "<f8"))


def test_replay_lays_several_results_into_one_buffer() -> None:
    both = View(1, 0, (4, 3), (24, 8), "<f8")
    split = Step("ufunc divmod.__call__", 0, (INPUT, 4), {}, HALVES)
    result = result_of(split, size=96, made=both)
    assert (result == np.vstack(np.divmod(A, 4))).all()


WRITES = Step("assign", 0, (MADE, 7.0), {}, ())


@pytest.mark.parametrize(("factor", "value"), [(1.0, 7), (2.0, 14), (0.0, 0)])
def test_replay_multiplies_what_a_step_writes_by_what_the_hook_says(
    factor: float, value: float
) -> None:
    log = Log(
        [Buffer(48, "input"), Buffer(48, "made")], [step("copy", INPUT), WRITES], MADE, False, 1
    )
    result = replay(log, [A], range(2), hook=lambda place, step, operands: factor if place else 1)
    assert (result == value).all()


def test_replay_multiplies_whole_numbers_as_well() -> None:
    whole = View(0, 0, (6,), (8,), "<i8")
    made = View(1, 0, (6,), (8,), "<i8")
    copied = Step("copy", 0, (whole,), {}, (made,))
    log = Log([Buffer(48, "input"), Buffer(48, "made")], [copied], made, False, 1)
    result = replay(log, [np.arange(6)], [0], hook=lambda place, step, operands: 2.0)
    assert (result == 2 * np.arange(6)).all()
