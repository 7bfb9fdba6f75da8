"""The instructor's side of an assignment: its source notebook and its release."""

import json
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tito.course import Course
from tito.errors import TitoError
from tito.files import files_below, folder_beside, write_whole
from tito.lesson import Lesson, cell_name, is_graded
from tito.notebooks import (
    broken_cells,
    cell_lines,
    files_beside,
    instantiate_tests,
    instructor_notebook,
    load_config,
    notebook_text,
)

__all__ = [
    "failure_reason",
    "generate",
    "has_gradebook",
    "is_current",
    "nbgrader_api",
    "newest_schema",
    "release",
    "release_state",
    "run_step",
]

OURS = f"{TitoError.__module__}.{TitoError.__name__}: "
RAISED = re.compile(r"([\w.]+\.)?\w+(Error|Exception|Entry): ")


def nbgrader_api(course: Course, **overrides: dict[str, object]) -> Any:
    """Return nbgrader's Python API for the course, with traits overridden by class name.

    Raises
    ------
    TitoError
        If no gradebook can be where it is to be.
    """
    has_gradebook(course)
    from nbgrader import api
    from nbgrader.apps import NbGraderAPI
    from sqlalchemy.exc import SAWarning
    from traitlets.config import Config

    from tito.grading.gradebook import readings  # noqa: F401 - nbgrader then makes its table, too

    course.assignments.mkdir(exist_ok=True)
    # nbgrader builds objects before it adds them to the session, and SQLAlchemy remarks on it.
    warnings.filterwarnings("ignore", category=SAWarning, module=r"nbgrader\.")
    config = load_config(course)
    config.merge(Config(overrides))
    api.get_alembic_version = newest_schema
    return NbGraderAPI(config=config, log=_nbgrader_log())


def newest_schema() -> str:
    """Return the version that a new gradebook has, as `alembic heads` prints it.

    nbgrader starts that program whenever it makes one, and it imports nbgrader anew for seconds.
    """
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    settings = Config()
    settings.set_main_option("script_location", ALEMBIC_DIR)
    return ScriptDirectory.from_config(settings).get_current_head() or ""


def _nbgrader_log() -> logging.Logger:
    """Return a logger of our own for nbgrader: another one may have been switched off.

    What nbgrader logs elsewhere before it raises would stand on the terminal, with a traceback.
    """
    log = logging.getLogger("tito.nbgrader")
    log.disabled, log.propagate = False, False
    log.setLevel(logging.INFO)
    for each in (log, logging.getLogger("tornado.application")):
        if not each.handlers:
            each.addHandler(logging.NullHandler())
    return log


def run_step(step: Callable[[], dict[str, Any]], what: str) -> None:
    """Run a call of nbgrader's API; turn a failure into one sentence with nbgrader's reason."""
    result = step()
    if not result["success"]:
        fact = f"nbgrader could not {what}: {failure_reason(result)}."
        raise TitoError(fact, "Fix that and run the command again.")


def failure_reason(result: dict[str, Any]) -> str:
    """Return the error that made a call of nbgrader's API fail.

    nbgrader logs the error and then raises one that says no more than to look at the log.
    """
    lines = f"{result.get('error', '')}\n{result.get('log', '')}".splitlines()
    found = [line.strip() for line in lines if RAISED.match(line.strip())]
    telling = [line for line in found if "NbGraderException" not in line]
    reason = (telling or found or ["it gave no reason"])[-1]
    return reason.removeprefix(OURS).rstrip(".")


def generate(lesson: Lesson) -> Path:
    """Write the source notebook and the students' notebook of `lesson`; return the latter's path.

    nbgrader works in a course tree beside; a failure leaves the release that was there.

    Raises
    ------
    TitoError
        If the lesson has no source or nothing to grade, a code cell is not Python, or nbgrader
        refuses, with its reason.
    """
    notebook = instructor_notebook(lesson)
    if not any(is_graded(cell) for cell in notebook.cells):
        raise TitoError(f"The lesson {lesson.name} has no graded cell.", "Name one that has.")
    for cell, line, reason in broken_cells(notebook, cell_lines(lesson, notebook)):
        place, name = f"{lesson.course.shown(lesson.source)}:{line}", cell_name(notebook, cell)
        raise TitoError(f"{place}: the cell {name} is not Python: {reason}.", "Correct it.")
    path, text = lesson.generated, notebook_text(notebook)
    files = files_beside(lesson)
    made = instantiate_tests(lesson, notebook, load_config(lesson.course))
    lesson.course.assignments.mkdir(exist_ok=True)
    with folder_beside(lesson.course.assignments, "generate") as beside:
        source = beside / "source" / lesson.assignment
        gone = _taken(lesson) - files.keys()
        for name_there, file in files_below(path.parent, without=gone).items():
            write_whole(source / name_there, file.read_bytes())
        for file_name, data in {**files, path.name: notebook_text(made).encode()}.items():
            write_whole(source / file_name, data)
        api = nbgrader_api(lesson.course, CourseDirectory={"root": str(beside)})
        _let_cells_change(api)
        with api.gradebook as gradebook:  # opened first: a broken one then changes nothing
            run_step(lambda: api.generate_assignment(lesson.assignment), f"generate {lesson.name}")
            due = lesson.course.lessons[lesson.assignment].due
            gradebook.update_or_create_assignment(lesson.assignment, duedate=due)
        _replace_folder(lesson.released.parent, beside / "release" / lesson.assignment, beside)
    _put_files(lesson, files, gone)
    write_whole(path, text.encode())  # last: a release without it counts as stale
    return lesson.released


def _let_cells_change(api: Any) -> None:
    """Let a release have other cells than the one before it, where there are submissions."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    from tito.grading.gradebook import cells

    made = GenerateAssignment(config=api.config, coursedir=api.coursedir).preprocessors
    api.config.GenerateAssignment.preprocessors = [
        cells.SaveCells if step is SaveCells else step for step in made
    ]


def has_gradebook(course: Course) -> bool:
    """Whether there is a gradebook; nbgrader would make an empty one when it opens it.

    Raises
    ------
    TitoError
        If none can be there: its folder does not exist, or it is a folder itself.
    """
    if not course.gradebook_url.startswith("sqlite:///"):
        return True
    path = Path(course.gradebook_url.removeprefix("sqlite:///"))
    if path.is_dir():
        remedy = "Move that folder away, or name another file as db_url in settings.ini."
        raise TitoError(f"The gradebook {course.shown(path)} is a folder.", remedy)
    if course.db_url and not path.parent.is_dir():
        fact = f"The folder of the gradebook {course.shown(path)} does not exist."
        raise TitoError(fact, "Make it, or name another file as db_url in settings.ini.")
    return path.exists()


def _replace_folder(folder: Path, new: Path, beside: Path) -> None:
    """Put the folder `new` in the place of `folder`, or leave that as it is."""
    old = beside / "old"
    folder.parent.mkdir(exist_ok=True)
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise


def release_state(lesson: Lesson) -> str:
    """Say whether the release is missing, stale or current; without a source, it is current."""
    if not lesson.released.exists():
        return "missing"
    return "current" if not lesson.source.exists() or is_current(lesson) else "stale"


def is_current(lesson: Lesson) -> bool:
    """Whether the release exists and was made from the source as it is now."""
    source = lesson.generated
    if not (source.exists() and lesson.released.exists()):
        return False
    files = files_beside(lesson)
    if _taken(lesson) != files.keys():
        return False
    for name, data in files.items():
        path = source.parent / name
        if not path.is_file() or path.read_bytes() != data:
            return False
    return source.read_bytes() == notebook_text(instructor_notebook(lesson)).encode()


def release(lesson: Lesson) -> str:
    """Hand out the release, made anew if it is not current.

    What was done, where it went and what follows is returned in sentences.
    """
    course, made = lesson.course, ""
    if not is_current(lesson):
        if lesson.released.exists():
            made = (
                "The lesson changed, so a new release was made: what was graded with the old one "
                f"is due again, see `tito nbgrader status {lesson.name}`. "
            )
        generate(lesson)
    if course.exchange is None:
        return f"{made}The notebook for the students is {course.shown(lesson.released)}."
    api = nbgrader_api(course, ExchangeReleaseAssignment={"force": True})
    run_step(lambda: api.release_assignment(lesson.assignment), f"release {lesson.name}")
    return f"{made}Students fetch {lesson.assignment} from the exchange {course.exchange}."


def _put_files(lesson: Lesson, files: Mapping[str, bytes], gone: Iterable[str]) -> None:
    """Write the lesson's files beside nbgrader's source notebook, so that its own commands work."""
    folder = lesson.generated.parent
    for name, data in files.items():
        write_whole(folder / name, data)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    write_whole(_record(lesson), json.dumps(sorted(files)).encode())


def _record(lesson: Lesson) -> Path:
    return lesson.course.assignments / f".{lesson.assignment}.files"


def _taken(lesson: Lesson) -> set[str]:
    """Return the names of the lesson's files that the source folder of nbgrader's tree has."""
    try:
        return set(map(str, json.loads(_record(lesson).read_bytes())))
    except (OSError, ValueError, TypeError):
        return set()
