"""The cells of a release as the gradebook has them, and its entries of them for each submission.

nbgrader enters the cells when it makes a release. A new gradebook has none, and one that was put
back has those of an earlier release. nbgrader refuses to add or remove cells where there are
submissions; here only those stay that a person gave points for.
"""

from collections.abc import Collection
from typing import Any

from nbgrader import preprocessors as steps
from nbgrader import utils
from nbgrader.api import Comment, Grade, MissingEntry, Notebook, SubmittedNotebook
from sqlalchemy.orm import object_session

from tito.errors import TitoError
from tito.grading.gradebook.standing import of_lesson
from tito.lesson import Cell, Lesson, grade_id, is_solution, points_of, read_generated
from tito.notebooks import instantiate_tests, load_config

__all__ = ["SaveCells", "complete", "enter_assignment", "is_entered"]

KINDS = ("grade_cell", "solution_cell", "task_cell", "source_cell")
Facts = dict[str, tuple[float | None, bool, str]]
"""Of each cell, by its grade id: its points, whether a student writes in it, and its text."""


def enter_assignment(lesson: Lesson, api: Any, *, refuse: bool = False) -> None:
    """Make a gradebook have the cells of the release: a new, an older or another one.

    Nothing of the release is made anew. `api` is nbgrader's API for the course.

    Raises
    ------
    TitoError
        If a person gave points for a cell that the release does not have, or, with `refuse`, if
        the gradebook would change.
    """
    with api.gradebook as gradebook:
        if is_entered(lesson, gradebook.db):
            return
        if refuse:
            fact = "The gradebook has the cells of another release."
            raise TitoError(
                fact, f"Run `tito nbgrader autograde {lesson.name}`, which enters those of now."
            )
        gradebook.update_or_create_assignment(lesson.assignment)
    facts = {"notebook": lesson.name, "assignment": lesson.assignment}
    resources = {"nbgrader": {**facts, "db_url": api.coursedir.db_url}}
    notebook = instantiate_tests(lesson, read_generated(lesson, lesson.generated), api.config)
    for step in (
        *(steps.LockCells, steps.ClearSolutions, steps.ClearOutput),
        *(steps.CheckCellMetadata, steps.ComputeChecksums, SaveCells),
    ):
        notebook, _ = step(config=api.config).preprocess(notebook, resources)


def is_entered(lesson: Lesson, session: Any) -> bool:
    """Whether a gradebook has the cells of the release.

    nbgrader's source notebook tells them, hidden tests included, as long as the release fits to it:
    one that was edited since counts when a release is made of it.
    """
    found = of_lesson(session.query(Notebook), lesson).filter(Notebook.name == lesson.name)
    entered = found.one_or_none()
    if entered is None:
        return False
    if not (lesson.generated.exists() and lesson.released.exists()):
        return True
    config = load_config(lesson.course)
    notebook = read_generated(lesson, lesson.generated)
    released = read_generated(lesson, lesson.released)
    made = {grade_id(cell) for cell in notebook.cells if "AUTOTEST" in cell.source}
    notebook, _ = steps.ClearSolutions(config=config).preprocess(notebook, {})
    cells = _facts(notebook.cells, made)
    for step in (steps.ClearHiddenTests, steps.ClearMarkScheme):
        notebook, _ = step(config=config).preprocess(notebook, {})
    fits = _facts(notebook.cells, made) == _facts(released.cells, made)
    return not fits or cells == _entered_facts(entered, made)


def complete(submission: Any) -> None:
    """Add to nbgrader's `submission` the entries that it lacks, as nbgrader does to a new one."""
    session = object_session(submission)
    assert session is not None
    there = {entry.notebook_id: entry for entry in submission.notebooks}
    with session.no_autoflush:
        for notebook in submission.assignment.notebooks:
            entry = there.get(notebook.id)
            if entry is None:
                entry = SubmittedNotebook(notebook=notebook, assignment=submission)
            graded = {grade.cell_id for grade in entry.grades}
            said = {comment.cell_id for comment in entry.comments}
            tasks = list(notebook.task_cells)
            cells = [cell for cell in [*notebook.grade_cells, *tasks] if cell.id not in graded]
            written = [cell for cell in [*notebook.solution_cells, *tasks] if cell.id not in said]
            session.add(entry)
            session.add_all([Grade(cell_id=cell.id, notebook=entry) for cell in cells])
            session.add_all([Comment(cell_id=cell.id, notebook=entry) for cell in written])
    session.flush()


class SaveCells(steps.SaveCells):  # type: ignore[misc]
    """Saves cells also where there are submissions."""

    def _create_notebook(self, nb: Any) -> None:
        try:
            found = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            found = None
        if found is not None and found.submissions:
            self._make_same(found)
        super()._create_notebook(nb)

    def _make_same(self, found: Any) -> None:
        """Add the cells that are missing, and remove the others with the entries for them."""
        wanted = {kind: getattr(self, f"new_{kind}s") for kind in KINDS}
        surplus = [
            cell
            for kind, cells in wanted.items()
            for cell in getattr(found, f"{kind}s")
            if cell.name not in cells
        ]
        _require_unread(surplus)
        for kind, cells in wanted.items():
            enter = getattr(self.gradebook, f"update_or_create_{kind}")
            for name, info in cells.items():
                enter(name, self.notebook_id, self.assignment_id, **info)
        for cell in surplus:
            for each in [*getattr(cell, "grades", ()), *getattr(cell, "comments", ()), cell]:
                self.gradebook.db.delete(each)
        self.gradebook.db.commit()


def _require_unread(surplus: list[Any]) -> None:
    read = {
        cell.name
        for cell in surplus
        for grade in getattr(cell, "grades", ())
        if grade.manual_score is not None
    }
    if read:
        fact = f"A person gave points for {', '.join(sorted(read))}, which the release lacks."
        raise TitoError(
            fact,
            "Put back the cell, or the gradebook of this release; or move this one away: a new one "
            "is made.",
        )


def _facts(cells: Collection[Cell], made: Collection[str]) -> Facts:
    """The facts of a notebook's cells, without the text of those that nbgrader makes."""
    kinds = (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)
    return {
        grade_id(cell): (
            points_of(cell) if utils.is_grade(cell) or utils.is_task(cell) else None,
            is_solution(cell),
            "" if grade_id(cell) in made else cell.source,
        )
        for cell in cells
        if any(is_kind(cell) for is_kind in kinds)
    }


def _entered_facts(entered: Any, made: Collection[str]) -> Facts:
    points = {cell.name: cell.max_score for cell in (*entered.grade_cells, *entered.task_cells)}
    written = {cell.name for cell in entered.solution_cells}
    return {
        cell.name: (
            points.get(cell.name),
            cell.name in written,
            "" if cell.name in made else cell.source,
        )
        for cell in entered.source_cells
    }
