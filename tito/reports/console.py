"""What reports print to a console: how wide it is, tables, and text that cannot command it."""

import io
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["as_text", "line_width", "one_line", "plain", "printable", "time_text", "waiting"]

PIPED_WIDTH = 120


def line_width() -> int:
    """Return how many characters a line of a report may have: a fixed number when piped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH


def as_text(table: "Table", width: int) -> str:
    """Return a table in lines of at most `width` characters."""
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@contextmanager
def waiting(doing: str) -> Iterator[Callable[[str], None]]:
    """Show on standard error what takes long, and yield what shows how far it is.

    A terminal has one line that moves and goes away at the end; a pipe gets a line each.

    Parameters
    ----------
    doing : str
        What is done.
    """
    from rich.console import Console

    errors = Console(stderr=True, highlight=False)
    if errors.is_terminal:
        with errors.status(f"{doing} ...") as status:
            yield status.update
    else:
        print(f"{doing} ...", file=sys.stderr, flush=True)
        yield lambda far: print(far, file=sys.stderr, flush=True)


def plain(text: str) -> "Text":
    """Return `text` for a table, without markup and without control characters."""
    from rich.text import Text

    return Text(printable(text))


def time_text(time: datetime) -> str:
    """Return a time as a person reads it: ``2027-01-31 23:59 +0100``."""
    return time.strftime("%Y-%m-%d %H:%M %z")


def one_line(text: str) -> str:
    """Return `text` for a line or a cell of a table: as `printable`, with blanks for newlines."""
    return " ".join(printable(text).split("\n"))


def printable(text: str) -> str:
    """Return `text` without control characters, which a student may have sent to a terminal.

    Newlines and tabs stay.
    """
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
