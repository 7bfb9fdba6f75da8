"""The writer leaves what nbgrader would have left, and nothing half done."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import LITTLE, SAMPLES, hand_in
from nbgrader.api import Gradebook

from tito.course import Course
from tito.grading.gradebook.assignment import nbgrader_api
from tito.grading.gradebook.course_tree import handed_in_at
from tito.grading.gradebook.feedback import write_feedback
from tito.grading.gradebook.grades import read_grades
from tito.grading.gradebook.writer import Writer
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, find_lesson

TABLES = {
    "grade": """
        select s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit,
               g.needs_manual_grade
        from grade g join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id join base_cell c on c.id = g.cell_id
    """,
    "comment": """
        select s.student_id, c.name, m.auto_comment, m.manual_comment
        from comment m join submitted_notebook n on n.id = m.notebook_id
        join submitted_assignment s on s.id = n.assignment_id join base_cell c on c.id = m.cell_id
    """,
    "reading": """
        select s.student_id, c.name, r.text, r.read, r.points, r.extra_credit
        from tito_reading r join grade g on g.id = r.id
        join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id join base_cell c on c.id = g.cell_id
    """,
    "submission": "select student_id, timestamp, extension from submitted_assignment",
    "penalty": """
        select s.student_id, n.late_submission_penalty
        from submitted_notebook n join submitted_assignment s on s.id = n.assignment_id
    """,
    "student": "select id, first_name, last_name, email, lms_user_id from student",
}


def entries(course: Course) -> dict[str, list[Any]]:
    """All that is in the gradebook, but for random ids."""
    with sqlite3.connect(course.assignments / "gradebook.db") as database:
        found = {name: sorted(map(repr, database.execute(sql))) for name, sql in TABLES.items()}
    database.close()
    return found


def files(folder: Path) -> dict[str, Any]:
    """All files below a folder: name, mode, and content without what differs in each run."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content: Any = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            content = nbformat.reads(content, as_version=4)
            content.metadata.get("tito", {}).pop("seed", None)
            for cell in content.cells:
                for key in ("outputs", "execution_count"):
                    cell.pop(key, None)  # the judge draws other inputs, and an address moves
                cell.get("metadata", {}).pop("tito", None)
        found[str(path.relative_to(folder))] = (oct(path.stat().st_mode), content)
    return found


@pytest.fixture
def stock(graded_course: Course) -> Course:
    """A copy of the graded class, graded by nbgrader's own command instead."""
    folder = graded_course.root.with_name("stock")
    shutil.copytree(graded_course.root, folder)
    course = Course.read(folder)
    shutil.rmtree(course.assignments / "autograded")
    with Gradebook(course.gradebook_url) as gradebook:
        for student in [student.id for student in gradebook.students]:
            gradebook.remove_student(student)
    command = [sys.executable, "-m", "nbgrader", "autograde", "11_kernels"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return course


def test_writer_leaves_what_stock_nbgrader_leaves(graded_course: Course, stock: Course) -> None:
    assert entries(graded_course) == entries(stock)
    ours, theirs = (files(course.assignments / "autograded") for course in (graded_course, stock))
    assert ours.keys() == theirs.keys()
    for name, found in ours.items():
        if name.endswith(".ipynb"):
            for mine, other in zip(found[1].cells, theirs[name][1].cells, strict=True):
                assert mine == other, name
        assert found == theirs[name], name
    lesson = find_lesson(stock, "kernels")
    assert read_grades(lesson) == read_grades(find_lesson(graded_course, "kernels"))
    assert {result.status for result in autograde(lesson)} == {"kept"}


def test_stock_commands_go_on_from_the_writer(graded_course: Course) -> None:
    """Feedback and formgrader's manual grading work on what was written."""
    (page,) = write_feedback(find_lesson(graded_course, "kernels"), LITTLE.student)
    assert page.is_file()
    result = nbgrader_api(graded_course).autograde("11_kernels", LITTLE.student, force=True)
    assert result["success"], result


def written(lesson: Lesson, student: str) -> str:
    return lesson.handed_in(student, "autograded").read_text(encoding="utf-8")


def test_write_copies_what_lies_beside_and_drops_what_no_longer_does(lesson: Lesson) -> None:
    path = hand_in(SAMPLES["blank"], lesson, lesson.course.assignments / "submitted")
    student = SAMPLES["blank"].student
    path.with_name("notes.txt").write_text("mine", encoding="utf-8")
    autograde(lesson)
    folder = lesson.handed_in(student, "autograded").parent
    assert {p.name for p in folder.iterdir()} == {"kernels.ipynb", "notes.txt", "timestamp.txt"}
    path.with_name("notes.txt").rename(path.with_name("other.txt"))
    (folder / "timestamp.txt.partial").write_text("left by a grader that was killed")
    autograde(lesson, force=True)
    assert {p.name for p in folder.iterdir()} == {"kernels.ipynb", "other.txt", "timestamp.txt"}


def test_write_twice_enters_once(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    before = entries(graded_course)
    with Writer(lesson) as writer:
        for _ in range(2):
            found = writer.write("ada", written(lesson, "ada"), handed_in_at(lesson, "ada"))
            assert (found.before, found.after) == (80.0, 80.0)
    assert entries(graded_course) == before


def test_write_asks_for_a_person_again_where_what_they_saw_changed(graded_course: Course) -> None:
    lesson = find_lesson(graded_course, "kernels")
    name = "test-cache-immediate"
    with Gradebook(graded_course.gradebook_url) as gradebook:
        gradebook.find_grade(name, "kernels", lesson.assignment, "ada").manual_score = 3
        gradebook.db.commit()
    text = written(lesson, "ada")
    for now, asked in ((text, False), (text.replace("matmul_cache_opt", "matmul_cach_opt"), True)):
        with Writer(lesson) as writer:
            writer.write("ada", now, None)
        with Gradebook(graded_course.gradebook_url) as gradebook:
            grade = gradebook.find_grade(name, "kernels", lesson.assignment, "ada")
            assert (grade.manual_score, grade.needs_manual_grade) == (3, asked)
