"""What all conditions share: drawing inputs, naming a call, asking for an array that is right."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.checking import CheckFailure, assert_product, describe_call, random_matrix
from tito.conditions.call import Call, CallResult
from tito.conditions.causes import BEGIN_AT_ZERO, NO_RETURN, cause_of_type, cause_of_values
from tito.conditions.raising import cause_of_error
from tito.conditions.results import unwritten
from tito.tracing import Log, Proof, Unproven, Unwritten, prove

__all__ = [
    "WRITE_IT",
    "Array",
    "Generator",
    "Shape",
    "call_text",
    "expect_log",
    "expect_returned",
    "found",
    "multiply",
    "proven",
    "expect_product",
    "settings",
    "whole_numbers",
]

Array: TypeAlias = NDArray[Any]
Generator: TypeAlias = np.random.Generator
Shape: TypeAlias = tuple[int, int, int]  # m, n, p of A (m, n) @ B (n, p)

PRECISION = "agree only to the precision of"
KEEP_DIGITS = "Do not round, add no small number, keep float64, and begin with zeros, not np.empty."
AS_INTEGERS = {
    "NoneType": NO_RETURN,
    "list": "Make one array of the list: np.array(...).",
    "tuple": "Make one array of the tuple: np.array(...).",
    "ndarray": "Rows and places are counted in whole numbers: divide by `//`, or end with "
    "astype(int).",
}
"""What to do about a result that is no array of integers, by its type."""
WRITE_IT = "Replace the line that raises NotImplementedError by your solution."


def multiply(call: Call, A: Array, B: Array, hint: str, **options: Any) -> CallResult:
    """Call the kernel and ask for the product; return what else is known about the call."""
    return expect_product(call, A, B, hint, options, call(A, B, **options))


def multiply_random(call: Call, rng: Generator, shape: Shape, hint: str) -> None:
    """Ask for products of matrices of one shape, with and without the cut parameter."""
    m, n, p = shape
    for options in settings(call):
        multiply(call, random_matrix(rng, m, n), random_matrix(rng, n, p), hint, **options)


def expect_product(
    call: Call, A: Array, B: Array, hint: str, options: dict[str, Any], result: CallResult
) -> CallResult:
    """Return `result` if it is the product of A and B; fails as `assert_product` does."""
    text = describe_call(call, A, B, options)
    expect_returned(call, result, text, hint)
    if result.value is None or result.returned != "ndarray":
        fact, todo = cause_of_type(result) or (f"the result is {found(result)}, not an array", hint)
        raise CheckFailure(f"{text}: {fact}", todo)
    try:
        assert_product(result.value, A, B, hint=hint, call=text)
    except CheckFailure as failure:
        cause = cause_of_values(call, A, B, options, result.value)
        if cause is None and PRECISION in failure.fact:
            cause = "", KEEP_DIGITS
        if cause is None:
            raise
        raise CheckFailure(
            f"{text}: {cause[0] or failure.fact[len(text) + 2 :]}", cause[1]
        ) from None
    return result


def expect_returned(call: Call, result: CallResult, text: str, hint: str) -> CallResult:
    """Return `result` unless the call raised an exception."""
    if result.raised is None:
        return result
    if result.raised.kinds[0] == "NotImplementedError":
        raise CheckFailure(unwritten(call.__name__), WRITE_IT)
    fact = f"{text} raised {result.raised.kinds[0]}: {result.raised.message}"
    todo = cause_of_error(result.raised, call.__name__, hint)
    raise CheckFailure(fact, todo, result.raised.place)


def expect_log(result: CallResult) -> Log:
    """Return the log of a traced call; without one, raise `Unproven`."""
    if result.log is None:
        raise Unproven(result.unlogged or "its array operations could not be seen")
    return result.log


def proven(text: str, log: Log, inputs: Sequence[Array], agrees: Callable[[Array], bool]) -> Proof:
    """Return what the log of a call proves; `text` names the call.

    Raises
    ------
    CheckFailure
        If it assumes zeros in new memory.
    Unproven
        If it does not compute the product.
    """
    try:
        return prove(log, inputs, agrees)
    except Unwritten as reason:
        raise CheckFailure(f"{text}: {reason}", BEGIN_AT_ZERO) from None


def settings(call: Call) -> Iterator[dict[str, Any]]:
    """Yield the options to try: a cut in pieces of 4 or into 4, and none."""
    if call.cut is not None:
        yield {call.cut: 4}
    yield {}


def call_text(call: Call, arrays: tuple[Array, ...], options: dict[str, Any]) -> str:
    """Return a call as it is written, with the shapes of its arrays."""
    names = "QKV"[: len(arrays)]
    words = [*names, *(f"{name}={value!r}" for name, value in options.items())]
    shapes = ", ".join(f"{name} {x.shape}" for name, x in zip(names, arrays, strict=True))
    shown = f" with {shapes} {arrays[0].dtype}" if arrays else ""
    return f"{call.__name__}({', '.join(words)}){shown}"


def found(result: CallResult) -> str:
    """Return the result in words."""
    if result.returned == "ndarray" and result.value is not None:
        return f"an array {result.value.shape} of {result.value.dtype}"
    if result.returned == "NoneType":
        return "None"
    return f"{'an' if result.returned[:1].lower() in set('aeiou') else 'a'} {result.returned}"


def whole_numbers(result: CallResult, text: str, hint: str) -> Array:
    """Return the array of integers that a call returned."""
    value = result.value
    if value is None or result.returned != "ndarray" or value.dtype.kind not in "iu":
        is_empty = value is not None and not value.size  # of floats, as nothing was put into it
        fact = f"{text} returned {found(result)}, it has to be an array of integers"
        raise CheckFailure(fact, hint if is_empty else AS_INTEGERS.get(result.returned, hint))
    return value
