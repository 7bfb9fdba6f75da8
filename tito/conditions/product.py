"""Conditions on the product: a function each, whose docstring states it in one sentence.

A condition is given a `call` (the kernel, wherever it runs) and a random generator for its inputs.
It returns when it holds, and raises `CheckFailure` with a fact and a hint when it does not. Every
condition asks for a right product first, so a kernel that does nothing fulfils none of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.utils.checking import CheckFailure, describe_call, names_shape, random_matrix
from tito.conditions.call import Call
from tito.conditions.expect import Array, Generator, Shape, multiply, multiply_random, settings

__all__ = [
    "empty_sides",
    "inputs_unchanged",
    "mismatch",
    "number_types",
    "ragged_blocks",
    "square",
    "strided_views",
    "tall_and_wide",
    "uneven_chunks",
]

BY_HAND = "Work a 2 x 2 product by hand, and compare shape, type and values."
LEFT_OVER = {
    "block_size": "A side shorter than block_size is one small block, and a longer side may end in "
    "one: range(0, m, block_size) has the starts of all.",
    "num_processes": "There may be rows left over, fewer rows than num_processes, or no "
    "num_processes: the default is None.",
}
"""Hints on a cut into unequal pieces, where equal ones came out right."""
ANY_CUT = "Try sides that {cut} does not divide, sides below {cut}, and the default of {cut}."


def square(call: Call, rng: Generator, sizes: Sequence[int] = (2, 1, 8, 24)) -> None:
    """Square matrices are multiplied correctly."""
    cases = [(hint_on_cut(call, n, how), n, how) for n in sizes for how in settings(call)]
    for hint, n, options in sorted(cases, key=lambda case: case[0] != BY_HAND):
        multiply(call, random_matrix(rng, n, n), random_matrix(rng, n, n), hint, **options)


def tall_and_wide(
    call: Call,
    rng: Generator,
    shapes: Sequence[Shape] = ((30, 3, 5), (3, 5, 30), (4, 30, 2), (1, 9, 7), (9, 7, 1), (1, 8, 1)),
) -> None:
    """Tall and wide matrices, single rows and single columns are multiplied correctly."""
    for shape in shapes:
        hint = "Rows come from A, columns from B, the inner size from both: keep m, n and p apart."
        multiply_random(call, rng, shape, hint)


def ragged_blocks(
    call: Call,
    rng: Generator,
    shapes: Sequence[Shape] = ((10, 7, 9), (5, 13, 11)),
    block_sizes: Sequence[int] = (4, 1, 8, 64),
) -> None:
    """Sizes that are no multiple of block_size are multiplied correctly."""
    hint = "The last block of a row or column is smaller: end it with min(start + block_size, n)."
    for m, n, p in shapes:
        for block_size in block_sizes:
            A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
            multiply(call, A, B, hint, block_size=block_size)


def uneven_chunks(
    call: Call,
    rng: Generator,
    shapes: Sequence[Shape] = ((23, 6, 5), (21, 4, 6), (3, 4, 5)),
    counts: Sequence[int] = (1, 2, 8, 40),
) -> None:
    """Rows that num_processes does not divide, and more chunks than rows, come out right."""
    hint = "All rows have to be in some chunk, and a chunk may have no row: check both ends."
    for m, n, p in shapes:
        for count in counts:
            A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
            multiply(call, A, B, hint, num_processes=count)


def empty_sides(
    call: Call,
    rng: Generator,
    shapes: Sequence[Shape] = ((2, 3, 2), (0, 3, 2), (2, 3, 0), (2, 0, 3), (0, 0, 0)),
) -> None:
    """A side of length 0 gives an empty or a zero result of the right shape."""
    for shape in shapes:
        hint = "With nothing to add up the result is np.zeros((m, p)): make it before the loops."
        multiply_random(call, rng, shape, hint)


def number_types(
    call: Call,
    rng: Generator,
    types: Sequence[str] = ("float32", "float64", "int64", "int32"),
    shape: Shape = (24, 11, 6),
) -> None:
    """float32, float64 and integers, mixed ones too, keep all digits; NaN and infinity stay."""
    hint = "Give the result np.result_type(A, B) or a wider type; a narrower one loses digits."
    following = (*types[1:], types[0])
    pairs = [(one, one) for one in types]
    pairs += [*zip(types, following, strict=True), *zip(following, types, strict=True)]
    m, n, p = shape
    for left, right in pairs:
        for options in settings(call):
            A, B = numbers(rng, m, n, left), numbers(rng, n, p, right)
            multiply(call, A, B, hint, **options)
    for options in settings(call):
        special_numbers(call, rng, shape, **options)


def special_numbers(call: Call, rng: Generator, shape: Shape, **options: Any) -> None:
    hint = "Let NaN and infinity go through as in A @ B."
    m, n, p = shape
    A, B = random_matrix(rng, m, n, "float64"), random_matrix(rng, n, p, "float64")
    B[-2, 1] = np.inf
    multiply(call, A, B, hint, **options)
    A, B = random_matrix(rng, m, n, "float64"), random_matrix(rng, n, p, "float64")
    A[-1, 0] = B[-2, 1] = np.nan
    A[:, -5:] = 0  # a block of 4 that meets the NaN of B holds nothing else
    if call(A, B, **options).raised is None:  # a check of the student's own may raise
        multiply(call, A, B, hint, **options)


def numbers(rng: Generator, rows: int, columns: int, dtype: str) -> Array:
    """Return a matrix whose integers are large: their products need all digits of the type.

    Those of float32 are positive: sums near 0 have few right digits, and a kernel may compare its
    result with ``A @ B`` by `numpy.allclose`.
    """
    matrix = random_matrix(rng, rows, columns, dtype)
    if np.dtype(dtype).kind != "i":
        return abs(matrix) if dtype == "float32" else matrix
    most = 1 << (13 if dtype == "int32" else 21)  # sums need more than 24 bits, less than 53
    return rng.integers(-most, most, (rows, columns)).astype(dtype)


def strided_views(call: Call, rng: Generator, shape: Shape = (22, 6, 9)) -> None:
    """Transposed, sliced and reversed matrices are multiplied correctly."""
    m, n, p = shape
    hint = "Index A and B as arrays; their memory may be in any order."
    for options in settings(call):
        multiply(call, random_matrix(rng, n, m).T, random_matrix(rng, p, n).T, hint, **options)
        A, B = random_matrix(rng, 2 * m, 3 * n), random_matrix(rng, n, 2 * p)
        multiply(call, A[::2, ::3], B[::-1, 1::2], hint, **options)


def inputs_unchanged(
    call: Call, rng: Generator, shapes: Sequence[Shape] = ((8, 8, 8), (24, 5, 7))
) -> None:
    """A and B hold the same numbers after the call as before."""
    for m, n, p in shapes:
        for options in settings(call):
            A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
            result = multiply(call, A, B, "Begin with the product: see the lines above.", **options)
            if not result.unchanged:
                fact = f"{describe_call(call, A, B, options)}: an input was changed by the call"
                hint = "Write into a new array: A and B belong to the caller."
                raise CheckFailure(fact, hint)


def mismatch(
    call: Call,
    rng: Generator,
    pairs: Sequence[tuple[tuple[int, int], tuple[int, int]]] = (
        ((3, 4), (5, 2)),
        ((24, 4), (8, 2)),
        ((24, 8), (4, 2)),
        ((2, 3), (2, 3)),
    ),
) -> None:
    """Inner sizes that differ raise ValueError that names both shapes; 1-D and 3-D are refused."""
    hint = "If A.shape[1] and B.shape[0] differ, raise ValueError; if they agree, multiply."
    multiply_random(call, rng, (3, 4, 2), hint)
    for left, right in pairs:
        A, B = random_matrix(rng, *left), random_matrix(rng, *right)
        for options in settings(call):
            expect_value_error(call, A, B, hint, options)
    (m, n), (_, p) = pairs[0]
    for shapes in (((n,), (n,)), ((2, m + n, n), (n, p))):
        expect_refused(call, *(rng.standard_normal(shape) for shape in shapes))


def expect_value_error(call: Call, A: Array, B: Array, hint: str, options: dict[str, Any]) -> None:
    result, text = call(A, B, **options), describe_call(call, A, B, options)
    if result.raised is None:
        raise CheckFailure(f"{text} raised nothing, it has to raise ValueError", hint)
    if "ValueError" not in result.raised.kinds:
        fact = f"{text} raised {result.raised.kinds[0]}, it has to raise ValueError"
        raise CheckFailure(fact, hint)
    if not all(names_shape(result.raised.message, x.shape) for x in (A, B)):
        fact = f"{text}: the ValueError does not name both shapes: {result.raised.message!r}"
        raise CheckFailure(fact, "Put {A.shape} and {B.shape} into the message.")


def expect_refused(call: Call, A: Array, B: Array) -> None:
    """Ask that operands that are no matrices give no result; any exception will do."""
    if call(A, B).raised is None:
        fact = f"{describe_call(call, A, B, {})} raised nothing"
        raise CheckFailure(fact, "A matrix has two dimensions: look at A.ndim and B.ndim.")


def hint_on_cut(call: Call, n: int, options: dict[str, Any]) -> str:
    """Return the hint for a wrong (n, n) product: on its cut, unless that is into equal pieces."""
    if call.cut is None or (options and n % options[call.cut] == 0):
        return BY_HAND
    return LEFT_OVER.get(call.cut, ANY_CUT.format(cut=call.cut))
