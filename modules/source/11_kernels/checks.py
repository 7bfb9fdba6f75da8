"""What each graded cell asks: conditions, points, and the sizes that only the judge tries.

Never released. The conditions themselves are in `tito.tools` for everyone to read, and the locked
cells list them with the same points; a test compares both. Here a condition gets other sizes than
the notebook's, one of them twice; its numbers are drawn afresh for every submission.
"""

from tito import conditions as c
from tito.conditions import Check, Share

__all__ = ["CHECKS"]

RESULTS = (
    Share(c.square, 1, {"sizes": (1, 3, 16, 33, 16, 65)}),
    Share(
        c.tall_and_wide,
        1,
        {"shapes": ((67, 5, 2), (2, 5, 67), (3, 66, 4), (1, 70, 33), (41, 21, 1), (1, 23, 1))},
    ),
    Share(c.empty_sides, 1, {"shapes": ((5, 2, 3), (0, 7, 70), (25, 6, 0), (25, 0, 7), (0, 0, 3))}),
    Share(c.number_types, 1, {"shape": (37, 29, 21)}),
    Share(c.strided_views, 1, {"shape": (27, 10, 31)}),
    Share(c.inputs_unchanged, 1, {"shapes": ((13, 13, 13), (5, 9, 5), (66, 11, 3), (21, 70, 9))}),
    Share(
        c.mismatch,
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
BLOCKS = (((17, 13, 15), 7), ((8, 10, 11), 3), ((12, 12, 12), 4))
LARGE = ((61, 2, 58), 40)  # with an inner side of 2, so that loops over single numbers end

CHECKS = {
    "test-memory-trace": Check(
        function="memory_trace",
        solution="memory-trace",
        shares=(
            Share(c.traces_ijk, 2, {"sizes": (2, 6, 3)}),
            Share(c.traces_orders, 2, {"sizes": (3, 5)}),
            Share(c.traces_nothing, 1, {"sizes": (0, 1)}),
        ),
    ),
    "test-vectorized-immediate": Check(
        function="matmul_vectorized",
        solution="matmul-vectorized",
        shares=(*RESULTS, Share(c.no_python_loop, 3, {"shapes": ((22, 14, 18), (75, 40, 30))})),
    ),
    "test-arithmetic-intensity": Check(
        function="arithmetic_intensity",
        solution="arithmetic-intensity",
        shares=(
            Share(c.intensity_of_squares, 2, {"sizes": (18, 7, 768), "itemsizes": (4, 8)}),
            Share(
                c.intensity_of_any,
                2,
                {"shapes": ((5, 3, 2), (1, 77, 13), (640, 1, 1)), "itemsizes": (8, 4, 16)},
            ),
            Share(c.intensity_of_nothing, 1, {"shapes": ((0, 0, 0), (0, 5, 0), (0, 8, 2))}),
        ),
    ),
    "test-tiled-trace": Check(
        function="tiled_trace",
        solution="tiled-trace",
        shares=(
            Share(c.tiles_whole, 2, {"cases": ((6, 2), (8, 4), (9, 3))}),
            Share(c.tiles_ragged, 2, {"cases": ((7, 3), (6, 4), (5, 4))}),
            Share(c.tiles_extreme, 1, {"cases": ((4, 1), (4, 4), (3, 64), (1, 2))}),
        ),
    ),
    "test-cache-immediate": Check(
        function="matmul_cache_optimized",
        solution="matmul-cache",
        cut="block_size",
        shares=(
            *RESULTS,
            Share(
                c.ragged_blocks,
                2,
                {"shapes": ((11, 6, 17), (3, 19, 7), (12, 12, 12)), "block_sizes": (5, 12, 2, 100)},
            ),
            Share(c.rows_in_blocks, 2, {"cases": (*BLOCKS, LARGE)}),
            Share(c.columns_in_blocks, 2, {"cases": (*BLOCKS, LARGE)}),
            Share(c.inner_in_blocks, 2, {"cases": BLOCKS}),
        ),
    ),
    "test-cache-performance": Check(
        function="matmul_cache_optimized",
        solution="matmul-cache",
        cut="block_size",
        shares=(Share(c.fast_in_blocks, 5),),
        timed=True,
    ),
    "test-attention-chunks": Check(
        function="attention_in_chunks",
        solution="attention-chunks",
        shares=(
            Share(
                c.attends, 3, {"lengths": ((7, 7, 3, 3), (4, 11, 5, 2), (1, 6, 4, 3), (9, 1, 2, 2))}
            ),
            Share(c.attends_large_scores, 2, {"lengths": (13, 8, 5, 2), "scales": (30.0, 60.0)}),
            Share(
                c.attends_ragged_chunks,
                1,
                {"lengths": ((11, 6, 3, 4), (8, 9, 4, 2)), "rows": (5, 1, 4, 64)},
            ),
            Share(c.attends_narrow_types, 1, {"lengths": (9, 15, 6, 4)}),
            Share(c.little_memory, 3, {"lengths": (75, 50, 2, 2), "rows": 4}),
        ),
    ),
    "test-chunk-edges": Check(
        function="chunk_edges",
        solution="chunk-edges",
        shares=(
            Share(c.edges_cover, 1, {"cases": ((9, 4), (16, 4), (31, 8), (6, 1), (0, 2), (2, 5))}),
            Share(c.edges_fair, 1, {"cases": ((29, 8), (9, 2), (61, 7), (4, 4), (3, 5))}),
        ),
    ),
    "test-parallel-immediate": Check(
        function="matmul_parallel",
        solution="matmul-parallel",
        cut="num_processes",
        shares=(
            *RESULTS,
            Share(
                c.uneven_chunks,
                3,
                {"shapes": ((29, 5, 7), (47, 3, 2), (2, 6, 3)), "counts": (3, 1, 7, 12)},
            ),
            Share(
                c.rows_in_chunks,
                5,
                {
                    "cases": (((21, 6, 8), 3), ((24, 5, 7), 4)),
                    "uneven": (((22, 4, 5), 7), ((27, 3, 4), 5)),
                },
            ),
        ),
    ),
    "test-parallel-concurrent": Check(
        function="matmul_parallel",
        solution="matmul-parallel",
        cut="num_processes",
        shares=(Share(c.chunks_at_once, 5, {"shape": (30, 5, 6), "counts": (3, 5)}),),
    ),
    "test-amdahl": Check(
        function="amdahl_speedup",
        solution="amdahl",
        shares=(
            Share(c.amdahl_speedups, 2, {"cases": ((0.4, 3), (0.02, 100), (0.75, 2), (0.2, 7))}),
            Share(c.amdahl_at_the_ends, 1, {"cases": ((0.0, 5), (1.0, 3), (0.6, 1), (1.0, 1))}),
        ),
    ),
}
