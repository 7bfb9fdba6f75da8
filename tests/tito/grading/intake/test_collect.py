"""Collecting: from folders, zip files and nbgrader's exchange into the course tree."""

import getpass
import os
import shutil
import stat
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from downloads import as_folder, contents_of, zipped
from edits import with_settings
from traitlets.config import Config

from tito import files
from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.assignment import release
from tito.grading.gradebook.exchange import collect_exchange
from tito.grading.intake.collect import collect_paths
from tito.grading.intake.collection import Collected
from tito.lesson import Lesson

WORK = b'{"cells": []}'
MIB = 2**20

Files = Mapping[str, bytes]
Pack = Callable[[Path, Files], Path]


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    """The kernels lesson of a course in which nothing is collected yet."""
    return with_settings(plain_course, "notebook_mib = 16", "notebook_mib = 1")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An empty folder for what comes in."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def as_zip(path: Path, files: Files) -> Path:
    """Write the files into a zip file beside `path`."""
    archive = path.with_name(f"{path.name}.zip")
    archive.write_bytes(zipped(files))
    return archive


def results(lesson: Lesson, *paths: Path) -> dict[str, str]:
    """Collect, and return what became of each submission."""
    return {one.name: one.status for one in collect_paths(lesson, paths).submissions}


def refusal(lesson: Lesson, path: Path) -> str:
    """Collect a submission that must be refused, and return the reason."""
    (one,) = collect_paths(lesson, [path]).submissions
    assert one.status == "refused"
    assert files_of(lesson) == {}
    return one.reason


def files_of(lesson: Lesson) -> dict[str, bytes]:
    """Return all files in the course tree's folder of submissions."""
    return contents_of(lesson.course.submitted)


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


# Layouts in which the work of ada is found, in a folder and in a zip file of the class alike.
LAYOUTS = {
    "folder of the student": ["ada/kernels.ipynb"],
    "nbgrader's tree": ["ada/11_kernels/kernels.ipynb"],
    "student in the file's name": ["ada_kernels.ipynb"],
    "notebook of another name": ["ada/my work.ipynb"],
    "among other files": ["ada/kernels.ipynb", "ada/notes.txt", "grades.csv"],
    "with a copy beside it": ["ada/kernels.ipynb", "ada/kernels-Copy1.ipynb"],
    "with what an editor hides": ["ada/kernels.ipynb", "ada/._kernels.ipynb"],
    "with Jupyter's backup": ["ada/kernels.ipynb", "ada/.ipynb_checkpoints/kernels.ipynb"],
}


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_collect_finds_the_student_in_each_layout(
    lesson: Lesson, inbox: Path, pack: Pack, names: list[str]
) -> None:
    wanted, *others = names
    path = pack(inbox / "class", {wanted: WORK, **dict.fromkeys(others, b"another")})
    assert results(lesson, path) == {"ada": "collected"}
    assert files_of(lesson) == {"ada/11_kernels/kernels.ipynb": WORK}


@pytest.mark.parametrize("name", ["kernels.ipynb", "11_kernels/kernels.ipynb", "my work.ipynb"])
@pytest.mark.parametrize("archive", ["{}", "{}_kernels", "{}_11_kernels"])
@pytest.mark.parametrize("student", ["ada", "mary_ann"])
def test_collect_takes_the_zip_of_one_student(
    lesson: Lesson, inbox: Path, student: str, archive: str, name: str
) -> None:
    path = as_zip(inbox / archive.format(student), {name: WORK})
    assert results(lesson, path) == {student: "collected"}
    assert files_of(lesson) == {f"{student}/11_kernels/kernels.ipynb": WORK}


def test_collect_takes_a_folder_of_zip_files_as_an_lms_gives_it(
    lesson: Lesson, inbox: Path
) -> None:
    for student in ("ada", "grace", "h.opper-2@mit.edu"):
        as_zip(inbox / f"{student}_11_kernels", {"kernels.ipynb": student.encode()})
    as_folder(inbox, {"blaise/kernels.ipynb": b"blaise"})
    assert results(lesson, inbox) == dict.fromkeys(
        ["ada", "blaise", "grace", "h.opper-2@mit.edu"], "collected"
    )
    assert files_of(lesson)["h.opper-2@mit.edu/11_kernels/kernels.ipynb"] == b"h.opper-2@mit.edu"


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_collect_takes_the_time_of_handing_in(lesson: Lesson, inbox: Path, pack: Pack) -> None:
    path = pack(
        inbox / "class",
        {"ada/kernels.ipynb": WORK, "ada/timestamp.txt": b"2027-01-31 12:00:00 UTC"},
    )
    assert results(lesson, path) == {"ada": "collected"}
    assert files_of(lesson)["ada/11_kernels/timestamp.txt"] == b"2027-01-31 12:00:00 UTC"


def test_collect_leaves_alone_what_is_there_already(lesson: Lesson, inbox: Path) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": WORK, "ada/timestamp.txt": b"2027-01-31 12:00:00 UTC"})
    results(lesson, inbox)
    before = lesson.handed_in("ada").stat()
    assert results(lesson, inbox) == {"ada": "unchanged"}
    assert lesson.handed_in("ada").stat().st_ino == before.st_ino
    assert lesson.handed_in("ada").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("name", ["kernels.ipynb", "timestamp.txt"])
def test_collect_replaces_what_was_handed_in_before(lesson: Lesson, inbox: Path, name: str) -> None:
    as_folder(inbox / "ada", {"kernels.ipynb": WORK, "timestamp.txt": b"2027-01-31 12:00:00 UTC"})
    results(lesson, inbox)
    as_folder(inbox / "ada", {name: b"2027-02-01 12:00:00 UTC"})
    assert results(lesson, inbox) == {"ada": "collected"}
    assert files_of(lesson)[f"ada/11_kernels/{name}"] == b"2027-02-01 12:00:00 UTC"


def test_collect_lets_the_later_path_win(lesson: Lesson, inbox: Path) -> None:
    first = as_folder(inbox / "monday", {"ada/kernels.ipynb": b"monday"})
    second = as_zip(inbox / "tuesday", {"ada/kernels.ipynb": b"tuesday"})
    collect_paths(lesson, [first, second])
    assert files_of(lesson) == {"ada/11_kernels/kernels.ipynb": b"tuesday"}


@pytest.mark.parametrize("content", [b"precious", WORK], ids=["other work", "the same work"])
def test_collect_replaces_a_link_and_not_what_it_points_to(
    lesson: Lesson, inbox: Path, tmp_path: Path, content: bytes
) -> None:
    precious = tmp_path / "precious.ipynb"
    precious.write_bytes(content)
    lesson.handed_in("ada").parent.mkdir(parents=True)
    lesson.handed_in("ada").symlink_to(precious)
    results(lesson, as_folder(inbox, {"ada/kernels.ipynb": WORK}))
    assert precious.read_bytes() == content
    assert not lesson.handed_in("ada").is_symlink()


def test_collect_forgets_the_time_of_what_was_handed_in_before(lesson: Lesson, inbox: Path) -> None:
    before = {"ada/kernels.ipynb": b"1", "ada/timestamp.txt": b"2027-01-31 12:00:00 UTC"}
    results(lesson, as_folder(inbox, before))
    shutil.rmtree(inbox / "ada")
    results(lesson, as_folder(inbox, {"ada/kernels.ipynb": b"2"}))
    assert files_of(lesson) == {"ada/11_kernels/kernels.ipynb": b"2"}


# Whose work it is: never another student's, whatever lies in a student's folder or zip file.

FOREIGN = {
    "another student's name": "bob_kernels.ipynb",
    "a folder of another student": "bob/kernels.ipynb",
}


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("own", [{}, {"kernels.ipynb": WORK}], ids=["alone", "beside work"])
@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_collect_never_takes_a_students_work_for_another_students(
    lesson: Lesson, inbox: Path, pack: Pack, own: Files, name: str
) -> None:
    pack(inbox / "ada", {**own, name: b"forged"})
    assert set(results(lesson, inbox)) == {"ada"}


def test_collect_refuses_a_zip_whose_only_notebook_names_another_student(
    lesson: Lesson, inbox: Path
) -> None:
    as_zip(inbox / "ada", {"bob/11_kernels/kernels.ipynb": WORK})
    reason = "bob/11_kernels/kernels.ipynb names another student: bob"
    assert collect_paths(lesson, [inbox]).submissions == [Collected("ada", "refused", reason)]
    assert files_of(lesson) == {}


@pytest.mark.parametrize("name", FOREIGN.values(), ids=FOREIGN)
def test_collect_refuses_a_zip_that_names_a_student_who_handed_in_before(
    lesson: Lesson, inbox: Path, name: str
) -> None:
    collect_paths(lesson, [as_folder(inbox / "class", {"bob/kernels.ipynb": WORK})])
    inbox.joinpath("late").mkdir()
    as_zip(inbox / "late" / "ada", {name: WORK})
    assert results(lesson, inbox / "late") == {"ada": "refused"}


@pytest.mark.parametrize(
    "name",
    ["Ada/11_kernels/kernels.ipynb", "source/11_kernels/kernels.ipynb", "work/kernels.ipynb"],
)
def test_collect_takes_a_zip_that_names_no_other_student(
    lesson: Lesson, inbox: Path, name: str
) -> None:
    as_zip(inbox / "ada", {name: WORK})
    assert results(lesson, inbox) == {"ada": "collected"}


def test_collect_passes_over_the_notebooks_of_other_lessons(lesson: Lesson, inbox: Path) -> None:
    as_folder(inbox, {"ada/12_next/next.ipynb": b"", "ada/11_kernels/kernels.ipynb": WORK})
    as_folder(inbox, {"bob/12_next/next.ipynb": b""})
    assert results(lesson, inbox) == {"ada": "collected"}


# What is refused: one line with the reason, and the others are taken.


@pytest.mark.parametrize(
    "student",
    ["a b", "-ada", "\u00fcnal", "a" * 129, "ada;ls", "ada\nbob", "a:b"],
    ids=["space", "dash", "umlaut", "129 letters", "semicolon", "newline", "colon"],
)
def test_collect_refuses_what_is_no_student_id(lesson: Lesson, inbox: Path, student: str) -> None:
    path = as_zip(inbox / "class", {f"{student}_kernels.ipynb": WORK, "grace_kernels.ipynb": WORK})
    assert results(lesson, path) == {student: "refused", "grace": "collected"}
    (refused,) = (x for x in collect_paths(lesson, [path]).submissions if x.status == "refused")
    assert refused.reason == "a student id is at most 128 letters, digits and . _ @ + -"
    assert set(files_of(lesson)) == {"grace/11_kernels/kernels.ipynb"}


@pytest.mark.parametrize(
    "name",
    [
        *("../kernels.ipynb", "../../../kernels.ipynb", "/kernels.ipynb", "//kernels.ipynb"),
        *("/tmp/kernels.ipynb", "../bob/kernels.ipynb", "a/../../../b/kernels.ipynb"),
        *("..\\..\\kernels.ipynb", "C:\\kernels.ipynb", "../evil_kernels.ipynb", "./kernels.ipynb"),
    ],
)
def test_collect_never_leaves_the_course_tree(
    lesson: Lesson, inbox: Path, tmp_path: Path, name: str
) -> None:
    as_zip(inbox / "ada", {name: WORK})
    as_folder(inbox, {"grace/kernels.ipynb": WORK})
    before = tree(tmp_path)
    assert results(lesson, inbox) == {"ada": "collected", "grace": "collected"}
    submitted = lesson.course.assignments / "submitted"
    for new in tree(tmp_path) - before - {lesson.course.assignments, submitted}:
        assert new.is_relative_to(submitted)
        assert len(new.relative_to(submitted).parts) <= 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to(path.parent.parent / "secret.ipynb"),
        lambda path: path.symlink_to("nowhere.ipynb"),
        os.mkfifo,
    ],
    ids=["symbolic link", "dangling link", "FIFO"],
)
def test_collect_refuses_what_is_no_regular_file(
    lesson: Lesson, inbox: Path, make: Callable[[Path], None]
) -> None:
    (inbox / "secret.ipynb").write_bytes(b"secret")
    (inbox / "ada").mkdir()
    make(inbox / "ada" / "kernels.ipynb")
    assert "a regular file" in refusal(lesson, inbox)


def test_collect_does_not_follow_a_link_to_a_folder(
    lesson: Lesson, inbox: Path, tmp_path: Path
) -> None:
    other = as_folder(tmp_path / "other", {"ada/kernels.ipynb": b"secret"})
    (inbox / "class").symlink_to(other)
    as_folder(inbox, {"grace/kernels.ipynb": WORK})
    assert results(lesson, inbox) == {"grace": "collected"}


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_collect_refuses_a_notebook_above_the_limit(
    lesson: Lesson, inbox: Path, pack: Pack
) -> None:
    path = pack(inbox / "class", {"ada/kernels.ipynb": b" " * (MIB + 1)})
    assert "larger than the 1 MiB allowed" in refusal(lesson, path)


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_collect_takes_a_notebook_at_the_limit(lesson: Lesson, inbox: Path, pack: Pack) -> None:
    path = pack(inbox / "class", {"ada/kernels.ipynb": b" " * MIB})
    assert results(lesson, path) == {"ada": "collected"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (
            {"kernels.ipynb": WORK, "timestamp.txt": b"2" * 101},
            "timestamp.txt is larger than the 100 bytes allowed",
        ),
        (
            {"first.ipynb": WORK, "second.ipynb": WORK},
            "2 notebooks, and not one is the kernels.ipynb",
        ),
        (
            {"a/kernels.ipynb": WORK, "b/kernels.ipynb": WORK},
            "it holds 2 of kernels.ipynb: a/kernels.ipynb, b/kernels.ipynb",
        ),
    ],
    ids=["a long timestamp", "two others", "two of the lesson"],
)
def test_collect_says_why_it_refuses_a_folder(
    lesson: Lesson, inbox: Path, files: Files, reason: str
) -> None:
    assert reason in refusal(lesson, as_folder(inbox / "ada", files).parent)


def forge(path: Path, content: bytes, **claims: int) -> Path:
    """Write a zip file of ada's whose directory claims what is not so of its one entry."""
    archive = path / "ada.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("kernels.ipynb", content)
        for name, value in claims.items():
            setattr(file.infolist()[0], name, value)
    return archive


def zeros_deflated(mib: int) -> bytes:
    """Return `mib` MiB of zeros as deflate packs them, without ever having them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    one = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return one * mib + packer.flush(zlib.Z_FINISH)


@pytest.mark.parametrize("claimed", [2**30, 10], ids=["as it is", "as 10 bytes"])
def test_collect_refuses_a_zip_bomb_of_1_gib(lesson: Lesson, inbox: Path, claimed: int) -> None:
    bomb = zeros_deflated(1024)
    assert len(bomb) < 2 * MIB
    path = forge(inbox, bomb, compress_type=zipfile.ZIP_DEFLATED, file_size=claimed)
    tracemalloc.start()
    try:
        refusal(lesson, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * MIB


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"flag_bits": 1}, "encrypted"),
        ({"compress_type": 99}, "cannot be unpacked"),
        ({"CRC": 1}, "cannot be unpacked"),
        ({"extract_version": 99}, ""),
    ],
    ids=["encrypted", "unknown method", "wrong checksum", "later version"],
)
def test_collect_refuses_a_zip_that_claims_what_nobody_reads(
    lesson: Lesson, inbox: Path, claims: dict[str, int], reason: str
) -> None:
    assert reason in refusal(lesson, forge(inbox, WORK, **claims))


@pytest.mark.parametrize(
    "method",
    [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
    ids=["deflate", "bzip2", "lzma"],
)
def test_collect_refuses_a_zip_with_damaged_data(lesson: Lesson, inbox: Path, method: int) -> None:
    with zipfile.ZipFile(inbox / "ada.zip", "w", method) as file:
        file.writestr("kernels.ipynb", bytes(range(256)))
    data = bytearray((inbox / "ada.zip").read_bytes())
    data[60:90] = b"\xff" * 30  # the local header ends at 43
    (inbox / "ada.zip").write_bytes(data)
    assert "cannot be unpacked" in refusal(lesson, inbox)


NO_ZIP = {
    "empty": b"",
    "prose": b"My solution is attached.",
    "cut short": b"PK\x03\x04",
}


@pytest.mark.parametrize("content", NO_ZIP.values(), ids=NO_ZIP)
def test_collect_refuses_a_broken_zip_and_takes_the_others(
    lesson: Lesson, inbox: Path, content: bytes
) -> None:
    as_folder(inbox, {"ada.zip": content, "grace/kernels.ipynb": WORK})
    as_zip(inbox / "hedy", {"kernels.ipynb": WORK})
    assert results(lesson, inbox) == {"ada": "refused", "grace": "collected", "hedy": "collected"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to(path.parent.parent / "other.zip"), os.mkfifo],
    ids=["symbolic link", "FIFO"],
)
def test_collect_refuses_a_zip_that_is_no_regular_file(
    lesson: Lesson, inbox: Path, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    as_zip(tmp_path / "other", {"kernels.ipynb": WORK})
    make(inbox / "ada.zip")
    assert "a regular file" in refusal(lesson, inbox)


def test_collect_refuses_a_zip_of_too_many_files(
    lesson: Lesson, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_ENTRIES", 2)
    as_zip(inbox / "ada", dict.fromkeys(["kernels.ipynb", "a", "b"], WORK))
    as_zip(inbox / "grace", dict.fromkeys(["kernels.ipynb", "a"], WORK))
    assert results(lesson, inbox) == {"ada": "refused", "grace": "collected"}


# One student's file is never the class's.

ODD_ENTRIES = ["", "./kernels.ipynb", "work//kernels.ipynb", "/kernels.ipynb", "a\\kernels.ipynb"]


@pytest.mark.parametrize("name", ODD_ENTRIES)
def test_collect_takes_an_archive_with_odd_names(lesson: Lesson, inbox: Path, name: str) -> None:
    with zipfile.ZipFile(inbox / "ada.zip", "w") as file:
        file.writestr(zipfile.ZipInfo("x" if name else "y"), b"")
        entry = zipfile.ZipInfo(name or "kernels.ipynb")
        file.writestr(entry, WORK)
        if not name:
            file.infolist()[0].filename = ""
    as_zip(inbox / "grace", {"kernels.ipynb": WORK})
    assert results(lesson, inbox) == {"ada": "collected", "grace": "collected"}
    assert files_of(lesson)["ada/11_kernels/kernels.ipynb"] == WORK


@pytest.mark.parametrize(
    "time", [b"soon", b"\xff\xfe", b"\x00", b"9" * 30, b"9" * 99, "\u0663".encode() * 20]
)
def test_collect_refuses_a_time_that_is_none_and_takes_the_others(
    lesson: Lesson, inbox: Path, time: bytes
) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": WORK, "ada/timestamp.txt": time})
    as_folder(inbox, {"grace/kernels.ipynb": WORK})
    assert results(lesson, inbox) == {"ada": "refused", "grace": "collected"}


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_collect_refuses_a_folder_whose_name_is_not_utf_8(lesson: Lesson, inbox: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    as_folder(inbox, {f"{name}/kernels.ipynb": WORK, "grace/kernels.ipynb": WORK})
    assert results(lesson, inbox) == {name: "refused", "grace": "collected"}


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_collect_takes_a_notebook_whose_name_is_not_utf_8(lesson: Lesson, inbox: Path) -> None:
    name = os.fsdecode(b"ada/caf\xe9.ipynb")
    assert results(lesson, as_folder(inbox, {name: WORK})) == {"ada": "collected"}


def test_collect_takes_names_of_250_characters(lesson: Lesson, inbox: Path) -> None:
    as_folder(inbox, {f"ada/{'a' * 244}.ipynb": WORK, f"{'b' * 250}/kernels.ipynb": WORK})
    assert results(lesson, inbox) == {"ada": "collected", "b" * 250: "refused"}


def test_collect_refuses_a_file_of_many_gigabytes(lesson: Lesson, inbox: Path) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": b"", "grace/kernels.ipynb": WORK})
    os.truncate(inbox / "ada" / "kernels.ipynb", 2**40)
    assert results(lesson, inbox) == {"ada": "refused", "grace": "collected"}


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_collect_refuses_what_it_may_not_read(
    lesson: Lesson, inbox: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": WORK, "grace/kernels.ipynb": WORK})
    scan, opened = os.scandir, os.open

    def guarded(call: Any, name: str) -> Any:
        def guard(path: Any, *more: Any) -> Any:
            if isinstance(path, str | Path) and str(path).endswith(name):
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *more)

        return guard

    if kind == "folder":
        monkeypatch.setattr(os, "scandir", guarded(scan, "inbox/ada"))
    else:
        monkeypatch.setattr(os, "open", guarded(opened, "ada/kernels.ipynb"))
    found = {one.name: one for one in collect_paths(lesson, [inbox]).submissions}
    assert found["grace"].status == "collected"
    assert found["ada"].status == "refused"
    assert "cannot be read: Permission denied" in found["ada"].reason


def test_collect_refuses_whatever_cannot_be_read(
    lesson: Lesson, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": b"odd", "grace/kernels.ipynb": WORK})

    def fail(path: Path, most: int) -> bytes:
        if path.parent.name == "ada":
            raise MemoryError
        return files.read_regular(path, most)

    monkeypatch.setattr("tito.grading.intake.collect.read_regular", fail)
    found = {one.name: one for one in collect_paths(lesson, [inbox]).submissions}
    assert found["ada"].reason == "it cannot be read: MemoryError: "
    assert found["grace"].status == "collected"


def test_collect_refuses_what_cannot_be_stored_and_takes_the_others(
    lesson: Lesson, inbox: Path
) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": WORK, "grace/kernels.ipynb": WORK})
    as_folder(lesson.course.assignments / "submitted", {"ada": b"a file in the way"})
    assert results(lesson, inbox) == {"ada": "refused", "grace": "collected"}


def test_collect_ends_where_the_disk_is_full(
    lesson: Lesson, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    as_folder(inbox, {"ada/kernels.ipynb": WORK})
    monkeypatch.setattr("tito.grading.intake.shelf.write_whole", full)
    with pytest.raises(TitoError, match="No space left on device"):
        collect_paths(lesson, [inbox])


def test_collect_names_a_student_who_handed_in_no_notebook(lesson: Lesson, inbox: Path) -> None:
    as_folder(inbox, {"ada/notes.txt": b"", "grace/kernels.ipynb": WORK, "b/12_x/x.ipynb": b""})
    found = {one.name: one for one in collect_paths(lesson, [inbox]).submissions}
    assert found.keys() == {"ada", "grace"}
    assert found["ada"].reason == "it holds no kernels.ipynb: notes.txt"


# Which of several notebooks, and whose archive.


@pytest.mark.parametrize("pack", [as_folder, as_zip], ids=["folder", "zip"])
def test_collect_takes_the_notebook_on_top_and_names_the_others(
    lesson: Lesson, inbox: Path, pack: Pack
) -> None:
    path = pack(inbox / "class", {"ada/kernels.ipynb": WORK, "ada/old/kernels.ipynb": b"old"})
    (one,) = collect_paths(lesson, [path]).submissions
    assert one.status == "collected"
    assert one.reason == "took kernels.ipynb, and not old/kernels.ipynb"
    assert files_of(lesson) == {"ada/11_kernels/kernels.ipynb": WORK}


# What lies in an archive of ada's beside her own work, and how the archive is called.
FORGED = {
    "named after the lesson": ("ada_kernels", {"bob/kernels.ipynb": b"forged"}),
    "with work of her own": ("ada", {"kernels.ipynb": WORK, "bob/kernels.ipynb": b"forged"}),
    "with a name": ("ada", {"kernels.ipynb": WORK, "bob_kernels.ipynb": b"forged"}),
    "of several": (
        "ada",
        {"kernels.ipynb": WORK, "bob/kernels.ipynb": b"forged", "eve/kernels.ipynb": b"forged"},
    ),
}


@pytest.mark.parametrize(("archive", "content"), FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("known", [True, False])
def test_collect_takes_no_other_students_work_from_an_archive_that_is_named(
    lesson: Lesson, inbox: Path, archive: str, content: dict[str, bytes], known: bool
) -> None:
    handed_in = {"bob/kernels.ipynb": WORK, **({"ada/kernels.ipynb": WORK} if known else {})}
    collect_paths(lesson, [as_folder(inbox / "class", handed_in)])
    found = collect_paths(lesson, [as_zip(inbox / archive, content)]).submissions
    assert [one.name for one in found] == ["ada"]
    assert files_of(lesson)["bob/11_kernels/kernels.ipynb"] == WORK


def test_collect_takes_no_other_students_work_from_a_known_students_archive(
    lesson: Lesson, inbox: Path
) -> None:
    handed_in = {"bob/kernels.ipynb": WORK, "ada/kernels.ipynb": WORK}
    collect_paths(lesson, [as_folder(inbox / "class", handed_in)])
    collect_paths(lesson, [as_zip(inbox / "ada", {"bob/kernels.ipynb": b"forged"})])
    assert files_of(lesson)["bob/11_kernels/kernels.ipynb"] == WORK


def test_collect_takes_the_folder_before_the_archive_of_a_student(
    lesson: Lesson, inbox: Path
) -> None:
    as_folder(inbox, {"ada/kernels.ipynb": WORK})
    as_zip(inbox / "ada", {"kernels.ipynb": b"zipped"})
    (one,) = collect_paths(lesson, [inbox]).submissions
    assert one.reason == "took kernels.ipynb, and not ada.zip"
    assert files_of(lesson) == {"ada/11_kernels/kernels.ipynb": WORK}


# Where there is nothing to collect.


@pytest.mark.parametrize(
    "names",
    [[], ["kernels.ipynb"], ["_kernels.ipynb"], ["ada/work.txt"]],
    ids=["nothing", "nobody's", "of an empty name", "a text"],
)
def test_collect_says_that_there_is_no_submission(
    lesson: Lesson, inbox: Path, names: Iterable[str]
) -> None:
    as_folder(inbox, dict.fromkeys(names, WORK))
    with pytest.raises(TitoError) as caught:
        collect_paths(lesson, [inbox])
    assert caught.value.fact == f"No submission of 11_kernels lies in {inbox}."
    assert caught.value.remedy == "Expected STUDENT/kernels.ipynb or STUDENT_kernels.ipynb."
    assert files_of(lesson) == {}


@pytest.mark.parametrize("name", ["kernels.ipynb", "class.tar.gz"])
def test_collect_says_that_a_path_is_neither_folder_nor_zip(
    lesson: Lesson, inbox: Path, name: str
) -> None:
    as_folder(inbox, {name: WORK})
    with pytest.raises(TitoError, match="is neither a folder nor a zip file") as caught:
        collect_paths(lesson, [inbox / name])
    assert caught.value.exit_code == 2


def test_collect_says_that_no_exchange_is_named(lesson: Lesson) -> None:
    with pytest.raises(TitoError, match=r"settings\.ini names no exchange") as caught:
        collect_exchange(lesson)
    assert "tito nbgrader collect kernels PATH" in caught.value.remedy
    assert caught.value.exit_code == 2


# nbgrader's exchange, with nbgrader itself on the student's side.


@pytest.fixture
def exchanging(course: Course, tmp_path: Path) -> Lesson:
    """The generated lesson in a course that has an exchange."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    return with_settings(course, "exchange =", f"exchange = {exchange}")


@pytest.fixture
def student(exchanging: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """nbgrader's API as a student starts it, in a folder of their own."""
    from nbgrader.apps import NbGraderAPI

    folder = tmp_path / "student"
    folder.mkdir()
    monkeypatch.chdir(folder)
    config = Config()
    config.CourseDirectory.course_id = exchanging.course.id
    config.CourseDirectory.root = str(folder)
    config.Exchange.root = str(exchanging.course.exchange)
    config.Exchange.cache = str(tmp_path / "cache")
    return NbGraderAPI(config=config)


def transfer(student: Any, action: str) -> None:
    """Fetch or submit the assignment, as nbgrader's own commands do."""
    student.coursedir.assignment_id = "11_kernels"
    step = getattr(student.exchange, action)
    step(student.coursedir, student.authenticator, parent=student).start()


@pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange does not run on Windows")
def test_exchange_carries_the_release_out_and_the_work_back(
    exchanging: Lesson, student: Any
) -> None:
    assert str(exchanging.course.exchange) in release(exchanging)
    transfer(student, "FetchAssignment")
    file = Path("11_kernels/kernels.ipynb")
    assert file.read_bytes() == exchanging.released.read_bytes()

    notebook = nbformat.read(file, as_version=4)
    notebook.cells[0].source = "my work"
    nbformat.write(notebook, file)
    transfer(student, "Submit")

    assert collect_exchange(exchanging) == 1
    handed_in = exchanging.handed_in(getpass.getuser())
    assert handed_in.read_bytes() == file.read_bytes()
    assert handed_in.with_name("timestamp.txt").exists()


@pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange does not run on Windows")
def test_exchange_gets_a_release_again_and_collects_what_came_meanwhile(
    exchanging: Lesson, student: Any
) -> None:
    release(exchanging)
    release(exchanging)
    assert collect_exchange(exchanging) == 0
    transfer(student, "FetchAssignment")
    transfer(student, "Submit")
    assert collect_exchange(exchanging) == 1
    first = exchanging.handed_in(getpass.getuser()).read_bytes()
    Path("11_kernels/kernels.ipynb").write_bytes(first + b"\n")
    transfer(student, "Submit")
    assert collect_exchange(exchanging) == 1
    assert exchanging.handed_in(getpass.getuser()).read_bytes() == first + b"\n"


@pytest.mark.skipif(os.name == "nt", reason="nbgrader's exchange does not run on Windows")
def test_exchange_holds_no_solution_and_nothing_to_write_for_others(exchanging: Lesson) -> None:
    release(exchanging)
    (notebook,) = exchanging.course.exchange.rglob("*.ipynb")
    assert "BEGIN SOLUTION" not in notebook.read_text(encoding="utf-8")
    assert not notebook.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
