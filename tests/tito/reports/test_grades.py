"""The grades of a class: the JSON of the contract, and three more ways to show them."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from drawn import Page

from tito.conditions.results import CellVerdict, ConditionResult
from tito.grading.gradebook.grades import Grades, StudentGrade
from tito.grading.gradebook.similar import Pair
from tito.reports.class_page import as_html
from tito.reports.grades import as_csv, as_json, as_table, as_wide_table

PASSED = CellVerdict("test-vectorized-immediate", 10.0, 10.0, "passed")
FAILED = CellVerdict(
    "test-cache-immediate", 7.5, 15.0, "failed", "The edges differ.\nThere.", "Look."
)
NOT_RUN = replace(FAILED, score=0.0, verdict="not-run", message="Nothing was handed in.")

ADA = StudentGrade("ada", "graded", 16.5, 25.0, [PASSED, FAILED], late_penalty=1.0)
BLAISE = StudentGrade(
    "blaise",
    "missing",
    0.0,
    25.0,
    [replace(NOT_RUN, grade_id=PASSED.grade_id, max_score=10.0), NOT_RUN],
    message="Nothing was handed in.",
)
CLASS = Grades("tinytorch", "11_kernels", 25.0, [ADA, BLAISE])
NOBODY = replace(CLASS, submissions=[])

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\b\x9b1A[bold]<script>alert(1)</script>\u202e\"'&"
FORMATS = {
    "table": as_table,
    "wide": as_wide_table,
    "csv": as_csv,
    "json": as_json,
    "html": as_html,
}

Render = Callable[[Grades], str]


def class_of(text: str, *, student: str = "eve") -> Grades:
    """Return a class of one student who sent a text wherever a student can."""
    cell = replace(FAILED, message=text, hint=text)
    rejected = StudentGrade("mallory", "rejected", 0.0, 25.0, [PASSED, cell], message=text)
    return replace(
        CLASS, submissions=[StudentGrade(student, "graded", 0.0, 25.0, [PASSED, cell]), rejected]
    )


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_json_has_exactly_the_keys_of_the_contract() -> None:
    document = json.loads(as_json(CLASS))
    assert document == {
        "course": "tinytorch",
        "assignment": "11_kernels",
        "max_score": 25.0,
        "submissions": [
            {
                "student": "ada",
                "status": "graded",
                "score": 16.5,
                "max_score": 25.0,
                "cells": [
                    {
                        "grade_id": "test-vectorized-immediate",
                        "score": 10.0,
                        "max_score": 10.0,
                        "verdict": "passed",
                        "message": "",
                        "hint": "",
                    },
                    {
                        "grade_id": "test-cache-immediate",
                        "score": 7.5,
                        "max_score": 15.0,
                        "verdict": "failed",
                        "message": "The edges differ.\nThere.",
                        "hint": "Look.",
                    },
                ],
            },
            document["submissions"][1],
        ],
    }
    blaise = document["submissions"][1]
    assert (blaise["status"], blaise["score"]) == ("missing", 0.0)
    assert [cell["verdict"] for cell in blaise["cells"]] == ["not-run", "not-run"]


def test_csv_has_a_row_for_each_student() -> None:
    assert rows_of(as_csv(CLASS)) == [
        [
            *("student", "status", "score", "max_score", "late_penalty"),
            *("test-vectorized-immediate", "test-cache-immediate", "message"),
        ],
        [
            *("ada", "graded", "16.5", "25", "1", "10", "7.5"),
            "late: -1; test-cache-immediate: The edges differ.",
        ],
        ["blaise", "missing", "0", "25", "0", "0", "0", "Nothing was handed in."],
    ]


def test_wide_table_has_a_line_for_each_student() -> None:
    assert as_wide_table(CLASS).splitlines() == [
        "student  status       score  test-vectorized-immediate  test-cache-immediate  note",
        "ada      graded   16.5 / 25                         10                   7.5  "
        "late: -1; test-cache-immediate: The edges differ.",
        "blaise   missing     0 / 25                          0                     0  "
        "Nothing was handed in.",
    ]


def test_html_has_a_row_for_each_student() -> None:
    cells = Page(as_html(CLASS)).cells
    assert cells[cells.index("student") :] == [
        *("student", "name", "status", "score", "late", "open"),
        *("test-vectorized-immediate", "test-cache-immediate"),
        *("ada", "", "graded", "16.5", "-1", "", "10", "7.5"),
        *("blaise", "", "missing", "0", "", "", "0", "0"),
    ]


def test_html_shows_rates_failures_and_what_needs_a_person() -> None:
    words = "Square matrices are multiplied correctly."
    failed = ConditionResult("square", words, "failed", "The shape differs.", "", 1, 0.0)
    held = replace(failed, verdict="passed", fact="", points=1.0)
    eve = replace(ADA, student="eve", cells=[replace(FAILED, conditions=(failed,))])
    mel = replace(ADA, student="mel", cells=[replace(FAILED, conditions=(held,))], unread=("a",))
    text = as_html(
        replace(CLASS, submissions=[eve, mel]), [Pair("matmul-cache", "eve", "mel", 0.75)]
    )
    cells = Page(text).cells
    assert cells[cells.index(words) :][:2] == [words, "1 of 2"]
    assert "The shape differs." in text
    assert "mel: 1 written answer to read" in text
    assert [*cells][cells.index("matmul-cache") :][:3] == ["matmul-cache", "eve, mel", "75 %"]
    assert "2 students, 2 graded, 0 missing; median 16.5, mean 16.5 of 25." in text


def test_report_of_nobody_is_a_heading() -> None:
    assert as_wide_table(NOBODY) == "student  status  score  note"
    assert [row[0] for row in rows_of(as_csv(NOBODY))] == ["student"]
    assert json.loads(as_json(NOBODY))["submissions"] == []
    assert Page(as_html(NOBODY)).cells == ["student", "name", "status", "score", "late", "open"]


@pytest.mark.parametrize("render", FORMATS.values(), ids=FORMATS)
def test_report_sends_no_control_character_of_a_student(render: Render) -> None:
    text = render(class_of(HOSTILE, student=HOSTILE))
    assert not set(text) & set("\x1b\x07\r\b\x9b\u202e")
    assert "[bold]" in text


def test_html_page_holds_no_tag_and_no_attribute_of_a_student() -> None:
    empty = Page(as_html(NOBODY))
    page = Page(as_html(class_of(f'"><img src=x onerror=a()>{HOSTILE}', student="<b>eve</b>")))
    assert not set(page.tags) & {"b", "img"}
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert set(empty.tags) <= set(page.tags)
    assert "<b>eve</b>" in page.cells


def test_html_page_needs_nothing_from_outside() -> None:
    page = Page(as_html(CLASS))
    assert not set(page.tags) & {"link", "img", "iframe", "object", "form"}
    assert not {name for _, name, _ in page.attributes} & {"src", "href", "onclick"}


@pytest.mark.parametrize(
    ("unread", "note"),
    [
        (("test-cache-immediate",), "1 answer to read; late: -1"),
        (("a", "b"), "2 answers to read; late: -1; test-cache-immediate: The edges differ."),
    ],
)
def test_reports_say_how_many_answers_wait(unread: tuple[str, ...], note: str) -> None:
    grades = replace(CLASS, submissions=[replace(ADA, unread=unread)])
    assert as_wide_table(grades).splitlines()[1].endswith(f"  {note}")
    assert rows_of(as_csv(grades))[1][-1] == note
    assert json.loads(as_json(grades)) == json.loads(as_json(replace(CLASS, submissions=[ADA])))


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x1b=1"]


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_csv_holds_no_formula_of_a_student(formula: str) -> None:
    for row in rows_of(as_csv(class_of(formula, student=formula))):
        assert not [value for value in row if value.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_csv_stays_one_line_a_student() -> None:
    grades = class_of('a "quote", a comma;\r\nand\x0bmore\x85lines\u2028there')
    assert [len(row) for row in rows_of(as_csv(grades))] == [8, 8, 8]
    assert as_csv(grades).count("\n") == 3


def test_wide_table_is_never_squeezed() -> None:
    names = [f"test-{'long-' * 4}{number:02}" for number in range(20)]
    cells = [replace(PASSED, grade_id=name) for name in names]
    student = "a" * 60
    table = as_wide_table(replace(CLASS, submissions=[replace(ADA, student=student, cells=cells)]))
    heading, row = table.splitlines()
    assert heading.split() == ["student", "status", "score", *names, "note"]
    assert row.split() == [student, "graded", "16.5", "/", "25", *["10"] * 20, "late:", "-1"]


def test_wide_table_cuts_a_long_note_and_nothing_else() -> None:
    table = as_wide_table(class_of("The edges differ. " * 500))
    assert table.count("[...]") == 2
    assert max(map(len, table.splitlines())) < 250


def test_wide_table_is_the_same_in_every_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = as_wide_table(CLASS)
    monkeypatch.setenv("COLUMNS", "20")
    assert as_wide_table(CLASS) == before


def test_table_fits_80_columns_and_has_the_largest_loss_first() -> None:
    small = replace(FAILED, grade_id="test-small", score=9.0, max_score=10.0)
    ada = replace(ADA, name="Ada King", unread=("answer",), cells=[PASSED, small, FAILED])
    blaise = replace(BLAISE, is_graded=False)
    assert as_table(replace(CLASS, submissions=[ada, blaise])).splitlines() == [
        "student  name      score  late  open  largest loss",
        "ada      Ada King   16.5    -1     1  test-cache-immediate -7.5, test-small -1",
        "blaise                 -              missing: Nothing was handed in",
        "",
        "1 graded, 1 missing, median 16.5 of 25, 1 answer open. `--wide` shows every cell.",
    ]


def test_table_cuts_what_is_too_long_for_80_columns() -> None:
    cells = [replace(FAILED, grade_id=f"test-{number}-{'x' * 30}") for number in range(9)]
    long = replace(ADA, student="a" * 60, name="b" * 60, cells=cells)
    lines = as_table(replace(CLASS, submissions=[long])).splitlines()
    assert max(map(len, lines[:2])) == 80
    assert lines[1].endswith("\N{HORIZONTAL ELLIPSIS}")


def test_wide_table_shows_an_unread_answer_as_open() -> None:
    ada = replace(ADA, unread=("test-cache-immediate",))
    assert as_wide_table(replace(CLASS, submissions=[ada])).splitlines()[1].split()[6] == "open"
