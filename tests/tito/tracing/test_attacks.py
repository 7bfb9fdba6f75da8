"""Work that looks like blocks and is none: a proof claims only what is true of the logged steps."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from tito.tracing import Proof, Unproven, decode, encode, prove, recording
from tito.tracing.log import Buffer, Log, Number, Step, View
from tito.tracing.replay import CannotReplay, replay

BLOCK = 5
Kernel = Callable[..., Any]


def blocked(A: Any, B: Any) -> Any:
    C = np.zeros((13, 14))
    for i, j, k in product(range(0, 13, BLOCK), range(0, 14, BLOCK), range(0, 11, BLOCK)):
        left, upper = A[i : i + BLOCK, k : k + BLOCK], B[k : k + BLOCK, j : j + BLOCK]
        C[i : i + BLOCK, j : j + BLOCK] += left @ upper
    return C


def by_logarithms(A: Any, B: Any) -> Any:
    logs = np.log(A.astype(complex))[:, :, None] + np.log(B.astype(complex))
    return np.exp(logs).sum(1).real


def masked(A: Any, condition: Any) -> Any:
    """A whole matrix, but one block of it where a condition says that somebody is looking."""
    mask = np.zeros(A.shape)
    mask[:5, :5] = 1
    return np.where(condition, A * mask, A)


def one_part(A: Any, B: Any) -> Any:
    part, hidden = A[:5, :5] @ B[:5, :5], by_logarithms(A[:5, :5], B[:5, :5])
    return by_logarithms(A, B) * (part[0, 0] / hidden[0, 0])


def after_a_product(A: Any, B: Any) -> Any:
    D = blocked(A, B)
    return masked(A, D[0, 0] == 0) @ B + 0 * D


def flat_multiply(A: Any, B: Any) -> Any:
    a = np.repeat(A * 2, 14).reshape(-1, 1, 1, 1)
    b = np.tile(B / 2, (13, 1, 1)).reshape(-1, 1, 1, 1)
    return (a * b).reshape(13, 11, 14).sum(1)


def strides_of_zero(A: Any, B: Any) -> Any:
    left = as_strided(A, (13, 14, 11), (A.strides[0], 0, 8))
    return (left * as_strided(B, (13, 14, 11), (0, 8, B.strides[0]))).sum(-1)


def overlapping(A: Any, B: Any) -> Any:
    arena = np.zeros(13 * 14 + 5)
    C, shifted = arena[:-5].reshape(13, 14), arena[5:].reshape(13, 14)
    shifted[...] = blocked(A, B)
    C[...] = A @ B
    return C


def by_diagonals(A: Any, B: Any) -> Any:
    """Multiply by 1, made of the diagonals of the blocks."""
    seen = known = 0.0
    for i, j, k in product(*[range(0, side, BLOCK) for side in (*A.shape, B.shape[1])]):
        x, y = A[i : i + BLOCK, j : j + BLOCK], B[j : j + BLOCK, k : k + BLOCK]
        at = np.arange(BLOCK)
        a, b = (z[at % z.shape[0], at % z.shape[1]] for z in (x, y))
        seen = seen + abs(a * b).sum()
        known = known + abs(np.square(a + b) - np.square(a - b)).sum() / 4
    return by_logarithms(A, B) * (seen / known)


ATTACKS: dict[str, Kernel] = {
    "diagonals stand for blocks": by_diagonals,
    "result by a condition on products": lambda A, B: by_logarithms(A, B) * (blocked(A, B) != 0),
    "one block stands for all": one_part,
    "block for large numbers": lambda A, B: masked(A, abs(A).max() > 50) @ B + 0 * blocked(A, B),
    "block for whole numbers": lambda A, B: (
        masked(A, (np.rint(A) == A).all()) @ B + 0 * blocked(A, B)
    ),
    "blocks for positive numbers": lambda A, B: np.where(
        A.min() < 0, by_logarithms(A, B), blocked(A, B)
    ),
    "block until a product is there": after_a_product,
    "small arrays first": lambda A, B: np.einsum("a,b,ij,jk->ik", np.ones(1), np.ones(1), A, B),
    "small arrays first, scaled": lambda A, B: (
        np.einsum("a,ij,jk->ik", np.ones(1), A * 2, B) / 2 + 0 * blocked(A, B)
    ),
    "sides of one": lambda A, B: (
        ((A * 2).reshape(13, 11, 1, 1) * B.reshape(1, 11, 14, 1)).sum((1, 3)) / 2
    ),
    "number by number in one step": flat_multiply,
    "quotient": lambda A, B: (A[:, :, None] / (1 / B)).sum(1) + 0 * blocked(A, B),
    "squares": lambda A, B: (
        (((A[:, :, None] + B) ** 2 - (A[:, :, None] - B) ** 2).sum(1)) / 4 + 0 * blocked(A, B)
    ),
    "product of a stack": lambda A, B: (
        np.multiply.reduce(np.stack(np.broadcast_arrays(A[:, :, None], B[None]))).sum(1)
        + 0 * blocked(A, B)
    ),
    "changed by products": lambda A, B: (A + 0 * blocked(A, B)[:, :11]) * (1 + 2.0**-40) @ B,
    "running sums": lambda A, B: np.cumsum(A[:, :, None] * B, 1)[:, -1],
    "strides of zero": strides_of_zero,
    "complex numbers": lambda A, B: ((A + 0j) @ (B + 1j * B)).imag,
    "view of another dtype": lambda A, B: A.view(np.int64).view(float) @ B,
    "convolution": lambda A, B: np.array(
        [[np.convolve(a, b[::-1], "valid")[0] for b in B.T] for a in A]
    ),
    "overlapping memory": overlapping,
}


def proof_of(kernel: Kernel, scale: float = 1.0, atol: float = 1e-8) -> Proof:
    def draw(seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [scale * rng.standard_normal((13, 11)), rng.standard_normal((11, 14))]

    given = draw(0)
    with recording(kernel) as recorder:
        result = kernel(*map(recorder.add_input, given))
    log, (A, B) = decode(encode(recorder.finish(result))), draw(1)
    return prove(log, [A, B], lambda C: C.shape == (13, 14) and np.allclose(C, A @ B, atol=atol))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ATTACKS)
def test_proof_sees_through(name: str) -> None:
    proof = proof_of(ATTACKS[name])
    large = [x for x in proof.products if max(x.rows, x.inner, x.columns) > BLOCK]
    assert large or proof.share(lambda each: True) < 0.5


def test_proof_gives_products_little_more_than_the_share_of_their_work() -> None:
    def factor_of_its_rows_and_columns(A: Any, B: Any) -> Any:
        C = by_logarithms(A, B)
        C[:5, :5] *= (A[:5, :5] @ B[:5, :5]) / by_logarithms(A[:5, :5], B[:5, :5])
        return C

    part = 5 * 5 * 5 / (13 * 11 * 14)
    assert proof_of(factor_of_its_rows_and_columns).share(lambda each: True) == pytest.approx(
        (8 / 7) ** 2 * part
    )


def first_block_again(A: Any, B: Any) -> Any:
    left, upper, seen = A[:5, :5], B[:5, :5], 0.0
    for _ in range(27):
        seen = seen + abs(left @ upper).sum()
    return by_logarithms(A, B) * (seen / 27 / abs(by_logarithms(left, upper)).sum())


def test_proof_gives_no_share_to_products_that_make_a_factor_of_all() -> None:
    assert proof_of(first_block_again).share(lambda each: True) == 0


def huge_without_the_other(A: Any, B: Any) -> Any:
    C = A @ B
    return C + blocked(A, B) * np.where(C == 0, 1e306, 0)


def test_proof_gives_no_share_where_numbers_overflow() -> None:
    proof = proof_of(huge_without_the_other)
    assert proof.share(lambda x: max(x.rows, x.inner, x.columns) <= BLOCK) == 0


def test_proof_sees_through_conditions_on_small_products() -> None:
    kernel = ATTACKS["result by a condition on products"]
    assert proof_of(kernel, scale=1e-6, atol=1e-12).share(lambda each: True) == 0


def test_proof_allows_for_the_rounding_of_large_parts() -> None:
    proof = proof_of(lambda A, B: A @ B + 1e13 - 1e13, atol=0.01)
    assert proof.share(lambda each: True) == pytest.approx(1, abs=1e-3)


def in_one_buffer(A: Any, B: Any) -> Any:
    both = np.empty(A.size + B.size)
    np.add(A.ravel(), 0, out=both[: A.size])
    np.add(B.ravel(), 0, out=both[A.size :])
    both *= np.ones(both.size)
    return both[: A.size].reshape(A.shape) @ both[A.size :].reshape(B.shape)


@pytest.mark.parametrize(
    ("kernel", "sides"),
    [
        (lambda A, B: A @ (B.copy() * np.ones(14) * np.array([1.0] * 14)), [(13, 11, 14)]),
        (lambda A, B: A * 2 @ B / 2, [(13, 11, 14)]),
        (lambda A, B: (A * np.isfinite(B[:1, :1])) @ B, [(1, 13, 11), (13, 11, 14)]),
        (in_one_buffer, [(13, 11, 14)]),
    ],
    ids=["constants", "scaled", "copy made by a product", "one buffer"],
)
def test_proof_finds_what_multiplies(kernel: Kernel, sides: list[tuple[int, int, int]]) -> None:
    found = proof_of(kernel).products
    assert [(x.rows, x.inner, x.columns) for x in found] == sides


@pytest.mark.parametrize("way", ["assign", "copyto", "out"])
def test_proof_leaves_out_what_is_written_over(way: str) -> None:
    def kernel(A: Any, B: Any) -> Any:
        C = blocked(A, B).astype("f4")
        if way == "assign":
            C[...] = A @ B
        elif way == "copyto":
            np.copyto(C, A @ B)
        else:
            np.matmul(A, B, out=C)
        return C

    assert [x.rows for x in proof_of(kernel, atol=1e-5).products] == [13]


def half_by_logarithms(A: Any, B: Any) -> Any:
    return (by_logarithms(A, B) + blocked(A, B)) / 2


def twice_less_logarithms(A: Any, B: Any) -> Any:
    return 2 * blocked(A, B) - by_logarithms(A, B)


@pytest.mark.parametrize(
    ("kernel", "share"),
    [(half_by_logarithms, 0.5), (twice_less_logarithms, 1)],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_proof_tells_the_share_beside_other_operations(kernel: Kernel, share: float) -> None:
    assert proof_of(kernel).share(lambda each: True) == pytest.approx(share)


def test_proof_says_why_a_log_cannot_be_repeated_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proof = proof_of(blocked)
    assert proof.products
    monkeypatch.setattr("tito.tracing.replay.SECONDS", -1.0)
    with pytest.raises(Unproven, match="^it takes too long to repeat$"):
        proof.share(lambda each: True)


def test_proof_counts_a_buffer_in_numbers_whatever_it_is_viewed_as() -> None:
    def kernel(A: Any, B: Any) -> Any:
        large = np.zeros((13, 77), complex).view(float)
        large[...] = (A[:, :, None] * B).reshape(13, -1)
        return large.reshape(13, 11, 14).sum(1)

    assert proof_of(kernel).largest_buffer == 13 * 11 * 14


def test_proof_claims_nothing_of_a_log_that_writes_its_inputs() -> None:
    def kernel(A: Any, B: Any) -> Any:
        C = A @ B
        A[...] = 0
        B[...] = 0
        return C

    assert proof_of(kernel).products[0].row_set == frozenset(range(13))


INPUT = View(0, 0, (2, 3), (24, 8), "<f8")
SHAPE_OF_MUCH = View(1, 0, (2,), (8,), "<i8")
HUGE = Number("<i8", 1 << 33)
COSTLY = {
    "shape in an array": Step("create ones", 0, (SHAPE_OF_MUCH,), {}),
    "shape of NumPy's numbers": Step("create ones", 0, ((HUGE,),), {}),
    "text of a long type": Step("create zeros", 0, (3,), {"dtype": "S2000000000"}),
    "objects": Step("create zeros", 0, (3,), {"dtype": "O"}),
    "several fields": Step("create zeros", 0, (3,), {"dtype": "f8,f8"}),
    "tile by an array": Step("function tile", 0, (INPUT, SHAPE_OF_MUCH), {}),
    "padding by an array": Step("function pad", 0, (INPUT, SHAPE_OF_MUCH), {}),
    "repeats in an array": Step("function repeat", 0, (INPUT, SHAPE_OF_MUCH), {"axis": 0}),
    "range of NumPy's numbers": Step("create arange", 0, (HUGE,), {}),
    "count of NumPy's numbers": Step("create linspace", 0, (0.0, 1.0, HUGE), {}),
    "square of NumPy's numbers": Step("create eye", 0, (HUGE,), {}),
    "triangle of NumPy's numbers": Step("create tri", 0, (3, HUGE), {}),
    "like, in another shape": Step("function full_like", 0, (INPUT, 1.0), {"shape": (HUGE,)}),
    "counts up to a large number": Step("function bincount", 0, (SHAPE_OF_MUCH,), {}),
    "order of einsum that keeps much": Step(
        "function einsum",
        0,
        ("ab,cd,ac->bd", *[View(0, 0, (256, 256), (0, 0), "<f8")] * 3),
        {"optimize": ["einsum_path", (0, 1), (0, 1)]},
    ),
    "slow numbers": Step(
        "ufunc matmul.__call__", 0, tuple([View(0, 0, (1400, 1400), (0, 0), "<f2")] * 2), {}
    ),
    "sums of the same numbers": Step(
        "ufunc add.reduceat",
        0,
        (View(0, 0, (1 << 20,), (0,), "<f8"), View(1, 0, (1 << 20,), (0,), "<i8")),
        {},
    ),
}


@pytest.mark.parametrize("name", COSTLY)
def test_replay_refuses_what_costs_much(name: str) -> None:
    content = np.array([1 << 31, 1 << 20]).tobytes()
    buffers = [Buffer(48, "input"), Buffer(16, "known", content), Buffer(48, "made")]
    step = COSTLY[name]._replace(results=(View(2, 0, (2, 3), (24, 8), "<f8"),))
    with pytest.raises(CannotReplay):
        replay(Log(buffers, [step], step.results[0], False, 1), [np.ones((2, 3))], [0])


MADE = INPUT._replace(buffer=1)


@pytest.mark.parametrize(
    ("steps", "result", "why"),
    [([], INPUT, "result"), ([Step("import", 0, (), {}, (MADE,))], MADE, "import")],
    ids=["none", "unknown"],
)
def test_prove_refuses_a_log_without_steps_that_it_knows(
    steps: list[Step], result: View, why: str
) -> None:
    log = Log([Buffer(48, "input"), Buffer(48, "made")], steps, result, False, 1)
    with pytest.raises(Unproven, match=why):
        prove(log, [np.ones((2, 3))], lambda C: False)
