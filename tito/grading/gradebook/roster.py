"""The roster: the students in nbgrader's gradebook, and their sections in a file beside it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tito.course import Course
from tito.errors import TitoError
from tito.files import write_whole
from tito.grading.gradebook.assignment import has_gradebook, nbgrader_api
from tito.grading.gradebook.database import database_error
from tito.grading.intake.owners import IDS, STUDENT
from tito.lms.names import Named
from tito.lms.people import People, Person

__all__ = ["Entered", "enter_roster", "read_roster"]

COLUMNS = ("first_name", "last_name", "email", "lms_user_id")
"""What nbgrader's gradebook keeps of a student."""


@dataclass(frozen=True)
class Entered:
    """The ids of the students who are new, changed and the same, and of those not in the file."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    others: tuple[str, ...]


def read_roster(course: Course) -> list[Person]:
    """Return the students that the gradebook knows; none where there is no gradebook."""
    from nbgrader.api import Student
    from sqlalchemy import create_engine, inspect, select

    if not has_gradebook(course):
        return []
    sections = _read_sections(course)
    engine = create_engine(course.gradebook_url)
    try:
        if not inspect(engine).has_table(Student.__tablename__):
            return []
        wanted = select(*(getattr(Student, name) for name in ("id", *COLUMNS)))
        with engine.connect() as connection:
            rows = connection.execute(wanted.order_by(Student.id)).all()
    finally:
        engine.dispose()
    people = (Person(*(value or "" for value in row)) for row in rows)
    return [replace(person, section=sections.get(person.id, "")) for person in people]


def enter_roster(course: Course, people: Sequence[Person]) -> Entered:
    """Enter people into the gradebook; nobody is removed, and what a file leaves out stays.

    Who is in the gradebook already is found by the system's number, the id or the e-mail address.

    Raises
    ------
    TitoError
        If two rows are of one student, an id is none, or the gradebook cannot be written.
    """
    try:
        known = People(read_roster(course))
        found = [_merged(known, person) for person in people]
        _require_one_each(found, people)
        changed = [person for person in found if known.all.get(person.id) != person]
        _write(course, changed)
    except TitoError:
        raise
    except Exception as error:
        told = database_error(error)
        if told is None:
            raise
        raise told from error
    sections = {person.id: person.section for person in found if person.section}
    _write_sections(course, sections)
    ids = {person.id for person in found}
    return Entered(
        tuple(sorted(person.id for person in changed if person.id not in known.all)),
        tuple(sorted(person.id for person in changed if person.id in known.all)),
        tuple(sorted(ids - {person.id for person in changed})),
        tuple(sorted(known.all.keys() - ids)),
    )


def _merged(known: People, person: Person) -> Person:
    """A person of the file with what the gradebook knows already."""
    ids = tuple(filter(None, (person.id, person.email)))
    same = known.all.get(person.id)
    if same is None:
        found = known.identify(Named("roster", "", "", ids=ids, user_id=person.lms_user_id))
        if len(found) > 1:
            both = " and ".join(one.shown for one in found)
            raise TitoError(
                f"{person.shown} may be {both}.", "Give the file the ids of the gradebook."
            )
        same = next(iter(found), None)
    if same is None:
        return person
    told = {name: value for name, value in asdict(person).items() if value and name != "id"}
    return replace(same, **told)


def _require_one_each(found: Sequence[Person], people: Sequence[Person]) -> None:
    rows: dict[tuple[str, str], Person] = {}
    for person, row in zip(found, people, strict=True):
        if not STUDENT.fullmatch(person.id):
            raise TitoError(
                f"{person.id!r} is no student id: {IDS}.",
                "Give the file a column id.",
            )
        numbers = [("id", person.id.casefold())]
        numbers += [("LMS id", person.lms_user_id)] if person.lms_user_id else []
        for kind, number in numbers:
            other = rows.setdefault((kind, number), row)
            if other is not row:
                raise TitoError(
                    f"{other.shown} and {row.shown} have the same {kind}: {number}.",
                    "Fix the file and read it again; nothing was changed.",
                )


def _write(course: Course, people: Sequence[Person]) -> None:
    """Enter people in one transaction."""
    from nbgrader.api import Student

    with nbgrader_api(course).gradebook as gradebook:
        session: Any = gradebook.db
        entries = {student.id: student for student in session.query(Student)}
        for person in people:
            entry = entries.get(person.id)
            if entry is None:
                entry = Student(id=person.id)
                session.add(entry)
            for name in COLUMNS:
                setattr(entry, name, getattr(person, name) or None)
        session.commit()


def _sections_file(course: Course) -> Path:
    return course.assignments / "sections.json"


def _read_sections(course: Course) -> dict[str, str]:
    try:
        data = json.loads(_sections_file(course).read_bytes())
        return {str(student): str(section) for student, section in data["sections"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_sections(course: Course, sections: dict[str, str]) -> None:
    before = _read_sections(course)
    if before | sections != before:
        data = {"format": "tito-sections", "version": 1, "sections": before | sections}
        write_whole(_sections_file(course), json.dumps(data, indent=1).encode(), 0o600)
