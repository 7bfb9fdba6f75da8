"""Every command beside every broken thing: one line with the fact and the remedy, no traceback."""

import errno
import json
import logging
import os
import shutil
import sqlite3
import sqlite3.dbapi2
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from edits import edit
from rights import read_only

from tito.cli import COMMANDS, main
from tito.commands.lesson import COMMANDS as LESSON
from tito.commands.nbgrader import STEPS
from tito.course import Course
from tito.errors import TitoError, file_error
from tito.grading.sandbox import tools
from tito.grading.sandbox.probe import _probed
from tito.lesson import Lesson, find_lesson

PLAIN = {
    "doctor": ["doctor", "--json"],
    "export": ["export", "kernels"],
    "handout": ["handout", "out"],
    "notebook": ["notebook", "kernels", "--force"],
    "profile": ["profile", "kernels"],
    "roster": ["roster", "nbgrader_config.py"],
    "status": ["status", "kernels"],
    "submit": ["submit", "kernels", "--blank"],
    "test": ["test", "kernels", "--source"],
}
STEPS_OF_GRADING = {
    "generate": ["nbgrader", "generate", "kernels"],
    "release": ["nbgrader", "release", "kernels"],
    "collect": ["nbgrader", "collect", "kernels", "given"],
    "extend": ["nbgrader", "extend", "kernels", "ada", "3d"],
    "regrade": [
        *("nbgrader", "regrade", "kernels", "--reason", "A check.", "--sandbox", "off", "--yes")
    ],
    "autograde": ["nbgrader", "autograde", "kernels", "--sandbox", "off", "--jobs", "1"],
    "feedback": ["nbgrader", "feedback", "kernels", "--jobs", "1"],
    "report": ["nbgrader", "report", "kernels"],
    "status": ["nbgrader", "status", "kernels"],
}
AUTHORS = {
    "check": ["lesson", "check", "kernels", "--fast"],
    "new": ["lesson", "new", "mean"],
    "import": ["lesson", "import", "nowhere.ipynb"],
}
EVERY = {**PLAIN, **STEPS_OF_GRADING, **AUTHORS}
NEED_NO_LESSON = ("doctor", "handout", "roster", "new", "import")
NEED_A_LESSON = [name for name in EVERY if name not in NEED_NO_LESSON]
USE_THE_GRADEBOOK = [
    *("doctor", "generate", "extend", "autograde", "regrade", "feedback", "report", "status")
]

LEAST = "[course]\nid = a\ntitle = b\n"
Break = Callable[[Path], object]

# What is wrong with settings.ini, and the word of the message that says so.
SETTINGS: dict[str, tuple[Break, str]] = {
    "unknown section": (lambda path: path.write_text(f"{LEAST}[x]\n"), "[x]"),
    "unknown key": (lambda path: path.write_text(f"{LEAST}name = c\n"), "name is 'c'"),
    "a section twice": (lambda path: path.write_text(LEAST * 2), "already exists"),
    "no number": (
        lambda path: path.write_text(f"{LEAST}[limits]\ncells = many\n"),
        "cells is 'many'",
    ),
    "unknown sandbox": (
        lambda path: path.write_text(f"{LEAST}[grading]\nsandbox = docker\n"),
        "sandbox is 'docker', but must be one of auto, bwrap, off",
    ),
    "no time zone": (
        lambda path: path.write_text(f"{LEAST}time_zone = Mars/Base\n"),
        "time_zone is 'Mars/Base', but must be a place like",
    ),
    "empty": (lambda path: path.write_text(""), "settings.ini has no section [course]"),
    "not UTF-8": (lambda path: path.write_bytes(b"[course]\nid = \xff\n"), "0xff"),
    "missing": (lambda path: path.unlink(), "There is no course"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    "a circle of links": (
        lambda path: (path.unlink(), path.symlink_to(path.name)),
        "Too many levels of symbolic links",
    ),
}


BROKEN_GRADEBOOK: dict[str, tuple[Break, str]] = {
    "random bytes": (lambda path: path.write_bytes(bytes(range(1, 256)) * 100), "not a database"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "gradebook.db is a folder"),
}


@pytest.fixture(autouse=True)
def no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap: the doctor need not try it for seconds."""
    monkeypatch.setattr(tools, "PLACES", str(tmp_path))
    for cached in (tools.find_tools, _probed):
        cached.cache_clear()
    yield
    for cached in (tools.find_tools, _probed):
        cached.cache_clear()


@pytest.fixture
def class_of_two(course: Course) -> Course:
    """A course in which ada's submission was graded and bob's lies in the folder `given`."""
    released = find_lesson(course, "kernels").released
    graded = [course.assignments / s / "ada" / "11_kernels" for s in ("submitted", "autograded")]
    for folder in [course.root / "given" / "bob", *graded]:
        folder.mkdir(parents=True)
        shutil.copy(released, folder)
    return course


def run(command: str) -> Result:
    return CliRunner().invoke(main, EVERY[command])


def says_in_one_line(result: Result, command: str, fact: str) -> None:
    """Require one line with a fact and a remedy, and an exit code that tells of a failure."""
    if command == "doctor":
        found = [one for one in json.loads(result.stdout) if one["state"] == "missing"]
        lines = [f"{one['detail']} {one['remedy']}" for one in found if fact in one["detail"]]
        assert all(one["remedy"] for one in found)
    else:
        lines = [x for x in result.stderr.splitlines() if x.startswith("tito: ") and fact in x]
        assert len([x for x in result.stderr.splitlines() if x.startswith("tito: ")]) == 1
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert lines[0].endswith((".", "`"))
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)


def test_every_command_is_tried() -> None:
    assert set(EVERY) == {*COMMANDS, *STEPS, *LESSON} - {"nbgrader", "lesson"}


@pytest.mark.parametrize(("damage", "fact"), SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("command", EVERY)
def test_broken_settings_cost_one_line(
    plain_course: Course, command: str, damage: Break, fact: str
) -> None:
    plain_course.root.joinpath("given").mkdir()
    damage(plain_course.root / "settings.ini")
    says_in_one_line(run(command), command, fact)


@pytest.mark.parametrize("command", EVERY)
def test_unreadable_settings_cost_one_line(plain_course: Course, command: str) -> None:
    plain_course.root.joinpath("given").mkdir()
    with read_only(plain_course.root / "given"):
        plain_course.root.joinpath("settings.ini").chmod(0)
        says_in_one_line(run(command), command, "settings.ini cannot be read: Permission denied")


@pytest.mark.parametrize("command", NEED_A_LESSON)
def test_course_without_lessons_says_so(plain_course: Course, command: str) -> None:
    plain_course.root.joinpath("given").mkdir()
    plain_course.root.joinpath("settings.ini").write_text(LEAST)
    says_in_one_line(run(command), command, "There is no lesson 'kernels'. settings.ini has no")


@pytest.mark.parametrize("command", NEED_A_LESSON)
def test_lesson_without_files_is_no_bug(plain_course: Course, command: str) -> None:
    plain_course.root.joinpath("given").mkdir()
    settings = f"{LEAST}[lesson 12_nothing]\ntitle = Nothing\n"
    plain_course.root.joinpath("settings.ini").write_text(settings)
    result = CliRunner().invoke(main, [x.replace("kernels", "nothing") for x in EVERY[command]])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if result.exit_code:
        assert "tito: " in result.stderr


@pytest.mark.parametrize(("damage", "fact"), BROKEN_GRADEBOOK.values(), ids=BROKEN_GRADEBOOK)
@pytest.mark.parametrize("command", USE_THE_GRADEBOOK)
def test_broken_gradebook_costs_one_line(
    class_of_two: Course, command: str, damage: Break, fact: str
) -> None:
    damage(class_of_two.assignments / "gradebook.db")
    says_in_one_line(run(command), command, fact)


@pytest.mark.parametrize("command", USE_THE_GRADEBOOK)
def test_gradebook_of_another_schema_costs_one_line(class_of_two: Course, command: str) -> None:
    with closing(sqlite3.connect(class_of_two.assignments / "gradebook.db")) as database:
        database.execute("DROP TABLE assignment")
        database.execute("CREATE TABLE assignment (id TEXT)")
        database.commit()
    says_in_one_line(run(command), command, "no such column: assignment.")


@pytest.mark.parametrize("command", USE_THE_GRADEBOOK)
def test_gradebook_that_stays_locked_costs_one_line(
    class_of_two: Course, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("tito.grading.gradebook.database.SECONDS_OF_PATIENCE", 0.0)
    path = class_of_two.assignments / "gradebook.db"
    at_once = partial(sqlite3.dbapi2.connect, timeout=0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3.dbapi2, "connect", at_once)
        says_in_one_line(run(command), command, "The gradebook stays locked")


@pytest.mark.parametrize("command", ["generate", "autograde", "extend"])
def test_read_only_gradebook_costs_one_line(
    class_of_two: Course, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for logger in (logging.getLogger(), logging.getLogger("tornado.application")):
        monkeypatch.setattr(logger, "handlers", [])  # what is logged then reaches the terminal
    with read_only(class_of_two.root / "given"):
        class_of_two.assignments.joinpath("gradebook.db").chmod(0o444)
        says_in_one_line(run(command), command, "attempt to write a readonly database")


def test_summary_of_a_run_comes_before_what_then_fails(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(lesson: Lesson) -> int:
        raise TitoError("The gradebook does not answer.", "Start it.")

    (course.submitted / "ada" / "11_kernels").mkdir(parents=True)
    monkeypatch.setattr("tito.grading.gradebook.grades.count_unread", away)
    result = run("autograde")
    says_in_one_line(result, "autograde", "The gradebook does not answer. Start it.")
    assert result.stderr.index("ada: rejected") < result.stderr.index("tito: ")
    assert result.stderr.index("1 rejected") < result.stderr.index("tito: ")


def test_empty_gradebook_costs_one_line(class_of_two: Course) -> None:
    class_of_two.assignments.joinpath("gradebook.db").write_bytes(b"")
    result = run("report")
    says_in_one_line(result, "report", "The gradebook ")
    assert "`tito nbgrader autograde" in result.stderr  # which enters the grades, too


@pytest.mark.parametrize("command", ["doctor", "export", "notebook", "handout", *STEPS_OF_GRADING])
def test_read_only_tree_costs_one_line(class_of_two: Course, command: str) -> None:
    with read_only(class_of_two.root):
        result = run(command)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if command == "doctor":
        says_in_one_line(result, command, "assignments/gradebook.db cannot be written.")
    if command in ("export", "notebook", "handout", "generate", "autograde"):
        says_in_one_line(result, command, "Permission denied")
    if command == "collect":
        assert "bob: refused: it cannot be stored: Permission denied\n" in result.stderr
    if command in ("release", "report", "status"):  # they only read
        assert result.exit_code == 0


@pytest.mark.parametrize("command", USE_THE_GRADEBOOK)
def test_unknown_kind_of_database_costs_one_line(class_of_two: Course, command: str) -> None:
    edit(class_of_two.root / "settings.ini", "db_url =", "db_url = nosuch://a/b")
    says_in_one_line(run(command), command, "nosuch")


@pytest.mark.parametrize("command", [*USE_THE_GRADEBOOK, "dry run", "roster"])
def test_gradebook_in_a_folder_that_does_not_exist_costs_one_line(
    class_of_two: Course, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(EVERY, "dry run", [*EVERY["autograde"], "--dry-run"])
    monkeypatch.setitem(EVERY, "roster", ["roster", "class.csv"])
    class_of_two.root.joinpath("class.csv").write_text("id,name\nada,Ada Lovelace\n")
    url = f"sqlite:///{class_of_two.root}/nowhere/gradebook.db"
    edit(class_of_two.root / "settings.ini", "db_url =", f"db_url = {url}")
    fact = "The folder of the gradebook nowhere/gradebook.db does not exist"
    says_in_one_line(run(command), command, fact)


def test_missing_bubblewrap_costs_one_line(class_of_two: Course) -> None:
    result = CliRunner().invoke(main, ["nbgrader", "autograde", "kernels"])
    says_in_one_line(result, "autograde", "bwrap")
    assert "sudo apt-get install bubblewrap" in result.stderr


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "Change the rights of that file and of its folder."),
        (errno.EROFS, "Mount it writable, or work in a copy elsewhere."),
        (errno.EISDIR, "Move away what stands there."),
    ],
)
def test_a_file_that_is_refused_has_the_remedy_for_the_reason(number: int, remedy: str) -> None:
    told = file_error(OSError(number, os.strerror(number), "a.txt"))
    assert told is not None
    assert (told.fact, told.remedy) == (f"a.txt: {os.strerror(number)}.", remedy)


@pytest.mark.parametrize("made", ["generated", "released"])
@pytest.mark.parametrize("command", ["autograde", "report", "status", "page"])
def test_damaged_release_costs_one_line_that_says_how_it_is_made_again(
    class_of_two: Course, monkeypatch: pytest.MonkeyPatch, command: str, made: str
) -> None:
    monkeypatch.setitem(EVERY, "page", [*EVERY["report"], "--format", "html"])
    getattr(find_lesson(class_of_two, "kernels"), made).write_bytes(b"\xff")
    result = run(command)
    if command in ("report", "page") and "tito: " not in result.stderr:
        assert "Whether these grades are out of date is not known." in result.stderr
        assert result.exit_code == 0
    else:
        says_in_one_line(result, command, "kernels.ipynb ")
    assert "tito nbgrader generate kernels" in result.stderr


ON_A_FULL_DISK = ["export", "handout", "notebook", "new", *STEPS_OF_GRADING]
FILLED = """
import json, os, shutil, sys
from click.testing import CliRunner
from tito.cli import main
source, disk, commands = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
os.chdir(shutil.copytree(source, f"{disk}/course"))
with open(f"{disk}/rest", "wb", buffering=0) as rest:
    try:
        while rest.write(bytes(4096)):
            pass
    except OSError:
        pass
for name, command in commands.items():
    result = CliRunner().invoke(main, command)
    print(json.dumps([name, result.exit_code, repr(result.exception), result.stderr]))
print(json.dumps(sorted(os.listdir("assignments/submitted"))))
"""


@pytest.mark.full
def test_full_disk_costs_one_line(
    class_of_two: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # bubblewrap is there, and has a small disk
    disk = tmp_path / "disk"
    disk.mkdir()
    commands = json.dumps({name: EVERY[name] for name in ON_A_FULL_DISK})
    done = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", "--size", str(32 * 2**20), "--tmpfs", str(disk)),
            *(sys.executable, "-c", FILLED, str(class_of_two.root), str(disk), commands),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    *results, submitted = map(json.loads, done.stdout.splitlines())
    assert submitted == ["ada"]  # nothing of bob's is stored by halves
    for name, code, exception, said in results:
        if name in ("release", "report", "status"):  # they only read
            assert code == 0, said
            continue
        lines = [line for line in said.splitlines() if line.startswith("tito: ")]
        assert (code, len(lines), exception) == (1, 1, "SystemExit(1)"), (name, said)
        if name != "feedback":  # this gradebook does not know ada
            assert "No space left on device" in lines[0] or "disk" in lines[0], lines
