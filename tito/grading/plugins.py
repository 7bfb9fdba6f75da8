"""The parts that nbgrader_config.py hangs into nbgrader's own pipeline.

Stock `nbgrader autograde`, formgrader's button and `tito nbgrader autograde` all run them, so all
three give the same grades.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties, GetGrades, NbGraderPreprocessor

from tito.course import Course, Limits
from tito.errors import TitoError
from tito.grading.gradebook.basis import basis_of
from tito.grading.gradebook.cell_metadata import (
    METADATA_KEY,
    record_verdicts,
    reject,
    rejected_verdicts,
)
from tito.grading.gradebook.course_tree import handed_in_at
from tito.grading.gradebook.grades import is_unread
from tito.grading.gradebook.lateness import enter_lateness
from tito.grading.gradebook.readings import apply_readings, noted_readings, texts_of
from tito.grading.intake.read import Rejected, read_submission
from tito.grading.intake.rebuild import NOTE_KEY, rebuild
from tito.grading.judge.notebook import load_checks
from tito.grading.pipeline.grade import grade_notebook
from tito.grading.sandbox.mode import choose_sandbox
from tito.lesson import Cell, Lesson, Notebook, grade_id, is_answer, read_notebook

__all__ = ["ExecuteNotebook", "GetGradesSoFar", "IntakeExporter", "LatePenalties"]

TAKEN_IN = "taken_in"
"""What a notebook that is not judged yet will be made from.

nbgrader puts it into the autograded folder, where cells without outputs count as right.
"""

UNREAD = "Nobody has read this answer yet: its points are still to come."

Resources = dict[str, Any]


class IntakeExporter(NotebookExporter):
    """Reads a submission through intake; what nbgrader wrote itself, as nbconvert does."""

    def from_filename(
        self, filename: str, resources: Resources | None = None, **kwargs: Any
    ) -> Any:
        """Convert the notebook `filename`, a path in nbgrader's course tree."""
        path = Path(filename).absolute()
        if path.parents[2].name != "submitted":
            return super().from_filename(filename, resources, **kwargs)
        course = Course.find(path.parents[3])
        notebook = self._taken_in(path, course.limits)
        mark = notebook.metadata.setdefault(METADATA_KEY, {})
        mark[TAKEN_IN] = asdict(basis_of(path, course))
        resources = resources or {}
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return NotebookExporter.from_notebook_node(self, notebook, resources, **kwargs)

    def _taken_in(self, path: Path, limits: Limits) -> Notebook:
        release = read_notebook(_release(path))
        try:
            cells = read_submission(path, limits)
        except Rejected as rejected:
            self.log.warning("%s is rejected: %s", path, rejected.fact)
            reject(release, rejected.fact)
            return release
        notebook, notes = rebuild(release, cells)
        for note in notes:
            self.log.warning("%s: %s", path, note)
        return notebook


class ExecuteNotebook(NbGraderPreprocessor):  # type: ignore[misc]
    """Runs the rebuilt notebook and writes the verdicts where nbgrader looks for them."""

    def preprocess(self, notebook: Notebook, resources: Resources) -> tuple[Notebook, Resources]:
        """Note what a person has read by now, then execute `notebook` in place."""
        _note_readings(resources["nbgrader"])
        mark = notebook.metadata.get(METADATA_KEY, {})
        mark["basis"] = mark.pop(TAKEN_IN, None)
        if mark.get("status") == "rejected":
            record_verdicts(notebook, rejected_verdicts(notebook))
            return notebook, resources
        course = Course.find(Path(resources["metadata"]["path"]).absolute())
        lesson = Lesson(course, resources["nbgrader"]["assignment"])
        checks = load_checks(course, lesson.assignment)
        files = {name: path.read_bytes() for name, path in lesson.released_files().items()}
        sandbox = choose_sandbox(course.sandbox, course=course)
        grade_notebook(notebook, checks, course.limits, sandbox, files)
        return notebook, resources


class GetGradesSoFar(GetGrades):  # type: ignore[misc]
    """Puts grades into a page of feedback, and says what else a student should know of a cell."""

    def preprocess_cell(
        self, cell: Cell, resources: Resources, cell_index: int
    ) -> tuple[Cell, Resources]:
        """Enter the cell's grade and comment."""
        super().preprocess_cell(cell, resources, cell_index)
        if is_answer(cell):
            names = (grade_id(cell), self.notebook_id, self.assignment_id, self.student_id)
            grade = self.gradebook.find_grade(*names)
            if is_unread(grade) and grade.manual_score is None:
                cell.metadata.nbgrader["comment"] = UNREAD
        if NOTE_KEY in cell.metadata:
            said = (cell.metadata[NOTE_KEY], cell.metadata.nbgrader.get("comment"))
            cell.metadata.nbgrader["comment"] = "\n\n".join(filter(None, said))
        return cell, resources


class LatePenalties(AssignLatePenalties):  # type: ignore[misc]
    """Enters when a submission was handed in and what its lateness costs, as `tito` does."""

    def preprocess(self, notebook: Notebook, resources: Resources) -> tuple[Notebook, Resources]:
        """Enter both in the gradebook, after what the points of a person were given for."""
        facts = resources["nbgrader"]
        course = Course.find(Path(resources["metadata"]["path"]).absolute())
        lesson, student = Lesson(course, facts["assignment"]), facts["student"]
        with Gradebook(facts["db_url"]) as gradebook:
            submission = gradebook.find_submission(lesson.assignment, student)
            entry = next(e for e in submission.notebooks if e.name == facts["notebook"])
            readings = noted_readings(gradebook.db, entry.grades, {})
            apply_readings(readings, entry.grades, texts_of(notebook))
            enter_lateness(lesson, submission, handed_in_at(lesson, student))
            gradebook.db.commit()
        return notebook, resources


def _note_readings(facts: Resources) -> None:
    """Note what a person has read by now: nbgrader then marks all that it scores as unread."""
    names = (facts["notebook"], facts["assignment"], facts["student"])
    with Gradebook(facts["db_url"]) as gradebook:
        entry = gradebook.find_submission_notebook(*names)
        noted_readings(gradebook.db, entry.grades, {})
        gradebook.db.commit()


def _release(submitted: Path) -> Path:
    """Where the release of a submitted notebook lies in nbgrader's course tree."""
    path = submitted.parents[3] / "release" / submitted.parent.name / submitted.name
    if not path.exists():
        raise TitoError(
            f"There is no release at {path}.", "Run `tito nbgrader generate` for the lesson."
        )
    return path
