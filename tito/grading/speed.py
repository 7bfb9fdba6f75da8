"""The condition on how fast a blocked product is, in CPU time and against A @ B in the same run."""

import numpy as np

from tinytorch.utils.checking import (
    CheckFailure,
    agree,
    error_bound,
    expected_product,
    random_matrix,
)
from tito.grading.calls import Call, Reply, Watching
from tito.grading.conditions import Array, Generator, Shape
from tito.grading.costs import MILLION
from tito.grading.methods import SIDES, UNSEEN, expect_block, watch
from tito.grading.results import CouldNotSee

__all__ = ["fast_in_blocks"]

SMALL: Shape = 26, 22, 30
SMALL_BLOCK = 8
TRIES, HOPELESS = 3, 0.2
"""A busy machine costs blocks more than ``A @ B``: a share below the bound is taken again."""
HINT = "A block is one product: time what surrounds it, such as copies and passes over C."


def fast_in_blocks(
    call: Call,
    rng: Generator,
    shape: Shape = (1024, 1024, 1024),
    block_size: int = 256,
    least: float = 0.6,
) -> None:
    """In blocks of 256 it keeps six tenths of the speed of A @ B, in CPU time on one thread."""
    expect_few_products(call, rng)
    m, n, p = shape
    A, B = random_matrix(rng, m, n, "float32"), random_matrix(rng, n, p, "float32")
    product, bound = expected_product(A, B), error_bound(A, B)
    text = f"{call.__name__}: n = {n}, block_size={block_size}"
    share = 0.0
    for _ in range(TRIES):
        reply = call.measure("speed", A, B, block_size=block_size)
        expect_product(reply, product, bound, text)
        if not reply.cost:
            raise CouldNotSee(f"{text}: the CPU time cannot be told.")
        share = max(share, reply.cost / MILLION)
        if not HOPELESS < share < least:
            break
    if share < least:
        fact = f"{text}: {share:.2f} of the speed of A @ B, not {least}"
        raise CheckFailure(fact, HINT)
    seen = call.watch(A, B, Watching(), block_size=block_size)  # not only small ones are in blocks
    if seen.record is None or not holds(seen, product, bound):
        raise CouldNotSee(f"{text}: {UNSEEN[0].lower()}{UNSEEN[1:]}.")
    for side in SIDES:
        expect_block(call, seen.record, shape, block_size, side)


def expect_few_products(call: Call, rng: Generator) -> None:
    """Stop what is not in blocks, or takes them apart in Python: large ones would take minutes."""
    record = watch(call, rng, SMALL, HINT, block_size=SMALL_BLOCK)
    for side in SIDES:
        expect_block(call, record, SMALL, SMALL_BLOCK, side)
    blocks = int(np.prod([-(-side // SMALL_BLOCK) for side in SMALL]))
    taken = sum(times for *_, times in record.products)
    if not 0 < taken <= SMALL_BLOCK * blocks:
        what = f"{taken} products" if taken else "products of single numbers"
        raise CheckFailure(f"{call.__name__} takes {what} for {blocks} triples of blocks", HINT)


def expect_product(reply: Reply, product: Array, bound: Array, text: str) -> None:
    """Ask for the product of large matrices, without a search for what is wrong with it."""
    if reply.raised is not None:
        kinds, message = reply.raised.kinds, reply.raised.message
        raise CheckFailure(f"{text} raised {kinds[0]}: {message}", HINT)
    if reply.value is None or reply.returned != "ndarray":
        raise CheckFailure(f"{text}: the result is a {reply.returned}, not an array", HINT)
    if not holds(reply, product, bound):
        raise CheckFailure(f"{text}: the result is not A @ B", HINT)


@np.errstate(all="ignore")  # of whatever came back
def holds(reply: Reply, product: Array, bound: Array) -> bool:
    """Tell whether a reply holds the product; that of a watched call, its secret factor too."""
    return reply.value is not None and agree(reply.value, product, bound)
