"""Cards: what a check shows in a notebook."""

from tito.conditions.results import CellVerdict, ConditionResult
from tito.reports.cards import card, overview, section_of

PASSED = ConditionResult("tall", "Tall ones are right.", "passed", share=3, points=3)
FAILED = ConditionResult("square", "Squares are right.", "failed", "Row 3 is zero.", "Look.", 7)
LATER = ConditionResult("wide", "Wide ones are right.", "failed", "Row 4 is zero.", "Look.", 2)
HOSTILE = "<script>alert(1)</script>\x1b[31m"


def test_card_says_verdict_and_points_in_words() -> None:
    html = card("f", [PASSED, FAILED], "failed")
    assert 'aria-label="Check of f: failed, 3 of 10 points"' in html
    assert "<b>failed</b>" in html
    assert "<b>passed</b>" in html
    assert "Row 3 is zero." in html
    assert "<b>Hint:</b> Look." in html


def test_card_opens_the_first_failure_alone() -> None:
    html = card("f", [PASSED, FAILED, LATER], "failed")
    assert html.count("<details") == 2
    assert html.count("<details open") == 1
    assert html.index("<details open") < html.index("Row 3") < html.index("Row 4")


def test_card_shows_what_a_hint_quotes_as_code() -> None:
    result = ConditionResult("f", "Words.", "failed", "Fact.", "Use `@`, not `<b>`.")
    assert "Use <code>@</code>, not <code>&lt;b&gt;</code>." in card("f", [result], "failed")


def test_a_stub_is_not_written_yet_and_has_not_failed() -> None:
    result = ConditionResult("square", "Words.", "failed", "f is not written yet", "Write.", 7)
    same = ConditionResult("wide", "Wide.", "failed", "The same as above.", share=2)
    html = card("f", [result, same], "failed")
    assert 'aria-label="Check of f: not written yet, 0 of 9 points"' in html
    assert "failed" not in html
    verdict = CellVerdict("test-f", 0.0, 9.0, "failed", message="f is not written yet")
    html = overview([verdict], [], {})
    assert "<b>not written yet</b>" in html
    assert "failed" not in html


def test_an_error_of_the_same_words_has_failed() -> None:
    fact = "f(A, B) raised ValueError: this is not written yet"
    assert ": failed, " in card("f", [ConditionResult("f", "Words.", "failed", fact)], "failed")
    assert "<b>failed</b>" in overview([CellVerdict("f", 0.0, 9.0, "failed", fact)], [], {})


def test_card_escapes_what_a_student_says() -> None:
    result = ConditionResult("f", HOSTILE, "failed", HOSTILE, HOSTILE, place=f"Line 1: `{HOSTILE}`")
    html = card(HOSTILE, [result], "failed")
    assert "<script" not in html
    assert "\x1b" not in html
    assert html.count("&lt;script&gt;") == 6  # the label, the name and four texts


def test_overview_links_each_check_to_its_section() -> None:
    verdicts = [
        CellVerdict("test-a", 2.0, 5.0, "failed"),
        CellVerdict("test-b", 5.0, 5.0, "passed"),
    ]
    answers = [CellVerdict("answer", 0.0, 5.0, "review")]
    html = overview(verdicts, answers, {"test-a": "Step 2: <Fast>"})
    assert '<a href="#Step-2:-&lt;Fast&gt;">Step 2: &lt;Fast&gt;</a>' in html
    assert html.count("<a ") == 1
    assert "<b>7 / 10</b>" in html
    assert "5 more points: a written answer, for a person to read." in html


def test_section_of_is_the_last_heading() -> None:
    assert section_of("# One\n\ntext\n\n## Two: more\n\n#tag") == "Two: more"
    assert section_of("text") == ""
