"""What a lesson's locked cells ask of a kernel, each condition with its points.

A condition is a function whose docstring says in one sentence what has to hold. Its code is there
to read: append ``??`` to its name in a notebook, or open `tito/grading/conditions.py` and, for
those on how a kernel works, `tito/grading/methods.py`; `models.py`, `formulas.py`, `speed.py` and
`attention.py` beside them hold the others. The grades come from the same functions, tried on the
same inputs and on others.
"""

from tito.grading.attention import (
    attends,
    attends_large_scores,
    attends_narrow_types,
    attends_ragged_chunks,
    little_memory,
)
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
from tito.grading.formulas import (
    amdahl_at_the_ends,
    amdahl_speedups,
    edges_cover,
    edges_fair,
    intensity_of_any,
    intensity_of_nothing,
    intensity_of_squares,
)
from tito.grading.methods import (
    chunks_at_once,
    columns_in_blocks,
    inner_in_blocks,
    no_python_loop,
    rows_in_blocks,
    rows_in_chunks,
)
from tito.grading.models import (
    tiles_extreme,
    tiles_ragged,
    tiles_whole,
    traces_ijk,
    traces_nothing,
    traces_orders,
)
from tito.grading.results import Result, try_here
from tito.grading.speed import fast_in_blocks

__all__ = [
    "Result",
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
    "try_here",
    "uneven_chunks",
]
