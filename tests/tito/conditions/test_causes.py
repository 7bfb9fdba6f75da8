"""Recognised causes: what each slip is called, whichever condition meets it."""

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from asking import fails, holds, said

from tinytorch.utils.checking import CheckFailure
from tito.conditions import attention, causes, product
from tito.conditions.call import LocalCall, NoAnswer

Kernel = Callable[..., Any]


def blocks(
    starts: Callable[[int, int], range] = lambda n, b: range(0, n, b),
    end: int = 0,
    begin: int = 0,
    store: bool = False,
) -> Kernel:
    """Return a product in blocks with a slip along the inner side."""

    def kernel(A: Any, B: Any, block_size: int = 4) -> Any:
        (m, n), p, b = A.shape, B.shape[1], block_size
        C = np.zeros((m, p))
        for i in range(0, m, b):
            for k in starts(n, b):
                piece = slice(max(0, k + begin), k + b + end)
                part = A[i : i + b, piece] @ B[piece]
                C[i : i + b] = part if store else C[i : i + b] + part
        return C

    return kernel


def columns_to(last: Callable[[int, int], int]) -> Kernel:
    def kernel(A: Any, B: Any, block_size: int = 4) -> Any:
        C = np.zeros((A.shape[0], B.shape[1]))
        for j in range(0, last(B.shape[1], block_size), block_size):
            C[:, j : j + block_size] = A @ B[:, j : j + block_size]
        return C

    return kernel


def slip(**swapped: Any) -> Kernel:
    """Return a product in blocks of which one part is swapped."""
    part = {
        "rows": lambda m, b: range(0, m, b),
        "columns": lambda p, b: range(0, p, b),
        "tall": lambda b: b,
        "wide": lambda b: b,
        "times": np.matmul,
        "last": lambda i, j, k: False,
        **swapped,
    }

    def kernel(A: Any, B: Any, block_size: int = 4) -> Any:
        (m, n), p, b = A.shape, B.shape[1], block_size
        C, tall, wide = np.zeros((m, p)), part["tall"](b), part["wide"](b)
        for i in part["rows"](m, b):
            for j in part["columns"](p, b):
                for k in range(0, n, b):
                    left, right = A[i : i + tall, k : k + b], B[k : k + b, j : j + wide]
                    C[i : i + tall, j : j + wide] += part["times"](left, right)
                    if part["last"](i, j, k):
                        return C
        return C

    return kernel


def not_joined(A: Any, B: Any, num_processes: int = 4) -> Any:
    C, gate = np.zeros((A.shape[0], B.shape[1])), threading.Event()

    def work() -> None:
        gate.wait(0.2)
        C[:] = A @ B

    threading.Thread(target=work, daemon=True).start()
    return C


PLAIN = {
    "exchanged": (lambda A, B: B @ A, "it is B @ A", "The order matters"),
    "entries": (lambda A, B: A * B, "it is A * B, entry by entry", "multiplies matrices"),
    "sum": (lambda A, B: A + B, "it is A + B", "add along the inner side"),
    "transposed B": (lambda A, B: A @ B.T, "it is A @ B.T", "B is not transposed"),
    "transposed A": (lambda A, B: A.T @ B, "it is A.T @ B", "A is not transposed"),
    "no return": (lambda A, B: None, "it returns None", "End the function with `return`"),
    "a list": (lambda A, B: (A @ B).tolist(), "it returns a list", "Return one array"),
    "a tuple": (lambda A, B: tuple(A @ B), "it returns a tuple", "Return one array"),
    "a row": (lambda A, B: (A @ B)[:1].ravel(), ",), expected (", "the columns of B: np.zeros"),
    "too narrow": (lambda A, B: (A @ B)[:, 1:], "the shape is (", "the columns of B: np.zeros"),
    "half and wrong": (lambda A, B: (A @ B)[:1] + 1, "the shape is (1, ", "np.zeros((m, p))"),
    "one long row": (
        lambda A, B: (A @ B + 1).reshape(1, -1),
        "the shape is (1, ",
        "np.zeros((m, p))",
    ),
    "twice": (lambda A, B: 2 * (A @ B), "added 2 times", "not zero at the beginning"),
    "not from zero": (lambda A, B: A @ B + 1, "each entry is off by 1", "has to be zero before"),
    "backwards": (lambda A, B: (A @ B)[::-1], "in another order", "where its rows begin"),
    "half": (lambda A, B: (A @ B)[: len(A) // 2], "rows came back", "Return after the loop"),
    "side by side": (
        lambda A, B: np.hstack(np.split(A @ B, 2)) if len(A) % 2 == 0 else A @ B,
        "the chunks lie side by side",
        "below each other",
    ),
    "rounded": (lambda A, B: np.round(A @ B, 3), "rounded to 3 places", "Do not round"),
    "twice, and short": (
        lambda A, B: np.concatenate([2 * (A @ B)[:-1], np.zeros((1, B.shape[1]))]),
        "each product was added 2 times",
        "not zero at the beginning",
    ),
    "narrow": (lambda A, B: (A @ B).astype("f4"), "the result is float32", "np.result_type"),
    "input": (lambda A, B: input(), "raised ", "remove input()"),
    "outside": (lambda A, B: helper(A) @ B, "raised NameError", "import it in this cell"),  # type: ignore[name-defined] # noqa: F821
    "random": (
        lambda A, B: A @ B + np.random.default_rng().random((len(A), B.shape[1])),
        "two calls with the same A and B give different results",
        "np.empty",
    ),
}


@pytest.mark.parametrize(("kernel", "fact", "hint"), PLAIN.values(), ids=PLAIN)
def test_a_slip_is_called_by_its_name(
    monkeypatch: pytest.MonkeyPatch, kernel: Kernel, fact: str, hint: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda: (_ for _ in ()).throw(EOFError("no input")))
    for condition in (product.square, product.inputs_unchanged):
        found = said(condition, kernel)
        assert fact in found[0]
        assert hint in found[1]


def test_what_fits_no_square_is_called_by_its_name_too() -> None:
    fact = fails(product.tall_and_wide, lambda A, B: (A @ B).T)
    assert fact.endswith("it is the transpose of the product")


def test_a_second_call_that_raises_is_no_cause() -> None:
    calls = []

    def once(A: Any, B: Any) -> Any:
        calls.append(A)
        if len(calls) > 1:
            raise RuntimeError
        return A @ B + np.arange(B.shape[1])

    assert fails(product.square, once).endswith("column 1 differs")


class StdinNotImplementedError(NotImplementedError):
    """IPython's error for input() where nobody can type."""


ERRORS = {
    "can't start new thread": (RuntimeError, "Threads of earlier calls still wait"),
    "cannot import name 'x'": (ImportError, "Python's own modules and NumPy"),
    "no module named x": (ModuleNotFoundError, "Python's own modules and NumPy"),
    "no input here": (StdinNotImplementedError, "remove input()"),
    "f() got an unexpected keyword argument 'block_size'": (TypeError, "Keep the parameters"),
    "f() takes 1 positional argument but 2 were given": (TypeError, "Keep the parameters"),
    "g() missing 1 required positional argument: 'b'": (TypeError, "Work a 2 x 2"),
    "list indices must be integers or slices, not tuple": (TypeError, "A list is no array"),
    "could not broadcast input array from shape (2,3) into shape (2,2)": (ValueError, "the result"),
    "operands could not be broadcast together with shapes (2,3) (2,2) ": (ValueError, "keepdims"),
    "operands could not be broadcast together with shapes (2,3) (2,2) (2,3) ": (
        ValueError,
        "make the result of that shape",
    ),
    "shapes (0,) and (3,2) not aligned: 0 (dim 0) != 3 (dim 0)": (ValueError, "not lists"),
    "matmul: Input operand 1 has a mismatch in its core dimension 0": (ValueError, "as many"),
    "matmul: Output operand 0 has a mismatch in its core dimension 1": (ValueError, "the result"),
    "my own": (ValueError, "Work a 2 x 2"),
}


@pytest.mark.parametrize("message", ERRORS)
def test_an_error_has_a_hint_by_its_kind_or_its_message(message: str) -> None:
    kind, todo = ERRORS[message]

    def f(A: Any, B: Any) -> Any:
        raise kind(message)

    fact, hint = said(product.square, f)
    assert fact.endswith(f"raised {kind.__name__}: {message}")
    assert todo in hint


def late_only(A: Any, B: Any, num_processes: int = 4) -> Any:
    """Return before the threads have ended where they begin late."""
    C = np.zeros((A.shape[0], B.shape[1]))

    def work(i: int) -> None:
        C[i::num_processes] = A[i::num_processes] @ B

    threads = [threading.Thread(target=work, args=(i,)) for i in range(num_processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=0.002)
    C[-1] = 0
    return C


def test_threads_that_nobody_waits_for_are_named() -> None:
    fact, hint = said(square_of_eight, late_only, "num_processes")
    assert fact.endswith(": it returned before its threads had ended")
    assert hint == causes.EARLY


def test_rows_that_no_thread_has_are_not_waited_for() -> None:
    def first(A: Any, B: Any, num_processes: int = 4) -> Any:
        return np.vstack([A[:2] @ B, np.zeros((len(A) - 2, B.shape[1]))])

    fact, _ = said(square_of_eight, first, "num_processes")
    assert fact.endswith("rows 2 to 7 are zero: only the first 2 of 8 rows were computed")


def test_rows_that_threads_took_twice_differ_from_call_to_call() -> None:
    calls = iter(range(99))

    def racing(A: Any, B: Any, num_processes: int = 4) -> Any:
        C = np.vstack([part @ B for part in np.array_split(A, num_processes)])
        C[1 + next(calls) % 5] = 0
        return C

    fact, hint = said(square_of_eight, racing, "num_processes")
    assert fact.endswith(": two calls with the same A and B give different results")
    assert "Threads that write to the same place" in hint


def test_a_part_that_is_left_as_it_was_is_no_product_added_no_times() -> None:
    fact, hint = said(product.square, lambda A, B: np.full((len(A), B.shape[1]), 1e-9))
    assert fact.endswith("a part of it was never computed")
    assert hint == causes.BEGIN_AT_ZERO


def test_calls_that_differ_have_a_hint_of_threads_where_there_are_threads() -> None:
    def drawn(A: Any, B: Any, **options: int) -> Any:
        if len(options) != 1:
            raise TypeError
        return A @ B + np.random.default_rng().random((len(A), B.shape[1]))

    for cut, hint in (("num_processes", "Threads that write"), ("block_size", "Nothing that is")):
        fact, what = said(product.square, drawn, cut)
        assert fact.endswith(": two calls with the same A and B give different results")
        assert hint in what


INNER = {
    "end too early": (blocks(end=-1), "inner indices 3, 7 of 8 are missing", "leaves out its end"),
    "overlap": (blocks(begin=-1), "inner index 3 of 8 is added more than once", "leaves out"),
    "stored": (blocks(store=True), "inner indices 0 to 3 of 8 are missing: the first", "C += X"),
    "last lost": (
        blocks(lambda n, b: range(0, n - b, b)),
        "inner indices 4 to 7 of 8 are missing: the last ones",
        "range(0, n, b) has the starts of all",
    ),
    "one lost, one double": (
        lambda A, B, block_size=4: A[:, :7] @ B[:7] + np.outer(A[:, 2], B[2]),
        "inner index 7 of 8 is missing: the last one",
        "Let the last slice end at n",
    ),
    "second first": (
        blocks(lambda n, b: range(b, n, b)),
        "inner indices 0 to 3 of 8 are missing: the first ones",
        "begins with the first block",
    ),
}


def test_inner_indices_that_threads_lose_have_a_hint_of_threads() -> None:
    def loses(A: Any, B: Any, num_processes: int | None = None) -> Any:
        return A[:, 4:] @ B[4:] + A[:, :2] @ B[:2]

    fact, hint = said(square_of_eight, loses, "num_processes")
    assert "inner indices 2 to 3 of 8 are missing" in fact
    assert hint.startswith("Cut the rows of A")


BLOCKS = {
    "row 1 first": (slip(rows=lambda m, b: range(1, m, b)), "row 0 of 8 is zero, ", "range(0, m"),
    "column 1 first": (
        slip(columns=lambda p, b: range(1, p, b)),
        "column 0 of 8 is zero, the rest is right",
        "range(0, p, step) begins with the first",
    ),
    "rows end early": (slip(tall=lambda b: b - 1), "rows 3, 7 of 8 are zero, ", "leaves out its"),
    "columns end early": (slip(wide=lambda b: b - 1), "columns 3, 7 of 8 are", "leaves out its"),
    "no step of rows": (
        slip(rows=lambda m, b: range(m)),
        "rows 1 to 7 of 8 are added more than once",
        "range(0, m, step), not range(0, m)",
    ),
    "no step of columns": (
        slip(columns=lambda p, b: range(p)),
        "columns 1 to 7 of 8 are added more than once",
        "range(0, p, step), not range(0, p)",
    ),
    "entries": (slip(times=np.multiply), "blocks are multiplied entry by entry", "`@` multiplies"),
    "returns at once": (
        slip(last=lambda i, j, k: True),
        "only the first 4 rows and 4 columns hold sums, of 4 products each",
        "Return after all loops, not inside of one",
    ),
    "returns after a row of blocks": (
        slip(last=lambda i, j, k: j == k == 4),
        "rows 4 to 7 are zero: only the first 4 of 8 rows were computed",
        "Return after all loops",
    ),
}


@pytest.mark.parametrize("name", [*INNER, *BLOCKS])
def test_blocks_that_go_wrong_are_named_and_right_ones_are_right(name: str) -> None:
    kernel, fact, hint = (INNER | BLOCKS)[name]
    found = said(square_of_eight, kernel, "block_size")
    assert fact in found[0]
    assert hint in found[1]
    holds(square_of_eight, slip(), "block_size")


def square_of_eight(call: Any, rng: Any) -> None:
    product.square(call, rng, sizes=(8,))


@pytest.mark.parametrize(
    ("size", "indices"),
    [(10, "8 to 9"), (12, "1, 3, 5, 7, 9, 11"), (16, "1, 3, 5, 7, 9, 11 and more")],
)
def test_no_more_than_six_indices_are_named(size: int, indices: str) -> None:
    early = blocks(lambda n, b: range(0, n, 2), end=-3)  # of blocks of 4: the first of two
    short = blocks(lambda n, b: range(0, n - b, b))

    def square_of(call: Any, rng: Any) -> None:
        product.square(call, rng, sizes=(size,))

    fact = fails(square_of, short if size == 10 else early)
    assert f"inner indices {indices} of {size} are missing" in fact


def rows_to(last: Callable[[int, int], int]) -> Kernel:
    def kernel(A: Any, B: Any, block_size: int = 4, num_processes: int | None = None) -> Any:
        C = np.zeros((A.shape[0], B.shape[1]))
        end = last(len(A), num_processes or block_size)
        C[:end] = A[:end] @ B
        return C

    return kernel


def test_rows_that_are_left_over_are_named() -> None:
    def chunks(call: Any, rng: Any) -> None:
        product.uneven_chunks(call, rng, shapes=((10, 7, 9),), counts=(4,))

    fact, hint = said(chunks, rows_to(lambda m, count: m // count * count), "num_processes")
    left = "rows 8 to 9 are zero: what is left over after 4 equal chunks was left out"
    assert fact.endswith(left)
    assert hint.startswith("m % num_processes rows are left over")
    fact, hint = said(chunks, rows_to(lambda m, count: 1), "num_processes")
    assert fact.endswith("rows 1 to 9 are zero: only the first 1 of 10 rows were computed")
    assert hint.startswith("Return after all loops")


def test_a_last_block_and_more_than_that_are_told_apart() -> None:
    def ragged(call: Any, rng: Any) -> None:
        product.ragged_blocks(call, rng, shapes=((10, 7, 9),), block_sizes=(4,))

    fact, hint = said(ragged, rows_to(lambda m, b: m // b * b), "block_size")
    assert fact.endswith("rows 8 to 9 are zero: the last, smaller block was left out")
    assert hint == "range(0, m, block_size) has the starts of all blocks; a slice ends at m."
    smaller = fails(ragged, columns_to(lambda n, b: n // b * b), "block_size")
    assert smaller.endswith("column 8 is zero: the last, smaller block was left out")
    first = fails(ragged, columns_to(lambda n, b: b), "block_size")
    assert first.endswith("columns 4 to 8 are zero: only the first 4 of 9 columns were computed")


def test_zeros_are_told_by_what_was_multiplied() -> None:
    fact, hint = said(product.square, not_joined, "num_processes")
    assert fact.endswith("nothing was multiplied before the function returned")
    assert hint.startswith("Wait for each thread with join() or result()")

    def dropped(A: Any, B: Any, block_size: int = 4) -> Any:
        return blocks(lambda n, b: range(0))(A, B, block_size)

    fact, hint = said(product.square, dropped, "block_size")
    assert fact.endswith("nothing was multiplied before the function returned")
    assert "range(0, m, block_size) has the starts of all blocks" in hint

    def lost(A: Any, B: Any) -> Any:
        C = np.zeros((len(A), B.shape[1]))
        D = C + A @ B
        return C if D.size else D

    fact, hint = said(product.square, lost)
    assert fact.endswith("products were computed, and none is in the result")
    assert hint.startswith("Write into the array that you return")
    fact, hint = said(product.square, lambda A, B: np.zeros_like(A))
    assert fact.endswith("nothing was multiplied before the function returned")
    assert hint.startswith("The loop that adds up makes no step")


@pytest.mark.parametrize(
    "multiply",
    [
        np.dot,
        lambda A, B: np.einsum("ik,kj", A, B),
        lambda A, B: A * 2.0,
        lambda A, B: np.inner(A, B),
        lambda A, B: np.outer(A[0], B[0]),
    ],
    ids=["dot", "einsum", "multiply", "inner", "outer"],
)
def test_zeros_are_told_from_any_product(multiply: Kernel) -> None:
    def lost(A: Any, B: Any) -> Any:
        multiply(A, B)
        return np.zeros((len(A), B.shape[1]))

    assert fails(product.square, lost).endswith("were computed, and none is in the result")


def test_zeros_of_a_call_that_cannot_be_traced_are_told_all_the_same() -> None:
    class Silent(LocalCall):
        def trace(self, *arrays: Any, **options: Any) -> Any:
            raise NoAnswer("f: a call took longer than 10 s", "")

    with pytest.raises(CheckFailure, match="nothing was multiplied before the function returned"):
        product.square(Silent(lambda A, B: np.zeros_like(A)), np.random.default_rng(5))


def test_attention_names_the_slip_and_what_to_do() -> None:
    def softmax_of_all(Q: Any, K: Any, V: Any, rows: int) -> Any:
        out = np.zeros((len(Q), V.shape[1]))
        for i in range(0, len(Q), rows):
            weights = np.exp(Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1]))
            out[i : i + rows] = weights / weights.sum() @ V
        return out

    fact, hint = said(attention.attends, softmax_of_all)
    assert fact.endswith("it comes from one softmax over the whole chunk")
    assert "keepdims=True" in hint


def test_rows_that_are_a_little_off_are_not_in_another_order() -> None:
    def shifted(A: Any, B: Any) -> Any:
        return A @ B + 1e-10 * np.arange(A.shape[0])[:, None]

    fact = fails(product.tall_and_wide, shifted)
    assert "another order" not in fact


def test_infinity_is_looked_at_without_a_word_of_lapack(capfd: pytest.CaptureFixture[str]) -> None:
    said(product.number_types, lambda A, B: np.nan_to_num(A @ B))
    assert capfd.readouterr() == ("", "")


def test_numbers_in_place_of_nan_are_counted() -> None:
    def zeros(A: Any, B: Any) -> Any:
        return np.nan_to_num(A @ B, posinf=np.inf, neginf=-np.inf)

    fact, hint = said(product.number_types, zeros)
    assert re.search(r"entry \(\d+, \d+\) is \S+, expected NaN, as in \d+ entries$", fact)
    assert hint.startswith("NaN times any number is NaN")
