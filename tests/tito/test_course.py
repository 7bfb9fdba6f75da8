"""settings.ini: what it means, what it may leave out, and what is said when it is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tito.course import Course, Limits
from tito.errors import TitoError

Settings = dict[str, dict[str, str]]
Writer = Callable[[Settings], Path]

LEAST: Settings = {
    "course": {"id": "tinytorch", "title": "TinyTorch"},
    "lesson 11_kernels": {"title": "Kernels"},
}

# The section, the key, a wrong value, and how the message names the legal ones.
WRONG = {
    "id with slash": ("course", "id", "tiny/torch", "a name without a slash"),
    "id of a folder": ("course", "id", "..", "a name without a slash"),
    "no course id": ("course", "id", "", "a text"),
    "no course title": ("course", "title", " ", "a text"),
    "no lesson title": ("lesson 11_kernels", "title", "", "a text"),
    "due in words": ("lesson 11_kernels", "due", "tomorrow", "a date like 2027-01-31"),
    "due without offset": ("lesson 11_kernels", "due", "2027-01-31 23:59:59", "+0100"),
    "due on no day": ("lesson 11_kernels", "due", "2027-02-30 23:59:59 +0100", "a date like"),
    "due in the last year": ("lesson 11_kernels", "due", "9999-12-31 23:59:59 -0100", "to 9000"),
    "due in the first year": ("lesson 11_kernels", "due", "0001-01-01 00:00:00 +0100", "1970 to"),
    "grace in words": ("points", "late_grace_minutes", "a while", "a whole number of minutes"),
    "grace below 0": ("points", "late_grace_minutes", "-1", "a whole number of minutes"),
    "cap in percent": ("points", "late_penalty_at_most", "50%", "between 0 and 1"),
    "penalty above 1": ("points", "late_penalty_per_day", "1.5", "between 0 and 1"),
    "penalty below 0": ("points", "late_penalty_per_day", "-0.1", "between 0 and 1"),
    "penalty in percent": ("points", "late_penalty_per_day", "10%", "between 0 and 1"),
    "penalty that is NaN": ("points", "late_penalty_per_day", "nan", "between 0 and 1"),
    "marking in words": ("feedback", "show_marking", "perhaps", "yes or no"),
    "limit of 0": ("limits", "cells", "0", "a whole number from 1 to 100000"),
    "limit below 0": ("limits", "notebook_mib", "-1", "a whole number from 1 to 1024"),
    "limit with a fraction": ("limits", "cell_seconds", "2.5", "a whole number from 1 to 86400"),
    "limit with a unit": ("limits", "notebook_seconds", "30 s", "a whole number from 5 to 86400"),
    "limit without a value": ("limits", "output_lines", "", "a whole number from 1 to 1000000"),
    "limit of a thousand digits": (
        "limits",
        "cells",
        "9" * 5000,
        "a whole number from 1 to 100000",
    ),
    "too little memory": ("limits", "memory_mib", "1", "a whole number from 256 to 1048576"),
    "memory of no machine": ("limits", "memory_mib", "9" * 23, "from 256 to 1048576"),
    "too few processes": ("limits", "processes", "5", "a whole number from 20 to 4096"),
    "too few open files": ("limits", "open_files", "16", "a whole number from 64 to"),
    "unknown limit": ("limits", "cell_minutes", "3", "cell_seconds"),
}

# Texts that are no settings file at all, and what the message says of them.
BROKEN = {
    "no section": (b"id = tinytorch\n", "no section headers"),
    "a line that is no setting": (b"[course]\nid\n", "[line  2]"),
    "the same section twice": (b"[course]\nid = a\n[course]\nid = b\n", "already exists"),
    "the same key twice": (b"[course]\nid = a\nid = b\n", "already exists"),
    "not UTF-8": (b"[course]\nid = \xff\n", "utf-8"),
}


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Write a settings.ini that adds to the least one, and return its folder."""

    def write(settings: Settings) -> Path:
        sections = {name: {**LEAST.get(name, {}), **settings.get(name, {})} for name in LEAST}
        lines = []
        for name, values in {**settings, **sections}.items():
            lines += [f"[{name}]", *(f"{key} = {value}" for key, value in values.items())]
        (tmp_path / "settings.ini").write_text("\n".join(lines), encoding="utf-8")
        return tmp_path

    return write


def test_find_reads_the_course_above_a_folder(write: Writer) -> None:
    root = write({})
    below = root / "modules" / "source"
    below.mkdir(parents=True)
    assert Course.find(below).root == root.resolve()


def test_find_starts_in_the_current_folder(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({})
    monkeypatch.chdir(root)
    assert Course.find() == Course.read(root)


def test_find_passes_over_the_settings_of_another_program(write: Writer) -> None:
    root = write({})
    other = root / "other"
    other.mkdir()
    (other / "settings.ini").write_text("[nbdev]\nlib_name = x\n", encoding="utf-8")
    assert Course.find(other).root == root.resolve()


def test_find_says_what_is_wrong_with_broken_settings(write: Writer) -> None:
    root = write({})
    nearer = root / "nearer"
    nearer.mkdir()
    (nearer / "settings.ini").write_text("[course]\n[course]\n", encoding="utf-8")
    with pytest.raises(TitoError, match=r"nearer.settings\.ini cannot be read"):
        Course.find(nearer)


def test_find_names_the_folder_outside_a_course(tmp_path: Path) -> None:
    with pytest.raises(TitoError) as caught:
        Course.find(tmp_path)
    assert str(tmp_path.resolve()) in caught.value.fact
    assert caught.value.remedy == "Change into the folder of the course."
    assert caught.value.exit_code == 2


def test_read_names_a_folder_without_settings(tmp_path: Path) -> None:
    with pytest.raises(TitoError, match=r"has no settings\.ini") as caught:
        Course.read(tmp_path)
    assert caught.value.exit_code == 2


def test_read_gives_defaults_for_what_is_left_out(write: Writer) -> None:
    course = Course.read(write({}))
    assert course.limits == Limits()
    assert course.late_penalty_per_day == 0.0
    assert course.exchange is None
    assert course.lessons["11_kernels"].due is None
    assert course.show_marking is False


@pytest.mark.parametrize(("text", "shown"), [("yes", True), ("Off", False), ("", False)])
def test_read_says_whether_marking_is_shown(write: Writer, text: str, shown: bool) -> None:
    assert Course.read(write({"feedback": {"show_marking": text}})).show_marking is shown


def test_read_takes_every_value_that_is_given(write: Writer) -> None:
    limits = {
        "cell_seconds": "1",
        "notebook_seconds": "6",
        "notebook_mib": "3",
        "cells": "4",
        "output_lines": "5",
    }
    course = Course.read(write({"limits": limits, "points": {"late_penalty_per_day": "0.25"}}))
    assert course.limits == Limits(1, 6, 3, 4, 5)
    assert course.late_penalty_per_day == 0.25
    assert (course.id, course.title) == ("tinytorch", "TinyTorch")


def test_read_keeps_the_lessons_in_the_order_of_the_file(write: Writer) -> None:
    course = Course.read(write({"lesson 12_b": {"title": "B"}, "lesson 03_a": {"title": "A"}}))
    assert list(course.lessons) == ["12_b", "03_a", "11_kernels"]


@pytest.mark.parametrize(
    "due", ["2027-01-31 23:59:59 +0100", "2027-01-31 22:59:59 Z", "2027-01-31 17:59:59 -05:00"]
)
def test_read_takes_a_deadline_in_any_offset(write: Writer, due: str) -> None:
    lessons = Course.read(write({"lesson 11_kernels": {"due": due}})).lessons
    assert lessons["11_kernels"].due == datetime(2027, 1, 31, 22, 59, 59, tzinfo=UTC)


def test_read_takes_settings_that_an_editor_began_with_a_byte_order_mark(write: Writer) -> None:
    file = write({}) / "settings.ini"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert Course.read(file.parent).id == "tinytorch"


@pytest.mark.parametrize(("section", "key", "value", "legal"), WRONG.values(), ids=WRONG)
def test_read_names_a_wrong_value_and_the_legal_ones(
    write: Writer, section: str, key: str, value: str, legal: str
) -> None:
    root = write({section: {key: value}})
    with pytest.raises(TitoError) as caught:
        Course.read(root)
    assert f"section [{section}]: {key} is {value.strip()!r}" in caught.value.fact
    assert legal in caught.value.fact
    assert caught.value.remedy == f"Fix it in {root.resolve() / 'settings.ini'}."
    assert caught.value.exit_code == 2


def test_read_lists_the_known_limits_beside_an_unknown_one(write: Writer) -> None:
    with pytest.raises(TitoError) as caught:
        Course.read(write({"limits": {"seconds": "3"}}))
    for name in Limits.__dataclass_fields__:
        assert name in caught.value.fact


@pytest.mark.parametrize(
    ("section", "key"),
    [
        *(("course", "db"), ("lesson 11_kernels", "deadline"), ("points", "late_penalty")),
        ("feedback", "marking"),
        *(("limit", "cells"), ("lessons", "title")),
    ],
)
def test_read_refuses_what_it_does_not_know(write: Writer, section: str, key: str) -> None:
    with pytest.raises(TitoError, match=rf"section \[{section}\]") as caught:
        Course.read(write({section: {key: "3"}}))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "name", ["kernels", "11", "11_", "_kernels", "../11_kernels", "11 kernels"]
)
def test_read_refuses_a_lesson_without_number_and_name(write: Writer, name: str) -> None:
    with pytest.raises(TitoError, match="11_kernels") as caught:
        Course.read(write({f"lesson {name}": {"title": "Kernels"}}))
    assert f"[lesson {name}]" in caught.value.fact


@pytest.mark.parametrize(("text", "reason"), BROKEN.values(), ids=BROKEN)
def test_read_says_why_settings_cannot_be_read(tmp_path: Path, text: bytes, reason: str) -> None:
    (tmp_path / "settings.ini").write_bytes(text)
    with pytest.raises(TitoError) as caught:
        Course.read(tmp_path)
    assert " ".join(reason.split()) in caught.value.fact
    assert "\n" not in caught.value.fact
    assert caught.value.exit_code == 2


def test_gradebook_url_is_a_file_in_the_course_tree_by_default(write: Writer) -> None:
    course = Course.read(write({}))
    assert course.gradebook_url == f"sqlite:///{course.assignments / 'gradebook.db'}"


def test_gradebook_url_is_the_one_in_the_settings(write: Writer) -> None:
    url = "postgresql://tito:p%40ss@grades/tinytorch"
    assert Course.read(write({"course": {"db_url": url}})).gradebook_url == url


def test_exchange_begins_in_the_home_folder_after_a_tilde(
    write: Writer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    course = Course.read(write({"course": {"exchange": "~/exchange"}}))
    assert course.exchange == tmp_path / "exchange"


def test_exchange_lies_in_the_course_when_its_path_is_relative(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"course": {"exchange": "exchange"}})
    (root / "modules").mkdir()
    monkeypatch.chdir(root / "modules")
    assert Course.find().exchange == root.resolve() / "exchange"


def test_shown_is_relative_to_the_current_folder_if_below_it(
    write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course.read(write({}))
    monkeypatch.chdir(course.root)
    assert course.shown(course.assignments) == "assignments"
    assert course.shown(course.root.parent) == str(course.root.parent)


def test_find_in_a_folder_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(TitoError, match="not there any more"):
        Course.find()
    monkeypatch.chdir(tmp_path)
