"""Moodle's assignments.

Sources: mod/assign/classes/downloader.php and importziplib.php (names in a download and in a
feedback zip), gradingtable.php and feedback/offline/importgradeslib.php (the grading worksheet).
"""

import re

from tito.errors import TitoError
from tito.lms.gradefiles import Column, Layout, require_points
from tito.lms.names import Named, composed, page_in_folder
from tito.lms.system import System
from tito.lms.tables import Table, number

__all__ = ["MOODLE"]

TITLE = "Moodle"
ARCHIVE = re.compile(r".+-.+-\d+\.zip")

NAME = re.compile(
    r"(?P<who>[^/]+?)_(?P<user>\d+)_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<flat>[^/]*))?"
    r"(?:/(?P<below>.+))?"
)


def _parse(path: str) -> tuple[Named, ...]:
    found = NAME.fullmatch(composed(path))
    if found is None or not (found["flat"] or found["below"]):
        return ()
    file = "/".join(part for part in (found["flat"], found["below"]) if part)
    who, user = found["who"], found["user"]
    folder = f"{who}_{user}_assignsubmission_file_"
    return (Named("moodle", user, file, name=who, user_id=user, folder=folder),)


def _layout(table: Table, wanted: Column) -> Layout:
    """Return how a grading worksheet is filled; its headers are of any language.

    Moodle's maximum is the last column in which all rows hold one number, and the grade is before.

    Raises
    ------
    TitoError
        If there are no such columns.
    """
    rows = [row for _, row in table.body()]
    most = table.column("maximum grade")
    for at in range(len(table.header) - 1, 2, -1):
        held = {row[at].strip() for row in rows if at < len(row)}
        if most < 0 and len(held) == 1 and (number(min(held)) or 0) > 0:
            most = at
    score = table.column("grade") if table.column("grade") >= 0 else most - 1
    if score < 2 or most < 0:
        raise TitoError(
            "The file is no grading worksheet of Moodle.",
            "Download one: Assignment, View all submissions, Download grading worksheet.",
        )
    require_points(rows[0][most], wanted, TITLE)
    decimal = "," if "," in rows[0][most] else "."
    return Layout(_named, (score,), decimal=decimal)


def _named(row: list[str]) -> Named | None:
    user_id = row[0].strip().rpartition(" ")[2]
    if len(row) < 4 or not user_id.isdigit():
        return None
    ids = tuple(cell.strip() for cell in row[2:4] if cell.strip())
    return Named("moodle", "", "", name=row[1].strip(), ids=ids, user_id=user_id)


MOODLE = System(
    TITLE, ARCHIVE, parser=lambda _: _parse, layout=_layout, feedback_name=page_in_folder
)
