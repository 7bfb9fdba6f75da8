"""Moodle's assignments.

Sources: mod/assign/classes/downloader.php and importziplib.php (names in a download and in a
feedback zip), gradingtable.php and feedback/offline/importgradeslib.php (the grading worksheet).
"""

import re
from collections.abc import Callable, Mapping

from tito.files import Reader
from tito.lms.names import Named, composed

__all__ = ["ARCHIVE", "OWN_FILES", "TITLE", "feedback_name", "parser"]

TITLE = "Moodle"
ARCHIVE = re.compile(r".+-.+-\d+\.zip")
OWN_FILES: tuple[str, ...] = ()
"""What the system adds to the files of students."""

NAME = re.compile(
    r"(?P<who>[^/]+?)_(?P<user>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<flat>[^/]*))?"
    r"(?:/(?P<below>.+))?"
)


def parser(files: Mapping[str, Reader]) -> Callable[[str], tuple[Named, ...]]:
    """Return what reads a name; each tells all by itself."""
    return _parse


def _parse(path: str) -> tuple[Named, ...]:
    found = NAME.fullmatch(composed(path))
    if found is None or not (found["flat"] or found["below"]):
        return ()
    file = "/".join(part for part in (found["flat"], found["below"]) if part)
    who, user = found["who"], found["user"]
    folder = f"{who}_{user}_assignsubmission_file_"
    return (Named("moodle", user, file, name=who, user_id=user, folder=folder),)


def feedback_name(facts: Mapping[str, str]) -> str:
    """Return the path of a page in the feedback zip."""
    return f"{facts['folder']}/feedback.html"
