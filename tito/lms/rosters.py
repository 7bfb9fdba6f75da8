"""Rosters: the people in a system's grade file or list of participants, or in a plain CSV."""

import re
from collections.abc import Iterator

from tito.errors import TitoError
from tito.lms.canvas import TEST_STUDENT
from tito.lms.people import Person
from tito.lms.tables import Table, cell, read_table

__all__ = ["read_people"]

# The headers of the columns, in lower case. Moodle translates its own; these are its words in
# English, Spanish, German, French, Portuguese, Italian and Dutch.
IDS = (
    *("id", "student_id", "username", "login", "sis login id", "user", "sid", "student id"),
    *(
        "student",
        "id number",
        "orgdefinedid",
        "número de id",
        "id-nummer",
        "numéro d'identification",
    ),
)
FIRST = (
    *("first_name", "first name", "firstname", "given name", "nombre", "vorname", "prénom"),
    *("nome", "voornaam"),
)
LAST = (
    *("last_name", "last name", "lastname", "surname", "family name", "apellido(s)", "apellidos"),
    *("nachname", "nom", "nom de famille", "sobrenome", "apelido", "cognome", "achternaam"),
)
NAME = ("name", "full name", "full_name", "student name")
EMAIL = (
    *("email", "e-mail", "email address", "e-mail address", "dirección de correo"),
    *("e-mail-adresse", "adresse de courriel", "endereço de email", "indirizzo email"),
    "e-mailadres",
)
SECTION = (
    *("section", "sections", "section_name", "group", "groups", "grupos", "gruppen", "groupes"),
    *("grupo", "gruppi", "groepen"),
)
LMS_ID = ("lms_user_id", "lms id", "lms_id")

PARTICIPANT = re.compile(r"\D+ (\d+)")


def read_people(data: bytes, name: str) -> list[Person]:
    """Read the people in a CSV file; `name` is the file's.

    A person whom the file gives neither a login nor an e-mail address has an empty id.

    Raises
    ------
    TitoError
        If the file lists nobody, or tells neither ids nor e-mail addresses.
    """
    table = read_table(data, name)
    people = list(_of_canvas(table) or _of_moodle(table) or _of_columns(table))
    if not people:
        raise TitoError(
            f"{name} lists nobody with an id or an e-mail address.",
            "Give it a header with id, first_name, last_name, email, section.",
        )
    return people


def _of_canvas(table: Table) -> list[Person]:
    """Canvas's grade export: the row of points and those of the test student name nobody."""
    number = table.column("id")
    is_export = "section" in map(str.casefold, table.header) and table.column("student") == 0
    is_split = table.column("lastname") == 0 and table.column("firstname") == 1
    if number < 0 or not (is_export or is_split):
        return []
    logins = [table.column("sis login id"), table.column("sis user id"), number]
    section = table.column("section")
    return [
        Person(
            next(filter(None, (cell(row, place) for place in logins))),
            *_canvas_name(row, split=is_split),
            lms_user_id=cell(row, number),
            section=cell(row, section),
        )
        for _, row in table.body()
        if cell(row, number).isdigit() and cell(row, 0) != TEST_STUDENT
    ]


def _canvas_name(row: list[str], *, split: bool) -> tuple[str, str]:
    if split:
        return cell(row, 1), cell(row, 0)
    last, _, first = cell(row, 0).partition(",")
    return (first.strip(), last.strip()) if first else _split(last)


def _of_moodle(table: Table) -> list[Person]:
    """Moodle's grading worksheet, in any language: its columns are known by what is in them."""
    rows = [row for _, row in table.body()]
    if not all(PARTICIPANT.fullmatch(cell(row, 0)) for row in rows) or len(table.header) < 4:
        return []
    email = next(
        (at for at in range(2, len(table.header)) if any("@" in cell(row, at) for row in rows)), -1
    )
    id_number = 2 if email == 3 else -1
    return [
        Person(
            cell(row, id_number) or cell(row, email),
            *_split(cell(row, 1)),
            email=cell(row, email),
            lms_user_id=cell(row, 0).rpartition(" ")[2],
        )
        for row in rows
    ]


def _of_columns(table: Table) -> Iterator[Person]:
    """A file whose columns are called like what is in them."""
    first, last, full = (table.column(*names) for names in (FIRST, LAST, NAME))
    email, section, number = (table.column(*names) for names in (EMAIL, SECTION, LMS_ID))
    ids = [at for at in (table.column(key) for key in IDS) if at >= 0]
    for _, row in table.body():
        id_ = next(filter(None, (cell(row, at).removeprefix("#") for at in ids)), "")
        names = (cell(row, first), cell(row, last))
        whole = names if any(names) else _split(cell(row, full))
        mail = cell(row, email)
        if id_ or mail:
            yield Person(id_ or mail, *whole, mail, cell(row, number), cell(row, section))


def _split(name: str) -> tuple[str, str]:
    """The first names and the last name in a full name, as far as one can tell."""
    last, comma, first = name.partition(",")
    if comma:
        return first.strip(), last.strip()
    first, _, last = name.strip().rpartition(" ")
    return first, last
