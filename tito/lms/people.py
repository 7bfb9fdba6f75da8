"""People: who a system's name or number stands for, by the roster of the course."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tito.lms.names import Named

__all__ = ["People", "Person", "fallback_id", "name_key"]


@dataclass(frozen=True)
class Person:
    """One student of the roster; ``id`` is the student id in nbgrader's gradebook."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    section: str = ""

    @property
    def name(self) -> str:
        """The full name; empty if it is not known."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def shown(self) -> str:
        """The person as a line of a report names them."""
        about = ", ".join(part for part in (self.name, self.email) if part and part != self.id)
        return f"{self.id} ({about})" if about else self.id


class People:
    """The students of a roster, found by whatever a system tells of them.

    Parameters
    ----------
    people : iterable of Person
        The roster; may be empty.
    """

    def __init__(self, people: Iterable[Person] = ()) -> None:
        self.all = {person.id: person for person in people}
        self.is_roster = any(p.name or p.email or p.lms_user_id for p in self.all.values())
        self._numbers: dict[str, list[Person]] = defaultdict(list)
        self._ids: dict[str, list[Person]] = defaultdict(list)
        self._mailboxes: dict[str, list[Person]] = defaultdict(list)
        self._names: dict[str, list[Person]] = defaultdict(list)
        for person in self.all.values():
            self._numbers[person.lms_user_id].append(person)
            for known in {person.id.casefold(), person.email.casefold()}:
                self._ids[known].append(person)
            self._mailboxes[person.email.casefold().partition("@")[0]].append(person)
            for key in _name_keys(person):
                self._names[key].append(person)

    def identify(self, named: Named) -> list[Person]:
        """Return the people that a hand-in may be of: one if it is certain, none if nobody fits.

        A system's own number decides before a login or an e-mail address, and these before a name.
        """
        for found, keys in (
            (self._numbers, (named.user_id,)),
            (self._ids, tuple(one.casefold() for one in named.ids)),
            (self._mailboxes, tuple(one.casefold() for one in named.ids)),
            (self._names, (name_key(named.name),)),
        ):
            people = next((found[key] for key in keys if key and key in found), None)
            if people:
                return people
        return []


def name_key(name: str) -> str:
    """Return a name's letters and digits in one case, as Canvas leaves them in a file's name."""
    letters = unicodedata.normalize("NFC", name).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


def _name_keys(person: Person) -> set[str]:
    """The keys of a name in every order that starts at one of its words: Doe Jane van, too."""
    words = person.name.split()
    return {name_key("".join(words[at:] + words[:at])) for at in range(len(words))} - {""}


def fallback_id(named: Named) -> str:
    """Return a student id for somebody whom no roster knows; empty if there is no usable one."""
    if named.system == "plain":
        return named.ids[0]
    if named.system in ("canvas", "blackboard"):
        return named.user_id
    return next(iter(named.ids), "") or _ascii(named.name.split()) or named.user_id


def _ascii(words: Iterable[str]) -> str:
    """A name as an id: José Núñez becomes jose.nunez; empty if letters would be lost."""
    parts = []
    for word in words:
        letters = unicodedata.normalize("NFKD", word).casefold()
        plain = [c for c in letters if c.isalnum()]
        if not all(c.isascii() for c in plain):
            return ""
        parts.append("".join(plain))
    return ".".join(part for part in parts if part)
