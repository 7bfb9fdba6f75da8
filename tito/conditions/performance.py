"""The condition on how fast a blocked product is, in CPU time and against A @ B in the same run."""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import Call, CallResult
from tito.conditions.expect import (
    Array,
    Generator,
    Shape,
    expect_log,
    expect_returned,
    found,
    proven,
)
from tito.conditions.results import Inconclusive
from tito.conditions.structure import SIDES, expect_blocks, traced
from tito.tracing.log import Step
from tito.tracing.proof import MATRIX_PRODUCTS, needed_steps

__all__ = ["fast_in_blocks"]

SMALL, SMALL_BLOCK = (17, 15, 18), 8
HINT = "A block is one product: time what surrounds it, such as copies and passes over C."
PRODUCT = "Begin with the product: see the check of the blocks, and try larger A and B."
VECTORS = 4
MOST_ROUNDS = 12
SECONDS = 8.0
MOST_SPARED, MOST_PRODUCTS = 0.75, 1 << 13
CLEARLY_FAST, CLEARLY_SLOW = 1.15, 0.7  # times the bound: no further round would change it
HOPELESS, CERTAIN = 0.1, 0.75  # one round is enough: no other kernel was ever seen near it
# At least this many, however long they take: on a busy machine two rounds of an honest kernel were
# three times as slow, and there a round takes long.
PATIENT_ROUNDS = 6
GRADER = "Nothing to do: the grader will measure it when you have handed in."


def fast_in_blocks(
    call: Call,
    rng: Generator,
    shape: Shape = (1024, 1024, 1024),
    block_size: int = 256,
    least: float = 0.5,
) -> None:
    """In blocks of 256 it keeps half of the speed of A @ B, in CPU time on one thread."""
    expect_few_products(call, rng)
    text = f"{call.__name__}: n = {shape[1]}, block_size={block_size}"
    start, rounds = time.monotonic(), []
    for done in range(1, MOST_ROUNDS + 1):
        rounds.append(one_round(call, rng, shape, block_size, text))
        if rounds[0].untimed:
            raise Inconclusive(f"{text}: {rounds[0].untimed}.", GRADER)
        share = share_of(rounds, spared(fastest(rounds), shape))
        if share < HOPELESS or share > CERTAIN or is_clear(share, least, done):
            break
        if done >= PATIENT_ROUNDS and time.monotonic() - start > SECONDS:
            break
    if not share:
        raise Inconclusive(f"{text}: the CPU time is not known.")
    if share < least:
        raise CheckFailure(f"{text}: {share:.2f} of the speed of A @ B, not {least}", HINT)
    expect_fast_blocks(call, rng, fastest(rounds), shape, block_size, text)


def fastest(rounds: Sequence[CallResult]) -> CallResult:
    """Return the round whose time counts, so that its method has to be blocks as well."""
    return min(rounds, key=lambda each: each.seconds)


def share_of(rounds: Sequence[CallResult], spared: float = 0.0) -> float:
    """Return the speed over that of A @ B, by the least time of each; 0 where there is none.

    The `spared` seconds of the fastest round do not count, as far as they are most of it.
    """
    own, reference = (min(getattr(x, name) for x in rounds) for name in ("seconds", "reference"))
    own -= min(spared, MOST_SPARED * own)
    return float(reference / own) if own > 0 else 0.0


def spared(result: CallResult, shape: Shape) -> float:
    """Return the seconds of a timed call that do not count as the kernel's.

    These are what its log adds for each product of blocks, and one A @ B beside the work, which
    the result does not depend on but may be compared with.
    """
    if result.log is None or result.log.result is None:
        return 0.0
    needed, of_blocks, beside = set(needed_steps(result.log)), 0, 0
    for place, step in enumerate(result.log.steps):
        if step.name in MATRIX_PRODUCTS:
            sides = [view.shape for view in step.operands()]
            is_whole = sides == [shape[:2], shape[1:]] and takes_its_time(step)
            beside |= place not in needed and is_whole
            of_blocks += place in needed and is_of_blocks(sides, shape)
    return of_blocks * result.logging + beside * result.reference


def is_of_blocks(sides: Sequence[tuple[int, ...]], shape: Shape) -> bool:
    """Whether a product is large enough that no more of them make up the whole."""
    work = math.prod(sides[0]) * sides[1][-1] if len(sides) == 2 and sides[1] else 0
    return work * MOST_PRODUCTS >= math.prod(shape)


def takes_its_time(step: Step) -> bool:
    """Whether a product is of floats: NumPy is done with one of truth values at its first True."""
    return all(np.dtype(view.dtype).kind in "fc" for view in step.operands())


def is_clear(share: float, least: float, rounds: int) -> bool:
    """Return whether further rounds would not change the decision; slowness takes more of them."""
    if share >= least:
        return rounds > 1 and share >= least * CLEARLY_FAST
    return rounds >= PATIENT_ROUNDS and share <= least * CLEARLY_SLOW


def expect_few_products(call: Call, rng: Generator) -> None:
    """Stop what is not in blocks, or takes them apart in Python: large ones would take minutes."""
    proof, _ = traced(call, rng, SMALL, PRODUCT, block_size=SMALL_BLOCK)
    for side in SIDES:
        expect_blocks(call, proof, SMALL_BLOCK, side)
    blocks = int(np.prod([-(-side // SMALL_BLOCK) for side in SMALL]))
    taken = len(proof.product_steps)
    if taken > SMALL_BLOCK * blocks:
        fact = f"{call.__name__} takes {taken} products for {blocks} triples of blocks"
        raise CheckFailure(fact, HINT)


def one_round(call: Call, rng: Generator, shape: Shape, block_size: int, text: str) -> CallResult:
    """Time a call with new numbers; ask that its result is their product."""
    m, n, p = shape
    A, B = numbers(rng, m, n), numbers(rng, n, p)
    result = expect_returned(call, call.time(A, B, block_size=block_size), text, PRODUCT)
    if result.value is None or result.returned != "ndarray":
        raise CheckFailure(f"{text}: the result is {found(result)}, not an array", PRODUCT)
    if not product_test(rng, A, B)(result.value):
        raise CheckFailure(f"{text}: the result is not A @ B", PRODUCT)
    if not result.unchanged:
        raise CheckFailure(f"{text}: an input was changed by the call", "A and B are the caller's.")
    return result


def numbers(rng: Generator, rows: int, columns: int) -> Array:
    """Return a large matrix of positive float32, drawn quickly."""
    return rng.random((rows, columns), dtype=np.float32)


def expect_fast_blocks(
    call: Call, rng: Generator, result: CallResult, shape: Shape, block_size: int, text: str
) -> None:
    """Ask that the timed call itself works in blocks."""
    m, n, p = shape
    A, B = numbers(rng, m, n), numbers(rng, n, p)
    proof = proven(text, expect_log(result), [A, B], product_test(rng, A, B))
    if proof.multiplies_only_blocks(block_size):
        return
    for side in SIDES:
        expect_blocks(call, proof, block_size, side)


@np.errstate(all="ignore")  # the result may be anything
def product_test(rng: Generator, A: Array, B: Array) -> Callable[[Array], bool]:
    """Return a test whether a large array is ``A @ B``, which costs no product of matrices.

    It multiplies by random vectors (Freivalds, 1977): an entry that is off moves C x by as much as
    x is there, so an error of more than rounding in any entry is missed by all vectors only if it
    is small against the sum of all rounding errors that a row may have. The author of C does not
    know the vectors.
    """
    vectors = rng.standard_normal((B.shape[1], VECTORS))
    expected = A.astype(np.float64) @ (B.astype(np.float64) @ vectors)
    sizes = np.abs(A).astype(np.float64) @ (np.abs(B).astype(np.float64) @ np.abs(vectors))
    bound = 3 * float(np.finfo(np.result_type(A, B)).eps) * A.shape[1] ** 0.5 * sizes

    def is_product(C: Array) -> bool:
        if C.shape != (A.shape[0], B.shape[1]) or C.dtype.kind != "f":
            return False
        with np.errstate(all="ignore"):
            return bool((np.abs(C.astype(np.float64) @ vectors - expected) <= bound).all())

    return is_product
