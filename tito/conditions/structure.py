"""Conditions on how a kernel works, read from a proven log: its products, their order, its threads.

A log counts only when it gives the right product of matrices that the kernel never saw, and only
steps that this product depends on are looked at. What no log proves (`Unproven`) or explains
(`Inconclusive`) is looked at by a person, and is neither a pass nor a failure.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from tinytorch.utils.checking import (
    CheckFailure,
    agree,
    describe_call,
    error_bound,
    expected_product,
    random_matrix,
)
from tito.conditions.call import Call, CallResult
from tito.conditions.causes import EARLY, TWO_CALLS, left_over, returns_early
from tito.conditions.expect import Array, Generator, Shape, expect_log, expect_product, proven
from tito.conditions.results import Inconclusive
from tito.tracing import Product, Proof, Unproven
from tito.tracing.observe import CPUS

__all__ = [
    "SIDES",
    "chunks_at_once",
    "columns_in_blocks",
    "expect_blocks",
    "inner_in_blocks",
    "no_python_loop",
    "rows_in_blocks",
    "rows_in_chunks",
    "traced",
]

BlockCase: TypeAlias = tuple[Shape, int]  # sizes, block_size
ChunkCase: TypeAlias = tuple[Shape, int]  # sizes, num_processes

SIDES = {"rows": "rows", "inner": "inner indices", "columns": "columns"}
LOOPS = {
    "rows": "One loop has to step through the rows: range(0, m, block_size).",
    "inner": "A third loop has to step through the inner side: range(0, n, block_size).",
    "columns": "One loop has to step through the columns: range(0, p, block_size).",
}
CHUNKS = "Cut A, not B, into num_processes groups of rows, and multiply each group by B."
UNEVEN = "Chunks need not be equal: share the rows that are left over out among them."
RACE = "Threads share something that they change: give each its own index and its own array."
WHOLE = "The result may come from blocks only: no A @ B, and no kernel that multiplies the whole."
SMALL = "Take block_size rows, columns and inner indices at a time, whatever their number is."
ALMOST_ALL = 0.99
REVISITS = 2  # how often on average blocked loops may come back to a triple of blocks
FEW = 4  # steps; a check of the operands may take one more


def no_python_loop(
    call: Call, rng: Generator, shapes: tuple[Shape, Shape] = ((20, 16, 12), (70, 36, 28))
) -> None:
    """One NumPy operation multiplies; their number does not grow with the matrices."""
    hint = "A loop in Python pays for every step: let one NumPy operation do all of them."
    small, _ = traced(call, rng, shapes[0], hint, loops=True)
    expect_one_step(call, small, hint)  # a loop over single numbers is not run again, on more
    large, _ = traced(call, rng, shapes[1], hint, loops=True)
    growth = large.steps - small.steps
    if growth > FEW:
        rows = f"{shapes[1][0]} rows than with {shapes[0][0]}"
        fact = f"{call.__name__} takes {growth} more array operations for A with {rows}"
        raise CheckFailure(fact, hint)
    expect_one_step(call, large, hint)
    expect_all(call, large)


def expect_one_step(call: Call, proof: Proof, hint: str) -> None:
    """Ask that all products are made in one operation."""
    times = len(proof.product_steps)
    if times > 1:
        raise CheckFailure(f"{call.__name__} multiplies in {times} operations, not in one", hint)


def rows_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((13, 11, 14), 6),)
) -> None:
    """The rows of A are taken in blocks of block_size."""
    check_blocks(call, rng, cases, "rows")


def columns_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((13, 11, 14), 6),)
) -> None:
    """The columns of B are taken in blocks of block_size."""
    check_blocks(call, rng, cases, "columns")


def inner_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((13, 11, 14), 6),)
) -> None:
    """The inner side, columns of A and rows of B, is taken in blocks of block_size."""
    check_blocks(call, rng, cases, "inner")


def rows_in_chunks(
    call: Call,
    rng: Generator,
    cases: Sequence[ChunkCase] = (((20, 7, 9), 2), ((20, 7, 9), 5)),
    uneven: Sequence[ChunkCase] = (((23, 5, 4), 8),),
) -> None:
    """The rows of A are taken in num_processes chunks, on at most num_processes threads."""
    for shape, count in cases:
        proof, _ = traced(call, rng, shape, CHUNKS, meet=count, num_processes=count)
        expect_chunks(call, proof, shape, count)
        expect_threads(call, proof, count)
        expect_all(call, proof)
    for shape, count in uneven:
        proof, _ = traced(call, rng, shape, CHUNKS, meet=count, num_processes=count)
        expect_threads(call, proof, count)
        if len(chunks(proof)) < 2:
            fact = f"num_processes={count} with {shape[0]} rows: all of them are in one chunk"
            raise CheckFailure(f"{call.__name__}: {fact}", UNEVEN)
    shape = cases[0][0]
    proof, _ = traced(call, rng, shape, CHUNKS, meet=1)  # the first thread begins last
    if len(chunks(proof)) < 2:
        fact = f"without num_processes all {shape[0]} rows are in one chunk, on {CPUS} CPUs"
        raise CheckFailure(f"{call.__name__}: {fact}", "The default, None, stands for all CPUs.")


def chunks_at_once(
    call: Call, rng: Generator, shape: Shape = (24, 8, 6), counts: Sequence[int] = (2, 4)
) -> None:
    """All num_processes chunks are multiplied at the same time."""
    hint = (
        "Start all chunks on a pool of num_processes threads before waiting for the first result."
    )
    for count in counts:
        proof, result = traced(call, rng, shape, hint, count, num_processes=count)
        products = [x for x in proof.products if x.rows]
        if max(x.rows for x in products) == shape[0]:
            raise CheckFailure(f"{call.__name__}: all {shape[0]} rows are in one product", hint)
        threads = {x.thread for x in products if x.step in result.together}
        if len(threads) < count:
            least = max(len(threads), 1)
            what = "each product waited for another, and none came"
            what = what if least < 2 else f"{least} products were under way at once, not {count}"
            raise CheckFailure(f"{call.__name__}: with num_processes={count} {what}", hint)
        fair = sum(x.work for x in products) / count
        if any(sum(x.work for x in products if x.thread == t) < fair / 2 for t in threads):
            fact = (
                f"{call.__name__}: with num_processes={count} some threads do nearly all the work"
            )
            raise CheckFailure(fact, hint)
        if share_of_threads(proof, threads) < 1 - 1 / count:
            fact = "the products under way at once are not those of the result"
            raise CheckFailure(f"{call.__name__}: {fact}", hint)


def share_of_threads(proof: Proof, threads: set[int]) -> float:
    """Return the share of the result that these threads' products make."""
    return proof.share(lambda product: product.thread in threads)


def traced(
    call: Call,
    rng: Generator,
    shape: Shape,
    hint: str,
    meet: int = 0,
    loops: bool = False,
    **options: int,
) -> tuple[Proof, CallResult]:
    """Multiply without a recorder, then with one; return what its log proves, and the result.

    Raises
    ------
    CheckFailure
        If the product is wrong; with `loops` also if there are more steps than a log holds.
    Unproven
        If the log does not prove the product.
    """
    m, n, p = shape
    A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
    expect_product(call, A, B, hint, options, call(A, B, **options))
    result = call.trace(A, B, meet=meet, **options)
    log = expect_log(result)
    text = describe_call(call, A, B, options)
    if log.overflow and loops:
        fact = f"{text} takes more than {len(log.steps)} array operations"
        raise CheckFailure(fact, hint)
    expect_same(call, A, B, options, result, meet)
    secret = random_matrix(rng, m, n), random_matrix(rng, n, p)
    expected, bound = expected_product(*secret), error_bound(*secret)
    proof = proven(text, log, secret, lambda value: agree(value, expected, bound))
    if not (any(x.work for x in proof.products) or loops):
        raise Unproven("no step multiplies numbers of A by numbers of B")
    return proof, result


def expect_same(
    call: Call, A: Array, B: Array, options: dict[str, Any], result: CallResult, meet: int
) -> None:
    """Ask that a traced call gives the product, too."""
    text = describe_call(call, A, B, options)
    try:
        expect_product(call, A, B, RACE, options, result)
    except CheckFailure as failure:
        threads = meet if meet > 1 else min(CPUS, len(A))
        if meet and returns_early(expected_product(A, B), result, threads):
            fact = f"{text}: it returned before its threads had ended"
            raise CheckFailure(fact, EARLY) from None
        if not is_right(call, A, B, options, call(A, B, **options)):
            raise CheckFailure(f"{text}: {TWO_CALLS}", left_over(call)) from None
        if meet and not raises_when_traced(call, A, B, options, result):
            fact = f"{failure.fact}, while products wait for one another: a race"
            raise CheckFailure(fact, RACE) from None
        raise Inconclusive(f"{text} gives another result on arrays that are traced.") from None


def is_right(call: Call, A: Array, B: Array, options: dict[str, Any], result: CallResult) -> bool:
    """Return whether a call gave the product."""
    try:
        expect_product(call, A, B, "", options, result)
    except CheckFailure:
        return False
    return True


def raises_when_traced(
    call: Call, A: Array, B: Array, options: dict[str, Any], result: CallResult
) -> bool:
    """Return whether a call that raised also raises where no product waits: then it is no race."""
    return result.raised is not None and call.trace(A, B, **options).raised is not None


def check_blocks(call: Call, rng: Generator, cases: Sequence[BlockCase], side: str) -> None:
    for shape, size in cases:
        proof = call.proofs.get((shape, size))  # one proof serves all three sides
        if proof is None:
            proof, _ = traced(call, rng, shape, LOOPS[side], block_size=size)
            call.proofs[shape, size] = proof
        expect_blocks(call, proof, size, side)


def expect_blocks(call: Call, proof: Proof, size: int, side: str) -> None:
    """Ask that the product is made of blocks on one side, and of no longer pieces."""
    products = [x for x in proof.products if x.work]
    longest = max(length(x, side) for x in products)
    text = f"{call.__name__}: with block_size={size}"
    if longest > size and any(is_whole(x, proof) for x in products):
        raise CheckFailure(f"{text} one product takes A and B as a whole", WHOLE)
    if longest > size:
        fact = f"{text} the largest product has {longest} {SIDES[side]}"
        raise CheckFailure(fact, LOOPS[side])
    expect_all(call, proof)
    if proof.share(lambda x: size // 2 < length(x, side) <= size) >= 1 / 2:
        return
    inside = all(max(x.rows, x.inner, x.columns) <= size for x in products)
    if not (inside and in_block_order(products, size)):
        fact = f"{text} there are {len(products)} products of at most {longest} {SIDES[side]} each"
        small = all(max(x.rows, x.inner, x.columns) < size for x in products)
        raise CheckFailure(f"{fact}, not blocks of {size}", SMALL if small else LOOPS[side])


def in_block_order(products: Sequence[Product], size: int) -> bool:
    """Return whether products smaller than blocks are taken block by block, in any order.

    Each belongs to a triple of blocks of rows, inner indices and columns. Loops over blocks finish
    a triple before they go on, so the triple changes about as often as there are triples.
    """
    for thread in {x.thread for x in products}:
        triples = [triple(x, size) for x in products if x.thread == thread]
        changes = sum(one != other for one, other in pairwise(triples))
        if None in triples or changes > REVISITS * len(set(triples)):
            return False
    return True


def triple(product: Product, size: int) -> tuple[frozenset[int], ...] | None:
    """Return the blocks that a product's numbers lie in; None where they are not known."""
    sets = product.row_set, product.inner_set, product.column_set
    if None in sets:
        return None
    return tuple(frozenset(index // size for index in each or ()) for each in sets)


def expect_all(call: Call, proof: Proof) -> None:
    """Ask that the result is made of the products that were recognised, and of nothing else."""
    if proof.share(lambda product: True) < ALMOST_ALL:
        raise Inconclusive(f"{call.__name__}: part of the product is made in an unusual way.")


def expect_chunks(call: Call, proof: Proof, shape: Shape, count: int) -> None:
    """Ask for `count` chunks of equal numbers of rows."""
    wanted, found = shape[0] // count, chunks(proof)
    for each in (found, sorted(map(len, rows_by_thread(proof).values()))):
        if each == [wanted] * count:
            return
    if max(found) < wanted and buffers_of(proof, wanted * shape[2]) == count:
        return  # taken apart further, and put together from as many arrays
    what = f"{len(found)} product{'s' * (len(found) != 1)} of {range_text(found)} rows"
    fact = f"num_processes={count} with {shape[0]} rows: {what}, not {count} of {wanted}"
    raise CheckFailure(f"{call.__name__}: {fact}", CHUNKS)


def chunks(proof: Proof) -> list[int]:
    """Return how many rows are multiplied at a time, for each group of rows."""
    products = [x for x in proof.products if x.rows]
    if any(x.row_set is None for x in products):
        return [x.rows for x in products]
    return sorted(len(rows) for rows in {x.row_set for x in products} if rows)


def rows_by_thread(proof: Proof) -> dict[int, frozenset[int]]:
    """Return the rows that each thread multiplies in all."""
    rows: dict[int, frozenset[int]] = {}
    for product in proof.products:
        own = rows.get(product.thread, frozenset())
        rows[product.thread] = own | (product.row_set or frozenset())
    return rows


def lie_together(rows: frozenset[int]) -> bool:
    """Return whether there are rows, and none is missing between them."""
    return bool(rows) and max(rows) - min(rows) < len(rows)


def buffers_of(proof: Proof, elements: int) -> int:
    """Return how many arrays of that many numbers are made."""
    return sum(size == elements for size in proof.buffer_sizes)


def expect_threads(call: Call, proof: Proof, count: int) -> None:
    """Ask that no more than `num_processes` threads, or chunks on threads, multiply."""
    threads, sizes = {x.thread for x in proof.products if x.rows}, chunks(proof)
    taken, rows = len(threads), rows_by_thread(proof)
    one_each = taken == count and all(lie_together(rows[thread]) for thread in threads)
    if taken > 1 and max(sizes) > 1 and not one_each:
        taken = max(taken, len(sizes))  # a thread may be used again; its chunk counts all the same
    if taken > count:
        what = f"{taken} chunks on {len(threads)} threads multiply"
        fact = f"{call.__name__}: num_processes={count}: {what}"
        raise CheckFailure(fact, "Start at most num_processes threads, a chunk for each.")


def is_whole(product: Product, proof: Proof) -> bool:
    """Return whether a product is the whole of A @ B."""
    (m, n), (_, p) = (x.shape for x in proof.inputs)
    return (product.rows, product.inner, product.columns) == (m, n, p)


def length(product: Product, side: str) -> int:
    found: int = getattr(product, side)
    return found


def range_text(sizes: Sequence[int]) -> str:
    return f"{min(sizes)} to {max(sizes)}" if len(set(sizes)) > 1 else str(sizes[0])
