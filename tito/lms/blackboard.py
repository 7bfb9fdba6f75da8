"""Blackboard.

Sources: nbgrader's documentation and bb-file-cleanup (names in a download),
Blackboard's help (grades).
"""

import os
import re
from collections.abc import Mapping
from datetime import datetime

from tito.errors import TitoError
from tito.files import Reader
from tito.lms.gradefiles import Column, Layout, find_column, require_points
from tito.lms.names import Named, composed
from tito.lms.system import Parse, System
from tito.lms.tables import Table

__all__ = ["BLACKBOARD"]

TITLE = "Blackboard"
ARCHIVE = re.compile(r"gradebook_.+\.zip", re.IGNORECASE)

# "attempt" is translated. The names of assignment and student may both hold underscores.
NAME = re.compile(
    r"(?P<who>[^/]+)_[^\W\d_]+_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>[^/]+)|(?P<about>\.txt))"
)
COLUMN = re.compile(r"(?P<title>.+) \[[^\]]*?(?P<most>[\d.,]+)?(?: [^\]\d]*)?\] ?\|\d+")
TIME = "%Y-%m-%d-%H-%M-%S"


def _parser(files: Mapping[str, Reader]) -> Parse:
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
    ends = ["_".join(parts[at:]) for at in range(len(parts))]  # a roster knows which it is
    ids = tuple(dict.fromkeys([likely, *ends] if assignment else ends))
    key = f"{found['who']} {found['time']}"
    return (Named("blackboard", key, found["file"] or "", ids=ids, user_id=likely, time=time),)


def _layout(table: Table, wanted: Column) -> Layout:
    """Return how a grade file is filled; columns of other assignments do not go back.

    Raises
    ------
    TitoError
        If it is no such file.
    """
    user, student = table.column("username"), table.column("student id")
    columns = {
        at: found
        for at, name in enumerate(table.header)
        if (found := COLUMN.fullmatch(name.strip()))
    }
    if user < 0:
        raise TitoError(
            "The file is none of Blackboard's grades.", "Download it: Grades, Work Offline."
        )
    titles = {at: found["title"] for at, found in columns.items()}
    score = find_column(titles, table.header, wanted, TITLE)
    require_points(columns[score]["most"] or "", wanted, TITLE)

    def named(row: list[str]) -> Named | None:
        if len(row) <= user or not row[user].strip():
            return None
        ids = (row[user].strip(), *([row[student].strip()] if student >= 0 else []))
        return Named("blackboard", "", "", ids=tuple(filter(None, ids)))

    kept = tuple(at for at in range(len(table.header)) if at == score or at not in columns)
    return Layout(named, (score,), kept)


BLACKBOARD = System(TITLE, ARCHIVE, parser=_parser, layout=_layout, tells_time=True)
