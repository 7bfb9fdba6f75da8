"""Gradescope.

Sources: public exports and scripts that read them. An export is ``submission_metadata.yml``, with
Ruby's symbols as keys, and one folder per submission.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tito.errors import TitoError
from tito.files import Reader, Refused
from tito.lms.gradefiles import Column, Grade, Layout, points, require_points
from tito.lms.names import Named
from tito.lms.system import Parse, System
from tito.lms.tables import Table, cell, inert

__all__ = ["GRADESCOPE"]

TITLE = "Gradescope"
ARCHIVE = re.compile(r"assignment_\d+_export(?: ?\(\d+\))?\.zip", re.IGNORECASE)
METADATA = "submission_metadata.yml"

MOST_METADATA = 64 * 2**20
HEADER = ("First Name", "Last Name", "SID", "Email", "Total Score", "Max Points", "Status")
QUESTION = re.compile(r"\d+: .+\([\d.]+ pts\)")
FOLDER = re.compile(r"(?P<folder>submission_(?P<number>\d+))/(?P<file>.+)")
TIME = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.\d+)? ?(?:UTC|(Z|[+-]\d\d:?\d\d))?")


def _parser(files: Mapping[str, Reader]) -> Parse:
    """Return what reads a path by the metadata among the files; nothing where there is none."""
    found = _people(files[METADATA]) if METADATA in files else {}
    return lambda path: _parse(path, found)


def _parse(path: str, people: Mapping[str, list[dict[str, Any]]]) -> tuple[Named, ...]:
    found = FOLDER.fullmatch(path)
    if found is None:
        return ()
    who = people.get(found["folder"], [])
    return tuple(
        Named(
            *("gradescope", f"{found['folder']} {place}", found["file"]),
            name=one["name"],
            ids=tuple(filter(None, (one["sid"], one["email"]))),
            number=int(found["number"]),
            time=one["time"],
            folder=found["folder"],
        )
        for place, one in enumerate(who)
    )


def _people(read: Reader) -> dict[str, list[dict[str, Any]]]:
    """Who handed in each folder; empty for a file that is not Gradescope's."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # texts only: no object, no date
    try:
        data = yaml.load(read(MOST_METADATA), Loader=loader)
        return {str(folder): list(_submitters(entry)) for folder, entry in data.items()}
    except (Refused, yaml.YAMLError, UnicodeError, AttributeError, TypeError, RecursionError):
        return {}


def _submitters(entry: Any) -> list[dict[str, Any]]:
    time = _time(_text(entry.get(":created_at")))
    return [
        {key: _text(one.get(f":{key}")) for key in ("name", "sid", "email")} | {"time": time}
        for one in entry.get(":submitters", [])
    ]


def _text(value: Any) -> str:
    """A text; anything else may be large once it is written out."""
    return value.strip() if isinstance(value, str) else ""


def _time(text: str) -> datetime | None:
    found = TIME.fullmatch(text.strip())
    try:
        return datetime.fromisoformat(f"{found[1]}{found[2] or 'Z'}") if found else None
    except ValueError:  # there is no such day
        return None


def _layout(table: Table, wanted: Column) -> Layout:
    """Return how a file of scores is filled: the total, and the question where there is only one.

    Raises
    ------
    TitoError
        If it is no such file.
    """
    total, sid, email = (table.column(name) for name in ("total score", "sid", "email"))
    if total < 0 or max(sid, email) < 0:
        raise TitoError(
            "The file is none of Gradescope's scores.", "Download it: Review Grades, Download."
        )
    rows = [row for _, row in table.body()]
    most, status = table.column("max points"), table.column("status")
    require_points(rows[0][most] if most >= 0 else "", wanted, TITLE)
    questions = [at for at, name in enumerate(table.header) if QUESTION.fullmatch(name.strip())]
    also = {status: "Graded"} if status >= 0 else {}

    def named(row: list[str]) -> Named | None:
        ids = tuple(filter(None, (cell(row, at) for at in (sid, email))))
        return Named("gradescope", "", "", ids=ids) if ids else None

    scores = (total, *questions) if len(questions) == 1 else (total,)
    return Layout(named, scores, also=also)


def _new_file(grades: Sequence[Grade], wanted: Column) -> Table:
    """Return a file of scores without a download."""
    most = points(wanted.max_score)
    rows = [list(HEADER)]
    for grade in grades:
        who, score = grade.person, grade.score
        about = [inert(text) for text in (who.first_name, who.last_name, who.id, who.email)]
        status = "Missing" if score is None else "Graded"
        rows.append([*about, "" if score is None else points(score), most, status])
    return Table(rows)


GRADESCOPE = System(
    TITLE,
    ARCHIVE,
    parser=_parser,
    layout=_layout,
    own_files=(METADATA,),
    tells_time=True,
    new_file=_new_file,
)
