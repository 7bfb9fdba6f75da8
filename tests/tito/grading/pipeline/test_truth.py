"""What was true when a submission was graded may change: status says so, autograde mends it.

Nothing here runs a student's code again unless its points depend on what changed.
"""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import LITTLE, read_samples
from nbgrader.api import Grade, Gradebook

from tito.course import Course
from tito.errors import TitoError
from tito.files import write_whole
from tito.grading.gradebook.assignment import generate, nbgrader_api
from tito.grading.gradebook.basis import forced_marks, record_marks
from tito.grading.gradebook.feedback import NotAllWritten, write_feedback
from tito.grading.gradebook.grades import StudentGrade, read_grades
from tito.grading.gradebook.status import read_progress
from tito.grading.pipeline.autograde import autograde
from tito.grading.pipeline.grade import GradingResult
from tito.grading.plugins import ExecuteNotebook
from tito.grading.workers.pool import LocalPool
from tito.lesson import Lesson, find_lesson, grade_id, is_answer, read_notebook

SAMPLES = {sample.name: sample for sample in read_samples()}
LATE = SAMPLES["late"].student
QUICK = LITTLE.student
AUTOGRADE = "tito nbgrader autograde kernels"


@pytest.fixture
def lesson(graded_course: Course) -> Lesson:
    """The lesson of a graded class."""
    return find_lesson(graded_course, "kernels")


@pytest.fixture
def no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no student's code run."""

    def fail(*_: object) -> None:
        pytest.fail("code was run")

    monkeypatch.setattr("tito.grading.pipeline.autograde._workers", fail)


def changed(results: list[GradingResult]) -> dict[str, tuple[str, float | None, float]]:
    return {r.student: (r.status, r.before, r.score) for r in results if r.status != "kept"}


def grade_of(lesson: Lesson, student: str) -> StudentGrade:
    return next(s for s in read_grades(lesson).submissions if s.student == student)


def edit_settings(course: Course, before: str, after: str) -> Lesson:
    path = course.root / "settings.ini"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    return find_lesson(Course.read(course.root), "kernels")


def extend(course: Course, days: int) -> Lesson:
    with Gradebook(course.gradebook_url) as gradebook:
        gradebook.grant_extension("11_kernels", LATE, days=days)
    return find_lesson(course, "kernels")


@pytest.mark.usefixtures("no_code")
@pytest.mark.parametrize(
    ("change", "points"),
    [
        (lambda c: edit_settings(c, "per_day = 0.10", "per_day = 0.25"), 40.0),
        (lambda c: edit_settings(c, "due = 2027-01-31", "due = 2027-02-01"), 72.0),
        (lambda c: edit_settings(c, "due = 2027-01-31 23:59:59 +0100", "due ="), 80.0),
        (lambda c: extend(c, 1), 72.0),
        (lambda c: extend(c, 7), 80.0),
    ],
    ids=["penalty", "deadline", "no deadline", "extension", "long extension"],
)
def test_autograde_computes_lateness_anew_without_running_code(
    graded_course: Course, change: Callable[[Course], Lesson], points: float
) -> None:
    lesson = change(graded_course)
    progress = read_progress(lesson)
    assert progress.due == {LATE: "its penalty for lateness changed"}
    assert progress.next_step == AUTOGRADE
    foretold = autograde(lesson, dry_run=True)
    assert changed(foretold) == {LATE: ("entered", 64.0, points)}
    assert grade_of(lesson, LATE).score == 64.0
    assert changed(autograde(lesson)) == {LATE: ("entered", 64.0, points)}
    assert grade_of(lesson, LATE).score == points
    assert read_progress(lesson).due == {}
    assert changed(autograde(lesson)) == {}


@pytest.mark.usefixtures("no_code")
def test_autograde_enters_a_deadline_that_changes_no_grade(lesson: Lesson) -> None:
    for before, after in (("2027-01-31", "2027-03-31"), ("2027-03-31", "2027-04-30")):
        lesson = edit_settings(lesson.course, f"due = {before}", f"due = {after}")
        autograde(lesson)
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        due = gradebook.find_assignment(lesson.assignment).duedate
    assert due == datetime(2027, 4, 30, 22, 59, 59)
    assert changed(autograde(lesson)) == {}


@pytest.mark.usefixtures("no_code")
def test_autograde_fills_a_gradebook_that_was_deleted(lesson: Lesson) -> None:
    before = read_grades(lesson)
    (lesson.course.assignments / "gradebook.db").unlink()
    assert set(read_progress(lesson).due.values()) == {"there is no gradebook"}
    assert not (lesson.course.assignments / "gradebook.db").exists()
    results = autograde(lesson)
    assert {r.status for r in results} == {"entered"}
    assert {r.before for r in results} == {None}
    assert read_grades(lesson) == before
    assert read_progress(lesson).due == {}


@pytest.mark.usefixtures("no_code")
def test_autograde_mends_a_gradebook_that_was_restored_from_a_backup(
    lesson: Lesson, tmp_path: Path
) -> None:
    gradebook = lesson.course.assignments / "gradebook.db"
    with Gradebook(lesson.course.gradebook_url) as opened:
        grade = opened.find_grade("test-cache-immediate", "kernels", lesson.assignment, "ada")
        grade.auto_score = 3
        opened.remove_student("grace")
        opened.db.commit()
    assert read_progress(lesson).due == {
        "ada": "the gradebook held another grade",
        "grace": "the gradebook did not have it",
    }
    found = changed(autograde(lesson))
    assert found["ada"] == ("entered", 68.0, 80.0)
    assert found["grace"][:2] == ("entered", None)
    assert read_progress(lesson).due == {}
    assert gradebook.exists()


@pytest.mark.parametrize("student", [pytest.param("", marks=pytest.mark.full), QUICK])
def test_autograde_grades_again_where_the_autograded_folder_was_removed(
    lesson: Lesson, student: str
) -> None:
    before = read_grades(lesson)
    shutil.rmtree(lesson.course.assignments / "autograded" / student)
    progress = read_progress(lesson)
    assert len(progress.due) == (1 if student else len(SAMPLES))
    assert set(progress.due.values()) == {"its autograded notebook is gone or damaged"}
    foretold = [r for r in autograde(lesson, dry_run=True) if r.status != "kept"]
    assert {r.student: r.reason for r in foretold} == progress.due
    found = {r.student: r for r in autograde(lesson, jobs=2) if r.status != "kept"}
    assert {r.before for r in found.values()} <= {s.score for s in before.submissions}
    assert all(r.before == r.score for r in found.values())
    assert read_progress(lesson).due == {}


def test_status_names_a_student_whose_submission_was_removed(lesson: Lesson) -> None:
    shutil.rmtree(lesson.handed_in("ada").parents[1])
    progress = read_progress(lesson)
    assert progress.gone == ("ada",)
    assert progress.submitted == len(SAMPLES) - 1
    assert grade_of(lesson, "ada").score == 80.0


def test_status_knows_of_a_forced_run_that_broke_off(lesson: Lesson) -> None:
    record_marks(lesson, forced_marks(["blaise", QUICK]))  # as a run does before its first student
    assert read_progress(lesson).due == dict.fromkeys(["blaise", QUICK], "it is to be graded again")
    assert set(changed(autograde(lesson, jobs=2))) == {"blaise", QUICK}
    assert read_progress(lesson).due == {}


@pytest.mark.usefixtures("no_code")
def test_a_dry_run_without_a_gradebook_foretells_and_makes_none(lesson: Lesson) -> None:
    before = {s.student: s.score for s in read_grades(lesson).submissions}
    (lesson.course.assignments / "gradebook.db").unlink()
    found = changed(autograde(lesson, dry_run=True))
    assert found == {name: ("entered", None, score) for name, score in before.items()}
    assert not (lesson.course.assignments / "gradebook.db").exists()


@pytest.mark.usefixtures("no_code")
def test_a_dry_run_leaves_a_gradebook_without_cells_as_it_is(lesson: Lesson) -> None:
    before = {s.student: s.score for s in read_grades(lesson).submissions}
    gradebook = lesson.course.assignments / "gradebook.db"
    gradebook.write_bytes(b"")
    found = changed(autograde(lesson, dry_run=True))
    assert found == {name: ("entered", None, score) for name, score in before.items()}
    assert gradebook.read_bytes() == b""


def test_a_dry_run_tries_the_checks_without_a_gradebook(lesson: Lesson) -> None:
    (lesson.course.assignments / "gradebook.db").unlink()
    found = changed(autograde(lesson, [QUICK], force=True, dry_run=True))
    assert found == {QUICK: ("due", None, None)}
    assert not (lesson.course.assignments / "gradebook.db").exists()


def test_what_is_due_has_no_score_yet(lesson: Lesson) -> None:
    assert changed(autograde(lesson, ["ada"], force=True, dry_run=True)) == {
        "ada": ("due", None, None)
    }


def test_a_page_of_feedback_for_whom_the_gradebook_does_not_have(lesson: Lesson) -> None:
    with Gradebook(lesson.course.gradebook_url) as opened:
        opened.remove_student("grace")
    with pytest.raises(TitoError, match="feedback of grace") as told:
        write_feedback(lesson)
    assert "tito nbgrader autograde" in told.value.remedy
    assert read_progress(lesson).feedback == len(SAMPLES) - 1
    shutil.rmtree(lesson.handed_in("grace").parents[1])
    with pytest.raises(TitoError, match="feedback of grace") as told:
        write_feedback(lesson)
    assert "or remove assignments/autograded/grace/11_kernels." in told.value.remedy


def test_feedback_names_a_student_whose_autograded_notebook_is_gone(lesson: Lesson) -> None:
    shutil.rmtree(lesson.course.assignments / "autograded" / "ada")
    with pytest.raises(NotAllWritten, match="feedback of ada could not be written") as told:
        write_feedback(lesson)
    assert "tito nbgrader autograde" in told.value.remedy
    assert len(told.value.pages) == len(SAMPLES) - 1
    lesson.handed_in("ada").unlink()
    assert write_feedback(lesson) == told.value.pages


def test_autograde_names_the_cells_that_are_missing(lesson: Lesson) -> None:
    path = lesson.handed_in("blaise")
    notebook = read_notebook(path)
    notebook.cells = [
        c
        for c in notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") != "matmul-cache"
    ]
    nbformat.write(notebook, path)
    (result,) = autograde(lesson, ["blaise"])
    assert (result.status, result.reason) == (
        "graded",
        "The solution cell matmul-cache is missing.",
    )


def test_autograde_grades_a_resubmission_without_a_time_as_on_time(lesson: Lesson) -> None:
    lesson.handed_in(LATE).with_name("timestamp.txt").unlink()
    shutil.copy(lesson.handed_in(QUICK), lesson.handed_in(LATE))
    assert read_progress(lesson).due == {LATE: "it was handed in again"}
    (result,) = (r for r in autograde(lesson, dry_run=True) if r.status != "kept")
    assert (result.status, result.reason) == ("due", "it was handed in again")
    assert changed(autograde(lesson)) == {LATE: ("graded", 64.0, LITTLE.points)}
    assert grade_of(lesson, LATE).late_penalty == 0


@pytest.mark.usefixtures("no_code")
def test_autograde_takes_the_penalty_of_points_that_a_person_gave(lesson: Lesson) -> None:
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        grade = gradebook.find_grade("answer-rows", "kernels", lesson.assignment, LATE)
        grade.manual_score, grade.needs_manual_grade = 5, False
        gradebook.db.commit()
    assert changed(autograde(lesson)) == {LATE: ("entered", 69.0, 68.0)}


def read_all(course: Course, student: str) -> None:
    with Gradebook(course.gradebook_url) as gradebook:
        notebook = gradebook.find_submission_notebook("kernels", "11_kernels", student)
        for grade in notebook.grades:
            if grade.needs_manual_grade:
                grade.manual_score, grade.needs_manual_grade = 2, False
        gradebook.db.commit()


def change_answer(lesson: Lesson, student: str) -> str:
    """Hand in another text for the first answer, and return its grade id."""
    path = lesson.handed_in(student)
    notebook = read_notebook(path)
    answer = next(c for c in notebook.cells if is_answer(c))
    answer.source += "\n\nAnd one thing more."
    nbformat.write(notebook, path)
    return grade_id(answer)


def test_answers_stay_read_until_their_text_changes(lesson: Lesson) -> None:
    read_all(lesson.course, QUICK)
    assert grade_of(lesson, QUICK).unread == ()
    autograde(lesson, [QUICK], force=True)
    assert grade_of(lesson, QUICK).unread == ()
    name = change_answer(lesson, QUICK)
    autograde(lesson, [QUICK])
    assert grade_of(lesson, QUICK).unread == (name,)


def test_answers_stay_read_where_the_autograded_folder_was_removed(lesson: Lesson) -> None:
    read_all(lesson.course, QUICK)
    autograde(lesson, [QUICK], force=True)
    shutil.rmtree(lesson.course.assignments / "autograded" / QUICK)
    autograde(lesson, [QUICK])
    assert grade_of(lesson, QUICK).unread == ()


def test_answers_are_unread_again_in_a_gradebook_that_holds_points_for_an_earlier_text(
    lesson: Lesson, tmp_path: Path, no_code: None
) -> None:
    read_all(lesson.course, QUICK)
    gradebook = lesson.course.assignments / "gradebook.db"
    shutil.copy(gradebook, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tito.grading.pipeline.autograde._workers", lambda *_: LocalPool(1))
        name = change_answer(lesson, QUICK)
        autograde(lesson, [QUICK])
    graded = grade_of(lesson, QUICK)
    shutil.copy(tmp_path / gradebook.name, gradebook)
    assert read_progress(lesson).due == {QUICK: "the gradebook held points for another text"}
    (result,) = autograde(lesson, [QUICK])
    assert result.status == "entered"
    assert grade_of(lesson, QUICK) == graded
    assert graded.unread == (name,)
    assert {r.status for r in autograde(lesson)} == {"kept"}


def test_points_that_a_person_confirmed_stay_read_when_nbgrader_autogrades(lesson: Lesson) -> None:
    read_all(lesson.course, QUICK)
    name = change_answer(lesson, QUICK)
    autograde(lesson, [QUICK])
    assert grade_of(lesson, QUICK).unread == (name,)
    read_all(lesson.course, QUICK)
    assert nbgrader_api(lesson.course).autograde(lesson.assignment, QUICK)["success"]
    assert grade_of(lesson, QUICK).unread == ()


def test_a_notebook_that_nbgrader_was_killed_before_it_judged_it_is_graded_again(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, left, run = lesson.handed_in(QUICK, "autograded"), [], ExecuteNotebook.preprocess

    def preprocess(*arguments: Any) -> Any:
        left.append(path.read_bytes())
        return run(*arguments)

    monkeypatch.setattr(ExecuteNotebook, "preprocess", preprocess)
    assert nbgrader_api(lesson.course).autograde(lesson.assignment, QUICK)["success"]
    assert read_progress(lesson).due == {}
    write_whole(path, left[0])
    assert read_progress(lesson).due == {QUICK: "its autograded notebook is gone or damaged"}
    points = LITTLE.points
    assert changed(autograde(lesson)) == {QUICK: ("graded", points, points)}


@pytest.mark.parametrize("command", ["tito", "nbgrader"])
def test_points_of_a_person_count_for_the_text_they_were_given_for(
    lesson: Lesson, command: str
) -> None:
    read_all(lesson.course, QUICK)
    before, path = grade_of(lesson, QUICK), lesson.handed_in(QUICK)
    text = path.read_text(encoding="utf-8")
    path.write_text("garbage", encoding="utf-8")
    if command == "tito":
        assert changed(autograde(lesson)) == {QUICK: ("rejected", before.score, 0.0)}
    else:
        assert nbgrader_api(lesson.course).autograde(lesson.assignment, QUICK)["success"]
    rejected = grade_of(lesson, QUICK)
    assert (rejected.status, rejected.score, rejected.unread) == ("rejected", 0.0, ())
    assert read_progress(lesson).due == {}
    assert changed(autograde(lesson)) == {}
    path.write_text(text, encoding="utf-8")
    autograde(lesson, [QUICK])
    again = grade_of(lesson, QUICK)
    assert (again.score, again.unread) == (before.score, before.unread)


def test_points_of_a_person_for_an_answer_that_was_deleted_do_not_count(lesson: Lesson) -> None:
    read_all(lesson.course, QUICK)
    before, path = grade_of(lesson, QUICK).score, lesson.handed_in(QUICK)
    notebook = read_notebook(path)
    notebook.cells = [c for c in notebook.cells if not is_answer(c)]
    nbformat.write(notebook, path)
    autograde(lesson, [QUICK])
    assert grade_of(lesson, QUICK).score == LITTLE.points < before


def test_points_of_a_person_count_again_when_a_missing_notebook_is_there_again(
    lesson: Lesson,
) -> None:
    read_all(lesson.course, QUICK)
    before, path = grade_of(lesson, QUICK), lesson.handed_in(QUICK)
    data = path.read_bytes()
    path.unlink()
    autograde(lesson, [QUICK])
    path.write_bytes(data)
    assert changed(autograde(lesson)) == {QUICK: ("graded", 0.0, before.score)}
    assert grade_of(lesson, QUICK).unread == ()


@pytest.mark.usefixtures("no_code")
def test_a_link_to_nowhere_is_no_notebook_that_is_gone(lesson: Lesson) -> None:
    path = lesson.handed_in("ada")
    path.unlink()
    path.symlink_to("nowhere")
    assert read_progress(lesson).due == {"ada": "it was handed in again"}


def test_points_that_a_person_gives_a_rejected_submission_stay(lesson: Lesson) -> None:
    lesson.handed_in("ada").write_text("garbage", encoding="utf-8")
    autograde(lesson, ["ada"])
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        grade = gradebook.find_grade("test-cache-immediate", "kernels", lesson.assignment, "ada")
        grade.manual_score = 5
        gradebook.db.commit()
    for _ in range(2):
        autograde(lesson, ["ada"], force=True)
        assert grade_of(lesson, "ada").score == 5.0


def deny(patch: pytest.MonkeyPatch, path: Path, error: int) -> None:
    """Let this machine refuse to open a file."""
    opened = os.open

    def refuse(name: str | Path, *rest: Any, **more: Any) -> int:
        if Path(name) == path:
            raise OSError(error, os.strerror(error), str(name))
        return opened(name, *rest, **more)

    patch.setattr(os, "open", refuse)


@pytest.mark.usefixtures("no_code")
@pytest.mark.parametrize("error", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize("name", ["kernels.ipynb", "timestamp.txt"])
def test_a_file_that_the_machine_does_not_let_be_read_costs_no_point(
    lesson: Lesson, error: int, name: str
) -> None:
    read_all(lesson.course, "ada")
    autograde(lesson)
    grades, said = read_grades(lesson), f"{name} cannot be read: {os.strerror(error)}."
    with pytest.MonkeyPatch.context() as patch:
        deny(patch, lesson.handed_in("ada").with_name(name), error)
        assert read_progress(lesson).due == {"ada": said}
        for dry_run in (True, False):
            (result,) = autograde(lesson, ["ada"], dry_run=dry_run)
            assert result.status == "failed"
            assert (
                result.reason == f"{said} Let the grader read it, then run the same command again."
            )
    assert read_grades(lesson) == grades
    assert read_progress(lesson).due == {}
    assert changed(autograde(lesson)) == {}


@pytest.mark.usefixtures("no_code")
def test_a_checks_file_that_the_machine_does_not_let_be_read_is_no_change(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(monkeypatch, lesson.folder / "checks.py", errno.EACCES)
    for command in (read_progress, autograde):
        with pytest.raises(TitoError, match=r"^checks.py cannot be read: Permission denied\. Let"):
            command(lesson)


def of_another_release(gradebook: Gradebook) -> None:
    """Give a gradebook the cells of an earlier release: one is missing, and one is too many."""
    notebook = gradebook.find_notebook("kernels", "11_kernels")
    for cell in (*notebook.grade_cells, *notebook.solution_cells, *notebook.source_cells):
        if cell.name == "answer-claim":
            for each in (*getattr(cell, "grades", ()), *getattr(cell, "comments", ()), cell):
                gradebook.db.delete(each)
    names = ("answer-old", "kernels", "11_kernels")
    gradebook.add_source_cell(*names, cell_type="markdown", source="Old.")
    cell = gradebook.add_grade_cell(*names, max_score=7, cell_type="markdown")
    for entry in notebook.submissions:
        gradebook.db.add(Grade(cell_id=cell.id, notebook=entry))
    gradebook.db.commit()


@pytest.mark.usefixtures("no_code")
def test_autograde_enters_the_cells_of_the_release_into_an_older_gradebook(lesson: Lesson) -> None:
    before = read_grades(lesson)
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        of_another_release(gradebook)
    due = read_progress(lesson).due
    assert len(due) == len(SAMPLES)
    assert set(due.values()) == {"the gradebook does not have the cells of the release"}
    gradebook = lesson.course.assignments / "gradebook.db"
    data = gradebook.read_bytes()
    foretold = autograde(lesson, dry_run=True)
    assert gradebook.read_bytes() == data
    assert {r.status for r in foretold} == {"entered"}
    assert autograde(lesson) == foretold
    assert read_grades(lesson) == before
    assert read_progress(lesson).due == {}
    assert changed(autograde(lesson)) == {}
    generate(lesson)


@pytest.mark.usefixtures("no_code")
def test_autograde_does_not_remove_a_cell_for_which_a_person_gave_points(lesson: Lesson) -> None:
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        of_another_release(gradebook)
        grade = gradebook.find_grade("answer-old", "kernels", lesson.assignment, "ada")
        grade.manual_score = 3
        gradebook.db.commit()
    before = read_grades(lesson)
    with pytest.raises(TitoError, match="gave points for answer-old, which the release lacks"):
        autograde(lesson)
    assert read_grades(lesson) == before


def remove_cell(lesson: Lesson, name: str) -> str:
    """Remove a cell from the lesson, and return its text as it was."""
    text = lesson.source.read_text(encoding="utf-8")
    kept = [part for part in text.split("\n# %%") if f'"grade_id": "{name}"' not in part]
    lesson.source.write_text("\n# %%".join(kept), encoding="utf-8")
    return text


def test_a_release_may_have_other_cells_where_there_are_submissions(lesson: Lesson) -> None:
    before = grade_of(lesson, QUICK)
    text = remove_cell(lesson, "answer-claim")
    generate(lesson)
    assert set(read_progress(lesson).due.values()) == {"the release changed"}
    autograde(lesson, [QUICK])
    less = grade_of(lesson, QUICK)
    assert (less.score, less.max_score) == (LITTLE.points, before.max_score - 5)
    assert set(less.unread) == set(before.unread) - {"answer-claim"}
    lesson.source.write_text(text, encoding="utf-8")
    generate(lesson)
    autograde(lesson, [QUICK])
    assert replace(grade_of(lesson, QUICK), cells=[]) == replace(before, cells=[])


def test_a_release_does_not_remove_a_cell_for_which_a_person_gave_points(lesson: Lesson) -> None:
    read_all(lesson.course, QUICK)
    before = read_grades(lesson)
    text = remove_cell(lesson, "answer-claim")
    with pytest.raises(TitoError, match="gave points for answer-claim, which") as told:
        generate(lesson)
    assert "TitoError" not in str(told.value)
    assert read_grades(lesson) == before
    lesson.source.write_text(text, encoding="utf-8")
    assert read_progress(lesson).due == {}


@pytest.mark.usefixtures("no_code")
def test_autograde_enters_a_text_of_the_release_that_the_gradebook_does_not_have(
    lesson: Lesson,
) -> None:
    name = ("test-cache-immediate", "kernels", lesson.assignment)
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        cell = gradebook.find_source_cell(*name)
        text, cell.source = cell.source, "pass"
        gradebook.db.commit()
    assert changed(autograde(lesson)) == {}
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        assert gradebook.find_source_cell(*name).source == text


@pytest.mark.usefixtures("no_code")
def test_autograde_enters_a_grade_that_the_gradebook_lost(lesson: Lesson) -> None:
    before = read_grades(lesson)
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        name = ("test-cache-immediate", "kernels", lesson.assignment, "ada")
        gradebook.db.delete(gradebook.find_grade(*name))
        gradebook.db.commit()
    assert read_progress(lesson).due == {"ada": "the gradebook held another grade"}
    for dry_run in (True, False):
        assert set(changed(autograde(lesson, dry_run=dry_run))) == {"ada"}
    assert read_grades(lesson) == before
    assert changed(autograde(lesson)) == {}


def test_status_knows_a_page_that_is_older_than_its_grade(lesson: Lesson) -> None:
    write_feedback(lesson)
    assert read_progress(lesson).feedback == len(SAMPLES)
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        name = ("test-cache-immediate", "kernels", lesson.assignment, "blaise")
        gradebook.find_grade(*name).manual_score = 7
        gradebook.find_comment("matmul-cache", *name[1:3], "ada").manual_comment = "Well done."
        gradebook.db.commit()
    assert read_progress(lesson).feedback == len(SAMPLES) - 2
    write_feedback(lesson, "blaise")
    assert read_progress(lesson).feedback == len(SAMPLES) - 1


@pytest.mark.parametrize(
    ("before", "after", "said", "dry_runs"),
    [
        ('"test-amdahl": Check(', '"test-amdahl": Check(((', "SyntaxError", (True, False)),
        pytest.param(
            *("Share(c.square, 1, {", 'Share(c.square, 1, {"size": 3, ', "square", (False,)),
            marks=pytest.mark.full,
        ),
    ],
    ids=["syntax", "argument"],
)
def test_a_typo_in_checks_costs_the_instructor_a_message_and_nobody_a_point(
    lesson: Lesson, before: str, after: str, said: str, dry_runs: tuple[bool, ...]
) -> None:
    grades = read_grades(lesson)
    checks = lesson.folder / "checks.py"
    text = checks.read_text(encoding="utf-8")
    assert before in text
    checks.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert set(read_progress(lesson).due.values()) == {"checks.py changed"}
    for dry_run in dry_runs:
        with pytest.raises(TitoError, match="refuse the lesson's own solutions") as told:
            autograde(lesson, dry_run=dry_run)
        assert said in str(told.value)
        assert "nobody was graded" in told.value.remedy
    assert read_grades(lesson) == grades
    checks.write_text(text, encoding="utf-8")
    assert changed(autograde(lesson)) == {}


@pytest.mark.parametrize("text", ["\n", None], ids=["empty", "deleted"])
def test_a_lost_checks_file_lets_no_notebook_grade_itself(lesson: Lesson, text: str | None) -> None:
    grades = read_grades(lesson)
    said = "is missing, and the release was made with it" if text is None else "is empty"
    lesson.checks.unlink()
    if text is not None:
        lesson.checks.write_text(text, encoding="utf-8")
    for dry_run in (True, False):
        with pytest.raises(TitoError, match=rf"^modules/source/11_kernels/checks\.py {said}\."):
            autograde(lesson, dry_run=dry_run)
    assert read_grades(lesson) == grades


def test_autograde_takes_a_student_named_twice_once(lesson: Lesson) -> None:
    assert [r.student for r in autograde(lesson, [QUICK, QUICK], force=True)] == [QUICK]


@pytest.mark.usefixtures("no_code")
def test_a_submission_without_a_notebook_is_rejected_everywhere(lesson: Lesson) -> None:
    read_all(lesson.course, "ada")
    write_feedback(lesson)
    before = grade_of(lesson, "ada").score
    lesson.handed_in("ada").unlink()
    assert read_progress(lesson).due == {"ada": "its notebook is gone"}
    for dry_run in (True, False):
        found = changed(autograde(lesson, dry_run=dry_run))
        assert found == {"ada": ("rejected", before, 0.0)}
    assert changed(autograde(lesson)) == changed(autograde(lesson, dry_run=True)) == {}
    missing = grade_of(lesson, "ada")
    assert (missing.status, missing.score) == ("rejected", 0.0)
    assert not lesson.handed_in("ada", "feedback").with_suffix(".html").exists()
    progress = read_progress(lesson)
    assert progress.due == {}
    assert progress.feedback == len(SAMPLES) - 1
    assert "feedback" not in progress.next_step
