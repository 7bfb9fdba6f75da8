"""Recognised causes of a wrong product: what a result is instead, and what to do about it.

One mistake makes many conditions fail. Each cause here is found in the numbers of the result, so
its hint is right whichever condition failed first.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinytorch.utils.checking import agree, error_bound, expected_product, is_wide_enough
from tito.conditions.call import Call, CallResult, NoAnswer
from tito.conditions.results import Inconclusive
from tito.tracing.observe import CPUS
from tito.tracing.proof import MATRIX_PRODUCTS

__all__ = [
    "BEGIN_AT_ZERO",
    "EARLY",
    "NO_RETURN",
    "TWO_CALLS",
    "Cause",
    "cause_of_type",
    "cause_of_values",
    "differs",
    "left_over",
    "returns_early",
]

Array: TypeAlias = NDArray[Any]
Cause: TypeAlias = tuple[str, str]
"""The fact, and what to do; the fact is empty where the difference itself says it."""

NO_RETURN = "End the function with `return` and the result."
SLICES = "A slice leaves out its end: A[i:i + b] has b rows, and the next block begins at i + b."
ADD_UP = "C = X stores and C += X adds: along the inner side the products have to add up."
LOST_SUMS = "Cut the rows of A: threads that add to the same entries lose each other's sums."
LAST_END = "Let the last slice end at n, not n - 1."
STEPS = "A piece begins where the one before it ends: range(0, {side}, step), not range(0, {side})."
TWO_CALLS = "two calls with the same A and B give different results"
PUT_BACK = "Write each piece to where its rows begin: C[start:end] = A[start:end] @ B."
ONE_ARRAY = (
    "Return one array, without tolist(): np.concatenate(parts) puts chunks of rows below each "
    "other."
)
TYPE = "Make the result with dtype=np.result_type(A, B): a narrower type loses digits."
RETURN_LAST = (
    "Return after all loops, not inside of one, and let each end with its side: rows at m, columns "
    "at p, the inner side at n."
)
EARLY = (
    "Wait for all threads before return: join() each, or leave the `with` block of the pool first."
)
UNSEEN = "list(pool.map(...)), or result() of each, shows an error of a thread."
RESULT_SHAPE = "The result has the rows of A and the columns of B: np.zeros((m, p))."
ENTRIES = "`*` multiplies entries, `@` multiplies matrices."
BEGIN_AT_ZERO = "Begin with np.zeros: np.empty holds what was in memory before."

WHOLE: tuple[tuple[Callable[[Array, Array], Array], str, str], ...] = (
    (lambda A, B: B @ A, "it is B @ A", "The order matters: rows come from A, columns from B."),
    (lambda A, B: A * B, "it is A * B, entry by entry", ENTRIES),
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


def cause_of_type(result: CallResult) -> Cause | None:
    """Return why the result is no array, if that is clear."""
    if result.returned == "NoneType":
        return "it returns None", NO_RETURN
    if result.returned in ("list", "tuple"):
        return f"it returns a {result.returned}, not an array", ONE_ARRAY
    return None


@np.errstate(all="ignore")  # the result may be anything
def cause_of_values(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], value: Array
) -> Cause | None:
    """Return why an array is not the product of A and B, if it can be recognised.

    Parameters
    ----------
    call : Call
        The kernel: it is called again where the numbers alone do not show the cause.
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
    found = _of_other_products(A, B, value)
    if found is None and value.shape != expected.shape:
        return _of_shape(value, expected)
    if found is None and not value.any() and expected.any():
        return _of_zeros(call, A, B, options)
    if found is None and expected.size:
        found = _of_nan(value, expected) or _of_threads(call, A, B, options, value)
        found = (
            found or _of_rows(value, expected, bound, options) or _of_blocks(A, B, options, value)
        )
        found = found or _of_sums(call, A, B, options, value) or _of_rounding(value, expected)
        found = found or _of_two_calls(call, A, B, options, value)
    return found


def returns_early(earlier: Array, late: CallResult, threads: int) -> bool:
    """Return whether rows that were there in `earlier` are empty where threads begin late.

    `late` is of a traced call whose products had to meet. A product that was still under way at the
    end of the call is not in its log; a race between threads that were waited for leaves all there.
    """
    if late.value is None or late.log is None or late.value.shape != earlier.shape:
        return False
    made = (step for step in late.log.steps if any(step.results))
    products = sum(step.name in MATRIX_PRODUCTS for step in made)
    empty = earlier.any(axis=1) & ~late.value.any(axis=1)
    return bool(empty.any()) and products < threads


def traced_again(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], meet: int = 0
) -> CallResult | None:
    """Return the result of a traced call, which may show a cause; None where there is none."""
    try:
        return call.trace(A, B, meet=meet, **options)
    except (NoAnswer, Inconclusive, ArithmeticError, ValueError):
        return None


def _of_threads(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], value: Array
) -> Cause | None:
    """Empty rows: their threads were not waited for, or several threads took the same ones."""
    if call.cut != "num_processes" or value.any(axis=1).all():
        return None
    threads = min(options.get(call.cut) or CPUS, len(A))
    late = traced_again(call, A, B, options, meet=1)  # threads begin late, no product waits
    if late is not None and returns_early(value, late, threads):
        return "it returned before its threads had ended", EARLY
    return _of_two_calls(call, A, B, options, value)


def _of_other_products(A: Array, B: Array, value: Array) -> Cause | None:
    """Another product of A and B."""
    wide = np.result_type(A, B, np.float64 if A.dtype.kind in "iub" else A.dtype)
    A, B = A.astype(wide), B.astype(wide)
    for product, fact, hint in WHOLE:
        try:
            other = product(A, B)
        except ValueError:  # sizes that do not fit
            continue
        if other.shape == value.shape and other.size > 1 and _close(value, other):
            return fact, hint
    return None


def _of_shape(value: Array, expected: Array) -> Cause | None:
    """A result of another shape: a part of the rows, or chunks side by side."""
    shape = f"the shape is {value.shape}, expected {expected.shape}"
    if value.ndim != 2 or not value.size:
        return shape, RESULT_SHAPE
    rows, columns = value.shape
    if columns == expected.shape[1] and rows < len(expected) and _close(value, expected[:rows]):
        fact = f"only the first {rows} of {len(expected)} rows came back"
        return fact, "Return after the loop, and give the rows that are left over to some chunk."
    if columns and columns % max(1, expected.shape[1]) == 0 and value.size == expected.size:
        parts = columns // max(1, expected.shape[1])
        if parts > 1 and _close(value, np.hstack(np.split(expected, parts))):
            return "the chunks lie side by side", ONE_ARRAY
    return shape, RESULT_SHAPE


def _of_zeros(call: Call, A: Array, B: Array, options: Mapping[str, Any]) -> Cause:
    """A result of zeros: nothing was multiplied, or it did not arrive."""
    seen = traced_again(call, A, B, options)
    log = seen.log if seen else None
    multiplies = ("matmul", "dot", "einsum", "multiply", "inner", "outer", "vec")
    steps = [s for s in log.steps if any(r and r.size for r in s.results)] if log else []
    if any(word in step.name for step in steps for word in multiplies):
        fact = "every value is zero: products were computed, and none is in the result"
        return fact, "Write into the array that you return: C[i:j] = ..., and return C."
    fact = "every value is zero: nothing was multiplied before the function returned"
    if call.cut == "num_processes":
        return fact, (
            f"Wait for each thread with join() or result(). {UNSEEN} "
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
        lines, right, limit = (np.moveaxis(x, axis, 0) for x in (value, expected, bound))
        times = _times(lines, right, limit)
        if times is None or (times == 1).all() or (times[times > 0] == max(times.max(), 2)).all():
            continue  # what is twice in each line is found by the inner indices
        there, names = np.flatnonzero(times), (len(lines), name, f"{name}s")
        if (times > 1).any():
            again = _indices(np.flatnonzero(times > 1), *names)
            return f"{again} added more than once", STEPS.format(side=side)
        if len(there) == there[-1] + 1:
            return _left_out(len(lines), len(there), name, side, options)
        is_start = len(there) == len(lines) - there[0]
        fact = f"{_indices(np.flatnonzero(times == 0), *names)} zero, the rest is right"
        return fact, f"range(0, {side}, step) begins with the first piece." if is_start else SLICES
    return None


def _times(lines: Array, right: Array, bound: Array) -> Array | None:
    """Return how often each line of the product was added up, where that is all that is wrong."""
    sizes = (np.abs(right) ** 2).sum(axis=1)
    times: Array = np.rint((lines * right).sum(axis=1, dtype=float) / sizes)
    if not (np.isfinite(times).all() and times.any() and (times >= 0).all()):
        return None
    most = np.maximum(times, 1)[:, None]
    return times if agree(lines, times[:, None] * right, most * bound) else None


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
    return fact, RETURN_LAST


def _of_blocks(A: Array, B: Array, options: Mapping[str, Any], value: Array) -> Cause | None:
    """One block alone, or blocks that were multiplied entry by entry."""
    (m, n), p, b = A.shape, B.shape[1], options.get("block_size", 0)
    rows, columns = (int(value.any(axis=axis).sum()) for axis in (1, 0))
    for k in range(1, n + 1) if (rows, columns) != (m, p) else ():
        if _close(value[:rows, :columns], A[:rows, :k] @ B[:k, :columns]):
            fact = (
                f"only the first {rows} rows and {columns} columns hold sums, of {k} products each"
            )
            return fact, RETURN_LAST
    if not b or m % b or n % b or p % b:
        return None
    entries = np.zeros(value.shape, np.result_type(A, B))
    for i, j, k in b * np.argwhere(np.ones((m // b, p // b, n // b))):
        entries[i : i + b, j : j + b] += A[i : i + b, k : k + b] * B[k : k + b, j : j + b]
    if not _close(value, entries):
        return None
    return "blocks are multiplied entry by entry", ENTRIES


def _of_sums(
    call: Call, A: Array, B: Array, options: Mapping[str, Any], value: Array
) -> Cause | None:
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
    if not whole.any():
        unseen = f" {UNSEEN}" if call.cut == "num_processes" else ""
        return "a part of it was never computed", f"{BEGIN_AT_ZERO}{unseen}"
    if (whole == whole[0]).all():
        fact = f"each product was added {whole[0]:g} times"
        return fact, "Two loops add the same, or the result is not zero at the beginning."
    missing, again = np.flatnonzero(whole == 0), np.flatnonzero(whole > 1)
    if again.size and not missing.size:
        fact = f"{_indices(again, n)} added more than once"
        return fact, f"{SLICES} range(0, n, b) steps by b, range(0, n) by 1."
    if bool((whole[: missing.size] == 0).all()):
        return f"{_indices(missing, n)} missing: the first ones", (
            f"{ADD_UP} And range(0, n, step) begins with the first block."
        )
    fact = f"{_indices(missing, n)} missing"
    if call.cut == "num_processes":
        return fact, f"{LOST_SUMS} {SLICES}"
    block = options.get("block_size", n)
    if missing.tolist() == [n - 1] and block > 1 and n % block != 1:
        return f"{fact}: the last one", f"{LAST_END} {SLICES}"
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
    return (TWO_CALLS, left_over(call)) if differs(call, (A, B), options, value) else None


def differs(
    call: Call, arrays: tuple[Array, ...], options: Mapping[str, Any], value: Array
) -> bool:
    """Return whether the same call returns another array than `value` now."""
    try:
        again = call(*arrays, **options).value
    except NoAnswer:
        return False
    return again is not None and not np.array_equal(again, value, equal_nan=True)


def left_over(call: Call) -> str:
    """Return what to do about calls that differ though their operands are the same."""
    if call.cut == "num_processes":
        return f"{BEGIN_AT_ZERO} Threads that write to the same place do so in any order."
    return f"{BEGIN_AT_ZERO} Nothing that is drawn, or left from another call, may matter."


def _indices(numbers: Array, n: int, one: str = "inner index", more: str = "inner indices") -> str:
    """Return ``inner index 3 of 8 is``, ``inner indices 4 to 7 of 8 are``, or the first six."""
    first, last = int(numbers[0]), int(numbers[-1])
    if len(numbers) == 1:
        return f"{one} {first} of {n} is"
    if last - first == len(numbers) - 1:
        return f"{more} {first} to {last} of {n} are"
    others = " and more" if len(numbers) > 6 else ""
    return f"{more} {', '.join(map(str, numbers[:6]))}{others} of {n} are"


def _close(value: Array, other: Array) -> bool:
    return value.shape == other.shape and agree(value, other, 1e-9 * (1 + np.abs(other)))
