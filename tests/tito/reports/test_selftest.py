"""What `tito test` prints: a line for each check, the reasons beneath it, the total at the end."""

import pytest

from tito.conditions.results import CellVerdict, ConditionResult
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
BLANK = CellVerdict("blank", 0.0, 5.0, "failed", "Nothing is written here.")

HOSTILE = "[bold]40 / 40[/bold] \x1b[2J\x1b]0;title\x07 \rpassed \u202e"
SHOWN = "[bold]40 / 40[/bold] [2J]0;title passed"


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed, line by line, without what is left of the columns' width."""
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_print_checks_shows_each_verdict_with_its_points(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([PASSED, PARTLY, NOT_RUN, REVIEW])
    shown = lines(capsys)
    assert [line for line in shown if not line.startswith(" ")] == [
        "test-vectorized-immediate  passed             10 / 10",
        "test-cache-immediate       failed            7.5 / 15",
        "test-parallel-immediate    could not run       0 / 15",
        "test-unseen                for review          0 / 5",
        "",
        "total                                       17.5 / 45",
    ]


@pytest.mark.parametrize(
    ("not_run", "said"),
    [(0, None), (1, "1 more check was not run"), (9, "9 more checks were not run")],
)
def test_print_checks_counts_what_was_not_run(
    capsys: pytest.CaptureFixture[str], not_run: int, said: str | None
) -> None:
    print_checks([PASSED], not_run=not_run)
    last = lines(capsys)[-1]
    assert last == (f"{said}; their points are not in the total." if said else "total" + last[5:])


def test_print_checks_gives_reason_and_hint_beneath_what_did_not_pass(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([FAILED, PASSED])
    assert lines(capsys)[:4] == [
        "test-cache-immediate       failed              0 / 15",
        "    The edges differ.",
        "    Hint: Look there.",
        "test-vectorized-immediate  passed             10 / 10",
    ]


def test_print_checks_shows_the_conditions_that_do_not_hold_and_a_reason_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = (
        ConditionResult("a", "The product is right.", "failed", "C[0, 0] is 2.", "Add.", 2.0),
        ConditionResult("b", "Rows are cut.", "failed", "C[0, 0] is 2.", "Cut.", 2.0),
        ConditionResult("c", "Inputs stay.", "passed", "", "", 1.0, 1.0),
        ConditionResult("d", "Types stay.", "not-tried", "", "", 1.0),
    )
    verdict = CellVerdict("check", 1.0, 6.0, "failed", "C[0, 0] is 2.", "Add.", results)
    print_checks([verdict])
    assert lines(capsys)[1:-2] == [
        "  failed          0/2  The product is right.",
        "    C[0, 0] is 2.",
        "    Hint: Add.",
        "  failed          0/2  Rows are cut.",
        "  Not tried: 1 that build on this one.",
        "  1 of 4 hold.",
    ]


def test_print_checks_has_one_line_for_what_is_not_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([FAILED], unwritten=["test-cache-immediate"])
    words = [line.split() for line in lines(capsys)]
    assert words == [
        ["test-cache-immediate", "not", "written", "yet", "0", "/", "15"],
        [],
        ["total", "0", "/", "15"],
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([ANSWER], "5 more points: a written answer, for a person to read."),
        ([ANSWER] * 4, "20 more points: 4 written answers, for a person to read."),
        (
            [ANSWER, BLANK],
            "10 more points: 2 written answers, for a person to read. Nothing is written in blank.",
        ),
    ],
)
def test_print_checks_counts_answers_after_the_total(
    capsys: pytest.CaptureFixture[str], answers: list[CellVerdict], said: str
) -> None:
    print_checks([PASSED], answers)
    shown = lines(capsys)
    assert shown[2].startswith("total ")
    assert " ".join(shown[3:]) == said


def test_print_checks_shows_notes_before_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([PASSED], notes=["The locked cell a was changed.", "The given cell b is missing."])
    assert lines(capsys)[1:3] == [
        "Note: The locked cell a was changed.",
        "Note: The given cell b is missing.",
    ]


def test_print_checks_obeys_nothing_that_a_student_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([CellVerdict(HOSTILE, 0.0, 15.0, "failed", HOSTILE, HOSTILE)], notes=[HOSTILE])
    out = capsys.readouterr().out
    assert out.count(SHOWN) == 4
    assert not set(out) & set("\x1b\x07\r\u202e")


@pytest.mark.parametrize("width", [80, 100])
def test_print_checks_wraps_to_the_terminal_and_keeps_every_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    message = "A[0, 0] differs. " * 50
    print_checks([CellVerdict("check", 0.0, 15.0, "failed", message)])
    shown = lines(capsys)
    assert max(map(len, shown)) <= width
    assert len(shown) < 30
    assert " ".join(shown[1:-2]).split() == message.split()


def test_print_checks_never_cuts_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    name = "test-" + "long-" * 12 + "name"
    print_checks([CellVerdict(name, 0.0, 15.0, "not-run")])
    assert lines(capsys)[0].split() == [name, "could", "not", "run", "0", "/", "15"]


def test_print_checks_uses_no_colour_where_nobody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_checks([PASSED, FAILED])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_checks([PASSED, FAILED])
    assert "\x1b[32mpassed" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    print_checks([PASSED, FAILED])
    assert "\x1b[32m" not in capsys.readouterr().out
