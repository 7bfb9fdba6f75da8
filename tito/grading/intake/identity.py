"""Identity: which student of the course a name or a number in a download stands for."""

from collections.abc import Iterable

from tito.grading.intake.choice import NotTaken
from tito.grading.intake.owners import IDS, STUDENT, is_lessons_name, plain
from tito.lesson import Lesson
from tito.lms.names import Named
from tito.lms.people import People, Person, fallback_id

__all__ = ["Identities"]

NO_ROSTER = "no roster tells who they are (`tito roster FILE`): the system's own ids are taken"
NOT_IN_IT = "the roster does not have these ids"
READ_A_ROSTER = "Read a roster first: `tito roster FILE`."


class Identities:
    """The students' ids, from the roster; without one, from what the system tells.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    people : People
        The roster.
    """

    def __init__(self, lesson: Lesson, people: People) -> None:
        self.people = people
        self.lesson = lesson
        self.rename = f"Collect it as STUDENT_{lesson.notebook_name}, or as STUDENT.zip."
        self._namesakes: dict[str, set[str]] = {}

    def has(self, name: str) -> bool:
        """Whether the roster knows a student by that id, address or name."""
        return bool(self.people.identify(plain(name)))

    def expect(self, all_named: Iterable[Named]) -> None:
        """Take note of all that a download names: namesakes whom nothing else tells are nobody."""
        for named in all_named:
            found = self.people.identify(named)
            student = found[0].id if found else fallback_id(named)
            number = named.key if _is_name_only(named) else "" if found else named.user_id
            self._namesakes.setdefault(student, set()).add(number)

    def of(self, named: Named) -> tuple[str, Person | None, tuple[str, ...]]:
        """Return the student's id, the person in the roster, and what to say of the id.

        Raises
        ------
        Refused
            If it is not certain who it is.
        """
        found = self.people.identify(named)
        if len(found) > 1:
            fits = " and ".join(person.shown for person in found)
            raise NotTaken(f"{named.shown} may be {fits}", self.rename)
        student = fallback_id(named)
        two = f"two people may be called {named.name}"
        if found:
            if _is_name_only(named) and self._has_namesake(found[0].id):
                raise NotTaken(two, self.rename)
            return found[0].id, found[0], self._before_the_roster(student, found[0])
        if named.system == "plain":
            if is_lessons_name(self.lesson, student):
                raise NotTaken("its name tells no student", self.rename)
            if not STUDENT.fullmatch(student):
                remedy = f"{READ_A_ROSTER} Or: {self.rename}"
                raise NotTaken(IDS, remedy)
            return student, None, (NOT_IN_IT,) if self.people.is_roster else ()
        if self.people.is_roster:
            remedy = f"Read the roster again with `tito roster FILE`, or: {self.rename}"
            raise NotTaken("nobody in the roster fits", remedy)
        if not STUDENT.fullmatch(student) or named.user_id.startswith("anon_"):
            raise NotTaken("it tells no student id", READ_A_ROSTER)
        if self._has_namesake(student):
            raise NotTaken(two, READ_A_ROSTER)
        return student, None, (NO_ROSTER,)

    def _has_namesake(self, student: str) -> bool:
        return len(self._namesakes.get(student, ())) > 1

    def _before_the_roster(self, student: str, person: Person) -> tuple[str, ...]:
        """What to say of work that is there under another id, from before the roster was read."""
        place = self.lesson.course.submitted / student
        if student.casefold() == person.id.casefold() or not STUDENT.fullmatch(student):
            return ()
        if student in self.people.all and self.people.all[student].name:
            return ()
        if not place.is_dir():
            return ()
        shown = self.lesson.course.shown(place)
        return (f"{shown} is of the same person, from before the roster: remove it",)


def _is_name_only(named: Named) -> bool:
    """Whether a system tells nothing but the name."""
    return bool(named.name) and not (named.ids or named.user_id)
