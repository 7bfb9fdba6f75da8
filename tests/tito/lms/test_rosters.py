"""Rosters: what each system's file tells of its people, in any language and encoding."""

import re

import pytest
from downloads import SAMPLES, roster

from tito.errors import TitoError
from tito.lms.people import Person
from tito.lms.rosters import read_people

JOSE = ("José", "Núñez")
MAIL = "jnunez@uni.example"

# What each sample tells of the seventh of its people.
TOLD = {
    "canvas_grades.csv": (30, Person("jnunez", *JOSE, "", "1147", "Lab B")),
    "moodle_worksheet.csv": (
        8,
        Person(MAIL, *JOSE, MAIL, "700106"),
    ),
    "moodle_worksheet_es.csv": (8, Person(MAIL, *JOSE, MAIL, "700106")),
    "moodle_participants.csv": (8, Person("jnunez", *JOSE, MAIL, section="Lab B")),
    "gradescope_grades.csv": (8, Person("jnunez", *JOSE, MAIL, section="Lab A")),
    "blackboard_grades.csv": (8, Person("jnunez", *JOSE)),
    "brightspace_grades.csv": (8, Person("jnunez")),
    "plain.csv": (8, Person("jnunez", *JOSE, MAIL, section="Lab A")),
}


@pytest.mark.parametrize(("name", "told"), TOLD.items(), ids=TOLD)
def test_read_people_reads_the_file_of_each_system(name: str, told: tuple[int, Person]) -> None:
    people = roster(name)
    assert (len(people), people[6]) == told


ENCODINGS = {
    "bytes and commas": ("utf-8", ","),
    "Excel's UTF-8 and semicolons": ("utf-8-sig", ";"),
    "Excel's Unicode text": ("utf-16", "\t"),
    "an old Windows": ("cp1252", ";"),
}


@pytest.mark.parametrize(("encoding", "sign"), ENCODINGS.values(), ids=ENCODINGS)
def test_read_people_reads_every_usual_encoding(encoding: str, sign: str) -> None:
    text = "id,first_name,last_name\r\njnunez,José,Núñez\r\n".replace(",", sign)
    assert read_people(text.encode(encoding), "a.csv") == [Person("jnunez", *JOSE)]


TRANSLATED = {
    "es": "Nombre,Apellido(s),Dirección de correo",
    "de": "Vorname,Nachname,E-Mail-Adresse",
    "fr": "Prénom,Nom,Adresse de courriel",
    "it": "Nome,Cognome,Indirizzo email",
    "nl": "Voornaam,Achternaam,E-mailadres",
}


@pytest.mark.parametrize("header", TRANSLATED.values(), ids=TRANSLATED)
def test_read_people_reads_moodles_participants_in_its_languages(header: str) -> None:
    people = read_people(f"{header}\nJosé,Núñez,jn@uni.example\n".encode(), "a.csv")
    assert people == [Person("jn@uni.example", *JOSE, "jn@uni.example")]


def test_read_people_reads_canvas_with_semicolons_and_split_names() -> None:
    text = "LastName;FirstName;ID;SIS User ID;SIS Login ID;Section;Kernels (1)\n"
    people = read_people(f"{text}Núñez;José;1147;s1;jnunez;Lab;\n".encode(), "a.csv")
    assert people == [Person("jnunez", *JOSE, lms_user_id="1147", section="Lab")]


@pytest.mark.parametrize("number", ["", "s7"])
def test_read_people_takes_canvas_ids_in_their_order(number: str) -> None:
    text = f'Student,ID,SIS User ID,SIS Login ID,Section\n"Doe, Jane",9,{number},,A\n'
    (one,) = read_people(text.encode(), "a.csv")
    assert one.id == (number or "9")


@pytest.mark.parametrize("data", [b"", b"id\n", b"\n\n", b"colour,size\nred,1\n", b"\x00\xff\x00"])
def test_read_people_says_that_a_file_lists_nobody(data: bytes) -> None:
    with pytest.raises(TitoError, match=re.escape("a.csv")):
        read_people(data, "a.csv")


def test_samples_hold_invented_people_only() -> None:
    for path in SAMPLES.glob("*.csv"):
        addresses = re.findall(r"@([\w.]+)", path.read_text(encoding="utf-8-sig"))
        assert set(addresses) <= {"uni.example"}
