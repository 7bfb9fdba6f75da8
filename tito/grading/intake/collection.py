"""What became of all that was collected: each hand-in, and each file that is part of none."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tito.errors import TitoError
from tito.grading.intake.shelf import Receipt
from tito.lesson import Lesson
from tito.lms.names import Named
from tito.lms.people import Person

__all__ = ["Collected", "Collection", "NotCollected", "NothingCollected"]


@dataclass(frozen=True)
class Collected:
    """What became of one hand-in: ``collected``, ``unchanged``, ``older`` or ``refused``.

    ``reason`` says why it was refused, or what lay beside it and was not taken; ``remedy`` what to
    do about that. ``notes`` say what else a person should know; ``kept`` is the older hand-in, put
    aside.
    """

    name: str
    status: str
    reason: str = ""
    remedy: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    named: Named | None = field(default=None, compare=False)
    person: Person | None = field(default=None, compare=False)
    receipt: Receipt | None = field(default=None, compare=False)
    kept: Path | None = field(default=None, compare=False)


@dataclass(frozen=True)
class NotCollected:
    """A file that belongs to no hand-in, why, and what to do about it."""

    file: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Collection:
    """What became of all hand-ins, and the files that are part of none."""

    submissions: list[Collected]
    left: list[NotCollected] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing was lost."""
        lost = any(one.status == "refused" or one.reason for one in self.submissions)
        return not (lost or self.left)


class NothingCollected(TitoError):
    """There is no submission of the lesson; ``collection`` says what there is."""

    def __init__(self, lesson: Lesson, paths: Iterable[Path], collection: Collection) -> None:
        shown = ", ".join(str(path) for path in paths)
        super().__init__(
            f"No submission of {lesson.assignment} lies in {shown}.",
            f"Expected STUDENT/{lesson.notebook_name} or STUDENT_{lesson.notebook_name}.",
        )
        self.collection = collection
