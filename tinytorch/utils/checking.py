"""Checks for a lesson's locked cells: every failure is one sentence of fact and one of advice.

The product that a kernel should return is computed here, from copies taken before the kernel ran:
in float64 (complex128) for floats, exactly for integers. A difference is allowed as far as the
rounding of any order of summation reaches, and no further.
"""

import re
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "CheckFailure",
    "assert_multiplies",
    "assert_product",
    "assert_rejects",
    "assert_unchanged",
    "explain_difference",
    "name_of",
    "random_matrix",
    "tolerance",
]

Array: TypeAlias = NDArray[Any]
Mask: TypeAlias = NDArray[np.bool_]
Kernel: TypeAlias = Callable[..., Any]
EXACT = "biu"  # dtype kinds without rounding: bool, signed, unsigned


class CheckFailure(AssertionError):  # noqa: N818 (check50's word: the kernel failed, not the check)
    """A check that failed: what was seen, and where to look.

    Parameters
    ----------
    fact, hint : str
        One sentence each.
    place : str
        The line of the student that raised, where it did.
    """

    is_shown = False  # whether a card in the notebook says it already

    def __init__(self, fact: str, hint: str, place: str = "") -> None:
        super().__init__(fact, hint)
        self.fact, self.hint, self.place = fact, hint, place

    def __str__(self) -> str:
        return f"{self.fact}\nHint: {self.hint}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints instead of a traceback, which leads through our code only."""
        return ["This check has failed: see above."] if self.is_shown else str(self).splitlines()


def assert_multiplies(kernel: Kernel, A: Array, B: Array, *, hint: str, **options: Any) -> None:
    """Assert that ``kernel(A, B, **options)`` returns ``A @ B`` and leaves A and B as they were.

    The kernel is called once, with A (m, n) and B (n, p), strides included; warnings are not shown.

    Raises
    ------
    CheckFailure
        If the kernel raises, changes its input, or returns anything but the product; ends with
        `hint`, one sentence for the student whose kernel it is.
    NotImplementedError
        If the kernel is still a stub.
    """
    A_before, B_before = A.copy(), B.copy()
    call = describe_call(kernel, A, B, options)
    try:
        with warnings.catch_warnings(action="ignore"):
            result = kernel(A, B, **options)
    except NotImplementedError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise CheckFailure(f"{call} raised {text}", hint) from error
    assert_unchanged(A_before, A, hint=hint, name=f"{call}: A")
    assert_unchanged(B_before, B, hint=hint, name=f"{call}: B")
    assert_product(result, A_before, B_before, hint=hint, call=call)


@np.errstate(all="ignore")  # to look at a signalling NaN is to trip over it
def assert_product(result: Any, A: Array, B: Array, *, hint: str, call: str = "product") -> None:
    """Assert that `result` is an array that holds ``A @ B``, in its dtype or a wider one."""
    if not isinstance(result, np.ndarray):
        raise CheckFailure(f"{call}: the result is a {type(result).__name__}, not an array", hint)
    needed = np.result_type(A, B)
    if not is_wide_enough(result.dtype, needed):
        raise CheckFailure(f"{call}: the result is {result.dtype}, it has to be {needed}", hint)
    expected, bound = expected_product(A, B), error_bound(A, B)
    if not agree(result, expected, bound):
        cause = explain_inner(result, A, B, bound) or explain_precision(result, A, B)
        cause = cause or explain_difference(result, expected, bound)
        raise CheckFailure(f"{call}: {cause}", hint)


def is_wide_enough(dtype: np.dtype[Any], needed: np.dtype[Any]) -> bool:
    """Whether numbers of type `needed` stay as they are in `dtype`; real ones are not complex."""
    kinds = "c" if needed.kind == "c" else "biuf"
    return dtype.kind in kinds and np.can_cast(needed, dtype, casting="safe")


def assert_rejects(
    kernel: Kernel, A: Array, B: Array, *, hint: str, naming_shapes: bool = False, **options: Any
) -> None:
    """Assert that the call raises `ValueError`, on demand with both shapes in its message.

    A shape is named when the message holds its numbers in their order: ``(3, 4)``, ``3 x 4``.
    """
    call = describe_call(kernel, A, B, options)
    try:
        with warnings.catch_warnings(action="ignore"):
            kernel(A, B, **options)
    except ValueError as error:
        if naming_shapes and not all(names_shape(str(error), x.shape) for x in (A, B)):
            fact = f"{call}: the ValueError does not name both shapes, it says {str(error)!r}"
            raise CheckFailure(fact, hint) from error
    except Exception as error:
        fact = f"{call} raised {type(error).__name__}, it has to raise ValueError"
        raise CheckFailure(fact, hint) from error
    else:
        raise CheckFailure(f"{call} raised nothing, it has to raise ValueError", hint)


def assert_unchanged(before: Array, after: Array, *, hint: str, name: str = "the input") -> None:
    """Assert that two arrays hold the same bytes; `before` is a copy taken before the call."""
    if before.shape != after.shape or before.tobytes() != after.tobytes():
        raise CheckFailure(f"{name} was changed by the call", hint)


def tolerance(dtype: DTypeLike, inner_size: int) -> float:
    """Return the rounding allowed in an entry, as a share of the same entry of ``|A| @ |B|``.

    A sum of n products, in whatever order it is taken, is off by at most ``n * eps / 2`` times the
    sum of their magnitudes (Jeannerod and Rump, SIAM J. Matrix Anal. Appl. 34, 2013, p. 338). The
    kernel may be off by that much, and so may the reference where it has the same dtype: together
    ``n * eps``, at most 2.83 times that for complex numbers. So no correct sum exceeds
    ``3 * eps * n``, the bound in homework 1 of Berkeley's CS267. (Fast algorithms of Strassen's
    kind keep no bound on single entries.) Integers and bool are exact: 0.
    """
    kind = np.dtype(dtype)
    return 0.0 if kind.kind in EXACT else 3.0 * float(np.finfo(kind).eps) * inner_size


@np.errstate(all="ignore")
def explain_difference(result: Array, expected: Array, bound: Array | float = 0.0) -> str:
    """Say in plain words where `result` is further than `bound` from `expected`."""
    if agree(result, expected, bound):
        return "no entry differs"
    if agree(result.T, expected, bound):
        return "the result is the transpose of the product"
    if result.shape != expected.shape:
        return f"the result has shape {result.shape}, expected {expected.shape}"
    if np.isnan(result).all():
        return "every value is NaN"
    if not result.any():
        return "every value is zero"
    wrong = differing(result, expected, bound)
    return explain_lines(result, wrong) or explain_entry(result, expected, wrong)


def random_matrix(rng: np.random.Generator, m: int, n: int, dtype: DTypeLike = float) -> Array:
    """Return an (m, n) matrix: normal values, whole numbers from 0 to 9, or False and True."""
    kind = np.dtype(dtype).kind
    if kind in EXACT:
        return rng.integers(0, 2 if kind == "b" else 10, (m, n)).astype(dtype)
    values = rng.standard_normal((m, n)) + (1j * rng.standard_normal((m, n)) if kind == "c" else 0)
    return values.astype(dtype)


def expected_product(A: Array, B: Array) -> Array:
    """Return ``A @ B``: exact (integers wrap round), or in float64 or complex128 at least."""
    dtype = np.result_type(A, B)
    wide = np.dtype(np.int64) if dtype.kind in EXACT else np.result_type(dtype, np.float64)
    with np.errstate(all="ignore"):
        product = A.astype(wide) @ B.astype(wide)
    return product.astype(dtype if dtype.kind in EXACT else wide)


def error_bound(A: Array, B: Array) -> Array:
    """Return how far each entry may be off: rounding, and one subnormal step for each product."""
    dtype, n = np.result_type(A, B), A.shape[1]
    if dtype.kind in EXACT:
        return np.zeros((A.shape[0], B.shape[1]))
    magnitude = abs(A).astype(np.float64) @ abs(B).astype(np.float64)
    bound = tolerance(dtype, n) * magnitude + n * float(np.finfo(dtype).smallest_subnormal)
    return np.where(np.isfinite(bound), bound, 0.0)


def agree(result: Array, expected: Array, bound: Array | float) -> bool:
    return result.shape == expected.shape and not differing(result, expected, bound).any()


def differing(result: Array, expected: Array, bound: Array | float) -> Mask:
    """Tell for each entry whether it is off; NaN agrees with NaN, an infinity with itself."""
    same: Mask = (result == expected) | (np.isnan(result) & np.isnan(expected))
    near = abs(np.subtract(result, expected, dtype=complex)) <= bound
    return ~(same | (near & np.greater(bound, 0)))


def explain_inner(result: Array, A: Array, B: Array, bound: Array) -> str:
    """Recognize a sum over only the first or only the last part of the inner dimension."""
    n = A.shape[1]
    for k in range(1, n):
        if agree(result, expected_product(A[:, :k], B[:k]), bound):
            return f"only inner indices 0 to {k - 1} of {n} were summed: the last block was dropped"
        if agree(result, expected_product(A[:, k:], B[k:]), bound):
            return f"only inner indices {k} to {n - 1} of {n} were summed: blocks must add up"
    return ""


def explain_precision(result: Array, A: Array, B: Array) -> str:
    """Recognize values that are right as far as a narrower float type can hold them."""
    dtype, n = np.result_type(A, B), A.shape[1]
    for narrow in (np.float32, np.float16) if tolerance(dtype, n) else ():
        widened = error_bound(A, B) * (4 * tolerance(narrow, 1) / tolerance(dtype, n))
        if tolerance(narrow, n) > tolerance(dtype, n) and agree(
            result, expected_product(A, B), widened
        ):
            return f"the values agree only to the precision of {np.dtype(narrow)}, not of {dtype}"
    return ""


def explain_lines(result: Array, wrong: Mask) -> str:
    """Name the rows, the columns, or the one block that hold every wrong entry; else nothing."""
    rows, columns, joint = np.all(wrong, axis=1), np.all(wrong, axis=0), " and "
    if not np.array_equal(wrong, rows[:, None] | columns):
        rows, columns, joint = np.any(wrong, axis=1), np.any(wrong, axis=0), " in "
        if not np.array_equal(wrong, rows[:, None] & columns):
            return ""
    if wrong.all() or wrong.sum() == 1:
        return ""
    place = joint.join(filter(None, (numbered("row", rows), numbered("column", columns))))
    one = rows.sum() + columns.sum() == 1
    if result[wrong].any():
        return f"{place} {'differs' if one else 'differ'}"
    # Marked lines that are the last ones: sorted, the mask stays as it is.
    ragged = np.array_equal(rows, np.sort(rows)) and np.array_equal(columns, np.sort(columns))
    cause = ": the last, ragged block was dropped" if ragged else ""
    return f"{place} {'is' if one else 'are'} zero{cause}"


def explain_entry(result: Array, expected: Array, wrong: Mask) -> str:
    i, j = (int(index) for index in np.argwhere(wrong)[0])
    text = f"entry ({i}, {j}) is {result[i, j].item()}, expected {expected[i, j].item()}"
    return text if wrong.sum() == 1 else f"{text}; {wrong.sum()} of {wrong.size} entries differ"


def numbered(word: str, lines: Mask) -> str:
    """Return ``row 4``, ``rows 96 to 99`` or ``5 of the rows 1 to 9``; nothing for none."""
    found = np.flatnonzero(lines)
    if found.size < 2:
        return f"{word} {found[0]}" if found.size else ""
    span = f"{word}s {found[0]} to {found[-1]}"
    return span if found[-1] - found[0] < found.size else f"{found.size} of the {span}"


def names_shape(text: str, shape: tuple[int, ...]) -> bool:
    numbers = iter(re.findall(r"\d+", text))
    return all(str(size) in numbers for size in shape)


def name_of(function: Callable[..., Any]) -> str:
    """Return a function's name; that of a partial, a decorated or a callable object as well."""
    while not isinstance(getattr(function, "__name__", None), str):
        inner = getattr(function, "func", None)
        if inner is None:
            return type(function).__name__
        function = inner
    return function.__name__


def describe_call(kernel: Kernel, A: Array, B: Array, options: dict[str, Any]) -> str:
    arguments = ["A", "B", *(f"{name}={value!r}" for name, value in options.items())]
    shown = f"A {A.shape} {A.dtype}, B {B.shape} {B.dtype}"
    return f"{name_of(kernel)}({', '.join(arguments)}) with {shown}"
