"""The console that reports print to, and text that cannot command it."""

import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["console", "plain", "printable"]

PIPED_WIDTH = 120


def console() -> "Console":
    """Return a console on standard output: the terminal's width, or a fixed one when piped."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=width is not None)


def plain(text: str) -> "Text":
    """Return `text` for a table, without markup and without control characters."""
    from rich.text import Text

    return Text(printable(text))


def printable(text: str) -> str:
    """Return `text` without control characters, which a student may have sent to a terminal.

    Newlines and tabs stay.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
