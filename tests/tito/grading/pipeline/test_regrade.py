"""Grading again: shown first, written when it is agreed to, recorded with the reason."""

import pytest
from classroom import LITTLE
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.grades import read_grades
from tito.grading.gradebook.regrades import read_regrades
from tito.grading.gradebook.status import read_progress
from tito.grading.pipeline.grade import GradingResult
from tito.grading.pipeline.regrade import regrade
from tito.lesson import Lesson, find_lesson


@pytest.fixture
def lesson(graded_course: Course) -> Lesson:
    """The lesson of a graded class."""
    return find_lesson(graded_course, "kernels")


@pytest.fixture
def changed(lesson: Lesson) -> Lesson:
    """The lesson after ada handed in again, what blaise handed in."""
    import shutil

    shutil.copy(lesson.handed_in("blaise"), lesson.handed_in("ada"))
    return lesson


def scores(lesson: Lesson) -> dict[str, float]:
    return {s.student: s.score for s in read_grades(lesson).submissions}


def no(results: list[GradingResult]) -> bool:
    return False


def test_regrade_writes_nothing_unless_it_is_agreed_to(changed: Lesson) -> None:
    before, seen = scores(changed), []
    assert regrade(changed, reason="An appeal.", agree=lambda r: bool(seen.append(r))) == []
    (found,) = (r for r in seen[0] if r.status != "kept")
    assert (found.student, found.before, found.score) == ("ada", 80.0, before["blaise"])
    assert scores(changed) == before
    assert read_regrades(changed) == []
    assert read_progress(changed).due == {"ada": "it was handed in again"}


def test_regrade_that_nobody_can_agree_to_says_how_to(changed: Lesson, tito: Tito) -> None:
    before = scores(changed)
    done = tito("nbgrader", "regrade", "kernels", "--reason", "An appeal.")
    assert done.returncode == 1
    assert done.stderr.endswith("Nothing was written. Add --yes to agree beforehand.\n")
    assert scores(changed) == before


def test_regrade_writes_what_was_agreed_to_and_records_why(changed: Lesson) -> None:
    before = scores(changed)
    written = regrade(changed, reason="An appeal, as of May.", agree=lambda r: True)
    assert {r.student for r in written if r.status == "graded"} == {"ada"}
    assert scores(changed) == before | {"ada": before["blaise"]}
    assert read_progress(changed).due == {}
    (record,) = read_regrades(changed)
    assert (record.student, record.before, record.after) == ("ada", "80", f"{before['blaise']:g}")
    assert record.reason == "An appeal, as of May."


def test_regrade_of_a_named_student_judges_again_what_did_not_change(lesson: Lesson) -> None:
    student, points, seeds = LITTLE.student, f"{LITTLE.points:g}", []
    written = regrade(
        lesson,
        [student],
        reason="An appeal.",
        agree=lambda r: bool(seeds.append(r[0].seed)) or True,
    )
    assert [r.status for r in written] == ["graded"]
    assert seeds != [0]
    (record,) = read_regrades(lesson)
    assert (record.student, record.before, record.after) == (student, points, points)
    assert record.reason == "An appeal."
    assert read_progress(lesson).due == {}


def test_regrade_records_a_named_student_who_handed_in_no_notebook(lesson: Lesson) -> None:
    lesson.handed_in("ada").unlink()
    for _ in range(2):
        regrade(lesson, ["ada"], reason="An appeal.", agree=lambda r: True)
    found = [(record.before, record.after) for record in read_regrades(lesson)]
    assert found == [("80", "0"), ("0", "0")]


def test_regrade_records_only_what_changes_of_others(lesson: Lesson) -> None:
    regrade(lesson, reason="A new deadline.", agree=lambda r: True)
    assert read_regrades(lesson) == []


def test_regrade_says_which_files_it_left_out(lesson: Lesson) -> None:
    lesson.handed_in(LITTLE.student).with_name("notes.txt").symlink_to("/etc/passwd")
    written = regrade(lesson, [LITTLE.student], reason="An appeal.", agree=lambda r: True)
    assert [r.notes for r in written] == [("Left out: notes.txt is a link, not a regular file.",)]


def test_a_regrade_that_is_refused_leaves_nothing_due(lesson: Lesson) -> None:
    assert regrade(lesson, [LITTLE.student], reason="An appeal.", agree=no) == []
    assert read_progress(lesson).due == {}


def test_a_regrade_that_breaks_off_leaves_the_rest_due(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tito.grading.gradebook.writer import Writer

    write = Writer.write

    def interrupted(self: Writer, student: str, *rest: object) -> object:
        if student == LITTLE.student and not self.dry_run:
            raise KeyboardInterrupt
        return write(self, student, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        regrade(lesson, ["blaise", LITTLE.student], reason="Both appeal.", agree=lambda r: True)
    assert read_progress(lesson).due == {LITTLE.student: "it is to be graded again"}
