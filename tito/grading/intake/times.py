"""Times of handing in: read strictly, as nbgrader takes ``+0100`` for seconds and CEST for UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["for_nbgrader", "parse_time"]

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?) ?([\w/:+-]*)", re.ASCII
)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
NBGRADER = "%Y-%m-%d %H:%M:%S.%f UTC"


def parse_time(text: str) -> datetime | None:
    """Return the time in a timestamp.txt, in UTC and without zone; None if the text is blank.

    It is a date and a time as in ``2027-01-31 23:59:59 +0100``, with an offset, UTC, the name of a
    place as in ``Europe/Berlin``, or nothing, which means UTC.

    Raises
    ------
    ValueError
        If it is anything else; abbreviations such as CEST or EST mean several zones.
    """
    if not text.strip():
        return None
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()[:40]!r} is no time like 2027-01-31 23:59:59 +0100")
    try:
        local = datetime.fromisoformat(found[1]).replace(tzinfo=_zone(found[2]))
        return local.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def for_nbgrader(text: bytes) -> bytes:
    """Return a timestamp's text as it is, or in UTC where nbgrader would read another time in it.

    Raises
    ------
    ValueError
        If it holds no time.
    """
    from nbgrader.utils import parse_utc

    time = parse_time(text.decode("utf-8"))
    if time is None or parse_utc(text.decode("utf-8").strip()) == time:
        return text
    return time.strftime(NBGRADER).encode()


def _zone(name: str) -> tzinfo:
    if name in ("", "Z", "UTC", "GMT"):
        return UTC
    offset = OFFSET.fullmatch(name)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        if "/" in name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError(f"{name!r} is no offset like +0100")
