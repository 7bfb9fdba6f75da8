"""What each graded cell asks: conditions, points, and the sizes that only the judge tries.

Never released. The conditions themselves are in `tito.tools` for everyone to read, and the locked
cells list them with the same points; a test compares both. Here a condition gets other sizes than
the notebook's, one of them twice; its numbers are drawn afresh for every submission.
"""

from tito.grading.conditions import (
    empty_sides,
    inputs_unchanged,
    mismatch,
    number_types,
    ragged_blocks,
    square,
    strided_views,
    tall_and_wide,
    uneven_chunks,
)
from tito.grading.judge import Check
from tito.grading.methods import (
    chunks_at_once,
    columns_in_blocks,
    inner_in_blocks,
    no_python_loop,
    rows_in_blocks,
    rows_in_chunks,
)
from tito.grading.results import Share

__all__ = ["CHECKS"]

RESULTS = (
    Share(square, 1, {"sizes": (1, 3, 16, 33, 16, 65)}),
    Share(
        tall_and_wide,
        1,
        {"shapes": ((67, 5, 2), (2, 5, 67), (3, 66, 4), (1, 70, 33), (41, 21, 1), (1, 23, 1))},
    ),
    Share(empty_sides, 1, {"shapes": ((5, 2, 3), (0, 7, 70), (25, 6, 0), (25, 0, 7), (0, 0, 3))}),
    Share(number_types, 1, {"shape": (37, 29, 21)}),
    Share(strided_views, 1, {"shape": (27, 10, 31)}),
    Share(inputs_unchanged, 1, {"shapes": ((13, 13, 13), (5, 9, 5), (66, 11, 3), (21, 70, 9))}),
    Share(
        mismatch,
        1,
        {
            "pairs": (
                ((7, 2), (3, 2)),
                ((31, 4), (12, 5)),
                ((22, 64), (128, 3)),
                ((22, 16), (12, 3)),
                ((4, 6), (4, 6)),
                ((1, 5), (1, 5)),
            )
        },
    ),
)
BLOCKS = {"cases": (((29, 25, 31), 11),)}

CHECKS = {
    "test-vectorized-immediate": Check(
        function="matmul_vectorized",
        solution="matmul-vectorized",
        shares=(*RESULTS, Share(no_python_loop, 3, {"shapes": ((22, 14, 18), (75, 40, 30))})),
    ),
    "test-cache-immediate": Check(
        function="matmul_cache_optimized",
        solution="matmul-cache",
        shares=(
            *RESULTS,
            Share(
                ragged_blocks,
                2,
                {"shapes": ((11, 6, 17), (3, 19, 7), (12, 12, 12)), "block_sizes": (5, 12, 2, 100)},
            ),
            Share(rows_in_blocks, 2, BLOCKS),
            Share(columns_in_blocks, 2, BLOCKS),
            Share(inner_in_blocks, 2, BLOCKS),
        ),
    ),
    "test-parallel-immediate": Check(
        function="matmul_parallel",
        solution="matmul-parallel",
        shares=(
            *RESULTS,
            Share(
                uneven_chunks,
                3,
                {"shapes": ((29, 5, 7), (47, 3, 2), (2, 6, 3)), "counts": (3, 1, 7, 64)},
            ),
            Share(rows_in_chunks, 5, {"cases": (((63, 14, 19), 3), ((64, 11, 23), 4))}),
        ),
    ),
    "test-parallel-concurrent": Check(
        function="matmul_parallel",
        solution="matmul-parallel",
        shares=(Share(chunks_at_once, 5, {"shape": (60, 9, 14), "counts": (3, 2)}),),
    ),
}
