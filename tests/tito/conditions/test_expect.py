"""What conditions share: the options to try, the name of a call, and what came back in words."""

from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import CallResult, LocalCall
from tito.conditions.expect import call_text, expect_log, multiply, multiply_random, whole_numbers
from tito.conditions.traces import result_of
from tito.tracing import Unproven

A, B = np.ones((2, 3)), np.ones((3, 4))


def test_multiply_random_tries_the_cut_and_the_default() -> None:
    tried = []

    def kernel(A: Any, B: Any, **options: int) -> Any:
        tried.append((A.shape, B.shape, options))
        return A @ B

    call = LocalCall(kernel, "block_size")
    multiply_random(call, np.random.default_rng(5), (2, 3, 4), "")
    assert tried == [((2, 3), (3, 4), {"block_size": 4}), ((2, 3), (3, 4), {})]


@pytest.mark.parametrize(
    ("kernel", "said", "hint"),
    [
        (
            lambda A, B, block_size: np.float64(A.sum()),
            ": the result is a float64, not an array",
            "Look.",
        ),
        (lambda A, B, block_size: A @ B + np.arange(4), "", "Look."),
        (lambda A, B, block_size: A @ A, " raised ValueError: ", "as many columns on the left"),
    ],
)
def test_multiply_names_the_call_that_went_wrong(kernel: Any, said: str, hint: str) -> None:
    kernel.__name__ = "kernel"
    with pytest.raises(CheckFailure) as caught:
        multiply(LocalCall(kernel, "block_size"), A, B, "Look.", block_size=7)
    text = "kernel(A, B, block_size=7) with A (2, 3) float64, B (3, 4) float64"
    assert caught.value.fact.startswith(f"{text}{said}")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("unlogged", "why"),
    [("", "its array operations could not be seen"), ("it uses threads", "it uses threads")],
)
def test_expect_log_says_why_there_is_none(unlogged: str, why: str) -> None:
    result = CallResult(A, "ndarray", None, True, unlogged=unlogged)
    with pytest.raises(Unproven, match=f"^{why}$"):
        expect_log(result)


def test_call_text_names_arrays_by_attentions_letters() -> None:
    text = call_text(LocalCall(print), (A.astype("f4"), B), {"rows": 4})
    assert text == "print(Q, K, rows=4) with Q (2, 3), K (3, 4) float32"
    assert call_text(LocalCall(print), (), {"n": 2}) == "print(n=2)"


def test_result_of_names_the_call_that_raised() -> None:
    def attend(Q: Any, K: Any) -> Any:
        raise RuntimeError(f"{Q.shape} and {K.shape}")

    with pytest.raises(CheckFailure) as caught:
        result_of(LocalCall(attend), "Look.", A, B)
    assert caught.value.fact == (
        "attend(Q, K) with Q (2, 3), K (3, 4) float64 raised RuntimeError: (2, 3) and (3, 4)"
    )


@pytest.mark.parametrize(
    ("made", "hint"),
    [
        (None, "End the function with `return` and the result."),
        ([0, 1], "Make one array of the list: np.array(...)."),
        ((0, 1), "Make one array of the tuple: np.array(...)."),
        (np.linspace(0, 1, 2), "astype(int)"),
        ("01", "Look."),
        (np.zeros(0), "Look."),
    ],
)
def test_whole_numbers_say_how_to_make_an_array_of_them(made: Any, hint: str) -> None:
    with pytest.raises(CheckFailure) as caught:
        whole_numbers(LocalCall(lambda: made)(), "f()", "Look.")
    assert hint in caught.value.hint
