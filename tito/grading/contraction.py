"""How large a product is: rows x inner x columns, and how many of them one NumPy call takes."""

import math
from typing import Any, NamedTuple, TypeAlias

__all__ = ["CONTRACTIONS", "UFUNCS", "Product", "product_of"]

Shape: TypeAlias = tuple[int, ...]

UFUNCS = frozenset({"matmul", "vecdot", "matvec", "vecmat", "multiply"})
CONTRACTIONS = frozenset({"dot", "tensordot", "inner", "einsum", "vdot", "outer"})


class Product(NamedTuple):
    """The sides of a product, and how often it was taken."""

    rows: int
    inner: int
    columns: int
    times: int = 1


def product_of(name: str, a: Shape, b: Shape, out: Shape, subscripts: Any = None) -> Product | None:
    """Return the product that NumPy's function `name` takes of arrays of shape `a` and `b`.

    Parameters
    ----------
    name : str
        One of `UFUNCS` or `CONTRACTIONS`.
    a, b, out : tuple of int
        The shapes of both operands and of the result.
    subscripts : str, optional
        The first argument of ``einsum``.

    Returns
    -------
    Product or None
        None where the sides cannot be told.
    """
    if name == "einsum":
        return einsum_product(subscripts, a, b)
    if name == "multiply":
        return multiply_product(out)
    if name in ("vecdot", "vdot"):
        inner = a[-1] if name == "vecdot" else math.prod(a)
        return Product(1, inner, 1, math.prod(out))
    if name in ("matvec", "vecmat"):
        rows, columns = (a[-2], 1) if name == "matvec" else (1, b[-1])
        return Product(rows, b[-1] if name == "matvec" else a[-1], columns, math.prod(out[:-1]))
    if name == "matmul" and max(len(a), len(b)) > 2:
        return (
            Product(a[-2], a[-1], b[-1], math.prod(out[:-2])) if min(len(a), len(b)) > 1 else None
        )
    return plain_product(a, b, out)


def plain_product(a: Shape, b: Shape, out: Shape) -> Product | None:
    """Solve rows * inner = size of a, inner * columns = size of b, rows * columns = size of out."""
    sizes = math.prod(a), math.prod(b), math.prod(out)
    if not all(sizes):
        return Product(0, 0, 0)
    inner = math.isqrt(sizes[0] * sizes[1] // sizes[2])
    if inner == 0 or inner * inner * sizes[2] != sizes[0] * sizes[1]:
        return None
    return Product(sizes[0] // inner, inner, sizes[1] // inner)


def multiply_product(out: Shape) -> Product:
    """Elementwise: the sum over the inner side comes later, so the sides are the result's."""
    sides = (1, 1, 1, *out)[-3:] if len(out) != 1 else (1, out[0], 1)
    return Product(sides[0], sides[1], sides[2], math.prod(out[:-3]))


def einsum_product(subscripts: Any, a: Shape, b: Shape) -> Product | None:
    if not isinstance(subscripts, str) or "." in subscripts:
        return None
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    left, _, right = inputs.partition(",")
    if len(left) != len(a) or len(right) != len(b):
        return None
    if not arrow:
        result = "".join(x for x in left + right if (left + right).count(x) == 1)
    size = dict(zip(left + right, a + b, strict=True))

    def sides(letters: set[str]) -> int:
        return math.prod(size[x] for x in letters)

    first, second, kept = set(left), set(right), set(result)
    return Product(
        sides(first - second),
        sides((first & second) - kept),
        sides(second - first),
        sides(first & second & kept),
    )
