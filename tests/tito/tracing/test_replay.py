"""What a replay refuses: other operations, large arrays, strange operands, too much work."""

from typing import Any

import numpy as np
import pytest

from tito.tracing.log import Buffer, Log, Step, View
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
        "result of another dtype": step("astype", INPUT, np.dtype("f4"), "K"),
        "operands that do not fit": step("ufunc matmul.__call__", INPUT, INPUT),
        "operands of other types": step("ufunc add.__call__", INPUT, "text"),
    }.values(),
)
def test_replay_refuses(wrong: Step) -> None:
    with pytest.raises(CannotReplay):
        result_of(wrong)


def test_replay_refuses_inputs_of_another_size() -> None:
    log = Log([Buffer(48, "input")], [], INPUT, False, 1)
    with pytest.raises(CannotReplay, match="another size"):
        replay(log, [A[:1]], [])
    with pytest.raises(CannotReplay):
        replay(log, [], [])


def test_replay_refuses_more_memory_than_it_has() -> None:
    many = [Buffer(1 << 30, "made") for _ in range(3)]
    views = [View(i + 1, 0, (1,), (8,), "<f8") for i in range(3)]
    steps = [Step("create zeros", 0, (1,), {}, (view,)) for view in views]
    log = Log([Buffer(48, "input"), *many], steps, views[0], False, 1)
    with pytest.raises(CannotReplay, match="memory"):
        replay(log, [A], range(3))
