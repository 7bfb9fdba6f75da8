"""Taking a notebook of an nbgrader course, with what lies beside it, as a lesson."""

import re
from pathlib import Path

from tito.authoring.conversion import convert
from tito.authoring.scaffold import add_lesson, place_for, title_of
from tito.course import AUTOTESTS, Course
from tito.errors import TitoError
from tito.files import MIB, Refused, files_below, read_regular
from tito.lesson import Lesson, Notebook, read_notebook
from tito.notebooks import CONFIG, has_autotests, percent_text

__all__ = ["import_notebook"]

KERNEL = "python3"  # the kernel that notebooks run in here, and the key in autotests.yml
NOT_DATA = re.compile(rf".*\.(ipynb|pyc|db)|{re.escape(CONFIG)}|{re.escape(AUTOTESTS)}|.*~")
MOST_FILES = 1000


def import_notebook(
    course: Course, path: Path, name: str = "", title: str = ""
) -> tuple[Lesson, list[str]]:
    """Add the notebook at `path` as a lesson; return it, and what was changed, in sentences.

    Parameters
    ----------
    course : Course
        Receives the lesson.
    path : Path
        A notebook with nbgrader's metadata and the solutions. What lies beside it comes along:
        data, pictures, modules, and autotests.yml, which may lie in the course's folder above, too.
    name : str
        Of the lesson; default: that of the notebook.
    title : str
        Default: the name in words.

    Raises
    ------
    TitoError
        If something cannot be taken; names the cell or file and what to do. Nothing is written.
    """
    most = course.limits.notebook_mib * MIB
    notebook = _read(course, path, most)
    lesson = place_for(course, name or re.sub(r"[\s.-]+", "_", path.stem.strip().lower()))
    title = title_of(lesson, title)
    files = {f"files/{beside}": data for beside, data in _data(course, path, most).items()}
    made, notes = convert(notebook, lesson.name)
    if any(map(has_autotests, made.cells)):
        files[AUTOTESTS] = _autotests(path)
    files[lesson.source.name] = percent_text(made).encode()
    return add_lesson(lesson, title, files), notes


def _read(course: Course, path: Path, most: int) -> Notebook:
    if path.suffix != ".ipynb" or path.is_dir():
        raise TitoError(f"{path} is no notebook.", "Name a file that ends in .ipynb.", exit_code=2)
    try:
        read_regular(path, most)
    except Refused as refused:
        raise TitoError(f"{path} {refused}.", "Name a notebook.", exit_code=2) from None
    notebook = read_notebook(path)
    if len(notebook.cells) > course.limits.cells:
        fact = f"{path} has {len(notebook.cells)} cells; {course.limits.cells} are graded."
        raise TitoError(fact, "Split it, or raise cells in settings.ini.")
    return notebook


def _data(course: Course, path: Path, most: int) -> dict[str, bytes]:
    """Return what lies beside a notebook, by relative names."""
    folder = path.resolve().parent
    apart = "Move the notebook into a folder with its data files and nothing else."
    if course.root.is_relative_to(folder):
        raise TitoError(f"The folder of {path} holds the whole course.", apart)
    found, size = {}, 0
    for name, file in files_below(folder).items():
        if NOT_DATA.fullmatch(file.name):
            continue
        try:
            found[name] = read_regular(file, most)
        except Refused as refused:
            fact = f"{name}, beside the notebook, {refused}."
            raise TitoError(fact, "Replace it by a small regular file, or move it away.") from None
        size += len(found[name])
        if size > most or len(found) > MOST_FILES:
            fact = f"Beside {path} lie more than {most >> 20} MiB or {MOST_FILES} files."
            raise TitoError(fact, apart)
    return found


def _autotests(path: Path) -> bytes:
    """Return the autotests.yml of a notebook: beside it, else in the course's folder above."""
    import yaml

    places = [folder / AUTOTESTS for folder in path.resolve().parents[:3]]
    file = next(filter(Path.is_file, places), None)
    if file is None:
        fact = f"{path} has AUTOTEST lines, but there is no {AUTOTESTS}."
        raise TitoError(fact, "Put it beside the notebook.")
    try:
        known = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise TitoError(f"{file} is not YAML: {reason}.", "Correct it.") from None
    if not isinstance(known, dict) or KERNEL not in known:
        raise TitoError(f"{file} has no section {KERNEL}.", f"Call its tests for Python {KERNEL}.")
    return file.read_bytes()
