"""The command tito, as a person types it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["Tito", "run_tito"]

Tito = Callable[..., subprocess.CompletedProcess[str]]


def run_tito(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run tito in the current folder and return what it printed and its exit code."""
    command = [sys.executable, "-m", "tito", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
