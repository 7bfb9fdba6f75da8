"""The course: what settings.ini says and where its files lie."""

import configparser
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tito.errors import TitoError

__all__ = [
    "AUTOTESTS",
    "CHECKS",
    "TIME_FORMAT",
    "HANDED_OUT",
    "SANDBOXES",
    "SETTINGS",
    "YEARS",
    "Course",
    "LessonSettings",
    "Limits",
]

SETTINGS = "settings.ini"
CHECKS = "checks.py"
"""What each graded cell of a lesson must satisfy, beside its source; never released."""
AUTOTESTS = "autotests.yml"
"""How nbgrader makes tests of ``### AUTOTEST`` lines, beside the source; never released."""
TIME_FORMAT = "%Y-%m-%d %H:%M:%S %z"
YEARS = range(1970, 9001)
"""The years of all times: near the first and the last year of Python no zone can be applied."""
HANDED_OUT = Path(__file__).with_name("handed_out")
"""The course that the package of a handout carries, for folders that belong to no course."""

SANDBOXES = ("auto", "bwrap", "off")
"""Where student code may run; ``auto`` is another name of ``bwrap``."""

PINNED = re.compile(r"[^\s;]+\.whl(?:#\S+)?|git\+[^\s;]+@[\w.-]+")
ASSIGNMENT = re.compile(r"\d+_[a-z][a-z0-9_]*")

RANGE = "range"
"""The key of a limit's least and most in the metadata of its field."""

N = TypeVar("N", int, float)


def _limit(default: int, least: int, most: int) -> Any:
    return field(default=default, metadata={RANGE: (least, most)})


@dataclass(frozen=True)
class Limits:
    """What one submission may use; the section [limits].

    Each has the least with which the lesson's own solutions can be graded, and a most that no
    machine needs.
    """

    cell_seconds: int = _limit(30, 1, 86_400)
    notebook_seconds: int = _limit(120, 5, 86_400)
    notebook_mib: int = _limit(16, 1, 1024)
    cells: int = _limit(2000, 1, 100_000)
    output_lines: int = _limit(1000, 1, 1_000_000)
    cpu_seconds: int = _limit(60, 1, 86_400)
    memory_mib: int = _limit(2048, 256, 1_048_576)
    processes: int = _limit(128, 20, 4096)
    file_mib: int = _limit(64, 1, 1_048_576)
    open_files: int = _limit(256, 64, 4096)
    scratch_mib: int = _limit(128, 1, 1_048_576)
    files: int = _limit(20_000, 100, 100_000_000)
    output_kib: int = _limit(4096, 1, 1_048_576)


@dataclass(frozen=True)
class LessonSettings:
    """One lesson's section: its title and, where it has one, its deadline."""

    title: str
    due: datetime | None = None


@dataclass(frozen=True)
class Course:
    """The settings of a course and its folders.

    Everything below ``assignments`` is nbgrader's course tree, in nbgrader's own layout. For a
    student who has a handout, ``workplace`` is the folder to work in; else it is None.
    """

    root: Path
    id: str
    title: str
    db_url: str
    exchange: Path | None
    lessons: Mapping[str, LessonSettings]
    late_penalty_per_day: float
    sandbox: str
    limits: Limits
    show_marking: bool = False
    package: str = ""
    hand_in: str = ""
    time_zone: ZoneInfo | None = None
    late_grace: timedelta = timedelta()
    late_penalty_at_most: float = 1.0
    workplace: Path | None = None

    @classmethod
    def find(cls, start: Path | None = None) -> "Course":
        """Read the course that the folder `start` (default: the current one) belongs to.

        Raises
        ------
        TitoError
            If neither the folder nor any above it has a settings.ini of a course, and this
            installation is not of a handout.
        """
        try:
            folder = (start or Path.cwd()).resolve()
        except FileNotFoundError:
            fact = "The current folder is not there any more."
            raise TitoError(fact, "Change into the folder of the course.", exit_code=2) from None
        without_course = []
        for candidate in (folder, *folder.parents):
            if _is_course(candidate / SETTINGS):
                return cls.read(candidate)
            if os.path.lexists(candidate / SETTINGS):
                without_course.append(candidate / SETTINGS)
        if (HANDED_OUT / SETTINGS).is_file():
            return replace(cls.read(HANDED_OUT), workplace=folder)
        why, remedy = f"neither it nor a folder above has a {SETTINGS}", ""
        if without_course:
            why, remedy = f"{without_course[0]} has no section [course]", ", or add that section"
        raise TitoError(
            f"There is no course at {folder}: {why}.",
            f"Change into the folder of the course{remedy}.",
            exit_code=2,
        )

    @classmethod
    def read(cls, root: Path) -> "Course":
        """Read the settings.ini in `root`.

        Raises
        ------
        TitoError
            If a value is missing or is not of its kind; names the section, the key and the value.
        """
        return _Reader(root).course()

    @property
    def sources(self) -> Path:
        """Where the lessons' percent sources lie."""
        return self.root / "modules" / "source"

    @property
    def assignments(self) -> Path:
        """nbgrader's course tree; generated, never committed."""
        return self.root / "assignments"

    @property
    def submitted(self) -> Path:
        """Where a folder for each student lies, with what was handed in."""
        return self.assignments / "submitted"

    @property
    def gradebook(self) -> Path:
        """The gradebook's file, unless settings.ini names another database."""
        return self.assignments / "gradebook.db"

    @property
    def gradebook_url(self) -> str:
        """The gradebook's database URL."""
        return self.db_url or f"sqlite:///{self.gradebook}"

    def shown(self, path: Path) -> str:
        """Return `path` as a person would type it: relative to the current folder if below it."""
        try:
            return str(path.resolve().relative_to(Path.cwd()))
        except ValueError:
            return str(path)


def _is_course(path: Path) -> bool:
    if not os.path.lexists(path):
        return False
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
    except (configparser.Error, UnicodeDecodeError, OSError):
        return True  # broken, but a course: reading it says how
    return parser.has_section("course")


KNOWN = {
    "course": ["id", "title", "db_url", "exchange", "time_zone"],
    "lesson": ["title", "due"],
    "points": ["late_penalty_per_day", "late_grace_minutes", "late_penalty_at_most"],
    "grading": ["sandbox"],
    "feedback": ["show_marking"],
    "handout": ["package", "hand_in"],
    "limits": [field.name for field in fields(Limits)],
}


class _Reader:
    """Turns settings.ini into a Course, naming whatever is wrong with it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.path = self.root / SETTINGS
        self.parser = configparser.ConfigParser(interpolation=None)
        try:
            with self.path.open(encoding="utf-8-sig") as file:
                self.parser.read_file(file)
        except FileNotFoundError:
            raise TitoError(
                f"{self.root} has no {SETTINGS}.", "Name the folder of a course.", exit_code=2
            ) from None
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            fact = f"{self.path} cannot be read: {reason}."
            raise TitoError(fact, "Fix that line, or the file.", exit_code=2) from None

    def course(self) -> Course:
        self._require_known()
        exchange = self._text("course", "exchange")
        return Course(
            root=self.root,
            id=self._course_id(),
            title=self._required("course", "title"),
            db_url=self._text("course", "db_url"),
            exchange=self.root / os.path.expanduser(exchange) if exchange else None,
            lessons=self._lessons(),
            late_penalty_per_day=self._share("late_penalty_per_day", 0.0),
            late_penalty_at_most=self._share("late_penalty_at_most", 1.0),
            late_grace=self._grace(),
            sandbox=self._sandbox(),
            limits=self._limits(),
            show_marking=self._show_marking(),
            package=self._package(),
            hand_in=self._text("handout", "hand_in"),
            time_zone=self._time_zone(),
        )

    def _lessons(self) -> dict[str, LessonSettings]:
        sections = {s: s.removeprefix("lesson ").strip() for s in self.parser.sections()}
        return {
            name: LessonSettings(self._required(section, "title"), self._due(section))
            for section, name in sections.items()
            if section.startswith("lesson ")
        }

    def _require_known(self) -> None:
        """What is misspelt must not pass for what is left out."""
        for section in self.parser.sections():
            kind, _, name = section.partition(" ")
            if kind not in KNOWN or (kind == "lesson" and not ASSIGNMENT.fullmatch(name)):
                fact = f"{self.path}: unknown section [{section}]."
                legal = ", ".join(f"[{k}]" for k in KNOWN if k != "lesson")
                remedy = f"There are {legal}, and lessons like [lesson 11_kernels]."
                raise TitoError(fact, remedy, exit_code=2)
            for key in self.parser[section]:
                if key not in KNOWN[kind]:
                    value = self._text(section, key)
                    raise self._wrong(section, key, value, f"one of {', '.join(KNOWN[kind])}")

    def _limits(self) -> Limits:
        given = self.parser["limits"] if self.parser.has_section("limits") else {}
        ranges = {limit.name: limit.metadata[RANGE] for limit in fields(Limits)}
        return Limits(**{key: self._limit(key, *ranges[key]) for key in given})

    def _limit(self, key: str, least: int, most: int) -> int:
        legal = f"a whole number from {least} to {most}"
        return self._number("limits", key, int, lambda n: least <= n <= most, legal)

    def _share(self, key: str, default: float) -> float:
        if not self._text("points", key):
            return default
        legal = "a share between 0 and 1"
        return self._number("points", key, float, lambda share: 0 <= share <= 1, legal)

    def _grace(self) -> timedelta:
        key, legal = "late_grace_minutes", "a whole number of minutes, at most 1440"
        if not self._text("points", key):
            return timedelta()
        return timedelta(minutes=self._number("points", key, int, lambda n: 0 <= n <= 1440, legal))

    def _show_marking(self) -> bool:
        text = self._text("feedback", "show_marking")
        shown = {"": False, **configparser.ConfigParser.BOOLEAN_STATES}.get(text.lower())
        if shown is None:
            raise self._wrong("feedback", "show_marking", text, "yes or no")
        return shown

    def _course_id(self) -> str:
        text = self._required("course", "id")
        if text != os.path.basename(text) or text in (os.curdir, os.pardir):
            legal = "a name without a slash: the exchange has a folder of that name"
            raise self._wrong("course", "id", text, legal)
        return text

    def _time_zone(self) -> ZoneInfo | None:
        text = self._text("course", "time_zone")
        try:
            return ZoneInfo(text) if text else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise self._wrong("course", "time_zone", text, "a place like Europe/Berlin") from None

    def _sandbox(self) -> str:
        text = self._text("grading", "sandbox") or "auto"
        if text not in SANDBOXES:
            raise self._wrong("grading", "sandbox", text, f"one of {', '.join(SANDBOXES)}")
        return text

    def _package(self) -> str:
        text = self._text("handout", "package")
        if text and not PINNED.fullmatch(text):
            legal = "a file or URL that ends in .whl, or git+https://...@COMMIT"
            raise self._wrong("handout", "package", text, legal)
        return text

    def _due(self, section: str) -> datetime | None:
        text = self._text(section, "due")
        if not text:
            return None
        try:
            due = datetime.strptime(text, TIME_FORMAT)
        except ValueError:
            legal = "a date like 2027-01-31 23:59:59 +0100"
            raise self._wrong(section, "due", text, legal) from None
        if due.year not in YEARS:
            legal = f"of the years {YEARS[0]} to {YEARS[-1]}, or empty for no deadline"
            raise self._wrong(section, "due", text, legal)
        return due

    def _number(
        self, section: str, key: str, kind: type[N], holds: Callable[[N], bool], legal: str
    ) -> N:
        text = self._text(section, key)
        try:
            value = kind(text)
        except ValueError:
            raise self._wrong(section, key, text, legal) from None
        if not holds(value):
            raise self._wrong(section, key, text, legal)
        return value

    def _required(self, section: str, key: str) -> str:
        text = self._text(section, key)
        if not text:
            raise self._wrong(section, key, text, "a text")
        return text

    def _text(self, section: str, key: str) -> str:
        return self.parser.get(section, key, fallback="").strip()

    def _wrong(self, section: str, key: str, value: str, legal: str) -> TitoError:
        return TitoError(
            f"{SETTINGS}, section [{section}]: {key} is {value!r}, but must be {legal}.",
            f"Fix it in {self.path}.",
            exit_code=2,
        )
