"""Ways to multiply and to attend that nobody here thought of when the tracing was written.

Each gives, on traced arrays, exactly what NumPy gives, and its log proves how it works. Some ways
are not proven, for reasons of their own: numbers read by `float` and `int`, choices whose shapes
depend on the numbers (`np.piecewise`), masked arrays, `np.linalg` beyond products, and sums of
squares in place of products.
"""

import importlib.util
import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tito.tracing import Log, decode, encode, plain, prove, recording

SHAPE = (9, 7, 8)
BLOCK = 5
LENGTHS = (44, 52, 3, 2)  # queries, keys, their width, width of the values
ROWS = 4
Kernel = Callable[..., Any]


def kinds(*files: str) -> list[Any]:
    """The functions of files beside this one that take what kernels take."""
    found = []
    for file in files:
        path = Path(__file__).parent / "kinds" / f"{file}.py"
        spec = importlib.util.spec_from_file_location(f"kinds_{file}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            if inspect.isfunction(value) and is_kernel(value, module.__name__):
                found.append(pytest.param(value, id=f"{file}-{name}"))
    return found


def is_kernel(function: Any, module: str) -> bool:
    first = list(inspect.signature(function).parameters)[:2]
    helper = function.__name__ in ("zeros_for", "accumulate_into")
    return function.__module__ == module and first in (["A", "B"], ["Q", "K"]) and not helper


def traced(kernel: Kernel, arrays: list[Any], **options: int) -> Log:
    """The log of a kernel, which gives the same as untraced, as the judge gets it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of np.matrix
        expected = kernel(*[x.copy() for x in arrays], **options)
        with recording(kernel) as recorder:
            result = kernel(*[recorder.add_input(x.copy()) for x in arrays], **options)
    log = recorder.finish(result)
    assert recorder.problem == ""
    value = plain(result)
    assert type(value) is type(expected)
    assert (value.dtype, value.shape) == (expected.dtype, expected.shape)
    assert value.tobytes() == expected.tobytes()
    return decode(encode(log))


def matrices(seed: int) -> list[Any]:
    rng, (m, n, p) = np.random.default_rng(seed), SHAPE
    return [rng.standard_normal((m, n)), rng.standard_normal((n, p))]


def proof_of(kernel: Kernel, **options: int) -> Any:
    log = traced(kernel, matrices(0), **options)
    A, B = matrices(1)
    return prove(log, [A, B], lambda C: C.shape == (9, 8) and np.allclose(C, A @ B))


@pytest.mark.parametrize("kernel", kinds("whole_1", "whole_2", "whole_3", "whole_4"))
def test_prove_any_kind(kernel: Kernel) -> None:
    proof = proof_of(kernel)
    assert proof.share(lambda each: True) == pytest.approx(1)
    assert {x.thread for x in proof.products} == {0}
    assert proof.largest_buffer >= 9 * 8


@pytest.mark.parametrize("kernel", kinds("blocks", "threads"))
def test_prove_any_kind_of_blocks(kernel: Kernel) -> None:
    proof = proof_of(kernel, b=BLOCK)
    assert all(max(x.rows, x.inner, x.columns) <= BLOCK for x in proof.products)
    assert all(x.row_set is not None for x in proof.products)
    assert proof.share(lambda each: True) == 1
    # On how many threads is not asked: a pool gives a thread that is idle the next piece, too.
    assert proof.products


def test_prove_names_of_numpy_that_are_imported_all() -> None:
    source = """
from numpy import *
def kernel(A, B):
    C = zeros((A.shape[0], B.shape[1]))
    for k in range(A.shape[1]):
        C += outer(A[:, k], B[k]) * ones(1)
    return array(C)
"""
    names: dict[str, Any] = {}
    exec(source, names)
    assert len(proof_of(names["kernel"]).products) == 7


def attention(Q: Any, K: Any, V: Any) -> Any:
    weights = np.exp(Q @ K.T / np.sqrt(Q.shape[1]))
    return weights @ V / weights.sum(1)[:, None]


@pytest.mark.parametrize("kernel", kinds("attention"))
def test_prove_any_kind_of_attention(kernel: Kernel) -> None:
    q, k, d, w = LENGTHS

    def draw(seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [rng.standard_normal(shape) for shape in ((q, d), (k, d), (k, w))]

    log, secret = traced(kernel, draw(0), rows=ROWS), draw(1)
    right = attention(*secret)
    proof = prove(log, secret, lambda value: value.shape == (q, w) and np.allclose(value, right))
    assert proof.largest_buffer <= ROWS * k
    assert proof.most_alive < q * k / 2
