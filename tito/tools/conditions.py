"""What a lesson's locked cells ask of a kernel, each condition with its points.

A condition is a function whose docstring says in one sentence what has to hold. Its code is there
to read: append ``??`` to its name in a notebook, or open `tito/grading/conditions.py` and, for
those on how a kernel works, `tito/grading/methods.py`. The grades come from the same functions,
tried on the same matrices and on others.
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
from tito.grading.methods import (
    chunks_at_once,
    columns_in_blocks,
    inner_in_blocks,
    no_python_loop,
    rows_in_blocks,
    rows_in_chunks,
)
from tito.grading.results import Result, try_here

__all__ = [
    "Result",
    "chunks_at_once",
    "columns_in_blocks",
    "empty_sides",
    "inner_in_blocks",
    "inputs_unchanged",
    "mismatch",
    "no_python_loop",
    "number_types",
    "ragged_blocks",
    "rows_in_blocks",
    "rows_in_chunks",
    "square",
    "strided_views",
    "tall_and_wide",
    "try_here",
    "uneven_chunks",
]
