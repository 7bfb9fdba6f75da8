"""Gradescope.

Sources: public exports and scripts that read them. An export is ``submission_metadata.yml``, with
Ruby's symbols as keys, and one folder per submission.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tito.files import Reader, Refused
from tito.lms.names import Named

__all__ = ["ARCHIVE", "OWN_FILES", "TITLE", "parser"]

TITLE = "Gradescope"
ARCHIVE = re.compile(r"assignment_\d+_export(?: ?\(\d+\))?\.zip", re.IGNORECASE)
METADATA = "submission_metadata.yml"
OWN_FILES: tuple[str, ...] = (METADATA,)
"""What the system adds to the files of students."""

MOST_METADATA = 64 * 2**20
FOLDER = re.compile(r"(?P<folder>submission_(?P<number>\d+))/(?P<file>.+)")
TIME = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?")


def parser(files: Mapping[str, Reader]) -> Callable[[str], tuple[Named, ...]]:
    """Return what reads a path by the metadata among the files; nothing where there is none."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in files:
        if name.rpartition("/")[2] == METADATA:
            found |= _people(files[name])
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
            group=len(who) > 1,
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
    time = _time(str(entry.get(":created_at", "")))
    return [
        {key: str(one.get(f":{key}", "") or "").strip() for key in ("name", "sid", "email")}
        | {"time": time}
        for one in entry.get(":submitters", [])
    ]


def _time(text: str) -> datetime | None:
    found = TIME.fullmatch(text.strip())
    if found is None:
        return None
    time = datetime.fromisoformat(found[1])
    zone = found[2] or "Z"
    if zone in ("Z", "UTC"):
        return time.replace(tzinfo=UTC)
    return datetime.strptime(f"{found[1][:10]} {found[1][11:]} {zone}", "%Y-%m-%d %H:%M:%S %z")
