"""The baseline of the package, `matmul_naive`, against NumPy's own product."""

import numpy as np
import pytest

from tinytorch.core.layers import check_operands, matmul_naive
from tinytorch.utils.checking import assert_multiplies, random_matrix

SHAPES = [(1, 1, 1), (2, 3, 4), (1, 7, 5), (5, 7, 1), (6, 1, 3), (0, 3, 2), (3, 0, 2), (3, 2, 0)]
DTYPES = ["bool", "int8", "uint8", "int32", "int64"]
DTYPES += ["float16", "float32", "float64", "complex64", "complex128"]


def operands(m, n, p, left="float64", right=None):
    rng = np.random.default_rng(303)
    return random_matrix(rng, m, n, left), random_matrix(rng, n, p, right or left)


@pytest.mark.parametrize("shape", SHAPES)
def test_matmul_naive_multiplies_every_shape(shape):
    A, B = operands(*shape)
    assert_multiplies(matmul_naive, A, B, hint="")
    assert matmul_naive(A, B).shape == (shape[0], shape[2])


@pytest.mark.parametrize("right", DTYPES)
@pytest.mark.parametrize("left", DTYPES)
def test_matmul_naive_promotes_as_numpy_does(left, right):
    A, B = operands(4, 6, 5, left, right)
    result = matmul_naive(A, B)
    assert result.dtype == np.result_type(A, B) == (A @ B).dtype
    assert_multiplies(matmul_naive, A, B, hint="")


@pytest.mark.parametrize("order", [np.s_[::2, ::-1], np.s_[::-1, 1::3]])
def test_matmul_naive_multiplies_views(order):
    A, _ = operands(8, 9, 1)
    view = A[order]
    assert_multiplies(matmul_naive, view, view.T, hint="")


def test_matmul_naive_lets_nan_and_inf_through():
    A, B = operands(4, 5, 6)
    A[1, 2], B[3, 4] = np.nan, np.inf
    assert_multiplies(matmul_naive, A, B, hint="")


@pytest.mark.parametrize(
    ("left", "right"), [((3, 4), (5, 6)), ((4,), (4, 2)), ((3, 4), (4,)), ((2, 3, 4), (4, 5))]
)
def test_matmul_naive_names_both_shapes_it_rejects(left, right):
    for call in (check_operands, matmul_naive):
        with pytest.raises(ValueError, match="expected A") as caught:
            call(np.ones(left), np.ones(right))
        assert str(left) in str(caught.value)
        assert str(right) in str(caught.value)
