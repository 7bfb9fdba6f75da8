"""The checks of a lesson's locked cells: what they accept, what they refuse, what they say."""

import pickle
import warnings

import numpy as np
import pytest

from tinytorch.utils.checking import (
    CheckFailure,
    assert_multiplies,
    assert_product,
    assert_rejects,
    assert_unchanged,
    error_bound,
    expected_product,
    explain_difference,
    random_matrix,
    tolerance,
)

DTYPES = ["bool", "uint8", "int8", "int64", "float16", "float32", "float64", "complex64"]


def matrices(m=100, n=70, p=66, dtype="float64", seed=1):
    rng = np.random.default_rng(seed)
    return random_matrix(rng, m, n, dtype), random_matrix(rng, n, p, dtype)


def rank_one_sum(A, B, indices=None):
    """Round after each term, in the dtype of the operands: as inexact as a correct sum gets."""
    C = np.zeros((A.shape[0], B.shape[1]), np.result_type(A, B))
    for k in range(A.shape[1]) if indices is None else indices:
        C += np.multiply.outer(A[:, k], B[k])
    return C


def fact(result, A, B):
    with pytest.raises(CheckFailure) as caught:
        assert_product(result, A, B, hint="Look again.")
    return caught.value.fact


def with_entries(product, where, value):
    changed = product.copy()
    changed[where] = value
    return changed


def test_check_failure_is_fact_and_hint():
    failure = CheckFailure("it is so", "Do this.")
    assert isinstance(failure, AssertionError)
    assert str(failure) == "it is so\nHint: Do this."
    assert str(pickle.loads(pickle.dumps(failure))) == str(failure)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [1, 2, 30, 700])
def test_assert_product_accepts_every_order_of_summation(dtype, n):
    for seed in range(20):
        A, B = matrices(6, n, 5, dtype, seed)
        order = np.random.default_rng(seed).permutation(n)
        for result in (rank_one_sum(A, B), rank_one_sum(A, B, order)):
            assert_product(result, A, B, hint="")


def test_assert_product_accepts_rounding_of_tiny_float16_products():
    A, B = matrices(6, 4, 5, seed=3)
    A, B = (A * 1e-3).astype(np.float16), (B * 1e-3).astype(np.float16)
    assert_product(rank_one_sum(A, B), A, B, hint="")


@pytest.mark.parametrize(("dtype", "wider"), [("int64", "float64"), ("float16", "float32")])
def test_assert_product_accepts_a_wider_dtype(dtype, wider):
    A, B = matrices(4, 5, 6, dtype)
    assert_product(A.astype(wider) @ B.astype(wider), A, B, hint="")


def test_assert_product_refuses_complex_numbers_where_none_are():
    A, B = matrices(4, 5, 6)
    said = fact((A @ B).astype(complex), A, B)
    assert said == f"product: the result is complex128, it has to be {A.dtype}"


def test_assert_product_accepts_nan_and_inf_where_they_belong():
    A, B = matrices(4, 5, 6)
    A[1, 2], B[3, 4] = np.nan, np.inf
    assert_product(A @ B, A, B, hint="")
    assert fact(np.nan_to_num(A @ B), A, B) == "product: row 1 and column 4 differ"


def test_assert_product_refuses_values_in_an_empty_sum():
    A, B = matrices(3, 0, 2)
    assert "expected 0.0" in fact(np.ones((3, 2)), A, B)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda C: C.tolist(), "the result is a list, not an array"),
        (lambda C: None, "the result is a NoneType, not an array"),
        (lambda C: C.astype(np.float32), "the result is float32, it has to be float64"),
        (lambda C: C.astype(np.int64), "the result is int64, it has to be float64"),
        (lambda C: C.astype(object), "the result is object, it has to be float64"),
        (lambda C: C[:96], "the result has shape (96, 66), expected (100, 66)"),
        (lambda C: C.T, "the result is the transpose of the product"),
        (lambda C: C * np.nan, "every value is NaN"),
        (lambda C: C * 0, "every value is zero"),
        (
            lambda C: with_entries(C, np.s_[96:], 0),
            "rows 96 to 99 are zero: the last, ragged block was dropped",
        ),
        (
            lambda C: with_entries(C, np.s_[:, 65:], 0),
            "column 65 is zero: the last, ragged block was dropped",
        ),
        (
            lambda C: with_entries(with_entries(C, np.s_[96:], 0), np.s_[:, 64:], 0),
            "rows 96 to 99 and columns 64 to 65 are zero: the last, ragged block was dropped",
        ),
        (
            lambda C: with_entries(C, np.s_[96:, 64:], 0),
            "rows 96 to 99 in columns 64 to 65 are zero: the last, ragged block was dropped",
        ),
        (lambda C: with_entries(C, np.s_[8:16], 0), "rows 8 to 15 are zero"),
        (lambda C: with_entries(C, np.s_[:, 4:6], 1), "columns 4 to 5 differ"),
        (lambda C: with_entries(C, np.s_[::3], 1), "34 of the rows 0 to 99 differ"),
        (lambda C: with_entries(C, (3, 7), 1.5), "entry (3, 7) is 1.5, expected "),
        (lambda C: 2 * C, "6600 of 6600 entries differ"),
        (lambda C: C.astype(np.float32).astype(float), "only to the precision of float32"),
        (lambda C: C.astype(np.float16).astype(float), "only to the precision of float16"),
    ],
)
def test_assert_product_names_the_cause(change, said):
    A, B = matrices()
    assert said in fact(change(A @ B), A, B)


def test_assert_product_names_a_square_transpose():
    A, B = matrices(8, 8, 8)
    assert fact((A @ B).T, A, B).endswith("the result is the transpose of the product")


def test_assert_product_names_a_dropped_inner_block():
    A, B = matrices()
    assert "inner indices 0 to 63 of 70 were summed" in fact(A[:, :64] @ B[:64], A, B)
    assert "blocks must add up" in fact(A[:, 64:] @ B[64:], A, B)


def test_assert_product_tells_one_wrong_integer():
    A, B = matrices(3, 4, 5, "int64")
    A[0] += 2**40
    changed = with_entries(A @ B, (0, 1), (A @ B)[0, 1] + 1)
    assert "entry (0, 1)" in fact(changed, A, B)


def test_assert_multiplies_passes_options_and_hands_over_views_as_they_are(recwarn):
    A, B = matrices(8, 6, 5)
    seen = []

    def kernel(A, B, block_size):
        warnings.warn("not shown", stacklevel=1)
        seen.append((A.strides, B.strides, block_size))
        return A @ B

    views = A[::2], B[:, ::-1]
    assert_multiplies(kernel, *views, hint="", block_size=3)
    assert seen == [(*(view.strides for view in views), 3)]
    assert not recwarn.list


def test_assert_multiplies_names_the_call():
    def kernel(A, B, block_size):
        return np.zeros((4, 6))

    with pytest.raises(CheckFailure) as caught:
        assert_multiplies(kernel, *matrices(4, 5, 6), hint="Add.", block_size=3)
    call = "kernel(A, B, block_size=3) with A (4, 5) float64, B (5, 6) float64"
    assert str(caught.value) == f"{call}: every value is zero\nHint: Add."


@pytest.mark.parametrize("name", ["A", "B"])
def test_assert_multiplies_refuses_a_changed_input(name):
    def kernel(A, B):
        product = A @ B
        {"A": A, "B": B}[name][0] = 7
        return product

    with pytest.raises(CheckFailure, match=f": {name} was changed by the call"):
        assert_multiplies(kernel, *matrices(4, 5, 6), hint="")


def test_assert_multiplies_reports_an_exception_and_keeps_it():
    def kernel(A, B):
        return A[99]

    with pytest.raises(CheckFailure, match="kernel.* raised IndexError: index 99") as caught:
        assert_multiplies(kernel, *matrices(4, 5, 6), hint="")
    assert isinstance(caught.value.__cause__, IndexError)


def test_assert_multiplies_lets_an_unwritten_cell_speak_for_itself():
    def kernel(A, B):
        raise NotImplementedError("not written yet")

    with pytest.raises(NotImplementedError, match="not written yet"):
        assert_multiplies(kernel, *matrices(4, 5, 6), hint="")


def raises_of_shapes(message):
    def kernel(A, B):
        raise ValueError(message)

    return kernel


@pytest.mark.parametrize(
    "message", ["A (3, 4), B (5, 6)", "B is 5x6 but A is 3x4", "rows 3, columns 4; 5 and 6"]
)
def test_assert_rejects_accepts_any_wording_with_both_shapes(message):
    kernel = raises_of_shapes(message)
    assert_rejects(kernel, np.ones((3, 4)), np.ones((5, 6)), hint="", naming_shapes=True)


@pytest.mark.parametrize(
    ("kernel", "fact"),
    [
        *[
            (raises_of_shapes(message), "does not name both shapes")
            for message in ("bad shapes", "4 is not 5", "A (3, 4)", "A (13, 4), B (5, 6)")
        ],
        (np.matmul, "does not name both shapes"),
        (lambda A, B: A, "raised nothing, it has to raise ValueError"),
        (lambda A, B: A[9], "raised IndexError, it has to raise ValueError"),
    ],
)
def test_assert_rejects_refuses(kernel, fact):
    with pytest.raises(CheckFailure, match=fact):
        assert_rejects(kernel, np.ones((3, 4)), np.ones((5, 6)), hint="", naming_shapes=True)


def test_assert_unchanged_takes_nan_for_itself():
    array = np.array([[np.nan, 1.0]])
    assert_unchanged(array.copy(), array, hint="")
    with pytest.raises(CheckFailure, match="the input was changed"):
        assert_unchanged(array, array + 1, hint="")


@pytest.mark.parametrize("dtype", DTYPES)
def test_expected_product_is_what_numpy_returns(dtype):
    A, B = matrices(6, 40, 5, dtype)
    expected = expected_product(A, B)
    if expected.dtype.kind in "biu":
        assert expected.dtype == (A @ B).dtype
        np.testing.assert_array_equal(expected, A @ B)
    else:
        assert expected.dtype == np.result_type(A, np.float64)
        assert (abs(expected - A @ B) <= error_bound(A, B)).all()


def test_tolerance_follows_dtype_and_inner_size():
    assert tolerance("float64", 10) == 30 * np.finfo(np.float64).eps
    assert tolerance(np.float16, 4) == 12 * np.finfo(np.float16).eps
    assert tolerance("complex64", 1) == 3 * np.finfo(np.float32).eps
    assert tolerance("int64", 10) == tolerance(bool, 10) == 0


def test_error_bound_is_below_what_a_narrower_float_gets_wrong():
    A, B = matrices(20, 30, 20)
    for dtype, narrow in [(np.float64, np.float32), (np.float32, np.float16)]:
        X, Y = A.astype(dtype), B.astype(dtype)
        error = abs(X.astype(narrow) @ Y.astype(narrow) - expected_product(X, Y)).max()
        assert error_bound(X, Y).max() < error


def test_explain_difference_compares_two_arrays():
    product = np.arange(12.0).reshape(3, 4)
    assert explain_difference(product, product) == "no entry differs"
    changed = with_entries(product, (2, 1), 1.5)
    assert explain_difference(changed, product) == "entry (2, 1) is 1.5, expected 9.0"
    assert explain_difference(product + 1e-9, product, 1e-6) == "no entry differs"


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_matrix_has_the_dtype_and_follows_the_generator(dtype):
    first, second = (random_matrix(np.random.default_rng(5), 3, 4, dtype) for _ in range(2))
    assert first.dtype == dtype
    assert first.shape == (3, 4)
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first)) > 1


def test_assert_product_says_what_is_wrong_with_uninitialized_memory() -> None:
    """Bytes that nobody wrote may be a signalling NaN, on which NumPy warns at every touch."""
    signalling = np.array([0x7FF0000000000001] * 4, dtype=np.uint64).view(np.float64)
    result = signalling.reshape(2, 2)
    with pytest.raises(CheckFailure, match="NaN"):
        assert_product(result, np.ones((2, 3)), np.ones((3, 2)), hint="Write every entry.")
    mixed = np.array([[1.0, signalling[0]], [0.0, 2.0]])
    with pytest.raises(CheckFailure):
        assert_product(mixed, np.ones((2, 3)), np.ones((3, 2)), hint="Write every entry.")


def test_check_failure_shows_no_traceback_in_ipython():
    failure = CheckFailure("it is so", "Do this.")
    assert failure._render_traceback_() == ["it is so", "Hint: Do this."]
    failure.is_shown = True
    assert failure._render_traceback_() == ["This check has failed: see above."]
