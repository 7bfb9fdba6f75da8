"""Recognised causes of a wrong product: what a result is instead, and what to do about it.

One slip makes many conditions fail. Each cause here is found in the numbers that came back, so its
hint is right whichever condition met it first.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.checking import agree, error_bound, expected_product, is_wide_enough
from tito.conditions.call import Call, CallResult, NoAnswer

__all__ = ["BY_KIND", "Cause", "cause_of_error", "cause_of_type", "cause_of_values"]

Array: TypeAlias = NDArray[Any]
Cause: TypeAlias = tuple[str, str]
"""What was found, and what to do; nothing was found where the difference itself says it."""

SLICES = "A slice leaves out its end: A[i:i + b] has b rows, and the next block begins at i + b."
ADD_UP = "C = X stores and C += X adds: along the inner side the products have to add up."
PUT_BACK = "Write each piece to where its rows begin: C[start:end] = A[start:end] @ B."
ONE_ARRAY = "Return one array: np.concatenate(parts) puts chunks of rows below each other."
TYPE = "Make the result with dtype=np.result_type(A, B): a narrower type loses digits."
BEGIN_AT_ZERO = "Begin with np.zeros: np.empty holds what was in memory before."

WHOLE: tuple[tuple[Callable[[Array, Array], Array], str, str], ...] = (
    (lambda A, B: B @ A, "it is B @ A", "The order matters: rows come from A, columns from B."),
    (
        lambda A, B: A * B,
        "it is A * B, entry by entry",
        "`*` multiplies entries, `@` multiplies matrices.",
    ),
    (lambda A, B: A + B, "it is A + B", "Multiply the entries, then add along the inner side."),
    (lambda A, B: A @ B.T, "it is A @ B.T", "C[i, j] adds A[i, k] * B[k, j]: B is not transposed."),
    (lambda A, B: A.T @ B, "it is A.T @ B", "C[i, j] adds A[i, k] * B[k, j]: A is not transposed."),
    (
        lambda A, B: (A @ B).T,
        "it is the transpose of the product",
        "C[i, j] is row i of A by column j of B: return C, not C.T.",
    ),
    (
        lambda A, B: (B @ A).T,
        "it is A.T @ B.T",
        "C[i, j] adds A[i, k] * B[k, j]: nothing is transposed.",
    ),
    (lambda A, B: -(A @ B), "it is the product with the wrong sign", ADD_UP),
)

BY_KIND = {
    "EOFError": "A kernel takes its numbers as arguments: remove input().",
    "NameError": "Define or import it in this cell: only solution cells are graded.",
    "UnboundLocalError": "A name that a function assigns is its own: set it before it is used.",
    "ModuleNotFoundError": "The grader has Python's own modules and NumPy.",
    "RecursionError": "A function that calls itself needs a case in which it does not.",
    "IndexError": "An index ends before the size does: a side n has indices 0 to n - 1.",
    "SystemExit": "A kernel returns its result: remove exit().",
    "MemoryError": "It makes an array that is much larger than A, B and C together.",
}
"""What to do about an error that was raised, by its name."""
RERUN = "Make such arrays in a new cell and call it there: Python shows the line."


def cause_of_error(kinds: tuple[str, ...] | list[str], hint: str) -> str:
    """Return what to do about an error, given the names of its class and of those above."""
    return next((BY_KIND[kind] for kind in kinds if kind in BY_KIND), hint or RERUN)


def cause_of_type(result: CallResult) -> Cause | None:
    """Return why what came back is no array, if that is clear."""
    if result.returned == "NoneType":
        return "it returns None", "End the function with `return` and the result."
    if result.returned in ("list", "tuple"):
        return f"it returns a {result.returned}, not an array", ONE_ARRAY
    return None


@np.errstate(all="ignore")  # of whatever came back
def cause_of_values(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], value: Array
) -> Cause | None:
    """Return why an array is not the product of A and B, if it can be recognised.

    Parameters
    ----------
    call : Call
        The kernel: it is called again where the numbers alone do not tell.
    A, B : ndarray (m, n), (n, p)
        Its operands.
    options : mapping
        Its other arguments.
    value : ndarray
        What it returned.
    """
    if not is_wide_enough(value.dtype, np.result_type(A, B)):
        return "", TYPE
    expected, bound = expected_product(A, B), error_bound(A, B)
    found = next(_whole(A, B, value), None)
    if found is None and value.shape != expected.shape:
        return _of_shape(value, expected)
    if found is None and not value.any() and expected.any():
        return _of_zeros(call, A, B, options)
    if found is None and expected.size:
        found = _of_nan(value, expected)
        found = found or _of_rows(value, expected, bound, options) or _of_sums(A, B, value)
        found = found or _of_rounding(value, expected) or _of_two_calls(call, A, B, options, value)
    return found


def _whole(A: Array, B: Array, value: Array) -> Iterator[Cause]:
    """Yield other products of A and B that the value is."""
    wide = np.result_type(A, B, np.float64 if A.dtype.kind in "iub" else A.dtype)
    A, B = A.astype(wide), B.astype(wide)
    for product, fact, hint in WHOLE:
        try:
            other = product(A, B)
        except ValueError:  # sizes that do not fit
            continue
        if other.shape == value.shape and other.size > 1 and _close(value, other):
            yield fact, hint


def _of_shape(value: Array, expected: Array) -> Cause | None:
    """A result of another shape: a part of the rows, or chunks side by side."""
    shape = f"the shape is {value.shape}, expected {expected.shape}"
    if value.ndim != 2 or not value.size:
        return shape, "The result has the rows of A and the columns of B: np.zeros((m, p))."
    rows, columns = value.shape
    if columns == expected.shape[1] and rows < len(expected) and _close(value, expected[:rows]):
        fact = f"only the first {rows} of {len(expected)} rows came back"
        return fact, "Return after the loop, and give the rows that are left over to some chunk."
    if columns and columns % max(1, expected.shape[1]) == 0 and value.size == expected.size:
        parts = columns // max(1, expected.shape[1])
        if parts > 1 and _close(value, np.hstack(np.split(expected, parts))):
            return "the chunks lie side by side", ONE_ARRAY
    return shape, "The result has the rows of A and the columns of B: np.zeros((m, p))."


def _of_zeros(call: Call, A: Array, B: Array, options: Mapping[str, Any]) -> Cause:
    """A result of zeros: nothing was multiplied, or it did not arrive."""
    try:
        log = call.trace(A, B, **options).log
    except (NoAnswer, ArithmeticError, ValueError):
        log = None
    multiplies = ("matmul", "dot", "einsum", "multiply", "inner", "outer", "vec")
    steps = [s for s in log.steps if any(r and r.size for r in s.results)] if log else []
    if any(word in step.name for step in steps for word in multiplies):
        fact = "every value is zero: products were computed, and none is in the result"
        return fact, "Write into the array that you return: C[i:j] = ..., and return C."
    fact = "every value is zero: nothing was multiplied before the function returned"
    if call.cut == "num_processes":
        return fact, (
            "Wait for each thread with join() or result(), which also shows its errors; "
            "m // num_processes rows are none where there are fewer rows."
        )
    if call.cut == "block_size":
        return fact, (
            "A loop made no step: range(0, m - block_size, block_size) is empty for a small m; "
            "range(0, m, block_size) has the starts of all blocks."
        )
    return fact, "The loop that adds up makes no step, or its sums are stored elsewhere."


def _of_nan(value: Array, expected: Array) -> Cause | None:
    """Numbers where the product has NaN."""
    lost = np.argwhere(np.isnan(expected) & ~np.isnan(value))
    if not lost.size:
        return None
    i, j = map(int, lost[0])
    fact = f"entry ({i}, {j}) is {value[i, j]:.6g}, expected NaN, as in {len(lost)} entries"
    return fact, "NaN times any number is NaN, 0 included: leave nothing out."


def _of_rows(
    value: Array, expected: Array, bound: Array, options: Mapping[str, Any]
) -> Cause | None:
    """Rows of the product in another order, or lines at the end that were left out."""
    order = np.lexsort(np.round(value, 6).T), np.lexsort(np.round(expected, 6).T)
    if not np.array_equal(*order) and _close(value[order[0]], expected[order[1]]):
        return "the rows are those of the product in another order", PUT_BACK
    for axis, name, side in ((0, "row", "m"), (1, "column", "p")):
        lines, right = np.moveaxis(value, axis, 0), np.moveaxis(expected, axis, 0)
        made = int(np.flatnonzero(lines.any(axis=1)).max(initial=-1)) + 1
        if 0 < made < len(lines) and agree(lines[:made], right[:made], _part(bound, axis, made)):
            return _left_out(len(lines), made, name, side, options)
    return None


def _left_out(size: int, made: int, name: str, side: str, options: Mapping[str, Any]) -> Cause:
    """Lines from `made` on are zero: the smaller last block, or more than that."""
    left = f"{name} {made} is" if made == size - 1 else f"{name}s {made} to {size - 1} are"
    block, count = options.get("block_size"), options.get("num_processes")
    if block and size - made == size % block:
        fact = f"{left} zero: the last, smaller block was left out"
        return (
            fact,
            f"range(0, {side}, block_size) has the starts of all blocks; a slice ends at {side}.",
        )
    if count and size - made == size % count:
        fact = f"{left} zero: what is left over after {count} equal chunks was left out"
        return fact, "m % num_processes rows are left over: share them out, or round up."
    fact = f"{left} zero: only the first {made} of {size} {name}s were computed"
    return fact, "Each loop has its own end: rows end at m, columns at p, the inner side at n."


def _part(bound: Array, axis: int, made: int) -> Array:
    part: Array = np.moveaxis(bound, axis, 0)[:made]
    return part


def _of_sums(A: Array, B: Array, value: Array) -> Cause | None:
    """Which inner indices were added up, and how often, by solving for it."""
    n = A.shape[1]
    there = value.any(axis=1)
    if n < 2 or there.sum() * B.shape[1] < n or A.dtype.kind not in "fiu":
        return None
    left, right = A[there].astype(np.float64), B.astype(np.float64)
    terms = np.einsum("ik,kj->ijk", left, right).reshape(-1, n)
    wanted = value[there].astype(np.float64).ravel()
    finite = np.isfinite(wanted).all() and np.isfinite(terms).all()  # LAPACK prints what is not
    if not finite or np.linalg.matrix_rank(terms) < n:
        return None
    times = np.linalg.lstsq(terms, wanted, rcond=None)[0]
    whole: Array = np.asarray(np.rint(times))
    if not np.allclose(terms @ whole, wanted, rtol=1e-4, atol=1e-4) or (whole == 1).all():
        return None
    if (whole == whole[0]).all():
        fact = f"each product was added {whole[0]:g} times"
        return fact, "Two loops add the same, or the result is not zero at the beginning."
    missing, again = np.flatnonzero(whole == 0), np.flatnonzero(whole > 1)
    if again.size and not missing.size:
        fact = f"{_indices(again, n)} added more than once"
        return fact, SLICES
    if bool((whole[: missing.size] == 0).all()):
        return f"{_indices(missing, n)} missing: the first ones", (
            f"{ADD_UP} And range(0, n, step) begins with the first block."
        )
    fact = f"{_indices(missing, n)} missing"
    if (whole[-missing.size :] == 0).all():
        return f"{fact}: the last ones", (
            "range(0, n - b, b) leaves out the last block, and a return inside of a loop all "
            "that come after it: range(0, n, b) has the starts of all blocks."
        )
    return fact, SLICES


def _of_rounding(value: Array, expected: Array) -> Cause | None:
    """The right numbers with fewer digits, or moved by a constant."""
    if expected.dtype.kind != "f" or value.dtype.kind != "f":
        return None
    off = np.abs(value - expected)
    if off.max() > 1e-2 * max(1.0, float(np.abs(expected).max())):
        if expected.size > 1 and np.ptp(value - expected) < 1e-9:
            fact = f"each entry is off by {float((value - expected).flat[0]):.6g}"
            return fact, "The result has to be zero before the products are added."
        return None
    for digits in range(1, 13):
        if np.array_equal(value, np.round(expected, digits)) and off.max() > 0:
            return f"the values are rounded to {digits} places", "Do not round: keep all digits."
    return None


def _of_two_calls(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], value: Array
) -> Cause | None:
    """Two calls with the same operands that differ."""
    try:
        again = call(A, B, **options).value
    except NoAnswer:
        return None
    if again is None or again.shape != value.shape or np.array_equal(again, value, equal_nan=True):
        return None
    fact = "two calls with the same A and B give different results"
    if call.cut == "num_processes":
        return fact, f"{BEGIN_AT_ZERO} Threads that write to the same place do so in any order."
    return fact, f"{BEGIN_AT_ZERO} Nothing that is drawn, or left from another call, may matter."


def _indices(numbers: Array, n: int) -> str:
    """Return ``inner index 3 of 8 is``, ``inner indices 4 to 7 of 8 are``, or the first six."""
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) == 1:
        return f"inner index {first} of {n} is"
    if last - first == len(numbers) - 1:
        return f"inner indices {first} to {last} of {n} are"
    more = " and more" if len(numbers) > 6 else ""
    return f"inner indices {', '.join(map(str, numbers[:6]))}{more} of {n} are"


def _close(value: Array, other: Array) -> bool:
    return value.shape == other.shape and agree(value, other, 1e-9 * (1 + np.abs(other)))
