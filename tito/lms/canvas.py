"""Canvas.

Sources: canvas-lms lib/content_zipper.rb (names in a download), lib/gradebook_exporter.rb and
lib/gradebook_importer.rb (grades), app/models/assignment.rb (feedback).
"""

import re
from collections.abc import Mapping, Sequence

from tito.lms.gradefiles import Column, Grade, Layout, find_column, points, require_points
from tito.lms.names import Named, composed
from tito.lms.system import System
from tito.lms.tables import Table, inert

__all__ = ["CANVAS", "TEST_STUDENT"]

TITLE = "Canvas"
ARCHIVE = re.compile(r"(?:.+_)?submissions(?: ?\(\d+\)|-\d+)?\.zip", re.IGNORECASE)

NAME = re.compile(
    r"(?P<who>\w+?)(?P<late>_LATE)?_(?P<user>\d+)_(?:(?P<number>\d+)_(?P<file>[^/]+)"
    r"|(?P<entry>(?:text|link)\.html))",
    re.IGNORECASE,
)
ASSIGNMENT = re.compile(r"(?P<title>.+) \((?P<number>\d+)\)")
POINTS = "Points Possible"
"""The row of points has this in its first cell, after four spaces."""
TEST_STUDENT = "Student, Test"
RESERVED = ("EX", "N/A")
"""Excused, and not assigned."""
ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<user>\w+?)_(?P<number>\d+)_(?P<file>[^/]+)")


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


def _feedback_name(facts: Mapping[str, str]) -> str:
    """Return the name of a page: Canvas looks for the first two parts that are all digits."""
    who = facts["folder"] if not re.search(r"(?:^|_)\d+(?:_|$)", facts["folder"]) else "feedback"
    return f"{who}_{facts['user_id']}_{facts['number']}_feedback.html"


def _layout(table: Table, wanted: Column) -> Layout:
    """Return how a grade export is filled; columns of other assignments do not go back."""
    section = table.column("section")
    titles = {
        at: found["title"]
        for at, name in enumerate(table.header)
        if at > section and (found := ASSIGNMENT.fullmatch(name.strip()))
    }
    score = find_column(titles, table.header, wanted, TITLE)
    for _, row in table.body():
        if POINTS in row[0]:
            require_points(row[score], wanted, TITLE)
    number, login = table.column("id"), table.column("sis login id")
    user = table.column("sis user id")

    def named(row: list[str]) -> Named | None:
        if not row[number].strip().isdigit() or row[0].strip() == TEST_STUDENT:
            return None
        ids = tuple(row[at].strip() for at in (login, user, number) if at >= 0)
        name = row[0] if table.column("student") == 0 else f"{row[1]} {row[0]}"
        return Named("canvas", "", "", name=name, ids=ids, user_id=row[number].strip())

    kept = (*range(section + 1), score)
    return Layout(named, (score,), kept, reserved=RESERVED)


def _new_file(grades: Sequence[Grade], wanted: Column) -> Table:
    """Return a file without a download; Canvas finds the assignment by its exact title."""
    title = wanted.forced or wanted.titles[0]
    rows = [
        ["Student", "ID", "SIS Login ID", "Section", title],
        [f"    {POINTS}", "", "", "", points(wanted.max_score)],
    ]
    for grade in grades:
        if grade.score is not None:
            who = grade.person
            name = f"{who.last_name}, {who.first_name}" if who.first_name else who.last_name
            about = [inert(name or who.id), who.lms_user_id, inert(who.id), inert(who.section)]
            rows.append([*about, points(grade.score)])
    return Table(rows)


CANVAS = System(
    TITLE,
    ARCHIVE,
    parser=lambda _: _parse,
    layout=_layout,
    feedback_name=_feedback_name,
    new_file=_new_file,
)
