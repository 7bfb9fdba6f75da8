"""Recognised causes of an error that a kernel raised, and what to do about it."""

import re
from itertools import chain

from tito.tracing.observe import Raised

__all__ = ["cause_of_error"]

SHAPES = (
    "A product has the rows of its left and the columns of its right factor: make the result of "
    "that shape, and store each piece in a slice of its own shape."
)

BY_KIND = {
    **dict.fromkeys(
        ("EOFError", "StdinNotImplementedError"),
        "A kernel takes its numbers as arguments: remove input().",
    ),
    "UnboundLocalError": "A name that a function assigns is its own: set it before it is used.",
    "NameError": "Check the spelling, or define or import it in this cell: only solution cells are "
    "graded.",
    "ImportError": "The grader has Python's own modules and NumPy.",
    "RecursionError": "A function that calls itself needs a case in which it does not.",
    "IndexError": "An index ends before the size does: a side n has indices 0 to n - 1.",
    "SystemExit": "A kernel returns its result: remove exit().",
    "MemoryError": "It makes an array that is much larger than A, B and C together.",
}
"""What to do about an error that was raised, by its name."""
BY_MESSAGE = {
    "can't start new thread": "Threads of earlier calls still wait: let each end, for instance "
    "with `with ThreadPoolExecutor(...)` or join().",
    "could not broadcast input array": SHAPES,
    "non-broadcastable output": SHAPES,
    "Output operand": SHAPES,
    r"broadcast together with shapes (\(\S*\) ?){3}": SHAPES,  # the third is the place's
    "broadcast together": "`*`, `+` and `/` take entry by entry, `@` multiplies "
    "matrices; a sum or a maximum loses its side unless keepdims=True.",
    "core dimension": "`@` needs as many columns on the left as rows on the right: print both "
    "shapes.",
    "not aligned": "np.dot needs as many columns on the left as rows on the right, and arrays, not "
    "lists: print both shapes.",
    "list indices": "A list is no array: leave A and B as they are, or use np.array(...).",
    "'list' object": "A list is no array: leave A and B as they are, or use np.array(...).",
}
"""The same by a pattern in its message."""
PARAMETERS = "Keep the parameters that the cell gives, with their names."
RERUN = "Make such arrays in a new cell and call it there: Python shows the line."


def cause_of_error(raised: Raised, name: str, hint: str) -> str:
    """Return what to do about an error that the function called `name` raised, else `hint`."""
    if raised.kinds[0] == "TypeError" and re.match(
        rf"{name}\(\) (got|takes|missing)", raised.message
    ):
        return PARAMETERS
    kinds = (BY_KIND[kind] for kind in raised.kinds if kind in BY_KIND)
    messages = (todo for part, todo in BY_MESSAGE.items() if re.search(part, raised.message))
    return next(chain(kinds, messages), hint or RERUN)
