"""The state of an assignment, in lines."""

from typing import TYPE_CHECKING

from tito.reports.console import printable, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tito.grading.gradebook.status import Progress

__all__ = ["as_text", "out_of_date"]

SHOWN = 10
"""So many students are named with what is to be done."""


def as_text(progress: "Progress") -> str:
    """Return the state of an assignment as a line for each stage."""
    rows = {
        "assignment": progress.assignment,
        "release": progress.release,
        "deadline": time_text(progress.deadline) if progress.deadline else "none",
        "submitted": _submitted(progress),
        "autograded": _autograded(progress),
        "to read": f"{progress.unread} answers" if progress.unread != 1 else "1 answer",
        "feedback": progress.feedback,
        "next": progress.next_step,
    }
    lines = [f"{name:<12}{value}" for name, value in rows.items()]
    return printable("\n".join([*lines, *_notes(progress)]))


def out_of_date(due: "Mapping[str, str]", lesson: str) -> str:
    """Return a line that warns of grades that `autograde` would change or confirm."""
    are = "1 grade is" if len(due) == 1 else f"{len(due)} grades are"
    names = _named(tuple(due))
    return printable(f"{are} out of date: {names}. Run `tito nbgrader autograde {lesson}`.")


def _named(names: tuple[str, ...]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _submitted(progress: "Progress") -> str:
    missing = f", {len(progress.missing)} missing" if progress.missing else ""
    return f"{progress.submitted}{missing}"


def _autograded(progress: "Progress") -> str:
    due = f", {len(progress.due)} to do" if progress.due else ""
    return f"{progress.autograded}{due}"


def _some(lines: list[str]) -> list[str]:
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [*lines[:SHOWN], *more]


def _notes(progress: "Progress") -> list[str]:
    more_time = [f"{s}: until {time_text(t)}" for s, t in progress.extensions.items()]
    notes = _some([f"{student}: {why}" for student, why in progress.due.items()])
    gap = [""] if notes else []
    notes += [*gap, "Extensions:", *_some(more_time)] if more_time else []
    if progress.missing:
        notes.append(f"Handed in nothing: {_named(progress.missing)}.")
    if progress.gone:
        remedy = "collect again, or remove the grade with `nbgrader db student remove ID --force`"
        notes.append(f"A grade, but no submission: {', '.join(progress.gone)}: {remedy}.")
    return ["", *notes] if notes else []
