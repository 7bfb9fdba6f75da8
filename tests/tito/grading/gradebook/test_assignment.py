"""Generate and release: what the students' notebook holds, and what it must not."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from classroom import ANSWERS, CHECKS
from edits import edit
from nbgrader.api import Gradebook
from nbgrader.utils import compute_checksum
from solutions import solution_passages, squeezed
from sqlalchemy import text

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.assignment import (
    generate,
    is_current,
    nbgrader_api,
    newest_schema,
    release,
)
from tito.lesson import Lesson, find_lesson, grade_id, is_graded, is_locked, is_solution
from tito.notebooks import instructor_notebook, save_notebook, student_notebook


def test_generate_makes_the_contract_of_points(lesson: Lesson) -> None:
    notebook = nbformat.read(lesson.released, as_version=4)
    graded = {grade_id(c): c.metadata.nbgrader.points for c in notebook.cells if is_graded(c)}
    assert graded == CHECKS | ANSWERS
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        assert gradebook.find_assignment(lesson.assignment).max_score == 100


def test_generate_leaves_no_solution_hidden_test_or_pairing(lesson: Lesson) -> None:
    text = lesson.released.read_text(encoding="utf-8")
    for forbidden in ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME", "jupytext", "cell_marker"):
        assert forbidden not in text
    notebook = nbformat.reads(text, as_version=4)
    for cell in filter(is_solution, notebook.cells):
        stub = "YOUR ANSWER HERE" if is_graded(cell) else "raise NotImplementedError"
        assert stub in cell.source
        assert "check_operands(A, B)" not in cell.source


def test_generate_leaves_no_passage_of_a_solution_answer_or_marking_scheme(
    root: Path, lesson: Lesson
) -> None:
    passages = solution_passages(root)
    assert [p for p in passages if "Marking: 1 it is B" in p]
    assert [p for p in passages if "The inner loop of ijk runs down a column" in p]
    for notebook in (nbformat.read(lesson.released, as_version=4), student_notebook(lesson)):
        text = squeezed("\n".join(cell.source for cell in notebook.cells))
        assert [passage for passage in passages if passage in text] == []


def test_generate_keeps_the_marking_scheme_for_the_graders(lesson: Lesson) -> None:
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        kept = gradebook.find_source_cell("question-rows", "kernels", lesson.assignment)
        assert "BEGIN MARK SCHEME" in kept.source


def test_generate_gives_valid_notebooks_with_stable_ids(lesson: Lesson) -> None:
    first = lesson.released.read_bytes()
    notebook = nbformat.reads(first.decode(), as_version=4)
    nbformat.validate(notebook)
    assert all(cell.id == grade_id(cell) for cell in notebook.cells if grade_id(cell))
    generate(lesson)
    assert lesson.released.read_bytes() == first


def test_a_check_that_fails_does_not_end_a_run_of_all_cells(lesson: Lesson) -> None:
    cells = nbformat.read(lesson.released, as_version=4).cells
    tagged = {
        grade_id(cell) for cell in cells if "raises-exception" in cell.metadata.get("tags", ())
    }
    assert tagged == set(CHECKS)


def test_generate_turns_checksums_on(lesson: Lesson) -> None:
    notebook = nbformat.read(lesson.released, as_version=4)
    marked = [cell for cell in notebook.cells if is_locked(cell) or is_solution(cell)]
    assert all(cell.metadata.nbgrader.checksum == compute_checksum(cell) for cell in marked)


def test_generate_enters_the_deadline(lesson: Lesson) -> None:
    with Gradebook(lesson.course.gradebook_url) as gradebook:
        assignment = gradebook.find_assignment(lesson.assignment)
        assert assignment.duedate.isoformat() == "2027-01-31T22:59:59"  # kept in UTC


def test_generate_refuses_a_lesson_without_checks(plain_course: Course) -> None:
    with pytest.raises(TitoError, match="no graded cell"):
        generate(find_lesson(plain_course, "layers"))


def test_generate_refuses_without_a_source(lesson: Lesson) -> None:
    lesson.source.unlink()
    with pytest.raises(TitoError, match="has no source"):
        generate(lesson)


def test_generate_names_what_nbgrader_refuses(lesson: Lesson) -> None:
    edit(lesson.source, "    ### END SOLUTION\n", "")
    with pytest.raises(TitoError, match="nbgrader could not generate kernels: .*solution"):
        generate(lesson)


def test_generate_names_the_line_of_a_cell_that_is_not_python(lesson: Lesson) -> None:
    text = lesson.source.read_text(encoding="utf-8")
    line = text.splitlines().index("import importlib") + 1
    broken = text.replace("import importlib", "imporrt importlib", 1)
    lesson.source.write_text(broken, encoding="utf-8")
    with pytest.raises(TitoError, match=r"the cell number \d+ is not Python") as told:
        generate(lesson)
    assert told.value.fact.startswith(f"{lesson.course.shown(lesson.source)}:{line}: ")


BROKEN_SOURCES = {
    "a given cell that is no Python": ("import importlib", "imporrt importlib"),
    "a solution without an end": ("    ### END SOLUTION\n", ""),
    "a grade id twice": ('"grade_id": "test-memory-trace"', '"grade_id": "test-amdahl"'),
}


@pytest.mark.parametrize(("old", "new"), BROKEN_SOURCES.values(), ids=BROKEN_SOURCES)
def test_generate_that_fails_leaves_the_release_that_was_there(
    lesson: Lesson, old: str, new: str
) -> None:
    before = _tree(lesson.course.assignments)
    edit(lesson.source, old, new)
    with pytest.raises(TitoError):
        generate(lesson)
    assert _tree(lesson.course.assignments) == before


def test_generate_that_is_interrupted_leaves_the_release_that_was_there(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _tree(lesson.course.assignments)
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.parts[-2] == "release" and target == lesson.released.parent:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate(lesson)
    assert _tree(lesson.course.assignments) == before


def test_generate_removes_what_a_killed_one_left(lesson: Lesson) -> None:
    left = lesson.course.assignments / ".generate-999999999-a1b2c3d4"
    left.mkdir()
    generate(lesson)
    assert list(lesson.course.assignments.glob(".generate-*")) == []


def test_generate_takes_the_files_beside_the_source(lesson: Lesson) -> None:
    beside = lesson.course.assignments / "source" / "11_kernels" / "data.csv"
    beside.write_text("n,ms\n")
    lesson.released.with_name("old.csv").write_text("n,ms\n")
    generate(lesson)
    names = {path.name for path in lesson.released.parent.iterdir()}
    assert names == {"kernels.ipynb", "data.csv"}


def _tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".db")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_is_current_notices_a_changed_source(lesson: Lesson) -> None:
    assert is_current(lesson)
    edit(lesson.source, "Learning goals", "Goals")
    assert not is_current(lesson)
    said = release(lesson)
    assert said.startswith("The lesson changed, so a new release was made: what was graded with")
    assert is_current(lesson)
    assert "## Goals" in lesson.released.read_text(encoding="utf-8")


def test_release_without_an_exchange_says_where_the_notebook_lies(lesson: Lesson) -> None:
    path = "assignments/release/11_kernels/kernels.ipynb"
    assert release(lesson) == f"The notebook for the students is {path}."


def test_student_notebook_is_the_release_even_before_it_is_made(
    plain_course: Course, generated: Path
) -> None:
    built = student_notebook(find_lesson(plain_course, "kernels"))
    released = student_notebook(find_lesson(Course.read(generated), "kernels"))
    assert [c.source for c in built.cells] == [c.source for c in released.cells]


def test_instructor_notebook_keeps_the_solutions(lesson: Lesson) -> None:
    text = json.dumps(instructor_notebook(lesson))
    assert "BEGIN SOLUTION" in text
    assert "jupytext" not in text


def test_save_notebook_never_overwrites_unasked(lesson: Lesson) -> None:
    lesson.working_copy.write_text("a student's work", encoding="utf-8")
    with pytest.raises(TitoError, match="exists already"):
        save_notebook(student_notebook(lesson), lesson.working_copy, force=False)
    assert lesson.working_copy.read_text(encoding="utf-8") == "a student's work"
    save_notebook(student_notebook(lesson), lesson.working_copy, force=True)
    nbformat.read(lesson.working_copy, as_version=4)


@pytest.mark.full
def test_new_gradebook_has_the_version_that_nbgrader_gives_it(plain_course: Course) -> None:
    with nbgrader_api(plain_course).gradebook as gradebook:
        ((ours,),) = gradebook.db.execute(text("SELECT version_num FROM alembic_version"))
    asked = "import nbgrader.api; print(nbgrader.api.get_alembic_version())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [ours] == [newest_schema()]
