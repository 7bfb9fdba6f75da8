"""The verdicts on one student's cells, for a terminal or a notebook."""

import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from tito.conditions.results import LABELS, UNWRITTEN
from tito.reports.cards import unread_text
from tito.reports.console import printable

if TYPE_CHECKING:
    from rich.console import Console

    from tito.conditions.results import CellVerdict

__all__ = ["print_checks", "print_summary"]

STYLES = {"passed": "green", "failed": "red", "review": "yellow", "not-run": "yellow"}
NARROWEST = 80


def print_checks(
    verdicts: Sequence["CellVerdict"],
    answers: Sequence["CellVerdict"] = (),
    notes: Sequence[str] = (),
    unwritten: Collection[str] = (),
    not_run: int = 0,
) -> None:
    """Print a line for each check, beneath it what did not hold and why, and the total at the end.

    Parameters
    ----------
    verdicts : sequence of CellVerdict
        On the checks; their points make the total.
    answers : sequence of CellVerdict
        On what a person reads; a line says how many points more that can bring.
    notes : sequence of str
        What was noticed while the file was read.
    unwritten : collection of str
        The grade ids of the checks whose solutions are still as they were released.
    not_run : int
        How many checks were not run, as the run stopped at one that did not pass.
    """
    out = _console()
    widest = max((len(v.grade_id) for v in verdicts), default=0)
    for verdict in verdicts:
        is_written = verdict.grade_id not in unwritten
        word = verdict.label if is_written else UNWRITTEN
        style = STYLES[verdict.verdict] if is_written else "dim"
        out.print(f"{printable(verdict.grade_id):<{widest}}", end="  ")
        out.print(f"{word:<{len(UNWRITTEN)}}", style=style, end="  ")
        out.print(_points(verdict.score, verdict.max_score))
        for text in _details(verdict, out.width) if is_written else ():
            out.print(text)
    for note in notes:
        out.print(_wrapped(f"Note: {note}", out.width, 0, 6))
    score, most = sum(v.score for v in verdicts), sum(v.max_score for v in verdicts)
    total = f"{'total':<{widest}}  {'':<{len(UNWRITTEN)}}  {_points(score, most)}"
    out.print(f"\n{total}", style="bold")
    if not_run:
        more = "1 more check was" if not_run == 1 else f"{not_run} more checks were"
        out.print(f"{more} not run; their points are not in the total.")
    if answers:
        out.print(_wrapped(_to_be_read(answers), out.width))


def print_summary(
    verdicts: Sequence["CellVerdict"],
    answers: Sequence["CellVerdict"],
    unwritten: Collection[str],
) -> None:
    """Print a line for each check and the points that pass, and no details."""
    out = _console()
    widest = max((len(v.grade_id) for v in verdicts), default=0)
    for verdict in verdicts:
        word = UNWRITTEN if verdict.grade_id in unwritten else verdict.label
        line = f"  {printable(verdict.grade_id):<{widest}}  {word:<{len(UNWRITTEN)}}"
        out.print(f"{line}  {_points(verdict.score, verdict.max_score)}")
    score, most = sum(v.score for v in verdicts), sum(v.max_score for v in verdicts)
    read = sum(answer.max_score for answer in answers)
    more = f"; {read:g} more are given by a person" if answers else ""
    out.print(f"{score:g} of {most:g} points pass, {most - score:g} are open{more}.", style="bold")


def _console() -> "Console":
    """Return a console on standard output that wraps to the terminal, or to 80 columns."""
    from rich.console import Console

    width = max(NARROWEST, shutil.get_terminal_size((NARROWEST, 24)).columns)
    return Console(
        file=sys.stdout,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_jupyter=False,
    )


def _details(verdict: "CellVerdict", width: int) -> Iterator[str]:
    """Yield what did not hold; each reason stands once."""
    if verdict.verdict == "passed":
        return
    if not verdict.conditions:
        yield from _reason(verdict.message, "", verdict.hint, width)
        return
    told: set[str] = set()
    for result in verdict.conditions:
        if result.verdict not in ("passed", "not-tried"):
            points = f"{result.points:g}/{result.share:g}"
            line = f"{LABELS[result.verdict]:<13} {points:>5}  {result.words}"
            yield _wrapped(line, width, 2, 23)
            if result.fact not in told:
                yield from _reason(result.fact, result.place, result.hint, width)
            told.add(result.fact)
    counted = Counter(result.verdict for result in verdict.conditions)
    if counted["not-tried"]:
        yield f"  Not tried: {counted['not-tried']} that build on this one."
    if counted["passed"]:
        yield f"  {counted['passed']} of {len(verdict.conditions)} hold."


def _reason(fact: str, place: str, hint: str, width: int) -> Iterator[str]:
    yield _wrapped(fact, width, 4, 4)
    if place:
        yield _wrapped(place, width, 4, 4)
    if hint:
        yield _wrapped(f"Hint: {hint}", width, 4, 10)


def _wrapped(text: str, width: int, first: int = 0, others: int = 0) -> str:
    """Return a text in lines of that width; the first is indented by `first`, all others more."""
    lines = printable(text).splitlines() or [""]
    starts = [" " * first, *[" " * others] * (len(lines) - 1)]
    return "\n".join(
        fill(line, width, initial_indent=start, subsequent_indent=" " * others)
        for line, start in zip(lines, starts, strict=True)
    )


def _to_be_read(answers: Sequence["CellVerdict"]) -> str:
    empty = [answer.grade_id for answer in answers if answer.verdict == "failed"]
    blank = f" Nothing is written in {', '.join(empty)}." if empty else ""
    return f"{unread_text(answers)}{blank}"


def _points(score: float, most: float) -> str:
    return f"{score:>4g} / {most:g}"
