"""The probe's untrusted program: what a hostile submission tries, and what an honest one needs.

An attempt that is stopped raises; one that succeeds returns what it gained. Nothing here is
secret, and nothing here is trusted: it runs inside the sandbox.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["Attempt", "Stopped", "Targets"]

Targets = dict[str, Any]
"""What there is to attack, by name; written by tito.grading.sandbox.probing."""

Attempt = Callable[[Targets], str]


class Stopped(Exception):  # noqa: N818  it is no error
    """The attempt came to nothing, though no call failed."""
