"""Conditions: what a function has to fulfil, each a function whose docstring the student reads.

A condition is given a `call` (the student's function, wherever it runs) and a random generator for
its inputs. It returns when it holds, raises `CheckFailure` with a fact and a hint when it does not,
and `Inconclusive` or `Unproven` when neither is certain.
"""

from tito.conditions.attention import (
    attends,
    attends_large_scores,
    attends_narrow_types,
    attends_ragged_chunks,
    little_memory,
)
from tito.conditions.formulas import (
    amdahl_at_the_ends,
    amdahl_speedups,
    edges_cover,
    edges_fair,
    intensity_of_any,
    intensity_of_nothing,
    intensity_of_squares,
)
from tito.conditions.performance import fast_in_blocks
from tito.conditions.product import (
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
from tito.conditions.results import Check, Share
from tito.conditions.structure import (
    chunks_at_once,
    columns_in_blocks,
    inner_in_blocks,
    no_python_loop,
    rows_in_blocks,
    rows_in_chunks,
)
from tito.conditions.traces import (
    tiles_extreme,
    tiles_ragged,
    tiles_whole,
    traces_ijk,
    traces_nothing,
    traces_orders,
)

__all__ = [
    "PRODUCT",
    "Check",
    "Share",
    "amdahl_at_the_ends",
    "amdahl_speedups",
    "attends",
    "attends_large_scores",
    "attends_narrow_types",
    "attends_ragged_chunks",
    "chunks_at_once",
    "columns_in_blocks",
    "edges_cover",
    "edges_fair",
    "empty_sides",
    "fast_in_blocks",
    "inner_in_blocks",
    "inputs_unchanged",
    "intensity_of_any",
    "intensity_of_nothing",
    "intensity_of_squares",
    "little_memory",
    "mismatch",
    "no_python_loop",
    "number_types",
    "ragged_blocks",
    "rows_in_blocks",
    "rows_in_chunks",
    "square",
    "strided_views",
    "tall_and_wide",
    "tiles_extreme",
    "tiles_ragged",
    "tiles_whole",
    "traces_ijk",
    "traces_nothing",
    "traces_orders",
    "uneven_chunks",
]

PRODUCT = dict.fromkeys(
    [square, tall_and_wide, empty_sides, number_types, strided_views, inputs_unchanged, mismatch], 1
)
"""What every product has to fulfil, with a point each."""
