"""Blackboard.

Sources: nbgrader's documentation and bb-file-cleanup (names in a download),
Blackboard's help (grades).
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tito.files import Reader
from tito.lms.names import Named, composed

__all__ = ["ARCHIVE", "OWN_FILES", "TITLE", "parser"]

TITLE = "Blackboard"
ARCHIVE = re.compile(r"gradebook_.+\.zip", re.IGNORECASE)

# "attempt" is translated. The names of assignment and student may both hold underscores.
NAME = re.compile(
    r"(?P<who>[^/]+)_[^\W\d_]+_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>[^/]+)|(?P<about>\.txt))"
)
TIME = "%Y-%m-%d-%H-%M-%S"
ABOUT = "about this attempt.txt"
"""What Blackboard's own text about an attempt is called here."""
OWN_FILES: tuple[str, ...] = (ABOUT,)
"""What the system adds to the files of students."""


def parser(files: Mapping[str, Reader]) -> Callable[[str], tuple[Named, ...]]:
    """Return what reads a name; the assignment's is what all of them begin with."""
    starts = {
        f"{found['who']}_"
        for name in files
        if (found := NAME.fullmatch(composed(name.rpartition("/")[2])))
    }
    shared = os.path.commonprefix(list(starts)) if len(starts) > 1 else ""
    assignment = shared[: shared.rfind("_") + 1]
    return lambda path: _parse(path, assignment)


def _parse(path: str, assignment: str) -> tuple[Named, ...]:
    found = NAME.fullmatch(composed(path))
    if found is None:
        return ()
    try:
        time = datetime.strptime(found["time"], TIME)
    except ValueError:
        return ()
    parts = found["who"].split("_")
    likely = found["who"].removeprefix(assignment) if assignment else parts[-1]
    ends = ["_".join(parts[at:]) for at in range(len(parts) - 1, 0, -1)]
    key = f"{found['who']} {found['time']}"
    ids = tuple(dict.fromkeys([likely, *ends]))
    return (Named("blackboard", key, found["file"] or ABOUT, ids=ids, time=time),)
