"""The table that `tito test` prints: one row a check, the reasons beneath."""

import pytest

from tito.conditions.results import CellVerdict
from tito.reports.selftest import print_checks

PASSED = CellVerdict("test-vectorized-immediate", 10.0, 10.0, "passed")
FAILED = CellVerdict(
    "test-cache-immediate", 0.0, 15.0, "failed", "The edges differ.", "Look there."
)
PARTLY = CellVerdict(
    "test-cache-immediate", 7.5, 15.0, "failed", "The check gave 7.5 of 15 points."
)
NOT_RUN = CellVerdict("test-parallel-immediate", 0.0, 15.0, "not-run", "The kernel died.")
REVIEW = CellVerdict("test-unseen", 0.0, 5.0, "review", "The judge could not see it.")
ANSWER = CellVerdict("answer", 0.0, 5.0, "review", "A person reads this answer.")

HOSTILE = "[bold]40 / 40[/bold] \x1b[2J\x1b]0;title\x07 \rpassed \u202e"
SHOWN = "[bold]40 / 40[/bold] [2J]0;title passed "


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed, line by line, without what is left of the columns' width."""
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_print_checks_shows_each_verdict_with_its_points(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([PASSED, FAILED, NOT_RUN, REVIEW])
    assert lines(capsys)[:6] == [
        "check                      verdict         points",
        "test-vectorized-immediate  passed         10 / 10",
        "test-cache-immediate       failed          0 / 15",
        "test-parallel-immediate    could not run   0 / 15",
        "test-unseen                for review       0 / 5",
        "total                                     10 / 45",
    ]


def test_print_checks_gives_reason_and_hint_of_what_did_not_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([PASSED, FAILED, NOT_RUN])
    assert lines(capsys)[5:] == [
        "",
        "test-cache-immediate: The edges differ.",
        "  Hint: Look there.",
        "",
        "test-parallel-immediate: The kernel died.",
    ]


def test_print_checks_says_no_more_when_all_passed(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([PASSED])
    assert len(lines(capsys)) == 3


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([ANSWER], "5 more points: a written answer, for a person to read."),
        ([ANSWER] * 4, "20 more points: 4 written answers, for a person to read."),
    ],
)
def test_print_checks_counts_answers_beside_the_total(
    capsys: pytest.CaptureFixture[str], answers: list[CellVerdict], said: str
) -> None:
    print_checks([PASSED], answers)
    assert lines(capsys)[2:] == [
        "total                               10 / 10",
        "",
        said,
    ]


def test_print_checks_shows_parts_of_points(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([PARTLY])
    assert [line.split()[-3:] for line in lines(capsys)[1:3]] == [["7.5", "/", "15"]] * 2


def test_print_checks_ends_with_the_notes(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([PASSED], notes=["The locked cell a was changed.", "The given cell b is missing."])
    assert lines(capsys)[3:] == [
        "",
        "Note: The locked cell a was changed.",
        "Note: The given cell b is missing.",
    ]


def test_print_checks_obeys_nothing_that_a_student_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([CellVerdict(HOSTILE, 0.0, 15.0, "failed", HOSTILE, HOSTILE)], notes=[HOSTILE])
    out = capsys.readouterr().out
    assert out.count(SHOWN) == 5
    assert not set(out) & set("\x1b\x07\r\u202e")


def test_print_checks_shows_a_long_message_whole_and_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = "A[0, 0] differs. " * 500
    print_checks([CellVerdict("check", 0.0, 15.0, "failed", message)])
    assert f"check: {message}" in capsys.readouterr().out.splitlines()


def test_print_checks_never_cuts_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    name = "test-" + "long-" * 12 + "name"
    print_checks([CellVerdict(name, 0.0, 15.0, "not-run")])
    assert lines(capsys)[1].split() == [name, "could", "not", "run", "0", "/", "15"]
