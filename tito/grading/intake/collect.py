"""Collecting: from folders, zip files and systems' downloads into ``assignments/submitted``."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from tito.errors import TitoError
from tito.files import MIB, Reader, Refused, opened_zip, opened_zip_in, read_regular
from tito.grading.intake.choice import Chosen, choose, listed
from tito.grading.intake.collection import (
    Collected,
    Collection,
    NotCollected,
    NothingCollected,
)
from tito.grading.intake.identity import Identities
from tito.grading.intake.owners import (
    Work,
    belongs,
    by_student,
    is_known,
    is_notebook,
    is_passed_over,
    named_in,
    of_class,
    of_one,
    owner_of,
    plain,
)
from tito.grading.intake.shelf import Receipt, Shelf
from tito.grading.intake.times import NBGRADER, in_utc
from tito.lesson import Lesson
from tito.lms import SYSTEMS, is_download, placed, recognise, unwrapped
from tito.lms.names import Named
from tito.lms.people import People, Person

__all__ = ["collect_paths"]

MIXED = "holds work of its own and of {}: an archive of one student holds no other's"
ON_TIME = "without a timestamp.txt they count as on time"
ASK = "Ask the student for it again, or collect it as STUDENT/{}."


@dataclass(frozen=True)
class _OnDisk:
    """Reads a regular file in a folder."""

    path: Path

    def __call__(self, most: int) -> bytes:
        return read_regular(self.path, most)


def collect_paths(
    lesson: Lesson,
    paths: Iterable[Path],
    people: Iterable[Person] = (),
    *,
    system: str = "",
    dry_run: bool = False,
) -> Collection:
    """Collect the submissions in folders and zip files; the newest of a student counts.

    Whatever is wrong with one student's files, the work of all others is collected.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    paths : iterable of Path
        Folders and zip files.
    people : iterable of Person
        The roster.
    system : str
        Whose download they are, or ``plain``; default: found out from the names of the files.
    dry_run : bool
        Whether nothing is written.

    Raises
    ------
    TitoError
        If there is no submission of the lesson in them, or none can be written.
    """
    intake = _Intake(lesson, People(people), system, Shelf(lesson, dry_run=dry_run))
    results: list[Collected] = []
    try:
        for path in paths:
            results += sorted(intake.path(path), key=lambda one: one.name)
    finally:
        intake.shelf.save()
    collection = Collection([intake.final(one) for one in results], intake.left)
    nothing = f"it holds no {lesson.notebook_name}"
    if all(one.status == "refused" and one.reason.startswith(nothing) for one in results):
        raise NothingCollected(lesson, paths, collection)
    return collection


class _Intake:
    """One run of `collect`: what is the same for all that comes in."""

    def __init__(self, lesson: Lesson, people: People, system: str, shelf: Shelf) -> None:
        self.lesson = lesson
        self.identities = Identities(lesson, people)
        self.system = system
        self.shelf = shelf
        self.left: list[NotCollected] = []
        self.rename = f"Call it STUDENT_{lesson.notebook_name} if it is a hand-in."

    def path(self, path: Path) -> Iterator[Collected]:
        """Collect what lies in a folder or in a zip file."""
        if path.is_dir():
            return self._folder(path)
        if path.suffix.lower() == ".zip" and path.is_file():
            return self._archive(path)
        file: dict[str, Reader] = {path.name: _OnDisk(path)}
        if by_student(self.lesson, file)[0]:
            return self._class(file, path.parent.name)
        raise TitoError(f"{path} is neither a folder nor a zip file.", "Name one.", exit_code=2)

    def final(self, one: Collected) -> Collected:
        """Return a result as it is at the end: a newer hand-in may have come after it."""
        newest = self.shelf.receipts.get(one.name)
        if one.status != "collected" or one.receipt is None or newest is None:
            return one
        same = (newest.stored, newest.time) == (one.receipt.stored, one.receipt.time)
        return one if same else replace(one, status="older")

    def known(self, student: str) -> bool:
        """Whether a student is in the roster or has handed in before."""
        return is_known(self.lesson, student, self.identities.people.all)

    def is_person(self, name: str) -> bool:
        """Whether a name is that of a known student, or one's id."""
        return self.known(name) or self.identities.has(name)

    def _folder(self, folder: Path) -> Iterator[Collected]:
        files: dict[str, Reader] = {}
        closed: list[OSError] = []
        for top, folders, names in os.walk(folder, onerror=closed.append):
            for link in (Path(top, name) for name in folders):
                if link.is_symlink():
                    path, remedy = link.relative_to(folder).as_posix(), "Name that folder itself."
                    self._leave(folder.name, path, "it is a link to a folder", remedy)
            for file in (Path(top, name) for name in names):
                files[file.relative_to(folder).as_posix()] = _OnDisk(file)
        for error in closed:
            yield self._closed(folder, error)
        yield from self._class(files, folder.name)

    def _closed(self, folder: Path, error: OSError) -> Collected:
        """The refusal of a student whose folder cannot be listed."""
        path = Path(os.fsdecode(error.filename or folder))
        below = path.relative_to(folder).parts
        if not below:
            raise TitoError(f"{folder} cannot be read: {error.strerror}.", "Look at its rights.")
        reason = f"{path.name} cannot be read: {error.strerror}"
        return Collected(below[0], "refused", reason, "Look at its rights, and collect again.")

    def _archive(self, archive: Path) -> Iterator[Collected]:
        """A zip file that was named: the class's, or one student's."""
        owner = owner_of(self.lesson, archive)
        try:
            with opened_zip(archive.resolve()) as files:
                if self._is_of_one(owner, archive, files):
                    yield self._one(plain(owner), of_one(self.lesson, files))
                else:
                    yield from self._class(files, archive.name)
        except Refused as refused:
            yield self._refused(plain(owner), f"{archive.name} {refused}")

    def _is_of_one(self, owner: str, archive: Path, files: Mapping[str, Reader]) -> bool:
        """Whether a zip file is one student's, whatever names are in it; else it is a class's."""
        if owner != archive.stem or self.is_person(owner):
            return True
        if self._system_of(unwrapped(files, archive.stem)):
            return False
        works, loose = by_student(self.lesson, of_class(self.lesson, files, self.is_person))
        beside = f"{self.lesson.assignment}/"
        loose = [n for n in loose if is_notebook(n) and "/" not in n.removeprefix(beside)]
        if loose and len(works) > 1:
            raise Refused(MIXED.format(f"{len(works)} others"))
        zips = [Path(name) for name in files if "/" not in name and name.lower().endswith(".zip")]
        owners = [owner_of(self.lesson, path) for path in zips]
        downloads = any(is_download(path.name) for path in zips)
        return bool(loose) or not (
            works or downloads or len(zips) > 1 or any(map(self.is_person, owners))
        )

    def _opened(self, read: Reader) -> AbstractContextManager[dict[str, Reader]]:
        """Open a zip file among the files of a class."""
        if isinstance(read, _OnDisk):
            return opened_zip(read.path)
        return opened_zip_in(read(self.lesson.course.limits.file_mib * MIB))

    def _system_of(self, files: Mapping[str, Reader]) -> str:
        """The system whose download the files are; empty if of none."""
        return "" if self.system == "plain" else self.system or recognise(files)

    def _class(self, files: Mapping[str, Reader], label: str) -> Iterator[Collected]:
        """The files of a class: a system's download, or sorted by student."""
        inside = unwrapped(files, Path(label).stem)
        system = self._system_of(inside)
        if system:
            yield from self._download(system, inside, label)
            return
        inside = of_class(self.lesson, files, self.is_person)
        zips = [n for n in sorted(inside) if "/" not in n and n.lower().endswith(".zip")]
        rest = {name: read for name, read in inside.items() if name not in zips}
        works, loose = by_student(self.lesson, rest)
        for name in zips:
            student = owner_of(self.lesson, Path(name))
            if student in works:
                works[student].beside.append(name)
            else:
                yield from self._zip(name, inside[name], student)
        for student, work in works.items():
            yield self._one(plain(student), work)
        for name in loose:
            is_ours = belongs(self.lesson, name)
            reason = "its name tells no student" if is_ours else "its folder is another lesson's"
            self._leave(label, name, reason)

    def _zip(self, name: str, read: Reader, student: str) -> Iterator[Collected]:
        """A zip file among those of a class: a download of a system, or a student's own."""
        try:
            with self._opened(read) as files:
                if self._is_class(name, student, files):
                    yield from self._class(files, name)
                    return
                done = self._one(plain(student), of_one(self.lesson, files))
                system = recognise(unwrapped(files)) if done.status == "refused" else ""
                if system:
                    title = SYSTEMS[system].title
                    remedy = f"If it is {title}'s download, name it alone, or use --from."
                    done = replace(done, remedy=remedy)
                yield done
        except Refused as refused:
            yield self._refused(plain(student), f"{Path(name).name} {refused}")

    def _is_class(self, name: str, student: str, files: Mapping[str, Reader]) -> bool:
        """Whether a zip file among others is a download: a student's own must not pass for one."""
        if self.system:
            return self.system != "plain"
        is_called_so = is_download(Path(name).name) and not self.is_person(student)
        return is_called_so and bool(recognise(unwrapped(files)))

    def _download(
        self, system: str, files: Mapping[str, Reader], label: str
    ) -> Iterator[Collected]:
        """The hand-ins in a system's download, each with all its files."""
        parse = SYSTEMS[system].parser(files)
        works: dict[str, tuple[Named, dict[str, Reader]]] = {}
        for path, read in sorted(files.items()):
            found = placed(parse, path) if self.system else parse(path)
            for named in found:
                if not belongs(self.lesson, named.file):
                    self._leave(label, path, "its folder is another lesson's")
                else:
                    first, own = works.setdefault(named.key, (named, {}))
                    if named.file:
                        own[_free_name(named.file, own)] = read
                    newest = named if is_notebook(named.file) else first
                    works[named.key] = (newest, own)
            if not found:
                yield from self._stray(system, path, read, label)
        self.identities.expect(named for named, _ in works.values())
        for named, own in works.values():
            yield self._one(named, Work(own, timed=False))

    def _stray(self, system: str, path: str, read: Reader, label: str) -> Iterator[Collected]:
        """A file in a download whose name is not the system's."""
        name = path.rpartition("/")[2]
        if is_download(name) or (self.system and name.lower().endswith(".zip")):
            yield from self._zip(path, read, Path(name).stem)
        elif path not in SYSTEMS[system].own_files:
            reason = f"its name is not one that {SYSTEMS[system].title} gives"
            self._leave(label, path, reason)

    def _leave(self, label: str, path: str, reason: str, remedy: str = "") -> None:
        """Take note of a file that is no hand-in, unless nobody misses it."""
        if not is_passed_over(self.lesson, path):
            file = f"{label}/{path}" if label else path
            self.left.append(NotCollected(file, reason, remedy or self.rename))

    def _one(self, named: Named, work: Work) -> Collected:
        """Collect what one student handed in at one time."""
        person = None
        try:
            student, person, notes = self.identities.of(named)
            done = self._taken(student, named, work)
            return replace(done, notes=notes + done.notes, named=named, person=person)
        except TitoError:
            raise
        except Refused as refused:
            reason, remedy = str(refused), getattr(refused, "remedy", "")
        except Exception as error:  # of whatever kind, it is this student's matter
            reason, remedy = f"it cannot be read: {type(error).__name__}: {error}", ""
        unread = f"; besides: {listed(sorted(work.beside))}" if work.beside else ""
        return self._refused(named, f"{reason}{unread}", remedy, person)

    def _taken(self, student: str, named: Named, work: Work) -> Collected:
        chosen, notes = self._chosen(student, named, work)
        try:
            status, kept = self.shelf.put(student, named, chosen)
        except OSError as error:
            raise Refused(f"it cannot be stored: {error.strerror}") from None
        left = [*chosen.left, *work.beside]
        reason = f"took {chosen.name}, and not {listed(sorted(left))}" if left else ""
        remedy = "Only the notebook is graded: see whether another one is meant." if left else ""
        receipt = Receipt.of(named, chosen)
        return Collected(student, status, reason, remedy, notes, receipt=receipt, kept=kept)

    def _chosen(self, student: str, named: Named, work: Work) -> tuple[Chosen, tuple[str, ...]]:
        names_another = partial(self._names_another, student, named)
        chosen = choose(self.lesson, work.files, names_another, timed=work.timed)
        if named.system == "plain":
            return chosen, ()
        course, system = self.lesson.course, SYSTEMS[named.system]
        due = course.lessons[self.lesson.assignment].due
        clock = course.time_zone or (due.tzinfo if due else None)
        time = in_utc(named.time, clock)
        stamp = time.strftime(NBGRADER).encode() if time else b""
        note = ""
        if named.time is not None and not (named.time.tzinfo or clock):
            note = f"{system.title}'s time has no zone: set time_zone in settings.ini"
        elif time is None and system.tells_time:
            note = f"{system.title}'s time cannot be read: {ON_TIME}"
        elif named.late:
            note = f"late by Canvas, which tells no time: {ON_TIME}"
        return replace(chosen, timestamp=stamp), (note,) if note else ()

    def _names_another(self, student: str, named: Named, name: str) -> str:
        """The other student whose work a path says it is; a system's own names come first."""
        other, known = named_in(self.lesson, name, self.known)
        if other.casefold() in (student.casefold(), "") or (named.system != "plain" and not known):
            return ""
        return other

    def _refused(
        self, named: Named, reason: str, remedy: str = "", person: Person | None = None
    ) -> Collected:
        name = person.id if person else named.shown
        remedy = remedy or ASK.format(self.lesson.notebook_name)
        return Collected(name, "refused", reason, remedy, named=named, person=person)


def _free_name(name: str, taken: Mapping[str, Reader]) -> str:
    """A name for a file of which a student handed in several of one name."""
    path, number, free = PurePosixPath(name), 1, name
    while free in taken:
        number += 1
        free = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
    return free
