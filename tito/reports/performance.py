"""Render a comparison of kernels as a table or JSON; `tito.reports.pictures` draws it."""

import json
from dataclasses import asdict
from typing import Any

from tinytorch.utils.gemm import Comparison, Measurement
from tinytorch.utils.machine import Machine
from tinytorch.utils.survey import Survey

__all__ = [
    "HEADINGS",
    "chart_tables",
    "measurement_rows",
    "performance_json",
    "performance_table",
]

HEADINGS = ("kernel", "n", "best ms", "median", "spread", "GFLOP/s", "of A @ B", "cores")


def performance_table(
    comparison: Comparison, machine: Machine, survey: Survey | None = None
) -> str:
    """Return the machine, one row a measurement, the notes, and a table for each picture."""
    rows = [HEADINGS, *measurement_rows(comparison)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    for place in range(len(rows) - 1, 1, -1):
        if rows[place][1] != rows[place - 1][1]:
            table.insert(place, "")
    return "\n".join(
        [
            str(machine),
            "",
            f"A (n, n) @ B (n, n), {comparison.dtype}",
            *table,
            "",
            *comparison.notes,
            *(["", chart_tables(survey)] if survey else []),
        ]
    )


def measurement_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return a row a measurement, under `HEADINGS`."""
    return [_row(one) for one in comparison.measurements]


def chart_tables(survey: Survey) -> str:
    """Return what the pictures show as text: a table each with its doubts, and the notes."""
    charts = survey.charts
    tables = ["\n".join([one.title, one.caption, one.table, *one.warnings]) for one in charts]
    return "\n\n".join([*tables, *survey.notes])


def performance_json(
    lesson: str, comparison: Comparison, machine: Machine, survey: Survey | None = None
) -> str:
    """Return everything that was measured as one JSON object; times in seconds.

    Of a survey, the tables stand under ``charts``, and its notes are among the others.
    """
    facts: dict[str, Any] = {"lesson": lesson, "machine": asdict(machine), **asdict(comparison)}
    if survey:
        facts["notes"] += survey.notes
        facts["charts"] = [
            {
                "title": one.title,
                "caption": one.caption,
                "columns": one.head,
                "rows": one.rows,
                "doubts": list(one.doubts),
            }
            for one in survey.charts
        ]
    return json.dumps(facts, indent=2, allow_nan=False)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def _row(one: Measurement) -> tuple[str, ...]:
    return (
        one.kernel,
        str(one.n),
        _milliseconds(one.best_seconds),
        _milliseconds(one.median_seconds),
        "-" if one.spread is None else f"{one.spread:.1%}",
        f"{one.gflops:.3f}" if one.gflops < 1 else f"{one.gflops:.1f}",
        f"{one.share:.5f}" if one.share < 0.01 else f"{one.share:.2f}",
        f"{one.cores:.2f}",
    )
