"""Brightspace.

Sources: public scripts that read its downloads and grade files. Only English dates are known.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from tito.lms.gradefiles import Column, Grade, Layout, find_column, points, require_points
from tito.lms.names import Named, composed, page_in_folder
from tito.lms.system import System
from tito.lms.tables import Table

__all__ = ["BRIGHTSPACE"]

TITLE = "Brightspace"
ARCHIVE = re.compile(r".+ Download .+\.zip", re.IGNORECASE)

COLUMN = re.compile(r"(?P<title>.+?) Points Grade(?: <.*?MaxPoints:(?P<most>[\d.,]+).*>)?")
END = "End-of-Line Indicator"
NAME = re.compile(
    r"(?P<folder>(?P<user>\d+)-\d+ - (?P<who>[^/]+?) - (?P<day>[A-Z][a-z]{2,8} \d{1,2}, \d{4}) "
    r"(?P<hour>\d{1,2})(?P<minute>\d\d) (?P<half>[AP]M))(?:/(?P<below>.+)| - (?P<flat>[^/]+))"
)


def _parse(path: str) -> tuple[Named, ...]:
    found = NAME.fullmatch(composed(path))
    time = _time(found) if found else None
    if found is None or time is None:
        return ()
    file, folder = found["below"] or found["flat"], found["folder"]
    who, user = found["who"], found["user"]  # by one source, the student's number
    return (Named("brightspace", folder, file, name=who, user_id=user, time=time, folder=folder),)


def _time(found: re.Match[str]) -> datetime | None:
    text = f"{found['day']} {found['hour']}:{found['minute']} {found['half']}"
    for month in ("%b", "%B"):
        try:
            return datetime.strptime(text, f"{month} %d, %Y %I:%M %p")
        except ValueError:
            continue
    return None


def _layout(table: Table, wanted: Column) -> Layout:
    """Return how a grade file is filled; columns of other assignments do not go back."""
    columns = {
        at: found
        for at, name in enumerate(table.header)
        if (found := COLUMN.fullmatch(name.strip()))
    }
    titles = {at: found["title"] for at, found in columns.items()}
    score = find_column(titles, table.header, wanted, TITLE)
    require_points(columns[score]["most"] or "", wanted, TITLE)
    keys = [at for at in (table.column("username"), table.column("orgdefinedid")) if at >= 0]

    def named(row: list[str]) -> Named | None:
        ids = tuple(row[at].strip().removeprefix("#") for at in keys if at < len(row))
        return Named("brightspace", "", "", ids=tuple(filter(None, ids))) if any(ids) else None

    others = set(columns) - {score}
    kept = tuple(at for at in range(len(table.header)) if at not in others)
    return Layout(named, (score,), kept)


def _new_file(grades: Sequence[Grade], wanted: Column) -> Table:
    """Return a file without a download; Brightspace finds the grade item by its title."""
    title = wanted.forced or wanted.titles[0]
    rows = [["Username", f"{title} Points Grade", END]]
    rows += [[f"#{g.person.id}", points(g.score), "#"] for g in grades if g.score is not None]
    return Table(rows)


BRIGHTSPACE = System(
    TITLE,
    ARCHIVE,
    parser=lambda _: _parse,
    layout=_layout,
    own_files=("index.html",),
    tells_time=True,
    feedback_name=page_in_folder,
    new_file=_new_file,
)
