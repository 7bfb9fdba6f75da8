"""What the points of a submission depend on, and nothing else."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import grimp
import pytest
from edits import with_settings

import tinytorch
import tito
from tito.course import Course
from tito.grading.gradebook import basis
from tito.grading.gradebook.basis import (
    Basis,
    basis_of,
    forced_marks,
    record_marks,
    recorded_basis,
)
from tito.lesson import Lesson, find_lesson

WALLS = ("attempts", "bwrap", "cgroup", "cleanup", "mode", "mounts", "probe", "process", "seccomp")
WALLS += ("tools", "watchdog")
"""The modules of the sandbox that bound what runs in it, and read no result."""


@pytest.fixture
def submitted(plain_course: Course) -> Path:
    """The notebook that a student handed in, in a course tree with its source and release."""
    tree = plain_course.assignments
    path = tree / "submitted" / "ada" / "11_kernels" / "kernels.ipynb"
    for folder in ("source", "release"):
        file = tree / folder / "11_kernels" / "kernels.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(folder, encoding="utf-8")
    path.parent.mkdir(parents=True)
    path.write_text("submitted", encoding="utf-8")
    path.with_name("timestamp.txt").write_text("2027-01-31 12:00:00 UTC", encoding="utf-8")
    return path


DEPENDS_ON = {
    "notebook": "submitted/ada/11_kernels/kernels.ipynb",
    "source": "source/11_kernels/kernels.ipynb",
    "release": "release/11_kernels/kernels.ipynb",
    "checks": "../modules/source/11_kernels/checks.py",
}


@pytest.mark.parametrize("change", ["edited", "deleted"])
@pytest.mark.parametrize("name", DEPENDS_ON.values(), ids=DEPENDS_ON)
def test_basis_changes_with_what_the_grade_depends_on(
    submitted: Path, plain_course: Course, name: str, change: str
) -> None:
    before = basis_of(submitted, plain_course)
    file = plain_course.assignments / name
    if change == "deleted":
        file.unlink()
    else:
        file.write_text("edited", encoding="utf-8")
    assert basis_of(submitted, plain_course) != before


def test_basis_changes_with_the_code_that_judges(
    submitted: Path, plain_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = basis_of(submitted, plain_course)
    monkeypatch.setattr(basis, "engine_version", lambda: "another")
    after = basis_of(submitted, plain_course)
    assert after.changes(before) == "this version of tito judges by other code"
    assert after.changes(replace(before, engine="")) == after.changes(before)  # of no version yet


@pytest.mark.parametrize(
    ("package", "files"),
    [
        (
            tito,
            [
                *("conditions/product.py", "tracing/proof.py", "source_cells.py"),
                *("grading/intake/rebuild.py", "grading/judge/remote.py"),
                "grading/sandbox/outputs.py",
            ],
        ),
        (tinytorch, ["core/layers.py"]),  # that solutions build on
    ],
)
def test_engine_version_is_of_all_that_decides(
    package: ModuleType, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(Path(str(package.__file__)).parent, tmp_path / package.__name__))
    monkeypatch.setattr(package, "__file__", str(copy / "__init__.py"))
    version = basis.engine_version.__wrapped__
    assert version() == basis.engine_version()
    for file in (copy / name for name in files):
        before = version()
        file.write_text(f"{file.read_text(encoding='utf-8')}\n", encoding="utf-8")
        assert version() != before


def test_engine_has_all_that_grading_imports_but_what_decides_nothing() -> None:
    package = Path(tito.__file__).parent
    graph = grimp.build_graph("tito", "tinytorch")
    imported = graph.find_upstream_modules("tito.grading.pipeline.grade")
    ours = {name for name in imported if name.partition(".")[0] == "tito"}
    assert imported - ours == {
        *("tinytorch", "tinytorch.utils.blas", "tinytorch.utils.checking"),
        *("tinytorch.utils.processor", "tinytorch.utils.report"),  # these count CPUs
    }
    files = {package.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in ours}
    deciding = {file for pattern in basis.ENGINE for file in package.glob(pattern)}
    others = {str(f.relative_to(package)) for f in files - deciding if f.exists()}
    assert others == {
        *("course.py", "edition.py", "errors.py", "files.py"),
        *(f"grading/gradebook/{name}.py" for name in ("basis", "course_tree", "database")),
        *(f"grading/sandbox/{name}.py" for name in WALLS),
        *("grading/intake/times.py", "grading/workers/pool.py"),
    }


def test_basis_changes_with_the_name_of_a_file_beside_the_release(
    submitted: Path, plain_course: Course
) -> None:
    file = plain_course.assignments / "release" / "11_kernels" / "data" / "a.csv"
    file.parent.mkdir()
    file.write_text("1,2", encoding="utf-8")
    before = basis_of(submitted, plain_course)
    file.rename(file.with_name("b.csv"))
    assert basis_of(submitted, plain_course).changes(before) == "the release changed"


def test_basis_stays_while_nothing_of_that_changes(submitted: Path, plain_course: Course) -> None:
    before = basis_of(submitted, plain_course)
    os.utime(submitted, (0, 0))
    submitted.with_name("notes.txt").write_text("new", encoding="utf-8")
    other = plain_course.assignments / "submitted" / "grace" / "11_kernels"
    other.mkdir(parents=True)
    (other / "kernels.ipynb").write_text("another", encoding="utf-8")
    assert basis_of(submitted, plain_course) == before


def test_basis_tells_the_files_apart(submitted: Path, plain_course: Course) -> None:
    before = basis_of(submitted, plain_course)
    source, release = (
        plain_course.assignments / DEPENDS_ON[name] for name in ("source", "release")
    )
    source.write_text("sourcer", encoding="utf-8")
    release.write_text("elease", encoding="utf-8")
    assert basis_of(submitted, plain_course) != before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFO")
def test_basis_takes_no_file_for_what_it_is(submitted: Path, plain_course: Course) -> None:
    submitted.unlink()
    os.mkfifo(submitted)
    assert len(basis_of(submitted, plain_course).submission) == 64


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cell_seconds = 30", "cell_seconds = 31"),
        ("memory_mib = 2048", "memory_mib = 1024"),
    ],
    ids=["seconds", "memory"],
)
def test_basis_changes_with_the_settings_that_a_grade_depends_on(
    submitted: Path, plain_course: Course, before: str, after: str
) -> None:
    changed = with_settings(plain_course, before, after).course
    assert basis_of(submitted, changed) != basis_of(submitted, plain_course)


def test_basis_stays_with_settings_that_no_grade_depends_on(
    submitted: Path, plain_course: Course
) -> None:
    changed = replace(
        plain_course, title="Another", sandbox="off", show_marking=True, late_penalty_per_day=0.5
    )
    assert basis_of(submitted, changed) == basis_of(submitted, plain_course)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"metadata": {}}', '{"metadata": 3}'])
def test_recorded_basis_of_something_else_is_none(lesson: Lesson, text: str) -> None:
    path = lesson.handed_in("ada", "autograded")
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert recorded_basis(lesson, "ada") is None
    assert recorded_basis(lesson, "nobody") is None


def test_changes_say_in_words_what_changed() -> None:
    before = Basis("a", "b", "c", "d")
    assert before.changes(before) == ""
    assert before.changes(None) == "it is not graded yet"
    assert Basis("x", "b", "c", "d").changes(before) == "it was handed in again"
    assert Basis("a", "b", "x", "x").changes(before) == "checks.py changed, the limits changed"


def test_marks_change_the_basis_of_those_named(submitted: Path, plain_course: Course) -> None:
    lesson = find_lesson(plain_course, "kernels")
    before = basis_of(submitted, plain_course)
    record_marks(lesson, forced_marks(["grace"]))
    assert basis_of(submitted, plain_course) == before
    record_marks(lesson, forced_marks(["ada"]))
    assert basis_of(submitted, plain_course).changes(before) == "it is to be graded again"
