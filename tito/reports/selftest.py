"""The verdicts on one student's cells, as a table for a terminal or a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tito.reports.console import console, plain

if TYPE_CHECKING:
    from tito.conditions.results import CellVerdict

__all__ = ["print_checks"]


def print_checks(
    verdicts: Sequence["CellVerdict"],
    answers: Sequence["CellVerdict"] = (),
    notes: Sequence[str] = (),
) -> None:
    """Print a row for each check, with the reason and the hint beneath one that did not pass.

    Parameters
    ----------
    verdicts : sequence of CellVerdict
        On the checks; their points make the total.
    answers : sequence of CellVerdict
        On what a person reads; a line says how many points more that can bring.
    notes : sequence of str
        What was noticed while the file was read.
    """
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(plain(verdict.grade_id), verdict.word, _points(verdict))
    score, most = sum(v.score for v in verdicts), sum(v.max_score for v in verdicts)
    table.add_row("total", "", f"{score:g} / {most:g}")
    out = console()
    out.print(table)
    if answers:
        out.print()
        out.print(_to_be_read(answers))
    for verdict in verdicts:
        if verdict.message:
            out.print()
            out.print(plain(_story(verdict)))
    if notes:
        out.print()
    for note in notes:
        out.print(plain(f"Note: {note}"))


def _to_be_read(answers: Sequence["CellVerdict"]) -> str:
    points, count = sum(answer.max_score for answer in answers), len(answers)
    what = "a written answer" if count == 1 else f"{count} written answers"
    return f"{points:g} more points: {what}, for a person to read."


def _story(verdict: "CellVerdict") -> str:
    if verdict.conditions:
        return f"{verdict.grade_id}\n{verdict.story}".rstrip("\n")
    hint = f"\n  Hint: {verdict.hint}" if verdict.hint else ""
    return f"{verdict.grade_id}: {verdict.message}{hint}"


def _points(verdict: "CellVerdict") -> str:
    return f"{verdict.score:g} / {verdict.max_score:g}"
