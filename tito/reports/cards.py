"""What a locked cell shows in a notebook: a card for a check, and the table of all checks.

HTML without a script, in the colours of JupyterLab's theme. Each verdict is a word and a shape, so
nothing hangs on colours; what a student's code says is escaped.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from tito.conditions.results import LABELS, SYMBOLS, UNWRITTEN
from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.conditions.results import CellVerdict, ConditionResult

__all__ = ["card", "overview", "section_of", "unread_text"]

COLOURS = {
    "passed": "--jp-success-color1, #388e3c",
    "failed": "--jp-error-color1, #d32f2f",
    "review": "--jp-info-color1, #0288d1",
    "not-run": "--jp-warn-color1, #f57c00",
    "not-tried": "--jp-content-font-color2, #757575",
}

FONT = (
    "font-family: var(--jp-ui-font-family, sans-serif); font-size: var(--jp-content-font-size1, "
    "14px); line-height: 1.5; color: var(--jp-content-font-color1, inherit)"
)
LINE = "1px solid var(--jp-border-color2, #9e9e9e)"
CELL = f"text-align: left; padding: 4px 16px 4px 0; border-bottom: {LINE}"
INDENT = "1.1em"
"""Where the triangle of a row stands that opens."""
HEADS = ("check", "section", "verdict")
NUMBER = CELL.replace("left", "right")


def card(name: str, results: "Sequence[ConditionResult]", verdict: str) -> str:
    """Return the card of a check as HTML.

    Parameters
    ----------
    name : str
        The function that was checked.
    results : sequence of ConditionResult
        A line each; the first that failed is open.
    verdict : str
        The verdict on all of them.
    """
    points = f"{sum(r.points for r in results):g} of {sum(r.share for r in results):g} points"
    first = next((r for r in results if r.verdict == verdict != "passed"), None)
    is_stub = first is not None and first.is_unwritten
    lines = "".join(_condition(r, is_stub=is_stub, is_open=r is first) for r in results)
    kind, word = _named(verdict, is_unwritten=is_stub)
    label = _text(f"Check of {name}: {word}, {points}")
    edge = f"border: {LINE}; border-left: 4px solid var({COLOURS[kind]})"
    return (
        f'<section aria-label="{label}" style="{FONT}; {edge}; border-radius: 4px; '
        'padding: 8px 16px; margin: 4px 0; max-width: 54em">'
        f'<div style="display: flex; flex-wrap: wrap; gap: 0 12px; padding-bottom: 4px">'
        f"{_mark(kind, word)}<code>{_text(name)}</code>"
        f'<span style="margin-left: auto">{points}</span></div>{lines}</section>'
    )


def overview(
    verdicts: "Sequence[CellVerdict]",
    answers: "Sequence[CellVerdict]",
    sections: Mapping[str, str],
) -> str:
    """Return the table of all checks as HTML.

    Parameters
    ----------
    verdicts : sequence of CellVerdict
        A row each.
    answers : sequence of CellVerdict
        What a person reads: a line says what more that can bring.
    sections : mapping of grade id to heading
        The section of each check, which its row links to.
    """
    rows = "".join(_row(verdict, sections.get(verdict.grade_id, "")) for verdict in verdicts)
    score, most = sum(v.score for v in verdicts), sum(v.max_score for v in verdicts)
    heads = "".join(f'<th scope="col" style="{CELL}">{word}</th>' for word in HEADS)
    return (
        f'<table style="{FONT}; border-collapse: collapse; margin: 4px 0">'
        f'<thead><tr>{heads}<th scope="col" style="{NUMBER}">points</th></tr></thead>'
        f'<tbody>{rows}</tbody><tfoot><tr><th scope="row" style="{CELL}">total</th>'
        f'<td style="{CELL}"></td><td style="{CELL}"></td>'
        f'<td style="{NUMBER}"><b>{score:g} / {most:g}</b></td></tr></tfoot></table>'
    ) + (f'<p style="{FONT}">{unread_text(answers)}</p>' if answers else "")


def _anchor(heading: str) -> str:
    """Return the id that Jupyter gives a heading."""
    return heading.replace(" ", "-")


def section_of(source: str) -> str:
    """Return the last heading in a cell's Markdown; empty if it has none."""
    found: list[str] = re.findall(r"^#{1,4} +(.+?) *$", source, re.MULTILINE)
    return found[-1] if found else ""


def unread_text(answers: "Sequence[CellVerdict]") -> str:
    """Return how many points more a person can give for written answers."""
    points, count = sum(answer.max_score for answer in answers), len(answers)
    what = "a written answer" if count == 1 else f"{count} written answers"
    return f"{points:g} more points: {what}, for a person to read."


def _condition(result: "ConditionResult", *, is_stub: bool, is_open: bool) -> str:
    is_unwritten = result.is_unwritten or (is_stub and result.is_as_above)
    mark = _mark(*_named(result.verdict, is_unwritten=is_unwritten))
    line = (
        '<span style="display: inline-flex; gap: 0 12px; width: 100%; align-items: baseline; '
        'vertical-align: top">'
        f'<span style="flex: 0 0 10em">{mark}</span>'
        f'<span style="flex: 1">{_text(result.words)}</span>'
        f'<span style="white-space: nowrap">{result.points:g} of {result.share:g}</span></span>'
    )
    told = [_text(result.fact)] if result.fact else []
    told += [re.sub("`(.+)`", r"<code>\1</code>", _text(result.place))] if result.place else []
    hint = re.sub("`(.+?)`", r"<code>\1</code>", _text(result.hint))
    told += [f"<b>Hint:</b> {hint}"] if hint else []
    row = f"border-top: {LINE}; padding: 4px 0"
    if not told:
        return f'<div style="{row}; padding-left: {INDENT}">{line}</div>'
    body = "".join(f'<p style="margin: 4px 0; overflow-wrap: anywhere">{each}</p>' for each in told)
    return (
        f'<details{" open" if is_open else ""} style="{row}">'
        f'<summary style="cursor: pointer; list-style-position: outside; margin-left: {INDENT}">'
        f'{line}</summary><div style="padding-left: {INDENT}">{body}</div></details>'
    )


def _row(verdict: "CellVerdict", section: str) -> str:
    link = f'<a href="#{_text(_anchor(section))}">{_text(section)}</a>' if section else ""
    mark = _mark(*_named(verdict.verdict, is_unwritten=verdict.is_unwritten))
    return (
        f'<tr><th scope="row" style="{CELL}; font-weight: normal">{_text(verdict.grade_id)}</th>'
        f'<td style="{CELL}">{link}</td><td style="{CELL}">{mark}</td>'
        f'<td style="{NUMBER}">{verdict.score:g} / {verdict.max_score:g}</td></tr>'
    )


def _named(verdict: str, *, is_unwritten: bool) -> tuple[str, str]:
    """Return the verdict whose shape and colour are shown, and its word."""
    if is_unwritten:
        return "not-tried", UNWRITTEN
    return verdict, LABELS[verdict]


def _mark(verdict: str, word: str) -> str:
    return (
        '<span style="white-space: nowrap"><span aria-hidden="true" style="color: '
        f'var({COLOURS[verdict]})">{SYMBOLS[verdict]}</span> <b>{word}</b></span>'
    )


def _text(text: str) -> str:
    return escape(printable(text))
