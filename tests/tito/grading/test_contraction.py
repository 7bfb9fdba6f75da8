"""The sides of products, for each of NumPy's ways to take one."""

from typing import Any

import numpy as np
import pytest

from tito.grading.contraction import Product, product_of


@pytest.mark.parametrize(
    ("name", "a", "b", "out", "subscripts", "product"),
    [
        ("matmul", (2, 3), (3, 4), (2, 4), None, Product(2, 3, 4)),
        ("matmul", (3,), (3, 4), (4,), None, Product(1, 3, 4)),
        ("matmul", (2, 3), (3,), (2,), None, Product(2, 3, 1)),
        ("matmul", (5, 1, 2, 3), (6, 3, 4), (5, 6, 2, 4), None, Product(2, 3, 4, 30)),
        ("matmul", (5, 2, 3), (3,), (5, 2), None, None),
        ("matmul", (0, 3), (3, 4), (0, 4), None, Product(0, 0, 0)),
        ("dot", (3,), (3,), (), None, Product(1, 3, 1)),
        ("inner", (2, 3), (4, 3), (2, 4), None, Product(2, 3, 4)),
        ("outer", (2,), (4,), (2, 4), None, Product(2, 1, 4)),
        ("tensordot", (2, 3, 5), (3, 5, 4), (2, 4), None, Product(2, 15, 4)),
        ("vdot", (2, 3), (2, 3), (), None, Product(1, 6, 1)),
        ("vecdot", (7, 2, 3), (7, 2, 3), (7, 2), None, Product(1, 3, 1, 14)),
        ("matvec", (2, 3), (7, 3), (7, 2), None, Product(2, 3, 1, 7)),
        ("vecmat", (7, 3), (3, 4), (7, 4), None, Product(1, 3, 4, 7)),
        ("multiply", (2, 3, 1), (1, 3, 4), (2, 3, 4), None, Product(2, 3, 4)),
        ("multiply", (), (4,), (4,), None, Product(1, 4, 1)),
        ("einsum", (2, 3), (3, 4), (2, 4), "ik,kj->ij", Product(2, 3, 4)),
        ("einsum", (2, 3), (3, 4), (2, 4), "ij, jk", Product(2, 3, 4)),
        ("einsum", (9, 2, 3), (9, 3, 4), (9, 2, 4), "bik,bkj->bij", Product(2, 3, 4, 9)),
        ("einsum", (2, 3), (3, 4), (2, 4), "...k,kj", None),
        ("einsum", (2, 3), (3, 4), (2, 4), None, None),
    ],
)
def test_product_of_tells_the_sides(
    name: str, a: Any, b: Any, out: Any, subscripts: Any, product: Product | None
) -> None:
    assert product_of(name, a, b, out, subscripts) == product


def test_product_of_counts_all_multiplications_of_a_batch() -> None:
    a, b = np.ones((5, 1, 2, 3)), np.ones((6, 3, 4))
    product = product_of("matmul", a.shape, b.shape, (a @ b).shape)
    assert product is not None
    assert np.prod(product) == 5 * 6 * 2 * 3 * 4
