"""The lesson's experiments: each measures, and says how far its figures can be trusted.

Read them: they are short. Each returns a `Finding`, a chart whose table has a spread for every
time and shows whether a difference exceeds it. BLAS is held to one thread where that can be done,
unless its threads are what is measured.
"""

from tinytorch.utils.experiments.blocks import attention, block_costs, chain, sweep_blocks
from tinytorch.utils.experiments.loops import (
    cost_of_a_step,
    loop_orders,
    numpy_ladder,
    rates_by_size,
    rates_by_type,
    roofs,
    ruler,
    tile_sizes,
    two_sizes,
)
from tinytorch.utils.experiments.threads import (
    dense_layer,
    side_by_side,
    sweep_threads,
    threads_of_blas,
)
from tinytorch.utils.machine import machine_name

__all__ = [
    "attention",
    "block_costs",
    "chain",
    "cost_of_a_step",
    "dense_layer",
    "loop_orders",
    "machine_name",
    "numpy_ladder",
    "rates_by_size",
    "rates_by_type",
    "roofs",
    "ruler",
    "side_by_side",
    "sweep_blocks",
    "sweep_threads",
    "threads_of_blas",
    "tile_sizes",
    "two_sizes",
]
