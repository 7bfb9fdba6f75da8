"""Canvas.

Sources: canvas-lms lib/content_zipper.rb (names in a download), lib/gradebook_exporter.rb and
lib/gradebook_importer.rb (grades), app/models/assignment.rb (feedback).
"""

import re
from collections.abc import Callable, Mapping

from tito.files import Reader
from tito.lms.names import Named, composed

__all__ = ["ARCHIVE", "OWN_FILES", "TITLE", "feedback_name", "parser"]

TITLE = "Canvas"
ARCHIVE = re.compile(r"(?:.+_)?submissions(?: ?\(\d+\)|-\d+)?\.zip", re.IGNORECASE)
OWN_FILES: tuple[str, ...] = ()
"""What the system adds to the files of students."""

NAME = re.compile(
    r"(?P<who>\w+?)(?P<late>_LATE)?_(?P<user>\d+)_(?:(?P<number>\d+)_(?P<file>[^/]+)"
    r"|(?P<entry>(?:text|link)\.html))",
    re.IGNORECASE,
)
ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<user>\w+?)_(?P<number>\d+)_(?P<file>[^/]+)")


def parser(files: Mapping[str, Reader]) -> Callable[[str], tuple[Named, ...]]:
    """Return what reads a name; each tells all by itself."""
    return _parse


def _parse(path: str) -> tuple[Named, ...]:
    if anonymous := ANONYMOUS.fullmatch(path):
        who, found = "", anonymous
    elif named := NAME.fullmatch(composed(path)):
        who, found = named["who"], named
    else:
        return ()
    parts = found.groupdict()
    return (
        Named(
            *("canvas", parts["user"], parts["file"] or parts["entry"]),
            name=who,
            user_id=parts["user"] if who else f"anon_{parts['user']}",
            number=int(parts["number"] or 0),
            late=bool(parts["late"]),
            folder=who,
        ),
    )


def feedback_name(facts: Mapping[str, str]) -> str:
    """Return the name of a page: Canvas looks for the first two parts that are all digits."""
    who = facts["folder"] if not re.search(r"(?:^|_)\d+(?:_|$)", facts["folder"]) else "feedback"
    return f"{who}_{facts['user_id']}_{facts['number']}_feedback.html"
