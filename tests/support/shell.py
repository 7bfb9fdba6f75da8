"""The command tito, as a person types it: in this process, or in one of its own."""

import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from tito.cli import main

__all__ = ["Tito", "call_tito", "run_tito"]

Tito = Callable[..., subprocess.CompletedProcess[str]]


def run_tito(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run tito in the current folder and return what it printed and its exit code."""
    command = [sys.executable, "-m", "tito", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def call_tito(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Do the same without a process, which would import nbgrader anew."""
    command = [*map(str, arguments)]
    result = CliRunner().invoke(main, command, prog_name="tito")
    said = result.stderr
    if result.exc_info is not None and not isinstance(result.exception, SystemExit | None):
        said += "".join(traceback.format_exception(*result.exc_info))
    return subprocess.CompletedProcess(command, result.exit_code, result.stdout, said)
