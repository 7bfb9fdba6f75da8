"""Counting the Python steps of a call: lines executed and functions entered.

A loop written in Python takes more steps for larger arrays, however it is written; a loop inside
NumPy takes none. Counts do not depend on the machine or its load.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Steps", "counting_steps"]

HERE = Path(__file__).parent
INSTRUMENT = frozenset(
    str(HERE / name) for name in ("recorder.py", "contraction.py", "meeting.py", "steps.py")
)


class Steps:
    """How many steps have been taken."""

    def __init__(self) -> None:
        self.count = 0

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        """Count an event in any code but the instrument's own."""
        if frame.f_code.co_filename in INSTRUMENT:
            return None
        self.count += 1
        return self.trace


@contextmanager
def counting_steps(wanted: bool = True) -> Iterator[Steps]:
    """Count the steps of this thread and of threads that start meanwhile, if `wanted`."""
    steps, before, before_threads = Steps(), sys.gettrace(), threading.gettrace()
    if not wanted:
        yield steps
        return
    threading.settrace(steps.trace)
    sys.settrace(steps.trace)
    try:
        yield steps
    finally:
        sys.settrace(before)
        threading.settrace(before_threads)
