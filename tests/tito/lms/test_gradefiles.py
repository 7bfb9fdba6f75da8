"""Grade files: each system's own file with our scores, and nobody lost on the way."""

import csv
import io

import pytest
from downloads import SAMPLES, roster

from tito.errors import TitoError
from tito.lms import SYSTEMS
from tito.lms.gradefiles import Column, Filled, Grade, fill, points
from tito.lms.people import Person
from tito.lms.system import System
from tito.lms.tables import read_table

KERNELS = Column(("Kernels", "kernels", "11_kernels"), 100.0)
PEOPLE = [Person(p.id, p.first_name, p.last_name, p.email) for p in roster("plain.csv")]


def filled(
    system: str, name: str, grades: list[Grade], text: str = "", wanted: Column = KERNELS
) -> Filled:
    data = text.encode() or (SAMPLES / name).read_bytes()
    table = read_table(data, name)
    return fill(table, SYSTEMS[system].layout(table, wanted), grades)


def rows(data: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=delimiter))


SCORES = [Grade(person, 60.0 + place / 8) for place, person in enumerate(PEOPLE)]
CANVAS = [
    Grade(person, 60.0 + place / 8) for place, person in enumerate(roster("canvas_grades.csv"))
]

# The file of each system, the column of the score, and the score of the sixth person in it.
FILLED = {
    "canvas": ("canvas_grades.csv", CANVAS, 5, "60.63"),
    "moodle": ("moodle_worksheet.csv", SCORES, 4, "60.63"),
    "moodle in Spanish": ("moodle_worksheet_es.csv", SCORES, 4, "60,63"),
    "gradescope": ("gradescope_grades.csv", SCORES, 5, "60.63"),
    "blackboard": ("blackboard_grades.csv", SCORES, 6, "60.63"),
    "brightspace": ("brightspace_grades.csv", SCORES, 2, "60.63"),
}


@pytest.mark.parametrize(("name", "case"), FILLED.items(), ids=FILLED)
def test_fill_puts_each_score_into_its_row(
    name: str, case: tuple[str, list[Grade], int, str]
) -> None:
    file, grades, column, sixth = case
    done = filled(name.partition(" ")[0], file, grades)
    assert (done.unplaced, done.ungraded, done.empty) == ((), (), ())
    given = [row for row in rows(done.data)[1:] if row[0] and "Points" not in row[0]]
    assert given[5][column] == sixth
    assert [row[column] for row in given[:5]] == [
        points(60 + place / 8, "," if "es" in file.split("_")[-1][:2] else ".")
        for place in range(5)
    ]


@pytest.mark.parametrize(("name", "case"), FILLED.items(), ids=FILLED)
def test_fill_names_who_found_no_place_and_who_has_no_grade(
    name: str, case: tuple[str, list[Grade], int, str]
) -> None:
    file, grades, column, _ = case
    ours = [*grades[:4], Grade(grades[4].person, None), Grade(Person("eve", "Eve", "Adams"), 50.0)]
    done = filled(name.partition(" ")[0], file, ours)
    assert done.unplaced == ("eve (Eve Adams)",)
    assert done.ungraded == (grades[4].person.shown,)
    assert len(done.empty) == len(grades) - 5
    fifth = [row for row in rows(done.data)[1:] if row[0] and "Points" not in row[0]][4]
    assert fifth[column] == ""


def test_fill_keeps_the_rest_of_the_file_as_it_is() -> None:
    for file, system in (
        ("moodle_worksheet_es.csv", "moodle"),
        ("gradescope_grades.csv", "gradescope"),
    ):
        assert filled(system, file, []).data == (SAMPLES / file).read_bytes()


def test_fill_gives_back_nothing_of_other_assignments_to_canvas() -> None:
    done = rows(filled("canvas", "canvas_grades.csv", CANVAS).data)
    assert done[0] == [
        *("Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Kernels (12345)")
    ]
    assert done[2] == ["    Points Possible", "", "", "", "", "100"]


def test_fill_leaves_an_excused_student_of_canvas_alone() -> None:
    text = 'Student,ID,SIS Login ID,Section,Kernels (1)\n"Doe, Jane",7,jdoe,A,EX\n'
    done = filled("canvas", "a.csv", SCORES[:1], text)
    assert done.reserved == ("jdoe (Jane Doe, jdoe@uni.example): EX",)
    assert b",EX" in done.data


def test_fill_finds_people_of_canvas_by_name_without_ids() -> None:
    text = 'Student;ID;SIS Login ID;Section;Kernels (1)\n"van der Berg, Anna Maria";7;;A;\n'
    done = filled("canvas", "a.csv", SCORES, text)
    assert done.data.decode().splitlines()[1] == "van der Berg, Anna Maria;7;;A;60.63"


def test_fill_refuses_a_name_that_fits_two() -> None:
    text = 'Student,ID,SIS Login ID,Section,Kernels (1)\n"Smith, John",7,,A,\n'
    with pytest.raises(TitoError, match="may be jsmith1 .* and jsmith7"):
        filled("canvas", "a.csv", SCORES, text)


def test_fill_refuses_two_rows_of_one_student() -> None:
    text = "OrgDefinedId,Username,Kernels Points Grade,End-of-Line Indicator\n"
    with pytest.raises(TitoError, match="Rows 2 and 3 are both of jdoe"):
        filled("brightspace", "a.csv", SCORES, f"{text}#1,#jdoe,,#\n#2,#JDoe,,#\n")


OTHER_POINTS = {
    "canvas": (
        "Student,ID,SIS Login ID,Section,Kernels (1)\n    Points Possible,,,,10\nDoe,7,j,A,\n"
    ),
    "moodle": "Identifier,Full name,Email,Grade,Maximum grade\nParticipant 7,J,a@b,,10.00\n",
    "gradescope": "SID,Email,Total Score,Max Points\njdoe,,,10.0\n",
    "blackboard": "Username,Kernels [Total Pts: 10 Score] |7\njdoe,\n",
    "brightspace": "Username,Kernels Points Grade <Numeric MaxPoints:10 Weight:1>\n#jdoe,\n",
}


@pytest.mark.parametrize(("system", "text"), OTHER_POINTS.items(), ids=OTHER_POINTS)
def test_fill_refuses_a_column_of_other_points(system: str, text: str) -> None:
    with pytest.raises(TitoError, match="gives at most 10 points for it, the lesson 100"):
        filled(system, "a.csv", SCORES, text)


def test_fill_takes_the_column_that_is_named() -> None:
    text = "Username,Week 11 Points Grade,Week 1 Points Grade\n#jdoe,,\n"
    with pytest.raises(TitoError, match="0 columns of Brightspace's file") as caught:
        filled("brightspace", "a.csv", SCORES, text)
    assert "it has: Week 11 Points Grade, Week 1 Points Grade." in caught.value.remedy
    wanted = Column(KERNELS.titles, 100.0, "week 1")
    assert filled("brightspace", "a.csv", SCORES, text, wanted).data.endswith(b"#jdoe,60\n")


def test_fill_takes_the_column_of_a_number() -> None:
    text = "Student,ID,SIS Login ID,Section,Kernels (1),Kernels (2)\nDoe,7,jdoe,A,,\n"
    with pytest.raises(TitoError, match="2 columns of Canvas's file"):
        filled("canvas", "a.csv", SCORES, text)
    wanted = Column(KERNELS.titles, 100.0, "Kernels (2)")
    done = filled("canvas", "a.csv", SCORES, text, wanted)
    assert done.data.endswith(b"Kernels (2)\nDoe,7,jdoe,A,60\n")


def test_fill_knows_a_student_by_canvas_number_where_no_roster_was_read() -> None:
    text = "Student,ID,SIS Login ID,Section,Kernels (1)\nDoe,7,jdoe,A,\n"
    assert filled("canvas", "a.csv", [Grade(Person("7"), 5.0)], text).unplaced == ()


def test_fill_keeps_the_form_of_the_file() -> None:
    text = (
        '\ufeff"Last Name"\t"Username"\t"Kernels [Total Pts: up to 100 Score] |17"\r\n'
        '"Doe"\t"jdoe"\t""\r\n'
    )
    data = filled("blackboard", "a.xls", SCORES[:1], text).data
    assert data.decode() == text.replace('""\r', '"60"\r')


@pytest.mark.parametrize("system", ["gradescope", "blackboard", "moodle", "canvas", "brightspace"])
def test_layout_says_that_a_file_is_another_one(system: str) -> None:
    with pytest.raises(TitoError):
        filled(system, "a.csv", SCORES, "colour,size,weight,x,y,z\nred,a,b,c,d,e\n")


ROUNDED = {80.10000000000001: "80.1", 72.675: "72.68", 66.665: "66.67", 0.0: "0", 100.0: "100"}


@pytest.mark.parametrize(("score", "text"), ROUNDED.items())
def test_points_rounds_once(score: float, text: str) -> None:
    assert points(score) == text


# Files from nothing.

NEW = [system for system in SYSTEMS.values() if system.new_file]


@pytest.mark.parametrize("system", NEW, ids=[system.title for system in NEW])
def test_new_file_can_be_filled_again(system: System) -> None:
    made = system.new_file(SCORES, KERNELS)
    table = read_table(made.encoded(), "made.csv")
    if system.title == "Canvas":
        assert made.header == ["Student", "ID", "SIS Login ID", "Section", "Kernels"]
        assert made.rows[1:3] == [
            ["    Points Possible", "", "", "", "100"],
            ["Doe, Jane", "", "jdoe", "", "60"],
        ]
        return
    done = fill(table, system.layout(table, KERNELS), SCORES)
    assert (done.data, done.unplaced) == (made.encoded(), ())


@pytest.mark.parametrize("system", NEW, ids=[system.title for system in NEW])
def test_new_file_holds_no_formula(system: System) -> None:
    evil = Person("=cmd()", "@a", "=1+1", "+a@b", section="-x")
    for row in system.new_file([Grade(evil, 5.0)], KERNELS).rows[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
