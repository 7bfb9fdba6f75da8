"""A condition asked of a function in the test's own process, with numbers that stay the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinytorch.utils.checking import CheckFailure
from tito.conditions.call import LocalCall

__all__ = ["fails", "holds", "said"]


def holds(
    condition: Any, function: Callable[..., Any], cut: str | None = None, **inputs: Any
) -> None:
    """Ask a condition of a function, whose parameter `cut` says where it cuts."""
    condition(LocalCall(function, cut), np.random.default_rng(5), **inputs)


def said(
    condition: Any, function: Callable[..., Any], cut: str | None = None, **inputs: Any
) -> tuple[str, str]:
    """Ask a condition that has to fail, and return the fact and the hint that it gives."""
    with pytest.raises(CheckFailure) as caught:
        holds(condition, function, cut, **inputs)
    assert caught.value.hint
    return caught.value.fact, caught.value.hint


def fails(
    condition: Any, function: Callable[..., Any], cut: str | None = None, **inputs: Any
) -> str:
    """Ask a condition that has to fail, and return the fact that it gives."""
    return said(condition, function, cut, **inputs)[0]
