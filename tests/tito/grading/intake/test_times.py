"""Times of handing in: what is clear is read, what may mean two times is not."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.utils import parse_utc

from tito.grading.intake.times import for_nbgrader, in_utc, parse_time

NOON = datetime(2027, 1, 31, 12)


@pytest.mark.parametrize(
    "text",
    [
        *("2027-01-31 12:00:00 UTC", "2027-01-31 12:00:00.000000 UTC", "2027-01-31T12:00:00Z"),
        *("2027-01-31T13:00+01:00", "2027-01-31 13:00:00 +0100", "2027-01-31 13:00:00+01:00"),
        *("2027-01-31 06:00:00 -0600", " 2027-01-31 17:30 +0530\n"),
    ],
)
def test_parse_time_reads_a_time_in_utc(text: str) -> None:
    assert parse_time(text) == NOON
    assert parse_utc(for_nbgrader(text.encode()).decode().strip()) == NOON  # as nbgrader does


def test_parse_time_of_nothing() -> None:
    assert parse_time(" \n") is None


@pytest.mark.parametrize(
    "text",
    [
        *("soon", "9" * 30, "9" * 400, "2027-13-45", "31.01.2027", "01/02/2027", "\0"),
        *("2027-01-31 12:00 CEST", "2027-01-31 12:00 EST", "2027-01-31 12:00 ../../etc/passwd"),
        *("2027-01-31 12:00 +9900", "0001-01-01 00:00 +0100", "2027-01-31 25:00", "\u0662" * 4),
        *("9999-12-31 23:30:00 +0000", "0001-01-01 00:00:00 +0000", "1969-12-31 23:59 UTC"),
        *("2027-01-31 12:00 Europe/Berlin", "2027-01-31 12:00", "2027-01-31", "2027-01-31 12 UTC"),
    ],
)
def test_parse_time_refuses_what_is_not_clear(text: str) -> None:
    with pytest.raises(ValueError, match="time|day|month|hour|offset|year"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("2027-01-31 12:00 +9999", "the offset +9999 is not between -2359 and +2359"),
        ("2027-01-31 12:00 -01:60", "the offset -01:60 is not between -2359 and +2359"),
        ("9999-12-31 23:30:00 +0000", "the year 9999 is not between 1970 and 9000"),
    ],
)
def test_parse_time_says_which_part_is_out_of_range(text: str, fact: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fact)}$"):
        parse_time(text)


def test_in_utc_has_no_time_of_a_year_near_the_first_or_the_last() -> None:
    assert in_utc(datetime(9999, 12, 31, 23, 30), timezone(timedelta(hours=-1))) is None
    assert in_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), None) is None
    assert in_utc(datetime(2027, 1, 31, 13), timezone(timedelta(hours=1))) == NOON.replace(
        tzinfo=UTC
    )


def test_for_nbgrader_leaves_alone_what_nbgrader_reads_as_it_is() -> None:
    for text in (b"", b"2027-01-31 12:00:00 UTC\n"):
        assert for_nbgrader(text) == text


def test_for_nbgrader_rewrites_an_offset_that_nbgrader_takes_for_seconds() -> None:
    assert for_nbgrader(b"2027-01-31 13:00:00 +0100") == b"2027-01-31 12:00:00.000000 UTC"


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(text=st.text("0123456789-:+. TZ/CESTa\u0661") | st.text())
def test_parse_time_raises_nothing_but_value_errors(text: str) -> None:
    with suppress(ValueError):
        parse_time(text)
