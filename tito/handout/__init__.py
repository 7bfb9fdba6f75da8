"""The handout: what a student gets of a course, as a folder, a wheel and a zip file.

It has the released notebooks, `tinytorch` without the solved lessons, and `tito` with the commands
that a student needs. In its package lies a small course: settings.ini with what concerns students,
and the released notebooks, so that every command works in any folder.
"""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tito.course import HANDED_OUT, SETTINGS, TIME_FORMAT, Course
from tito.edition import write_edition
from tito.errors import TitoError
from tito.files import as_zip, folder_beside, write_whole
from tito.lesson import Lesson, read_notebook

__all__ = ["Handout", "write_handout"]

NEEDED = ("click", "jupytext", "nbdev", "nbformat", "numpy", "psutil", "rich", "threadpoolctl")
EXTRAS = {"lab": ("ipykernel", "jupyterlab", "matplotlib"), "compiled": ("numba",)}
INSTRUCTORS = (
    "tito/authoring",
    "tito/autotests.py",
    "tito/commands/handout.py",
    "tito/commands/lesson",
    "tito/commands/nbgrader",
    "tito/commands/roster.py",
    "tito/grading/gradebook",
    "tito/grading/intake/choice.py",
    "tito/grading/intake/collect.py",
    "tito/grading/intake/collection.py",
    "tito/grading/intake/identity.py",
    "tito/grading/intake/owners.py",
    "tito/grading/intake/shelf.py",
    "tito/grading/judge/bpf.py",
    "tito/grading/judge/connection.py",
    "tito/grading/judge/forkless.py",
    "tito/grading/judge/judge.py",
    "tito/grading/judge/notebook.py",
    "tito/grading/judge/processes.py",
    "tito/grading/judge/remote.py",
    "tito/grading/judge/supervisor.py",
    "tito/grading/markup.py",
    "tito/grading/pipeline",
    "tito/grading/plugins.py",
    "tito/grading/sandbox",
    "tito/grading/workers",
    "tito/handout",
    "tito/lms",
    "tito/reports/autograding.py",
    "tito/reports/class_page.html.jinja",
    "tito/reports/class_page.py",
    "tito/reports/collecting.py",
    "tito/reports/gradefile.py",
    "tito/reports/grades.py",
    "tito/reports/progress.py",
    "tito/reports/regrading.py",
)
"""What of the packages a student has no use for."""

TEMPLATES = Path(__file__).parent
COURSE = Path("tito") / HANDED_OUT.name


@dataclass(frozen=True)
class Handout:
    """What was written: the folder, the wheel in it, and the zip file if one was asked for."""

    folder: Path
    wheel: Path
    archive: Path | None = None


def write_handout(course: Course, folder: Path, *, zipped: bool = False) -> Handout:
    """Write the handout of a course.

    Parameters
    ----------
    course : Course
        Its released lessons are handed out: see `tito nbgrader generate`.
    folder : Path
        A new or empty folder.
    zipped : bool
        Whether a zip file of it is written beside it, too.

    Raises
    ------
    TitoError
        If no lesson is released, or the folder holds something. What fails leaves nothing behind.
    """
    lessons = [one for name in course.lessons if (one := Lesson(course, name)).released.exists()]
    if not lessons:
        fact = "No lesson has been released, so there is nothing to hand out."
        raise TitoError(fact, "Run `tito nbgrader generate LESSON` first.")
    archive = folder.with_name(f"{folder.name}.zip") if zipped else None
    for path in (folder, archive):
        _require_new(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_beside(folder.parent, "handout") as beside:
        made, zip_file = beside / folder.name, beside / "zip"
        wheel = _fill(made, course, lessons)
        if archive is not None:
            inside = (path for path in sorted(made.rglob("*")) if path.is_file())
            names = {path.relative_to(made.parent).as_posix(): path for path in inside}
            zip_file.write_bytes(as_zip({name: path.read_bytes() for name, path in names.items()}))
        if folder.exists():  # it is empty
            folder.rmdir()
        made.rename(folder)
        if archive is not None:
            zip_file.rename(archive)
    return Handout(folder, folder / wheel.name, archive)


def _fill(folder: Path, course: Course, lessons: list[Lesson]) -> Path:
    """Write the files of a handout into a folder; return the wheel."""
    write_edition(folder, left_out=INSTRUCTORS)
    _write(folder / COURSE / SETTINGS, _settings(course, lessons))
    for lesson in lessons:
        text = lesson.released.read_text(encoding="utf-8")
        inside = lesson.released.relative_to(course.root)
        for path in (folder / COURSE / inside, folder / lesson.notebook_name):
            _write(path, text)
            for beside, file in lesson.released_files().items():
                _put(file, path.parent / beside)
    _write(folder / "pyproject.toml", _project(course))
    _write(folder / "README.md", _readme(course, lessons))
    return _build_wheel(folder)


def _require_new(path: Path | None) -> None:
    if path is not None and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise TitoError(f"{path} is there already.", "Remove it, or name another folder.")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _put(file: Path, to: Path) -> None:
    """Copy what lies beside a notebook; no two lessons may have another file of one name."""
    if to.exists() and to.read_bytes() != file.read_bytes():
        fact = f"{file} would take the place of another file, {to.name}, in the handout."
        raise TitoError(fact, "Give it another name in its lesson, and in its notebook.")
    write_whole(to, file.read_bytes())


def _settings(course: Course, lessons: list[Lesson]) -> str:
    """Return the part of settings.ini that concerns students."""
    lines = ["[course]", f"id = {course.id}", f"title = {course.title}"]
    lines += [f"exchange = {course.exchange}"] if course.exchange else []
    for lesson in lessons:
        due = course.lessons[lesson.assignment].due
        lines += ["", f"[lesson {lesson.assignment}]", f"title = {lesson.title}"]
        lines += [f"due = {due.strftime(TIME_FORMAT)}"] if due else []
    if course.hand_in:
        lines += ["", "[handout]", f"hand_in = {' '.join(course.hand_in.split())}"]
    limits = course.limits
    lines += ["", "[limits]", f"cell_seconds = {limits.cell_seconds}"]
    lines += [f"notebook_seconds = {limits.notebook_seconds}"]
    return "\n".join([*lines, ""])


def _project(course: Course) -> str:
    """Return the pyproject.toml: the versions that this course was made with."""
    extras = "\n".join(f"{name} = {_pinned(names)}" for name, names in EXTRAS.items())
    return _filled(
        "pyproject.toml",
        version=importlib.metadata.version("tinytorch-kernels"),
        title=course.title.replace("\\", "\\\\").replace('"', '\\"'),
        needed=_pinned(NEEDED),
        extras=extras,
    )


def _pinned(names: tuple[str, ...]) -> str:
    """Return requirements as TOML, each of the version that is installed here, if one is."""
    return str([requirement for name in names for requirement in _requirement(name)])


def _requirement(name: str) -> Iterator[str]:
    try:
        yield f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        yield name


def _readme(course: Course, lessons: list[Lesson]) -> str:
    rows = [
        f"| `{lesson.notebook_name}` | {lesson.title} | {_points(lesson):g} | {_due(lesson)} |"
        for lesson in lessons
    ]
    first = lessons[0]
    return _filled(
        "README.md",
        title=course.title,
        lessons="\n".join(rows),
        lesson=first.name,
        notebook=first.notebook_name,
        hand_in=course.hand_in or "Hand in the notebook where your instructor says.",
    )


def _points(lesson: Lesson) -> float:
    from tito.lesson import is_graded, points_of

    return sum(points_of(cell) for cell in read_notebook(lesson.released).cells if is_graded(cell))


def _due(lesson: Lesson) -> str:
    due = lesson.course.lessons[lesson.assignment].due
    return due.strftime("%A, %d %B %Y, %H:%M (UTC%z)") if due else "no deadline"


def _filled(name: str, **values: str) -> str:
    text = (TEMPLATES / f"{name}.template").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _build_wheel(folder: Path) -> Path:
    """Build the wheel of the folder into it, with what its pyproject.toml says."""
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(folder)).build(directory=str(folder), versions=["standard"])
    return Path(wheel)
