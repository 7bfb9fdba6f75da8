"""Who changes when a class is graded again, as tables."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tito.reports.console import as_text, line_width, plain, waiting

if TYPE_CHECKING:
    from rich.table import Table

    from tito.grading.gradebook.regrades import Regrade
    from tito.grading.pipeline.grade import GradingResult
    from tito.lesson import Lesson

__all__ = ["Count", "changes_table", "history_table"]

TELL_EVERY = 20


class Count:
    """Shows how many submissions are judged, until all are; a context manager."""

    def __init__(self) -> None:
        self._shown = ExitStack()
        self.done_so_far = self.total = 0

    def __enter__(self) -> "Count":
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.close()

    def started(self, lesson: "Lesson", total: int) -> None:
        """Begin to show how far the run is."""
        self.total = total
        self._tell = self._shown.enter_context(waiting(f"Grading {lesson.assignment} again"))

    def done(self, graded: "GradingResult") -> None:
        """Count one of them; after the last one the terminal is free for a question."""
        self.done_so_far += 1
        if self.done_so_far == self.total:
            self._shown.close()
        elif self.done_so_far % TELL_EVERY == 0:
            self._tell(f"{self.done_so_far} of {self.total} are judged ...")


def changes_table(results: Sequence["GradingResult"]) -> str:
    """Return a row for each student whose grade changes or who cannot be graded, and counts."""
    changed = [r for r in results if r.status != "failed" and r.score not in (None, r.before)]
    failed = [r for r in results if r.status == "failed"]
    counts = f"{len(changed)} grades change, {len(results) - len(changed) - len(failed)} stay"
    counts += f", {len(failed)} cannot be graded." if failed else "."
    if not changed and not failed:
        return counts
    table = _table("student", "before", "after", "change", "note")
    for r in sorted(changed, key=_change):
        before = "-" if r.before is None else f"{r.before:g}"
        table.add_row(plain(r.student), before, f"{r.score:g}", f"{_change(r):+g}", plain(r.reason))
    for r in failed:
        table.add_row(plain(r.student), "", "", "", plain(f"failed: {r.reason}"))
    return f"{as_text(table, line_width())}\n{counts}"


def history_table(regrades: Sequence["Regrade"]) -> str:
    """Return a row for each grade that was changed, or confirmed, by grading again."""
    if not regrades:
        return "Nothing was graded again so far."
    table = _table("time", "student", "before", "after", "reason")
    for each in regrades:
        table.add_row(
            *map(plain, (each.time, each.student, each.before or "-", each.after)),
            plain(each.reason),
        )
    return as_text(table, line_width()).rstrip("\n")


def _change(graded: "GradingResult") -> float:
    return (graded.score or 0.0) - (graded.before or 0.0)


def _table(*names: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in names:
        number = name in ("before", "after", "change")
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    return table
