"""Brightspace.

Sources: public scripts that read its downloads and grade files. Only English dates are known.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tito.files import Reader
from tito.lms.names import Named, composed

__all__ = ["ARCHIVE", "OWN_FILES", "TITLE", "feedback_name", "parser"]

TITLE = "Brightspace"
ARCHIVE = re.compile(r".+ Download .+\.zip", re.IGNORECASE)
OWN_FILES: tuple[str, ...] = ("index.html",)
"""What the system adds to the files of students."""

NAME = re.compile(
    r"(?P<folder>\d+-\d+ - (?P<who>[^/]+?) - (?P<day>[A-Z][a-z]{2,8} \d{1,2}, \d{4}) "
    r"(?P<hour>\d{1,2})(?P<minute>\d\d) (?P<half>[AP]M))(?:/(?P<below>.+)| - (?P<flat>[^/]+))"
)


def parser(files: Mapping[str, Reader]) -> Callable[[str], tuple[Named, ...]]:
    """Return what reads a name; each tells all by itself."""
    return _parse


def _parse(path: str) -> tuple[Named, ...]:
    found = NAME.fullmatch(composed(path))
    time = _time(found) if found else None
    if found is None or time is None:
        return ()
    file, folder = found["below"] or found["flat"], found["folder"]
    return (Named("brightspace", folder, file, name=found["who"], time=time, folder=folder),)


def _time(found: re.Match[str]) -> datetime | None:
    text = f"{found['day']} {found['hour']}:{found['minute']} {found['half']}"
    for month in ("%b", "%B"):
        try:
            return datetime.strptime(text, f"{month} %d, %Y %I:%M %p")
        except ValueError:
            continue
    return None


def feedback_name(facts: Mapping[str, str]) -> str:
    """Return the path of a page in the feedback zip."""
    return f"{facts['folder']}/feedback.html"
