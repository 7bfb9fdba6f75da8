"""The shelf: what is stored for each student, of several hand-ins the newest, the others aside."""

import errno
import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from tito.errors import FULL, TitoError
from tito.files import MIB, Refused, read_regular, write_whole
from tito.grading.intake.choice import Chosen
from tito.grading.intake.manifest import DIGITS
from tito.grading.intake.read import TIMESTAMP
from tito.grading.intake.times import MOST_TIMESTAMP, NBGRADER, parse_time
from tito.lesson import Lesson
from tito.lms.names import Named

__all__ = ["Receipt", "Shelf", "read_receipts"]

MODE = 0o600
"""Submissions are read by nobody else."""
UNWRITABLE = (*FULL, errno.EROFS)


@dataclass(frozen=True)
class Receipt:
    """What is known of a hand-in, as text: by it hand-ins are compared and feedback is packed.

    ``time`` and ``saved`` are UTC as nbgrader writes it; ``saved`` is the student's clock.
    ``digest`` is of the file as it was handed in, ``stored`` of what lies in the course tree.
    """

    system: str = "plain"
    name: str = ""
    user_id: str = ""
    number: str = ""
    folder: str = ""
    file: str = ""
    late: str = ""
    time: str = ""
    saved: str = ""
    digest: str = ""
    stored: str = ""

    @classmethod
    def of(cls, named: Named, chosen: Chosen) -> "Receipt":
        """Return the receipt of a hand-in."""
        return cls(
            *(named.system, named.name, named.user_id, str(named.number), named.folder),
            *(chosen.name, "late" if named.late else "", chosen.timestamp.decode().strip()),
            chosen.saved.strftime(NBGRADER) if chosen.saved else "",
            chosen.digest,
            hashlib.sha256(chosen.content).hexdigest(),
        )

    @property
    def digits(self) -> str:
        """The part of the digest that `tito submit` shows, too."""
        return self.digest[:DIGITS]

    def is_newer(self, other: "Receipt") -> bool | None:
        """Whether this hand-in is newer than another; None where nothing tells."""
        times = (_parsed(self.time), _parsed(other.time))
        numbers = (int(self.number or 0), int(other.number or 0))
        saved = (_parsed(self.saved), _parsed(other.saved))
        if times[0] and times[1] and times[0] != times[1]:
            return times[0] > times[1]
        if self.system == other.system and all(numbers) and numbers[0] != numbers[1]:
            return numbers[0] > numbers[1]
        return saved[0] > saved[1] if saved[0] and saved[1] and saved[0] != saved[1] else None


class Shelf:
    """The submissions of a lesson in the course tree.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    dry_run : bool
        Whether nothing is written.
    """

    def __init__(self, lesson: Lesson, *, dry_run: bool = False) -> None:
        self.lesson = lesson
        self.dry_run = dry_run
        self.before = read_receipts(lesson)
        self.receipts: dict[str, Receipt] = {}

    def receipt(self, student: str) -> Receipt | None:
        """Return the receipt of what is stored for a student; None where there is nothing."""
        if student in self.receipts:
            return self.receipts[student]
        place = self.lesson.handed_in(student)
        try:
            data = read_regular(place, self.lesson.course.limits.file_mib * MIB)
        except Refused:
            return None
        digest = hashlib.sha256(data).hexdigest()
        known = self.before.get(student)
        if known is None or known.stored != digest:
            known = Receipt(digest=digest, stored=digest)
        return replace(known, time=_time_beside(place))

    def put(self, student: str, named: Named, chosen: Chosen) -> tuple[str, Path | None]:
        """Store a hand-in; return ``collected``, ``unchanged`` or ``older``, and what lies aside.

        Raises
        ------
        OSError
            If this student's files cannot be written.
        TitoError
            If no file can be written.
        """
        new, old = Receipt.of(named, chosen), self.receipt(student)
        if old is not None and new.is_newer(old) is False:
            if new.stored == old.stored:
                return "unchanged", None
            return "older", self._keep_aside(student, new, chosen.content)
        try:
            changed, kept = self._store(student, chosen, old, new)
        except OSError as error:
            self._remove_empty(student)
            if error.errno in UNWRITABLE:
                fact = f"{self.lesson.course.assignments} cannot be written: {error.strerror}."
                raise TitoError(fact, "Make room there, and collect again.") from None
            raise
        if old is not None and new.stored == old.stored and new.system == "plain":
            new = replace(old, time=new.time or old.time, saved=new.saved or old.saved)
        self.receipts[student] = new  # with what a system told of the same file before
        return "collected" if changed else "unchanged", kept

    def save(self) -> None:
        """Write the receipts of what a system or `tito submit` told of."""
        told = {s: r for s, r in self.receipts.items() if r.system != "plain" or r.saved}
        kept = {s: r for s, r in self.before.items() if s not in self.receipts}
        receipts = kept | told
        if self.dry_run or receipts == self.before:
            return
        students = {student: asdict(receipts[student]) for student in sorted(receipts)}
        data = {"format": "tito-receipts", "version": 1, "students": students}
        write_whole(_file(self.lesson), json.dumps(data, indent=1).encode(), MODE)

    def _store(
        self, student: str, chosen: Chosen, old: Receipt | None, new: Receipt
    ) -> tuple[bool, Path | None]:
        """Put a submission into the course tree; return whether that changed it, and the old."""
        is_other = old is None or old.stored != new.stored
        place, kept = self.lesson.handed_in(student), None
        if old is not None and is_other:
            with suppress(Refused):
                most = self.lesson.course.limits.file_mib * MIB
                kept = self._keep_aside(student, old, read_regular(place, most))
        if self.dry_run:
            return old is None or is_other or new.time not in ("", old.time), kept
        changed = _write(place, chosen.content)
        stamp = place.with_name(TIMESTAMP)
        if chosen.timestamp:
            changed = _write(stamp, chosen.timestamp) or changed
        elif changed:
            stamp.unlink(missing_ok=True)  # it was the time of the one before
        return changed, kept

    def _keep_aside(self, student: str, receipt: Receipt, content: bytes) -> Path:
        time = _parsed(receipt.time)
        when = f"{time:%Y-%m-%d_%H-%M-%S}_" if time else ""
        name = f"{when}{receipt.digits}_{self.lesson.notebook_name}"
        place = self.lesson.handed_in(student, "earlier").with_name(name)
        if not self.dry_run:
            _write(place, content)
        return place

    def _remove_empty(self, student: str) -> None:
        """Remove folders made for a file that could not be stored: they would count as work."""
        place = self.lesson.handed_in(student)
        with suppress(OSError):
            place.parent.rmdir()
            place.parent.parent.rmdir()


def read_receipts(lesson: Lesson) -> dict[str, Receipt]:
    """Return what `collect` learned of the hand-ins of systems, by student."""
    try:
        data = json.loads(_file(lesson).read_bytes())
        names = [each.name for each in fields(Receipt)]
        return {
            student: Receipt(**{n: str(entry[n]) for n in names if n in entry})
            for student, entry in data["students"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _file(lesson: Lesson) -> Path:
    return lesson.course.assignments / "receipts" / f"{lesson.assignment}.json"


def _time_beside(place: Path) -> str:
    try:
        return read_regular(place.with_name(TIMESTAMP), MOST_TIMESTAMP).decode().strip()
    except (Refused, UnicodeDecodeError):
        return ""


def _parsed(text: str) -> datetime | None:
    try:
        found = parse_time(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found else None


def _write(path: Path, data: bytes) -> bool:
    """Write `data` whole or not at all; return whether that changed the file."""
    try:
        if read_regular(path, len(data)) == data:
            return False
    except Refused:
        pass
    write_whole(path, data, MODE)
    return True
