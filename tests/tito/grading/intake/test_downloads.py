"""Collecting what systems let an instructor download: who, when, and nothing lost."""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from downloads import SAMPLES, as_folder, content, download, names_of, roster, zipped
from edits import with_settings

from tito.course import Course
from tito.errors import TitoError
from tito.grading.intake.collect import collect_paths
from tito.grading.intake.collection import Collected, Collection, NothingCollected
from tito.grading.intake.shelf import read_receipts
from tito.lesson import Lesson, find_lesson
from tito.lms.people import Person

WORK = b'{"cells": []}'
OLDER = b'{"cells": [], "older": true}'


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    """The kernels lesson of a course in which nothing is collected yet."""
    return find_lesson(plain_course, "kernels")


def stored(lesson: Lesson, student: str, name: str = "kernels.ipynb") -> bytes:
    return lesson.handed_in(student).with_name(name).read_bytes()


def earlier(lesson: Lesson, student: str) -> list[bytes]:
    folder = lesson.handed_in(student, "earlier").parent
    return [path.read_bytes() for path in sorted(folder.glob("*"))]


def by_name(collection: Collection) -> dict[str, Collected]:
    return {one.name: one for one in collection.submissions}


def refused(collection: Collection) -> dict[str, str]:
    return {one.name: one.reason for one in collection.submissions if one.status == "refused"}


# Canvas: a class of thirty with all that people do to the names of their files.


@pytest.fixture
def canvas(tmp_path: Path) -> Path:
    return download(tmp_path / "in" / "submissions.zip", names_of("canvas"))


@pytest.mark.parametrize("place", ["zip", "folder", "zip in a folder", "zip in a zip", "unpacked"])
def test_collect_takes_a_class_of_thirty_from_canvas(
    lesson: Lesson, tmp_path: Path, canvas: Path, place: str
) -> None:
    path = canvas
    if place == "zip in a folder":
        path = canvas.parent
    elif place == "zip in a zip":
        path = tmp_path / "class.zip"
        path.write_bytes(zipped({"submissions.zip": canvas.read_bytes()}))
    elif place in ("folder", "unpacked"):
        path = tmp_path / "out"
        with zipfile.ZipFile(canvas) as file:
            file.extractall(path / "submissions" if place == "folder" else path)
    people = roster("canvas_grades.csv")
    done = collect_paths(lesson, [path], people)
    everybody = {person.id for person in people}
    assert set(lesson.submitted_students()) == everybody - {"eyilmaz"}
    assert refused(done) == {"eyilmaz": "it holds no kernels.ipynb: text.html"}
    assert [one.reason for one in done.submissions if one.reason and one.status != "refused"] == [
        "took kernels.ipynb, and not notes.txt"
    ]
    assert done.left == []
    assert not done.is_complete
    assert stored(lesson, "jsmith1") == content("smithjohn_1143_50306_kernels.ipynb")
    assert stored(lesson, "jsmith7") == content("smithjohn_1144_50309_kernels (1).ipynb")
    assert stored(lesson, "nabdel") == content("abdelrahmannour_1154_50339_hand-in.zip!")
    assert b'\\"xwang\\"' not in stored(lesson, "xwang")
    assert json.loads(stored(lesson, "xwang"))["cells"][1]["metadata"] == {
        "nbgrader": {"grade_id": "a"}
    }


def test_collect_says_who_is_late_by_canvas(lesson: Lesson, canvas: Path) -> None:
    done = by_name(collect_paths(lesson, [canvas], roster("canvas_grades.csv")))
    late = {name for name, one in done.items() if any("late" in note for note in one.notes)}
    assert late == {"mobrien", "zluka", "jkowal", "shaddad", "bandersson", "imacdon"}
    assert not lesson.handed_in("mobrien").with_name("timestamp.txt").exists()


def test_collect_calls_people_by_canvas_number_without_a_roster(
    lesson: Lesson, canvas: Path
) -> None:
    done = by_name(collect_paths(lesson, [canvas]))
    assert len(lesson.submitted_students()) == 29
    assert all(re.fullmatch(r"11[4-7]\d", name) for name in lesson.submitted_students())
    assert done["1145"].notes[0].startswith("no roster tells who they are")


def test_collect_refuses_whom_the_roster_does_not_have(lesson: Lesson, canvas: Path) -> None:
    people = [person for person in roster("canvas_grades.csv") if person.id != "jdoe"]
    done = collect_paths(lesson, [canvas], people)
    assert refused(done)["doejane (1141)"] == "nobody in the roster fits"
    assert "tito roster FILE" in by_name(done)["doejane (1141)"].remedy


def test_collect_asks_where_a_name_fits_two_people(lesson: Lesson, canvas: Path) -> None:
    people = [Person(one.id, one.first_name, one.last_name) for one in roster("canvas_grades.csv")]
    done = collect_paths(lesson, [canvas], people)
    reason = "may be jsmith1 (John Smith) and jsmith7 (John Smith)"
    assert refused(done)["smithjohn (1143)"] == f"smithjohn (1143) {reason}"
    assert refused(done)["smithjohn (1144)"] == f"smithjohn (1144) {reason}"
    assert len(lesson.submitted_students()) == 27


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "in reverse"])
def test_collect_lets_the_newest_of_canvas_count_in_any_order(
    lesson: Lesson, tmp_path: Path, order: int
) -> None:
    names = ["doejane_1141_900_kernels.ipynb", "doejane_1141_1001_kernels-1.ipynb"]
    paths = [download(tmp_path / f"{name}.zip", [name]) for name in names]
    done = collect_paths(lesson, paths[::order], roster("canvas_grades.csv"))
    assert stored(lesson, "jdoe") == content(names[1])
    assert earlier(lesson, "jdoe") == [content(names[0])]
    assert sorted(one.status for one in done.submissions) == ["collected", "older"]
    collect_paths(lesson, paths[:1], roster("canvas_grades.csv"))  # in another run, too
    assert stored(lesson, "jdoe") == content(names[1])


def test_collect_takes_no_time_that_a_student_put_into_a_zip(
    lesson: Lesson, tmp_path: Path
) -> None:
    own = zipped({"kernels.ipynb": WORK, "timestamp.txt": b"any time you like"})
    path = download(tmp_path / "submissions.zip", [], {"doejane_LATE_1141_900_a.zip": own})
    collect_paths(lesson, [path], roster("canvas_grades.csv"))
    assert stored(lesson, "jdoe") == WORK
    assert not lesson.handed_in("jdoe").with_name("timestamp.txt").exists()


def test_collect_takes_a_download_of_another_name_if_it_is_forced(
    lesson: Lesson, tmp_path: Path, canvas: Path
) -> None:
    people = roster("canvas_grades.csv")
    canvas.rename(canvas.with_name("hw.zip"))
    as_folder(canvas.parent, {"ada/kernels.ipynb": WORK})
    done = by_name(collect_paths(lesson, [canvas.parent], people))
    assert done["hw"].status == "refused"
    assert done["hw"].remedy == "If it is Canvas's download, name it alone, or use --from."
    collect_paths(lesson, [canvas.parent], people, system="canvas")
    assert len(lesson.submitted_students()) == 30


@pytest.mark.parametrize("name", ["ada.zip", "ada/work.zip"])
def test_collect_believes_no_time_in_a_students_own_zip(
    lesson: Lesson, tmp_path: Path, name: str
) -> None:
    own = zipped({"kernels.ipynb": WORK, "timestamp.txt": b"2027-01-01 00:00:00 UTC"})
    (one,) = collect_paths(lesson, [as_folder(tmp_path / "in", {name: own})]).submissions
    assert one.reason.endswith("timestamp.txt")
    assert not lesson.handed_in("ada").with_name("timestamp.txt").exists()


def test_collect_names_what_canvas_did_not_name(lesson: Lesson, canvas: Path) -> None:
    with zipfile.ZipFile(canvas, "a") as file:
        file.writestr("kernels.ipynb", WORK)
    done = collect_paths(lesson, [canvas], roster("canvas_grades.csv"))
    (left,) = done.left
    assert left.file == "submissions.zip/kernels.ipynb"
    assert left.reason == "its name is not one that Canvas gives"


def test_collect_never_takes_a_students_zip_for_a_download(lesson: Lesson, tmp_path: Path) -> None:
    forged = download(tmp_path / "in" / "ada.zip", ["doejane_1141_9999_kernels.ipynb"])
    collect_paths(lesson, [forged.parent], roster("canvas_grades.csv"))
    assert lesson.submitted_students() == ["ada"]


FORGED = {
    "Canvas": {f"doejohn_1142_{n}_kernels.ipynb": WORK for n in range(90, 99)},
    "Gradescope": {
        "submission_metadata.yml": b"submission_9:\n  :submitters:\n  - :sid: jdoe2\n",
        "submission_9/kernels.ipynb": WORK,
        "submission_9/kernels-1.ipynb": WORK,
    },
    "Moodle": {f"John Doe_{n}_assignsubmission_file_/kernels.ipynb": WORK for n in range(9)},
}


@pytest.mark.parametrize("files", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("form", ["folder", "zip", "named zip", "zip in Canvas's"])
def test_collect_takes_no_download_from_a_student(
    lesson: Lesson, tmp_path: Path, files: dict[str, bytes], form: str
) -> None:
    """Whatever names a student's files have, they are that student's."""
    path = tmp_path / "in"
    if form == "folder":
        as_folder(path / "jdoe", files)
    elif form == "zip in Canvas's":
        path = download(path / "submissions.zip", [], {"doejane_1141_5_a.zip": zipped(files)})
    else:
        as_folder(path, {"jdoe.zip": zipped(files)})
        path = path / "jdoe.zip" if form == "named zip" else path
    collect_paths(lesson, [path], roster("canvas_grades.csv"))
    assert "jdoe2" not in lesson.submitted_students()


def test_collect_refuses_work_of_a_known_student_in_a_zip_of_canvas(
    lesson: Lesson, tmp_path: Path
) -> None:
    forged = {"doejane_1141_5_a.zip": zipped({"jdoe2/kernels.ipynb": WORK})}
    done = collect_paths(
        lesson, [download(tmp_path / "submissions.zip", [], forged)], roster("canvas_grades.csv")
    )
    assert refused(done) == {"jdoe": "a.zip: jdoe2/kernels.ipynb names another student: jdoe2"}


def test_collect_keeps_anonymous_work_out_of_the_tree(lesson: Lesson, tmp_path: Path) -> None:
    names = ["anon_tsv1S_50_kernels.ipynb", "LATE_anon_xyz_51_kernels.ipynb"]
    done = collect_paths(lesson, [download(tmp_path / "submissions.zip", names)])
    assert set(refused(done)) == {"anon_tsv1S", "anon_xyz"}
    assert lesson.submitted_students() == []


# Moodle.


def test_collect_takes_moodles_folders_of_both_versions(lesson: Lesson, tmp_path: Path) -> None:
    path = download(tmp_path / "TT-Kernels-4711.zip", names_of("moodle"))
    done = collect_paths(lesson, [path], roster("moodle_participants.csv"))
    assert lesson.submitted_students() == sorted(
        {one.id for one in roster("plain.csv")} - {"jsmith1", "jsmith7"}
    )
    assert set(refused(done)) == {"John Smith (700102)"}
    assert by_name(done)["jmueller"].reason == "took kernels.ipynb, and not onlinetext.html"
    assert stored(lesson, "mobrien") == content(names_of("moodle")[7])


def test_collect_tells_people_of_one_name_by_moodles_worksheet(
    lesson: Lesson, tmp_path: Path
) -> None:
    path = download(tmp_path / "TT-Kernels-4711.zip", names_of("moodle"))
    done = collect_paths(lesson, [path], roster("moodle_worksheet_es.csv"))
    assert "jsmith1@uni.example" in lesson.submitted_students()
    assert refused(done) == {}


def test_collect_takes_moodles_flat_download_without_a_roster(
    lesson: Lesson, tmp_path: Path
) -> None:
    names = [
        "José Núñez_700106_assignsubmission_file_kernels.ipynb",
        "Ольга Иванова_700110_assignsubmission_file_kernels.ipynb",
    ]
    collect_paths(lesson, [download(tmp_path / "TT-Kernels-4711.zip", names)])
    assert lesson.submitted_students() == ["700110", "jose.nunez"]


def test_collect_refuses_two_people_of_one_name_without_a_roster(
    lesson: Lesson, tmp_path: Path
) -> None:
    names = [f"John Smith_{n}_assignsubmission_file_/kernels.ipynb" for n in (700102, 700103)]
    done = collect_paths(lesson, [download(tmp_path / "TT-Kernels-4711.zip", names)])
    reason = "two people may be called John Smith"
    assert refused(done) == dict.fromkeys(["John Smith (700102)", "John Smith (700103)"], reason)


# Blackboard and Brightspace: a folder or a name per attempt, with the time by the course's clock.


def test_collect_takes_the_last_attempt_of_blackboard(lesson: Lesson, tmp_path: Path) -> None:
    path = download(tmp_path / "gradebook_TT_Kernels_2027.zip", names_of("blackboard"))
    done = collect_paths(lesson, [path], roster("blackboard_grades.csv"))
    assert len(lesson.submitted_students()) == 8
    assert done.is_complete
    newest = "Kernels (week 11)_jdoe_attempt_2027-01-20-16-26-00_kernels.ipynb"
    assert stored(lesson, "jdoe") == content(newest)
    assert len(earlier(lesson, "jdoe")) == 1
    # The deadline of the course is at +0100.
    assert stored(lesson, "jdoe", "timestamp.txt") == b"2027-01-20 15:26:00.000000 UTC"


def test_collect_takes_names_with_underscores_from_blackboard(
    lesson: Lesson, tmp_path: Path
) -> None:
    names = [
        f"Week_11_{who}_poging_2027-01-20-16-26-00_kernels.ipynb" for who in ("mary_ann", "bob_ann")
    ]
    collect_paths(lesson, [download(tmp_path / "gradebook_a.zip", names)])
    assert lesson.submitted_students() == ["bob_ann", "mary_ann"]


def test_collect_knows_names_with_underscores_by_the_roster(lesson: Lesson, tmp_path: Path) -> None:
    name = "Week_11_mary_ann_attempt_2027-01-20-16-26-00_kernels.ipynb"
    path = download(tmp_path / "gradebook_a.zip", [name])
    collect_paths(lesson, [path], [Person("mary_ann", "M", "A"), Person("ann", "A", "B")])
    assert lesson.submitted_students() == ["mary_ann"]


def test_collect_takes_the_last_attempt_of_brightspace(lesson: Lesson, tmp_path: Path) -> None:
    path = download(tmp_path / "Kernels Download Jan 30, 2027.zip", names_of("brightspace"))
    done = collect_paths(lesson, [path], roster("plain.csv"))
    assert lesson.submitted_students() == [
        "avdberg",
        "jdoe",
        "jdoe2",
        "jmueller",
        "jnunez",
        "mobrien",
    ]
    assert done.is_complete
    assert stored(lesson, "jdoe", "timestamp.txt") == b"2027-01-20 10:49:00.000000 UTC"
    assert len(earlier(lesson, "jdoe")) == 1


def test_collect_refuses_namesakes_of_brightspace_without_a_roster(
    lesson: Lesson, tmp_path: Path
) -> None:
    names = [
        f"{number}-77 - John Smith - Jan 20, 2027 926 PM/kernels.ipynb" for number in (9002, 9003)
    ]
    done = collect_paths(lesson, [download(tmp_path / "a.zip", names)])
    assert set(refused(done)) == {"John Smith (9002)", "John Smith (9003)"}


def test_collect_takes_no_local_time_without_a_clock(plain_course: Course, tmp_path: Path) -> None:
    lesson = with_settings(plain_course, "due = 2027-01-31 23:59:59 +0100", "due =")
    path = download(tmp_path / "gradebook_a.zip", names_of("blackboard")[:2])
    (one,) = collect_paths(lesson, [path]).submissions
    assert one.notes[-1] == "Blackboard's time has no zone: set time_zone in settings.ini"
    assert not lesson.handed_in("jdoe").with_name("timestamp.txt").exists()


# Gradescope: the metadata beside the folders tell who and when.


def gradescope(path: Path) -> Path:
    files = {f"assignment_1_export/submission_{880000 + n}/kernels.ipynb": WORK for n in range(4)}
    about = (SAMPLES / "gradescope_metadata.yml").read_bytes()
    return download(path, [], {**files, "assignment_1_export/submission_metadata.yml": about})


def test_collect_takes_an_export_of_gradescope(lesson: Lesson, tmp_path: Path) -> None:
    done = collect_paths(lesson, [gradescope(tmp_path / "assignment_1_export.zip")])
    students = ["jdoe", "jdoe2", "jmueller", "jsmith1", "jsmith7"]  # two of them as a group
    assert lesson.submitted_students() == students
    assert done.is_complete
    assert stored(lesson, "jdoe", "timestamp.txt") == b"2027-01-20 15:26:37.000000 UTC"


def export(path: Path, entries: Mapping[str, str]) -> Path:
    """Write an export of Gradescope in which a submission has this metadata."""
    about = "".join(f"{folder}:\n{text}" for folder, text in entries.items())
    works = {f"{folder}/kernels.ipynb": folder.encode() for folder in entries}
    return download(path, [], {**works, "submission_metadata.yml": about.encode()})


NAMELESS = "  :submitters:\n  - :name: Jane Doe\n    :sid: ''\n    :email: ''\n"
KNOWN = "  :submitters:\n  - :name: Jane Doe\n    :sid: jdoe\n    :email: ''\n"


@pytest.mark.parametrize("people", [[], [Person("jdoe", "Jane", "Doe")]], ids=["none", "a roster"])
def test_collect_refuses_namesakes_of_gradescope_without_ids(
    lesson: Lesson, tmp_path: Path, people: list[Person]
) -> None:
    path = export(tmp_path / "a.zip", {"submission_1": NAMELESS, "submission_2": NAMELESS})
    done = collect_paths(lesson, [path], people)
    assert [one.status for one in done.submissions] == ["refused", "refused"]
    assert refused(done) == {"Jane Doe": "two people may be called Jane Doe"}
    assert lesson.submitted_students() == []


def test_collect_takes_a_namesake_with_an_id(lesson: Lesson, tmp_path: Path) -> None:
    path = export(tmp_path / "a.zip", {"submission_1": KNOWN, "submission_2": NAMELESS})
    done = collect_paths(lesson, [path], [Person("jdoe", "Jane", "Doe")])
    assert stored(lesson, "jdoe") == b"submission_1"
    assert refused(done) == {"Jane Doe": "two people may be called Jane Doe"}


@pytest.mark.parametrize("time", ["2027-02-30 10:00:00 Z", "2027-02-03 10:00:00 +9999", "soon"])
def test_collect_names_who_has_a_time_that_cannot_be_read(
    lesson: Lesson, tmp_path: Path, time: str
) -> None:
    good = KNOWN.replace("jdoe", "ada") + "  :created_at: 2027-01-20 15:26:37.412 Z\n"
    bad = f"{KNOWN}  :created_at: {time}\n"
    path = export(tmp_path / "a.zip", {"submission_1": bad, "submission_2": good})
    notes = {one.name: one.notes[-1] for one in collect_paths(lesson, [path]).submissions}
    assert notes["jdoe"].startswith("Gradescope's time cannot be read")
    assert "time" not in notes["ada"]
    assert lesson.submitted_students() == ["ada", "jdoe"]


def test_collect_reads_no_objects_from_metadata(lesson: Lesson, tmp_path: Path) -> None:
    evil = b"submission_1: !!python/object/apply:os.system ['touch hit']\n"
    files = {"submission_1/kernels.ipynb": WORK, "submission_metadata.yml": evil}
    with pytest.raises(TitoError):
        collect_paths(lesson, [download(tmp_path / "x.zip", [], files)], system="gradescope")
    assert not os.path.lexists("hit")


# What people do to the names of their files.

VARIANTS = {
    "a browser's copy": "kernels (1).ipynb",
    "Jupyter's copy": "kernels-Copy1.ipynb",
    "a mail program's suffix": "kernels.ipynb.txt",
    "capitals": "KERNELS.IPYNB",
    "Canvas's number": "kernels-2.ipynb",
    "a copy of macOS": "kernels copy 2.ipynb",
    "a copy of Windows": "kernels - Copy.ipynb",
}


@pytest.mark.parametrize("name", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("form", ["{}", "ada/{}", "ada/work/{}", "ada/work.zip", "ada.zip"])
def test_collect_takes_a_renamed_notebook(
    lesson: Lesson, tmp_path: Path, name: str, form: str
) -> None:
    path = form.format(name) if "/" in form or form == "ada.zip" else f"ada_{name}"
    data = zipped({name: WORK}) if path.endswith(".zip") else WORK
    done = collect_paths(lesson, [as_folder(tmp_path / "in", {path: data})])
    assert stored(lesson, "ada") == WORK
    assert done.is_complete


@pytest.mark.parametrize("path", ["ada/kernels.py", "ada_kernels.py", "ada/mine.py"])
def test_collect_converts_a_percent_script(lesson: Lesson, tmp_path: Path, path: str) -> None:
    script = content("a.py")
    (one,) = collect_paths(lesson, [as_folder(tmp_path / "in", {path: script})]).submissions
    assert [cell["cell_type"] for cell in json.loads(stored(lesson, "ada"))["cells"]] == [
        *("markdown", "code")
    ]
    assert one.receipt is not None
    assert one.receipt.digest == hashlib.sha256(script).hexdigest()
    (again,) = collect_paths(lesson, [tmp_path / "in"]).submissions
    assert again.status == "unchanged"


def test_collect_asks_which_of_two_copies_is_meant(lesson: Lesson, tmp_path: Path) -> None:
    files = {"ada/kernels (1).ipynb": WORK, "ada/kernels (2).ipynb": OLDER}
    (one,) = collect_paths(lesson, [as_folder(tmp_path / "in", files)]).submissions
    assert one.reason == (
        "it holds 2 of what may be kernels.ipynb: kernels (1).ipynb, kernels (2).ipynb"
    )
    assert one.remedy.startswith("Collect the one that is meant as STUDENT_kernels.ipynb.")


LOST = {
    "nobody's": "kernels.ipynb",
    "misnamed": "final work of ada.ipynb",
    "a text": "grades.csv",
    "of a folder that is no id": "my stuff/notes.txt",
}


@pytest.mark.parametrize("name", LOST.values(), ids=LOST)
def test_collect_loses_nothing_silently(lesson: Lesson, tmp_path: Path, name: str) -> None:
    files = {"grace/kernels.ipynb": WORK, "bob/kernels.ipynb": WORK, name: WORK}
    done = collect_paths(lesson, [as_folder(tmp_path / "in", files)])
    assert [left.file for left in done.left] == [f"in/{name}"]
    assert done.left[0].remedy == "Call it STUDENT_kernels.ipynb if it is a hand-in."
    assert not done.is_complete


@pytest.mark.parametrize("pack", ["folder", "download"])
def test_collect_names_what_lies_in_a_folder_of_another_lesson(
    lesson: Lesson, tmp_path: Path, pack: str
) -> None:
    name = "Jane Doe_7_assignsubmission_file_/2024_hw/kernels.ipynb"
    files = {"ada/2024_hw/kernels.ipynb": WORK, "bob/kernels.ipynb": WORK}
    path = as_folder(tmp_path / "in", files)
    if pack == "download":
        path = download(tmp_path / "in.zip", [name, name.replace("7", "8").replace("2024_hw/", "")])
    done = collect_paths(lesson, [path])
    (left,) = done.left
    assert left.reason == "its folder is another lesson's"
    assert left.file.endswith("2024_hw/kernels.ipynb")


def test_collect_names_what_lies_in_such_a_folder_of_a_students_zip(
    lesson: Lesson, tmp_path: Path
) -> None:
    files = {
        "ada.zip": zipped({"kernels.ipynb": WORK, "12_next/a.ipynb": WORK}),
        "bob.zip": zipped({"2024_hw/kernels.ipynb": WORK}),
        "eve.zip": zipped({"kernels.ipynb": WORK, "03_layers/a.ipynb": WORK}),
    }
    done = by_name(collect_paths(lesson, [as_folder(tmp_path / "in", files)]))
    assert done["ada"].reason == "took kernels.ipynb, and not 12_next/a.ipynb"
    assert done["bob"].reason == "it holds no kernels.ipynb; besides: 2024_hw/kernels.ipynb"
    assert (done["eve"].status, done["eve"].reason) == ("collected", "")


def test_collect_takes_a_file_that_is_named(lesson: Lesson, tmp_path: Path) -> None:
    folder = as_folder(tmp_path, {"ada_kernels.ipynb": WORK, "bob_kernels (1).ipynb": WORK})
    collect_paths(lesson, sorted(folder.glob("*.ipynb")))
    assert lesson.submitted_students() == ["ada", "bob"]


def test_collect_says_that_work_is_there_twice_since_the_roster(
    lesson: Lesson, canvas: Path
) -> None:
    collect_paths(lesson, [canvas])
    done = by_name(collect_paths(lesson, [canvas], roster("canvas_grades.csv")))
    (note,) = done["jdoe"].notes
    assert note.endswith("submitted/1141 is of the same person, from before the roster: remove it")


def test_collect_passes_over_what_is_of_another_lesson(lesson: Lesson, tmp_path: Path) -> None:
    files = {"ada/11_kernels/kernels.ipynb": WORK, "ada/03_layers/layers.ipynb": WORK}
    assert collect_paths(lesson, [as_folder(tmp_path / "in", files)]).is_complete
    assert lesson.submitted_students() == ["ada"]


AROUND = {
    "a name with a blank": ("Kernels hand-ins", "kernels.ipynb", []),
    "nbgrader's tree": ("submitted", "11_kernels/kernels.ipynb", []),
    "known students": ("class", "kernels.ipynb", ["bob"]),
}


@pytest.mark.parametrize("case", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("pack", ["folder", "zip"])
def test_collect_takes_a_folder_around_the_class(
    lesson: Lesson, tmp_path: Path, case: tuple[str, str, list[str]], pack: str
) -> None:
    around, below, known = case
    files = {f"{around}/{who}/{below}": WORK for who in ("ada", "bob")}
    path = as_folder(tmp_path / "in", files)
    if pack == "zip":
        path = tmp_path / "all.zip"
        path.write_bytes(zipped(files))
    collect_paths(lesson, [path], [Person(who) for who in known])
    assert lesson.submitted_students() == ["ada", "bob"]


ZIPS_IN_A_ZIP = {
    "one of a student": (["work.zip"], ["ada"]),
    "several": (["bob.zip", "eve_kernels.zip"], ["bob", "eve"]),
    "one of somebody known": (["dan.zip"], ["dan"]),
}


@pytest.mark.parametrize(("names", "students"), ZIPS_IN_A_ZIP.values(), ids=ZIPS_IN_A_ZIP)
def test_collect_takes_zip_files_in_a_zip_that_is_named(
    lesson: Lesson, tmp_path: Path, names: list[str], students: list[str]
) -> None:
    files = {"ada.zip": zipped(dict.fromkeys(names, zipped({"kernels.ipynb": WORK})))}
    collect_paths(lesson, [as_folder(tmp_path, files) / "ada.zip"], [Person("dan")])
    assert lesson.submitted_students() == students


def test_collect_takes_a_canvas_zip_as_plain_if_it_is_forced(
    lesson: Lesson, tmp_path: Path
) -> None:
    path = download(tmp_path / "submissions.zip", names_of("canvas")[:2])
    collect_paths(lesson, [path], system="plain")
    assert lesson.submitted_students() == ["doejane_1141_50300", "doejohn_1142_50303"]


def test_collect_names_a_link_to_a_folder(lesson: Lesson, tmp_path: Path) -> None:
    as_folder(tmp_path, {"in/ada/kernels.ipynb": WORK, "out/bob/kernels.ipynb": WORK})
    (tmp_path / "in" / "bob").symlink_to(tmp_path / "out" / "bob")
    (left,) = collect_paths(lesson, [tmp_path / "in"]).left
    assert (left.file, left.reason) == ("in/bob", "it is a link to a folder")


@pytest.mark.parametrize("people", [[], [Person("jdoe", "Jane", "Doe")]], ids=["no roster", "one"])
def test_collect_takes_no_folder_of_a_student_for_the_class(
    lesson: Lesson, tmp_path: Path, people: list[Person]
) -> None:
    path = as_folder(tmp_path / "in", {"Jane Doe/work/kernels.ipynb": WORK})
    done = collect_paths(lesson, [path], people)
    assert [one.name for one in done.submissions] == (["jdoe"] if people else ["Jane Doe"])


def test_collect_finds_people_by_name_in_plain_folders(lesson: Lesson, tmp_path: Path) -> None:
    files = {"Núñez, José/kernels.ipynb": WORK, "avdberg@uni.example_kernels.ipynb": WORK}
    collect_paths(lesson, [as_folder(tmp_path / "in", files)], roster("plain.csv"))
    assert lesson.submitted_students() == ["avdberg", "jnunez"]


def test_collect_refuses_zip_files_in_one_another_without_end(
    lesson: Lesson, tmp_path: Path
) -> None:
    data = WORK
    for _ in range(6):
        data = zipped({"a.zip": data})
    done = collect_paths(
        lesson, [as_folder(tmp_path / "in", {"ada.zip": data, "bob/kernels.ipynb": WORK})]
    )
    assert "lies in 3 zip files" in refused(done)["ada"]


# The files of `tito submit`.


def submitted(work: bytes = WORK, **changes: object) -> bytes:
    about = {
        "format": "tito-submission",
        "version": 1,
        "assignment": "11_kernels",
        "notebook": "kernels.ipynb",
        "sha256": hashlib.sha256(work).hexdigest(),
        "saved": "2027-01-31 12:00:00 +0100",
        **changes,
    }
    return zipped({"submission.json": json.dumps(about).encode(), "kernels.ipynb": work})


def test_collect_takes_a_file_of_tito_submit(lesson: Lesson, tmp_path: Path) -> None:
    (one,) = collect_paths(
        lesson, [as_folder(tmp_path / "in", {"ada.zip": submitted()})]
    ).submissions
    assert (one.status, one.reason) == ("collected", "")
    assert one.receipt is not None
    assert one.receipt.digest == hashlib.sha256(WORK).hexdigest()
    assert not lesson.handed_in("ada").with_name("timestamp.txt").exists()


@pytest.mark.parametrize("name", ["kernels.zip", "kernels-2.zip", "11_kernels (1).zip"])
def test_collect_asks_whose_a_file_of_tito_submit_is(
    lesson: Lesson, tmp_path: Path, name: str
) -> None:
    files = {name: submitted(), "bob/kernels.ipynb": WORK}
    done = collect_paths(lesson, [as_folder(tmp_path / "in", files)])
    assert list(refused(done).values()) == ["its name tells no student"]
    assert lesson.submitted_students() == ["bob"]


def test_collect_takes_what_tito_submit_packed_from_canvas(lesson: Lesson, tmp_path: Path) -> None:
    files = {
        "doejane_1141_5_kernels.zip": submitted(),
        "doejane_1141_6_kernels.receipts.txt": b"",
    }
    path = download(tmp_path / "submissions.zip", [], files)
    done = collect_paths(lesson, [path], roster("canvas_grades.csv"))
    assert stored(lesson, "jdoe") == WORK
    assert done.is_complete


FALSE = {
    "another digest": ({"sha256": "0" * 64}, "its digest is another"),
    "another assignment": ({"assignment": "03_layers"}, "is of 03_layers, not of 11_kernels"),
    "no such notebook": ({"notebook": "../../etc/passwd"}, "is of no notebook"),
}


@pytest.mark.parametrize(("changes", "reason"), FALSE.values(), ids=FALSE)
def test_collect_refuses_a_false_file_of_tito_submit(
    lesson: Lesson, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    files = {"ada.zip": submitted(**changes), "bob/kernels.ipynb": WORK}
    assert reason in refused(collect_paths(lesson, [as_folder(tmp_path / "in", files)]))["ada"]


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "in reverse"])
def test_collect_tells_the_newer_file_of_tito_submit(
    lesson: Lesson, tmp_path: Path, order: int
) -> None:
    old = {"a/ada.zip": submitted(OLDER, saved="2027-01-30 12:00:00 +0100", more="unknown")}
    as_folder(tmp_path, {**old, "b/ada.zip": submitted()})
    collect_paths(lesson, [tmp_path / "a", tmp_path / "b"][::order])
    assert stored(lesson, "ada") == WORK
    assert earlier(lesson, "ada") == [OLDER]


# Which hand-in counts, and what a dry run does.


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "in reverse"])
def test_collect_lets_the_newest_time_count(lesson: Lesson, tmp_path: Path, order: int) -> None:
    for day, work in ((1, OLDER), (2, WORK)):
        stamp = f"2027-01-0{day} 12:00:00 UTC".encode()
        as_folder(tmp_path / str(day), {"ada/kernels.ipynb": work, "ada/timestamp.txt": stamp})
    done = collect_paths(lesson, [tmp_path / "1", tmp_path / "2"][::order])
    assert stored(lesson, "ada") == WORK
    assert stored(lesson, "ada", "timestamp.txt") == b"2027-01-02 12:00:00 UTC"
    assert earlier(lesson, "ada") == [OLDER]
    assert done.is_complete


def test_collect_changes_nothing_in_a_dry_run(lesson: Lesson, canvas: Path) -> None:
    before = set(lesson.course.root.rglob("*"))
    done = collect_paths(lesson, [canvas], roster("canvas_grades.csv"), dry_run=True)
    assert set(lesson.course.root.rglob("*")) == before
    assert sum(one.status == "collected" for one in done.submissions) == 29


def test_collect_remembers_what_a_system_told(lesson: Lesson, canvas: Path) -> None:
    collect_paths(lesson, [canvas], roster("canvas_grades.csv"))
    receipt = read_receipts(lesson)["mobrien"]
    assert (receipt.system, receipt.user_id, receipt.number) == ("canvas", "1145", "50312")
    assert receipt.digest == hashlib.sha256(stored(lesson, "mobrien")).hexdigest()


def test_collect_keeps_what_a_system_told_of_the_same_file(
    lesson: Lesson, tmp_path: Path, canvas: Path
) -> None:
    collect_paths(lesson, [canvas], roster("canvas_grades.csv"))
    before = read_receipts(lesson)
    as_folder(tmp_path / "again", {"mobrien/kernels.ipynb": stored(lesson, "mobrien")})
    (one,) = collect_paths(lesson, [tmp_path / "again"]).submissions
    assert one.status == "unchanged"
    assert read_receipts(lesson) == before


def test_collect_says_what_it_found_where_nothing_is_a_submission(
    lesson: Lesson, tmp_path: Path
) -> None:
    with pytest.raises(NothingCollected) as caught:
        collect_paths(lesson, [as_folder(tmp_path / "in", {"kernels.ipynb": WORK})])
    assert [left.file for left in caught.value.collection.left] == ["in/kernels.ipynb"]
