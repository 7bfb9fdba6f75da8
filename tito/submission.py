"""What a student hands in: a zip file with the notebook and a manifest, and the receipt for it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

from tito.course import TIME_FORMAT
from tito.errors import TitoError
from tito.files import Refused, as_zip, opened_zip, write_whole
from tito.grading.intake.manifest import DIGITS, FORMAT, MANIFEST, read_manifest, receipts_name
from tito.selftest.work import Work

__all__ = ["Receipt", "last_receipt", "pack", "submit_to_exchange"]

VERSION = 1


@dataclass(frozen=True)
class Receipt:
    """What was packed: the time, the file, and the SHA-256 digest of the notebook."""

    saved: str
    file: str
    sha256: str
    is_new: bool = True

    @property
    def digits(self) -> str:
        """The part of the digest that is shown, here and where submissions are collected."""
        return self.sha256[:DIGITS]


def pack(work: Work, folder: Path) -> Receipt:
    """Write the zip file to upload into `folder`, and note the receipt beside it.

    A file that holds the same notebook stays; one that holds another keeps its name.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    lesson, data = work.lesson, work.notebook()
    digest = hashlib.sha256(data).hexdigest()
    names = chain([f"{lesson.name}.zip"], (f"{lesson.name}-{n}.zip" for n in count(2)))
    for path in (folder / name for name in names):
        if not path.exists():
            break
        if (before := _manifest(path)).get("sha256") == digest:
            receipt = Receipt(str(before["saved"]), path.name, digest, is_new=False)
            last = last_receipt(folder, lesson.name)
            if last is None or last.file != receipt.file:
                _note(folder, lesson.name, receipt)
            return receipt
    receipt = Receipt(datetime.now().astimezone().strftime(TIME_FORMAT), path.name, digest)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "assignment": lesson.assignment,
        "notebook": lesson.notebook_name,
        "sha256": digest,
        "saved": receipt.saved,
    }
    write_whole(path, as_zip({lesson.notebook_name: data, MANIFEST: _json(manifest)}))
    _note(folder, lesson.name, receipt)
    return receipt


def _note(folder: Path, lesson: str, receipt: Receipt) -> None:
    """Make a receipt the last one."""
    with (folder / receipts_name(lesson)).open("a", encoding="utf-8") as file:
        file.write(f"{receipt.saved}  {receipt.file}  sha256 {receipt.sha256}\n")


def last_receipt(folder: Path, lesson: str) -> Receipt | None:
    """Return the receipt of what was packed last in `folder`; None if nothing was."""
    try:
        lines = (folder / receipts_name(lesson)).read_text(encoding="utf-8").splitlines()
        saved, file, digest = lines[-1].split("  ")
    except (OSError, ValueError, IndexError):
        return None
    return Receipt(saved, file, digest.removeprefix("sha256 "))


def submit_to_exchange(work: Work) -> str:
    """Hand in through nbgrader's exchange; return where it is, as a sentence.

    Raises
    ------
    TitoError
        If nbgrader is not installed, or refuses, with its reason.
    """
    try:
        from nbgrader.auth import Authenticator
        from nbgrader.coursedir import CourseDirectory
        from nbgrader.exchange import ExchangeError
        from nbgrader.exchange.default import ExchangeSubmit
    except ImportError:
        fact = "This course collects through nbgrader's exchange, and nbgrader is not installed."
        raise TitoError(fact, "Install it with `python -m pip install nbgrader`.") from None
    from tempfile import TemporaryDirectory

    from traitlets.config import Config

    lesson = work.lesson
    course = lesson.course
    with TemporaryDirectory(prefix="tito-") as name:
        folder = Path(name, lesson.assignment)
        write_whole(folder / lesson.notebook_name, work.notebook())
        config = Config()
        config.Exchange.root = str(course.exchange)
        config.Exchange.assignment_dir = name
        config.CourseDirectory.course_id = course.id
        config.CourseDirectory.assignment_id = lesson.assignment
        directory = CourseDirectory(config=config)
        exchange = ExchangeSubmit(directory, Authenticator(config=config), config=config)
        exchange.log.setLevel("CRITICAL")
        try:
            exchange.start()
        except ExchangeError as error:
            fact = f"The exchange {course.exchange} does not take {lesson.assignment}: {error}."
            raise TitoError(fact, "Ask your instructor.") from None
    return f"Handed in to the exchange {course.exchange}."


def _json(manifest: dict[str, object]) -> bytes:
    return f"{json.dumps(manifest, indent=2)}\n".encode()


def _manifest(path: Path) -> dict[str, Any]:
    """Return what a zip file says of itself; nothing if it is none of ours."""
    try:
        with opened_zip(path) as files:
            found = read_manifest(files[MANIFEST])
    except (Refused, KeyError):
        return {}
    return found if "saved" in found else {}
