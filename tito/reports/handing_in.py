"""What a student reads of their work: what is written, what is due, what was handed in."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from textwrap import fill
from typing import TYPE_CHECKING

from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.selftest.work import Work
    from tito.submission import Receipt

__all__ = ["deadline_line", "receipt_line", "work_lines"]

WIDTH = 80


def work_lines(work: "Work", *, name_solutions: bool = True) -> Iterator[str]:
    """Yield what of a file will be graded, and what will not.

    `name_solutions` is False where those that are not written are named already.
    """
    solutions, answers = work.solutions, work.answers
    written = sum(not wrong for wrong in solutions.values())
    counts = f"{written} of {len(solutions)} solutions are written"
    counts += f", {sum(answers.values())} of {len(answers)} answers." if answers else "."
    yield counts
    blank = work.blank_solutions if name_solutions else []
    blank = [*blank, *(name for name, is_there in answers.items() if not is_there)]
    if blank:
        yield _wrapped(f"Not written: {', '.join(blank)}.")
    for name, wrong in solutions.items():
        if wrong and name not in work.blank_solutions:
            yield _wrapped(f"Not graded: {name}: {wrong}.")
    for note in work.notes:
        yield _wrapped(f"Note: {note}")


def deadline_line(due: datetime | None, now: datetime) -> str:
    """Return when work is due, in the time of this computer, and how long that is from `now`."""
    if due is None:
        return "There is no deadline."
    local = due.astimezone().strftime("%A, %d %B %Y, %H:%M (UTC%z)")
    left = due - now
    if left < timedelta():
        return f"Deadline: {local}, {_duration(-left)} ago: it will count as late."
    return f"Deadline: {local}, in {_duration(left)}."


def receipt_line(receipt: "Receipt") -> str:
    """Return what a student keeps: it is printed again where submissions are collected."""
    return f"Receipt: {receipt.digits}, {receipt.file}, {receipt.saved}."


def _duration(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    parts: Sequence[tuple[int, str]] = (
        (minutes // 1440, "day"),
        (minutes // 60 % 24, "hour"),
        (minutes % 60, "minute"),
    )
    shown = [f"{n} {unit}{'s' if n > 1 else ''}" for n, unit in parts if n]
    return " ".join(shown[:2]) or "less than a minute"


def _wrapped(text: str) -> str:
    return fill(
        printable(text),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
