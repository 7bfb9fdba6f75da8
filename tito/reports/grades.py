"""The grades of a class, as a table, CSV or JSON."""

import csv
import io
import json
from textwrap import shorten
from typing import TYPE_CHECKING

from tito.lms.tables import inert
from tito.reports.console import as_text, plain, printable

if TYPE_CHECKING:
    from tito.grading.gradebook.grades import Grades, StudentGrade

__all__ = ["as_csv", "as_json", "as_table", "as_wide_table"]

# Wide enough that no column is ever squeezed; what follows is cut to a readable length.
HEADS = ("student", "name", "score", "late", "open", "largest loss")
NUMBERS = ("score", "late", "open")
TABLE_COLUMNS = 80
TABLE_WIDTH = 1000
NOTE_WIDTH = 110
# What the JSON says of a cell: a contract, so more that we know of it stays out.
CELL_KEYS = ("grade_id", "score", "max_score", "verdict", "message", "hint")


def as_json(grades: "Grades") -> str:
    """Return the grades as the JSON document that DESIGN.md fixes."""
    return json.dumps(
        {
            "course": grades.course,
            "assignment": grades.assignment,
            "max_score": grades.max_score,
            "submissions": [_submission(s) for s in grades.submissions],
        },
        indent=2,
    )


def as_csv(grades: "Grades") -> str:
    """Return a row for each student: status, score, and the score of each graded cell."""
    names = _cell_names(grades)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "status", "score", "max_score", "late_penalty", *names, "message"])
    for s in grades.submissions:
        scores = {cell.grade_id: cell.score for cell in s.cells}
        cells = [f"{round(scores.get(name, 0.0), 2):g}" for name in names]
        numbers = [f"{round(n, 2):g}" for n in (s.score, s.max_score, s.late_penalty)]
        writer.writerow([inert(printable(s.student)), s.status, *numbers, *cells, inert(_note(s))])
    return out.getvalue()


def as_table(grades: "Grades") -> str:
    """Return the grades as a table that fits 80 columns: what each lost most, and what is open."""
    from rich.table import Table

    rows = [_short_row(s) for s in grades.submissions]
    shown = [at for at, head in enumerate(HEADS) if not rows or any(r[at] for r in rows)]
    widths = [max([len(HEADS[at]), *(len(r[at]) for r in rows)]) for at in shown]
    left = TABLE_COLUMNS - sum(widths[:-1]) - 2 * (len(shown) - 1)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for at in shown:
        table.add_column(
            HEADS[at], justify="right" if HEADS[at] in NUMBERS else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(
            *(plain(_cut(row[at], left) if at == len(HEADS) - 1 else row[at]) for at in shown)
        )
    return f"{as_text(table, TABLE_COLUMNS)}\n\n{_summary(grades)}"


def _short_row(submission: "StudentGrade") -> list[str]:
    """What the short table has of a student: long names are cut."""
    return [
        _cut(printable(submission.student), 20),
        _cut(printable(submission.name), 18),
        f"{round(submission.score, 2):g}" if submission.is_graded else "-",
        f"-{round(submission.late_penalty, 2):g}" if submission.late_penalty else "",
        str(len(submission.unread)) if submission.unread else "",
        printable(_loss(submission)),
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def _loss(submission: "StudentGrade") -> str:
    """What cost most, then the next; of no grade the reason."""
    if submission.status != "graded":
        reason = submission.message.partition(". ")[0].rstrip(".")
        return f"{submission.status}: {reason}" if reason else submission.status
    lost = [
        (cell.max_score - cell.score, cell.grade_id)
        for cell in submission.cells
        if cell.score < cell.max_score and cell.grade_id not in submission.unread
    ]
    largest = sorted(lost, key=lambda each: -each[0])
    return ", ".join(f"{name} -{round(points, 2):g}" for points, name in largest)


def _summary(grades: "Grades") -> str:
    """Counts and the middle of the class."""
    graded = sorted(s.score for s in grades.submissions if s.is_graded)
    missing = sum(s.status == "missing" for s in grades.submissions)
    unread = sum(len(s.unread) for s in grades.submissions)
    parts = (
        [f"{len(graded)} graded", f"{missing} missing"] if missing else [f"{len(graded)} graded"]
    )
    if graded:
        middle = (graded[(len(graded) - 1) // 2] + graded[len(graded) // 2]) / 2
        parts.append(f"median {round(middle, 2):g} of {round(grades.max_score, 2):g}")
    if unread:
        parts.append(f"{unread} answer{'s' * (unread != 1)} open")
    return f"{', '.join(parts)}. `--wide` shows every cell."


def as_wide_table(grades: "Grades") -> str:
    """Return the grades as a table with a column for each graded cell."""
    from rich.table import Table

    names = _cell_names(grades)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("student", "status", "score", *names, "note"):
        is_number = heading in ("score", *names)
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=True)
    for s in grades.submissions:
        scores = {cell.grade_id: f"{round(cell.score, 2):g}" for cell in s.cells}
        scores |= dict.fromkeys(s.unread, "open")
        shown = [scores.get(name, "") for name in names]
        total = f"{round(s.score, 2):g} / {s.max_score:g}"
        table.add_row(
            plain(s.student), s.status, total, *shown, plain(shorten(_note(s), NOTE_WIDTH))
        )
    return as_text(table, TABLE_WIDTH)


def _submission(submission: "StudentGrade") -> dict[str, object]:
    return {
        "student": submission.student,
        "status": submission.status,
        "score": submission.score,
        "max_score": submission.max_score,
        "cells": [{key: getattr(cell, key) for key in CELL_KEYS} for cell in submission.cells],
    }


def _note(submission: "StudentGrade") -> str:
    """What waits for a person, then the reason of no grade, or the first check that failed."""
    count = len(submission.unread)
    unread = f"{count} {'answer' if count == 1 else 'answers'} to read" if count else ""
    late = f"late: -{submission.late_penalty:g}" if submission.late_penalty else ""
    told = (c for c in submission.cells if c.message and c.grade_id not in submission.unread)
    found = submission.message or next((f"{c.grade_id}: {c.message}" for c in told), "")
    parts = (unread, late, found.partition("\n")[0])
    return printable("; ".join(part for part in parts if part))


def _cell_names(grades: "Grades") -> list[str]:
    return list(dict.fromkeys(cell.grade_id for s in grades.submissions for cell in s.cells))
