"""Times of handing in: read strictly, as nbgrader takes ``+0100`` for seconds and CEST for UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from tito.course import YEARS

__all__ = ["MOST_TIMESTAMP", "NBGRADER", "for_nbgrader", "in_utc", "parse_time"]

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|UTC|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)
MOST_TIMESTAMP = 100
"""The most bytes of a timestamp.txt; one has 30."""
NBGRADER = "%Y-%m-%d %H:%M:%S.%f UTC"
"""How nbgrader writes a time."""


def parse_time(text: str) -> datetime | None:
    """Return the time in a timestamp.txt, in UTC and without zone; None if the text is blank.

    It is ISO 8601 with an offset, or the form of settings.ini, ``2027-01-31 23:59:59 +0100``; UTC
    may stand for the offset, as nbgrader's exchange writes it.

    Raises
    ------
    ValueError
        If it is anything else: a time without an offset may be any place's, abbreviations such as
        CEST or EST mean several zones. A year that no course has is refused, too.
    """
    if not text.strip():
        return None
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text.strip()[:40]!r} is no time with an offset, like 2027-01-31 23:59:59 +0100"
        )
    hours, minutes = int(found[4] or 0), int(found[5] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"the offset {found[2]} is not between -2359 and +2359")
    ahead = timedelta(hours=hours, minutes=minutes)
    zone = timezone(-ahead if found[3] == "-" else ahead)
    local = datetime.fromisoformat(found[1]).replace(tzinfo=zone)
    if local.year not in YEARS:
        raise ValueError(f"the year {local.year} is not between {YEARS[0]} and {YEARS[-1]}")
    return local.astimezone(UTC).replace(tzinfo=None)


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


def in_utc(time: datetime | None, clock: tzinfo | None) -> datetime | None:
    """Return a time in UTC; one without a zone is of `clock`.

    None is returned where there is neither zone nor clock, and for a year that no course has.
    """
    if time is None or time.year not in YEARS or (time.tzinfo is None and clock is None):
        return None
    return (time if time.tzinfo else time.replace(tzinfo=clock)).astimezone(UTC)
