"""What is said while a class is graded: events, lines, a bar on a terminal, and a summary."""

import io
import json
import os
import pty
from pathlib import Path

import pytest

from tito.course import Course
from tito.grading.pipeline.grade import GradingResult
from tito.lesson import Lesson, find_lesson
from tito.reports.autograding import (
    BarReport,
    EventReport,
    LineReport,
    RunReport,
    log,
    log_to,
    report_for,
)

CLASS = [
    GradingResult("ada", "graded", score=45, seconds={"run": 0.25}, seed=7),
    GradingResult("bob", "kept"),
    GradingResult("eve", "rejected", "It is not JSON."),
    GradingResult("mel", "failed", "Its \x1b[2J worker was lost.", error="Traceback"),
]


@pytest.fixture(scope="module")
def lesson(root: Path) -> Lesson:
    """The kernels lesson, of which only names are said."""
    return find_lesson(Course.read(root), "kernels")


def told(report: RunReport, lesson: Lesson, class_: list[GradingResult], stopped: str = "") -> None:
    report.started(lesson, 5)
    for graded in class_:
        report.done(graded)
    report.finished(stopped)


def test_lines_say_how_far_it_is_and_what_to_do(lesson: Lesson) -> None:
    out = io.StringIO()
    told(LineReport(out), lesson, CLASS, "Stopped.")
    lines = out.getvalue().splitlines()
    assert lines[0] == "[1/5] ada: graded, 45 points"
    assert lines[1] == "[3/5] eve: rejected: It is not JSON."
    assert "\x1b" not in out.getvalue()
    assert any("Ask for the notebook again" in line for line in lines)
    assert any("tito nbgrader autograde kernels --student mel --log FILE" in x for x in lines)
    assert "2 graded (1 rejected), 1 unchanged, 1 failed" in lines[-2]
    assert lines[-1] == "Stopped. 1 is left: run the same command again to finish them."


def test_a_run_that_is_stopped_before_it_has_counted_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = io.StringIO()
    EventReport(out).finished("Stopped.")
    said = out.getvalue().splitlines()[-1]
    assert said == "Stopped. Nothing was graded: run the same command again."
    assert json.loads(capsys.readouterr().out)["left"] is None


def test_a_forced_run_that_is_stopped_goes_on_without_force(lesson: Lesson) -> None:
    out = io.StringIO()
    report = RunReport(out)
    report.force = True
    told(report, lesson, CLASS[:1], "Stopped.")
    said = "Stopped. 4 are left: run the same command again without --force to finish them."
    assert out.getvalue().splitlines()[-1] == said


@pytest.mark.parametrize(
    ("class_", "dry_run", "said"),
    [(CLASS[:1], False, ["It broke off. 4 are left."]), ([], False, []), (CLASS[:1], True, [])],
)
def test_an_error_has_the_last_word(
    lesson: Lesson, class_: list[GradingResult], dry_run: bool, said: list[str]
) -> None:
    out = io.StringIO()
    report = RunReport(out)
    report.dry_run = dry_run
    report.started(lesson, 5)
    for graded in class_:
        report.done(graded)
    report.broke_off()
    assert out.getvalue().splitlines()[1:] == said


def test_a_reason_with_a_remedy_of_its_own_gets_no_second_one(lesson: Lesson) -> None:
    out = io.StringIO()
    reason = "timestamp.txt holds no time: 'soon' is no time. Fix or remove it."
    told(RunReport(out), lesson, [GradingResult("ada", "failed", reason)])
    assert out.getvalue().splitlines()[0] == f"ada: failed: {reason}"


def test_a_summary_shows_some_and_counts_the_rest(lesson: Lesson) -> None:
    out = io.StringIO()
    told(RunReport(out), lesson, [GradingResult(f"s{n}", "failed", "Why.") for n in range(50)])
    lines = out.getvalue().splitlines()
    assert len(lines) == 22
    assert lines[-2] == "... and 30 more; `--log FILE` keeps all of them."


@pytest.mark.parametrize(
    ("unread", "said"),
    [
        (1, "1 answer waits for a person: give points in formgrader."),
        (7, "7 answers wait for a person: give points in formgrader."),
    ],
)
def test_a_summary_counts_the_answers_that_wait(lesson: Lesson, unread: int, said: str) -> None:
    out = io.StringIO()
    report = RunReport(out)
    report.unread = unread
    told(report, lesson, CLASS)
    assert out.getvalue().splitlines()[-1] == said


def test_events_are_json_a_line_each(lesson: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    told(EventReport(io.StringIO()), lesson, CLASS)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = [event["event"] for event in events]
    assert names == ["started", *["submission"] * 4, "finished"]
    assert events[1]["student"] == "ada"
    assert events[1]["seconds"] == {"run": 0.25}
    counts = {"graded": 1, "rejected": 1, "kept": 1, "failed": 1, "unread": 0, "left": 1}
    assert events[-1].items() >= counts.items()


def test_a_terminal_gets_a_bar(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(writer, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        report = report_for(as_json=False)
        assert isinstance(report, BarReport)
        told(report, lesson, CLASS[:2])
        shown = b""
        while b" failed in " not in shown:  # a terminal hands on what it has so far
            shown += os.read(reader, 100_000)
    os.close(reader)
    assert b"2/5" in shown
    assert b"1 graded, 1 unchanged, 0 failed" in shown


def test_a_dry_run_on_a_terminal_names_who_is_due_and_why(lesson: Lesson) -> None:
    out = io.StringIO()
    report = BarReport(out)
    report.dry_run = True
    due = [GradingResult(f"s{n}", "due", "it was handed in again") for n in range(25)]
    told(report, lesson, [GradingResult("ada", "entered", "its extension changed"), *due])
    lines = [line for line in out.getvalue().splitlines() if line and "Grading" not in line]
    assert lines[:2] == ["ada: entered: its extension changed", "s0: due: it was handed in again"]
    assert lines[-2] == "... and 6 more; `--log FILE` keeps all of them."


def test_a_pipe_gets_lines() -> None:
    assert isinstance(report_for(as_json=False), LineReport)
    assert isinstance(report_for(as_json=True), EventReport)


def test_the_log_keeps_everything(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list(log.handlers)
    log_to(tmp_path / "run.log")
    try:
        told(RunReport(io.StringIO()), lesson, CLASS)
    finally:
        for handler in set(log.handlers) - set(before):
            log.removeHandler(handler)
            handler.close()
    text = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert "INFO ada: " in text
    assert "ERROR mel: Traceback" in text
