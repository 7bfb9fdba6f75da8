"""What the name of a file in a system's download tells of a hand-in."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Named", "composed", "page_in_folder"]


@dataclass(frozen=True)
class Named:
    """Who handed a file in, when, and what the student called it.

    Parameters
    ----------
    system : str
        The system, as in ``canvas``; ``plain`` where there is none.
    key : str
        What the files of one hand-in have in common.
    file : str
        The file's path as the student handed it in; empty for a file of the system's own.
    name : str
        The person's name as the system writes it; empty if it tells none.
    ids : tuple of str
        Logins, e-mail addresses or numbers by which a roster may know the person.
    user_id : str
        The system's own number of the person.
    number : int
        Grows from one hand-in of a student to the next; 0 if the system tells none.
    late : bool
        Whether the system calls it late.
    time : datetime, optional
        When it was handed in; without a zone it is the clock of the course.
    folder : str
        The first part of the path, which a feedback file has to repeat.
    """

    system: str
    key: str
    file: str
    name: str = ""
    ids: tuple[str, ...] = ()
    user_id: str = ""
    number: int = 0
    late: bool = False
    time: datetime | None = None
    folder: str = ""

    @property
    def shown(self) -> str:
        """The person as a line of a report names them."""
        known = self.name or self.user_id or next(iter(self.ids), "")
        number = self.user_id if self.user_id != known else ""
        return f"{known} ({number})" if known and number else known or number


def composed(path: str) -> str:
    """Return a path with each letter as one character; macOS takes accents off their letters."""
    return unicodedata.normalize("NFC", path)


def page_in_folder(facts: Mapping[str, str]) -> str:
    """Return the path of a feedback page in a zip file that repeats the folders of a download."""
    return f"{facts['folder']}/feedback.html"
