"""Conditions on how a kernel works, by counts: the sides of its products and its Python steps.

Counts are the same on every machine and under every load. What cannot be counted is `CouldNotSee`,
and a person looks; it is never taken for a pass or a failure.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from tinytorch.utils.checking import CheckFailure, assert_product, describe_call, random_matrix
from tito.grading.calls import Call, Watching
from tito.grading.conditions import Array, Generator, Shape, right
from tito.grading.observation import Record
from tito.grading.results import CouldNotSee

__all__ = [
    "SIDES",
    "UNSEEN",
    "chunks_at_once",
    "columns_in_blocks",
    "expect_block",
    "inner_in_blocks",
    "no_python_loop",
    "rows_in_blocks",
    "rows_in_chunks",
    "watch",
]

BlockCase: TypeAlias = tuple[Shape, int]  # sizes, block_size
ChunkCase: TypeAlias = tuple[Shape, int]  # sizes, num_processes

SIDES = {"rows": "rows", "inner": "inner indices", "columns": "columns"}
LOOPS = {
    "rows": "One loop has to step through the rows: range(0, m, block_size).",
    "inner": "A third loop has to step through the inner side: range(0, n, block_size).",
    "columns": "One loop has to step through the columns: range(0, p, block_size).",
}
UNSEEN = "Part of the product was taken in a way that could not be recorded"


def no_python_loop(
    call: Call, rng: Generator, shapes: tuple[Shape, Shape] = ((20, 16, 12), (70, 36, 28))
) -> None:
    """The number of Python steps does not grow with the matrices."""
    hint = "A loop in Python pays for every step: let one NumPy operation do all of them."
    watch(call, rng, (3, 3, 3), hint)  # the first call may import something
    small, large = (watch(call, rng, shape, hint, Watching(count_steps=True)) for shape in shapes)
    growth = large.steps + large.reads - small.steps - small.reads
    if growth >= shapes[0][0] // 2:
        fact = f"{growth} more Python steps for A with {shapes[1][0]} rows than with {shapes[0][0]}"
        raise CheckFailure(f"{call.__name__} takes {fact}", hint)
    if not complete(large, shapes[1]):
        raise CouldNotSee(f"{UNSEEN}.")


def rows_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((26, 22, 30), 8),)
) -> None:
    """The rows of A are taken in blocks of block_size."""
    check_blocks(call, rng, cases, "rows")


def columns_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((26, 22, 30), 8),)
) -> None:
    """The columns of B are taken in blocks of block_size."""
    check_blocks(call, rng, cases, "columns")


def inner_in_blocks(
    call: Call, rng: Generator, cases: Sequence[BlockCase] = (((26, 22, 30), 8),)
) -> None:
    """The inner side, columns of A and rows of B, is taken in blocks of block_size."""
    check_blocks(call, rng, cases, "inner")


def rows_in_chunks(
    call: Call,
    rng: Generator,
    cases: Sequence[ChunkCase] = (((40, 13, 17), 2), ((40, 13, 17), 5)),
) -> None:
    """The rows of A are taken in num_processes chunks."""
    hint = "Cut A, not B, into num_processes groups of rows, and multiply each group by B."
    for (m, n, p), count in cases:
        record = watch(call, rng, (m, n, p), hint, num_processes=count)
        found = chunk_rows(record, (m, n, p), m // count)
        if found < m // count:
            apart = watch(call, rng, (m, n, p), hint, Watching(meet=True), num_processes=count)
            if apart.met:  # several threads, each with pieces of its chunk
                raise CouldNotSee(f"{call.__name__}: chunks are multiplied piece by piece.")
        if found != m // count:
            fact = f"num_processes={count} with {m} rows: rows multiplied at a time: {found}"
            raise CheckFailure(f"{call.__name__}: {fact}, not {m // count}", hint)


def chunks_at_once(
    call: Call, rng: Generator, shape: Shape = (48, 16, 12), counts: Sequence[int] = (2, 4)
) -> None:
    """Two chunks are multiplied at the same time."""
    hint = "Start all chunks on a pool of threads before waiting for the first result."
    for count in counts:
        record = watch(call, rng, shape, hint, Watching(meet=True), num_processes=count)
        if chunk_rows(record, shape, shape[0] // count) == shape[0]:
            raise CheckFailure(f"{call.__name__}: all {shape[0]} rows are in one product", hint)
        if record.met and record.second * 2 * count >= np.prod(shape):
            continue
        if record.met:
            raise CouldNotSee("Products met, but one thread or process did nearly all the work.")
        if not record.products:
            raise CouldNotSee("Single elements do not meet, so overlap cannot be told.")
        fact = f"{call.__name__}: with num_processes={count} each product waited for another"
        raise CheckFailure(f"{fact}, and none came", hint)


def watch(
    call: Call,
    rng: Generator,
    shape: Shape,
    hint: str,
    how: Watching = Watching(),  # noqa: B008 (frozen)
    **options: int,
) -> Record:
    """Multiply recorded matrices; return the record of a call whose result is right.

    Raises
    ------
    CheckFailure
        If the product is wrong without a recorder, too.
    CouldNotSee
        If the result was not made of recorded products alone.
    """
    m, n, p = shape
    A, B = random_matrix(rng, m, n), random_matrix(rng, n, p)
    right(call, A, B, hint, options, call(A, B, **options))
    reply = call.watch(A, B, how, **options)
    if reply.value is None or reply.record is None:
        error = reply.raised
        what = f"raised {error.kinds[0]}: {error.message}" if error else "returned no array"
        raise CouldNotSee(f"{call.__name__} {what} on arrays that record their products.")
    scale = reply.scale if not reply.record.products else 1
    try:
        assert_product(reply.value * scale, A, B, hint=hint)
    except CheckFailure:
        text = describe_call(call, A, B, options)
        raise CouldNotSee(f"{text}: {UNSEEN[0].lower()}{UNSEEN[1:]}.") from None
    if len(reply.record.products) > 1 or sum(times for *_, times in reply.record.products) > 1:
        expect_trace(call, A, B, options)
    return reply.record


def expect_trace(call: Call, A: Array, B: Array, options: dict[str, int]) -> None:
    """Ask that the result shows a different factor in each product: that it is made of them."""
    for _ in range(3):  # among processes, all products may have got the same one by chance
        value = call.watch(A, B, Watching(vary=True), **options).value
        if value is None or value.shape != (A.shape[0], B.shape[1]):
            break
        ratio = value / (A @ B)
        if np.ptp(ratio) > 0.01 * abs(ratio).max():
            return
    text = describe_call(call, A, B, options)
    raise CouldNotSee(f"{text}: products were recorded, but the result is not made of them.")


def complete(record: Record, shape: Shape) -> bool:
    """Tell whether the recorded products are as much work as the whole product."""
    return work(record) >= shape[0] * shape[1] * shape[2]


def work(record: Record) -> int:
    """Return the multiplications in the recorded products."""
    return sum(rows * inner * columns * times for rows, inner, columns, times in record.products)


def check_blocks(call: Call, rng: Generator, cases: Sequence[BlockCase], side: str) -> None:
    for shape, size in cases:
        expect_block(call, watch(call, rng, shape, LOOPS[side], block_size=size), shape, size, side)


def expect_block(call: Call, record: Record, shape: Shape, size: int, side: str) -> None:
    """Ask that no product is longer than a block on one side, and the longest more than half."""
    found = largest_sides(record, shape, size)[list(SIDES).index(side)]
    if not size // 2 < found <= size:
        has = f"the largest product has {found} {SIDES[side]}"
        raise CheckFailure(f"{call.__name__}: with block_size={size} {has}", LOOPS[side])


def largest_sides(record: Record, shape: Shape, size: int) -> tuple[int, int, int]:
    """Return the largest rows, inner and columns of the recorded products.

    Inside a block any method will do, single rows or single elements too: where every product fits
    in a block, the block itself counts for all three sides.
    """
    if not record.products and record.reads >= np.prod(shape):
        # Single elements: in blocks, three blocks in a cache serve size multiplications a read.
        blocked = record.misses * size <= 6 * int(np.prod(shape))
        return (size, size, size) if blocked else shape
    if not complete(record, shape):
        raise CouldNotSee(f"{UNSEEN}.")
    rows, inner, columns = (max(product[i] for product in record.products) for i in range(3))
    largest = max(rows, inner, columns)
    return (largest, largest, largest) if largest <= size else (rows, inner, columns)


def chunk_rows(record: Record, shape: Shape, wanted: int) -> int:
    """Return how many rows of A are multiplied at a time; as columns, where all is transposed."""
    if not record.products and record.reads >= np.prod(shape):
        return record.read_rows
    if not complete(record, shape):
        raise CouldNotSee(f"{UNSEEN}.")
    rows, _, columns = (max(product[i] for product in record.products) for i in range(3))
    return columns if columns == wanted and rows <= shape[2] else rows
