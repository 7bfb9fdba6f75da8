"""The messages for a person, or a program, while a class is graded and at the end."""

import json
import logging
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tito.errors import TitoError
from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.grading.pipeline.grade import GradingResult
    from tito.lesson import Lesson

__all__ = ["EventReport", "LineReport", "BarReport", "RunReport", "log_to", "report_for"]

STATUSES = ("graded", "rejected", "entered", "kept", "failed", "due")
SHOWN = 20
"""Of what went wrong, and of who is due, the summary shows so many."""
MORE = "... and {} more; `--log FILE` keeps all of them."

log = logging.getLogger("tito")
log.addHandler(logging.NullHandler())


class RunReport:
    """Counts what is done, logs it, and ends with a summary; the others also show it meanwhile."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.counts: Counter[str] = Counter()
        self.wrong: list[GradingResult] = []
        self.changed: list[GradingResult] = []
        self.foretold: list[GradingResult] = []
        self.total = 0
        self.lesson = ""
        self.unread = 0
        self.dry_run = self.force = False
        self.start = time.monotonic()

    def started(self, lesson: "Lesson", total: int) -> None:
        """Take note of what is to be done."""
        self.total, self.lesson = total, lesson.name
        self.start = time.monotonic()

    def done(self, graded: "GradingResult") -> None:
        """Take note of one submission."""
        self.counts[graded.status] += 1
        if graded.status in ("failed", "rejected"):
            self.wrong.append(graded)
        scores = [f"{s:.6g}" for s in (graded.before, graded.score) if s is not None]
        if len(set(scores)) == 2:
            self.changed.append(graded)
        elif graded.status in ("due", "entered"):
            self.foretold.append(graded)
        log.info("%s: %s", graded.student, json.dumps(_facts(graded)))
        if graded.error:
            log.error("%s: %s", graded.student, graded.error)

    def finished(self, stopped: str = "") -> None:
        """Print the counts, what went wrong with the remedy, and how to go on.

        `stopped` is the reason of an early end. After an error, which is printed next with a remedy
        of its own, call `broke_off` instead.
        """
        self._summarize()
        if stopped and not self.dry_run:
            self.say(f"{stopped} {self._how_to_go_on()}")

    def broke_off(self) -> None:
        """Print what is done, before an error is printed; nothing if nothing is done."""
        if self.counts and not self.dry_run:
            self._summarize()
            self.say(f"It broke off. {self._left()}.")

    @property
    def left(self) -> int | None:
        """How many submissions are not looked at yet; None while nobody has counted them."""
        return self.total - sum(self.counts.values()) if self.total else None

    def _left(self) -> str:
        return "1 is left" if self.left == 1 else f"{self.left} are left"

    def _how_to_go_on(self) -> str:
        """Say what finishes the rest: what was forced is noted, and `--force` would begin anew."""
        if self.left is None:
            return "Nothing was graded: run the same command again."
        forced = " without --force" if self.force else ""
        return f"{self._left()}: run the same command again{forced} to finish them."

    def _summarize(self) -> None:
        for graded in self.wrong[:SHOWN]:
            told = f"{graded.status}: {graded.reason} {self._remedy(graded)}"
            self.say(f"{graded.student}: {told}".rstrip())
        if len(self.wrong) > SHOWN:
            self.say(MORE.format(len(self.wrong) - SHOWN))
        for graded in self.changed:
            why = f" ({graded.reason})" if graded.status == "entered" else ""
            self.say(f"{graded.student}: {graded.before:g} -> {graded.score:g}{why}")
        counted = self.counts
        if self.dry_run:
            self.say(self._foretold())
            return
        new, seconds = counted["graded"] + counted["rejected"], time.monotonic() - self.start
        rate = f", {new / seconds:.1f} per second" if new > 1 and seconds > 0 else ""
        rejected = f" ({counted['rejected']} rejected)" if counted["rejected"] else ""
        entered = f", {counted['entered']} entered anew" if counted["entered"] else ""
        self.say(
            f"{new} graded{rejected}{entered}, {counted['kept']} unchanged,"
            f" {counted['failed']} failed in {seconds:.1f} s{rate}."
        )
        if self.unread:
            wait = "answer waits" if self.unread == 1 else "answers wait"
            self.say(f"{self.unread} {wait} for a person: give points in formgrader.")

    def _foretold(self) -> str:
        """Say what a run would do."""
        due = self.counts["due"] + self.counts["rejected"]
        kept, failed = self.counts["kept"], self.counts["failed"]
        entered = f", {self.counts['entered']} entered anew" if self.counts["entered"] else ""
        told = f"{due} would be graded{entered}, {kept} unchanged, {failed} cannot be graded"
        return f"{told}. Nothing was changed."

    def say(self, text: str) -> None:
        """Print a line, with nothing in it that would command a terminal."""
        print(printable(text), file=self.out, flush=True)

    def _remedy(self, graded: "GradingResult") -> str:
        if graded.status == "rejected":
            return "Ask for the notebook again, saved from Jupyter."
        if not graded.error:
            return ""  # the reason says what to do
        command = f"tito nbgrader autograde {self.lesson} --student {graded.student} --log FILE"
        return f"Try it alone: `{command}`."


class LineReport(RunReport):
    """A line for each submission: for a pipe or a file."""

    def done(self, graded: "GradingResult") -> None:
        """Print the progress and the result of one submission."""
        super().done(graded)
        if graded.status != "kept":
            points = f", {graded.score:g} points" if graded.status == "graded" else ""
            reason = f": {graded.reason}" if graded.reason else ""
            place = f"[{sum(self.counts.values())}/{self.total}]"
            self.say(f"{place} {graded.student}: {graded.status}{points}{reason}")


class BarReport(RunReport):
    """A bar with count, rate and time left: for a terminal."""

    def started(self, lesson: "Lesson", total: int) -> None:
        """Show the empty bar."""
        super().started(lesson, total)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as TimeLeft

        self.bar = Progress(
            TextColumn("Grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeLeft(compact=True, elapsed_when_finished=True),
            console=Console(file=self.out),
            transient=True,
        )
        self.task = self.bar.add_task("", total=self.total, rate="")
        self.bar.start()

    def done(self, graded: "GradingResult") -> None:
        """Move the bar."""
        super().done(graded)
        new = self.total and sum(self.counts.values()) - self.counts["kept"]
        seconds = time.monotonic() - self.start
        self.bar.update(self.task, advance=1, rate=f"{new / seconds:.1f}/s" if seconds else "")

    def finished(self, stopped: str = "") -> None:
        """Take the bar away and print the summary; of a dry run, who is due, which no line said."""
        self._remove_bar()
        if self.dry_run:
            for graded in self.foretold[:SHOWN]:
                self.say(f"{graded.student}: {graded.status}: {graded.reason}")
            if len(self.foretold) > SHOWN:
                self.say(MORE.format(len(self.foretold) - SHOWN))
        super().finished(stopped)

    def broke_off(self) -> None:
        """Take the bar away and print what is done."""
        self._remove_bar()
        super().broke_off()

    def _remove_bar(self) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


class EventReport(RunReport):
    """A JSON object a line on standard output: for a program."""

    def started(self, lesson: "Lesson", total: int) -> None:
        """Print what is to be done."""
        super().started(lesson, total)
        self._event("started", assignment=lesson.assignment, total=total)

    def done(self, graded: "GradingResult") -> None:
        """Print what came of a submission."""
        super().done(graded)
        self._event("submission", **_facts(graded))

    def finished(self, stopped: str = "") -> None:
        """Print the counts."""
        self._finished(stopped)
        super().finished(stopped)

    def broke_off(self) -> None:
        """Print the counts."""
        self._finished("It broke off.")
        super().broke_off()

    def _finished(self, stopped: str) -> None:
        counts = {name: self.counts[name] for name in STATUSES}
        counts["unread"] = self.unread
        seconds = round(time.monotonic() - self.start, 3)
        self._event("finished", **counts, left=self.left, stopped=stopped, seconds=seconds)

    def _event(self, name: str, **facts: Any) -> None:
        print(json.dumps({"event": name, **facts}), flush=True)


def _facts(graded: "GradingResult") -> dict[str, Any]:
    facts = asdict(graded)
    facts["seconds"] = {stage: round(value, 6) for stage, value in graded.seconds.items()}
    return {name: fact for name, fact in facts.items() if name not in ("notebook", "notes")}


def report_for(as_json: bool) -> RunReport:
    """Return what suits the caller: events for a program, a bar on a terminal, else lines."""
    if as_json:
        return EventReport()
    return BarReport() if sys.stderr.isatty() else LineReport()


def log_to(path: Path) -> None:
    """Write all that is logged into a file, in addition to what is in it.

    Raises
    ------
    TitoError
        If it cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise TitoError(f"{path} cannot be written: {error.strerror}.", "Name another.") from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.disabled = False  # other code in this process may have switched it off
    log.setLevel(logging.INFO)
