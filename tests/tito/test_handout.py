"""The handout: what is in it, that no solution is, and that a student's commands work with it."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from classroom import MOST_CHECKED, SAMPLES
from edits import edit, with_settings
from shell import Tito
from solutions import solution_passages, squeezed

from tito.course import Course
from tito.errors import TitoError
from tito.handout import INSTRUCTORS, Handout, write_handout
from tito.lesson import find_lesson

ROOT = Path(__file__).parents[2]
NOT_THERE = (
    *("nbgrader", "nbclient", "sqlalchemy", "alembic", "distributed"),
    *("fcntl", "grp", "pwd", "resource", "termios"),
)
"""What a student need not have, and what Windows does not have, where psutil does without."""
STUDENT = f"""
import psutil
import sys
sys.modules.update(dict.fromkeys({NOT_THERE!r}))
sys.path[0] = sys.argv.pop(1)
from tito.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def handout(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Handout:
    folder = tmp_path_factory.mktemp("handout") / "tinytorch-course"
    return write_handout(Course.read(generated), folder, zipped=True)


def files(handout: Handout) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of all files of a handout, those of its archives too."""
    for path in sorted(handout.folder.rglob("*")):
        if path.is_file() and path != handout.wheel:
            yield path.relative_to(handout.folder).as_posix(), path.read_bytes()
    assert handout.archive is not None
    for archive in (handout.wheel, handout.archive):
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                yield f"{archive.name}: {name}", opened.read(name)


def as_student(handout: Handout, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the handout's tito in a folder, without what a student need not have."""
    command = [sys.executable, "-c", STUDENT, str(handout.folder), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_handout_that_fails_leaves_nothing(course: Course, tmp_path: Path) -> None:
    find_lesson(course, "kernels").released.write_text("{", encoding="utf-8")
    with pytest.raises(TitoError, match="is not a notebook"):
        write_handout(course, tmp_path / "new" / "handout", zipped=True)
    assert list(tmp_path.joinpath("new").iterdir()) == []


def test_handout_names_a_release_that_is_older_than_its_lesson(course: Course, tito: Tito) -> None:
    assert "older" not in tito("handout", "first").stderr
    edit(find_lesson(course, "kernels").source, "Learning goals", "Goals")
    done = tito("handout", "second")
    assert done.returncode == 0
    (line,) = (line for line in done.stderr.splitlines() if "older" in line)
    assert line.startswith("The release of kernels is older than the lesson")
    assert "`tito nbgrader generate kernels`" in line


def test_handout_has_notebooks_packages_and_a_wheel(handout: Handout) -> None:
    names = {path.name for path in handout.folder.iterdir()}
    assert names == {
        *("README.md", "kernels.ipynb", "pyproject.toml", "tinytorch", "tito"),
        handout.wheel.name,
    }


def test_handout_holds_no_solution(handout: Handout) -> None:
    passages = solution_passages(ROOT)
    assert passages
    found = [
        (name, passage)
        for name, content in files(handout)
        if not name.endswith((".zip", ".whl"))
        for passage in passages
        if passage in squeezed(content.decode("utf-8").replace("\\n", "\n"))
    ]
    assert found == []


def test_handout_holds_no_check_no_scheme_and_no_gradebook(handout: Handout) -> None:
    for name, content in files(handout):
        assert not name.endswith(("checks.py", "core/kernels.py", "_dev.py", ".db"))
        assert b"BEGIN MARK SCHEME" not in content
        assert b"BEGIN HIDDEN TESTS" not in content
        assert "nbgrader/" not in name
        assert "gradebook/" not in name


def test_what_a_handout_leaves_out_is_there_under_that_name() -> None:
    assert [path for path in INSTRUCTORS if not (ROOT / path).exists()] == []


def test_handout_says_the_deadline_and_how_to_hand_in(handout: Handout) -> None:
    text = (handout.folder / "README.md").read_text(encoding="utf-8")
    assert "Sunday, 31 January 2027, 23:59 (UTC+0100)" in text
    assert "| `kernels.ipynb` | Kernels | 100 |" in text
    assert len(text.splitlines()) < 60


def test_handout_is_the_same_each_time(handout: Handout, generated: Path, tmp_path: Path) -> None:
    again = write_handout(Course.read(generated), tmp_path / handout.folder.name, zipped=True)
    assert dict(files(again)) == dict(files(handout))
    assert again.wheel.read_bytes() == handout.wheel.read_bytes()


def test_handout_below_a_folder_that_git_ignores_is_whole(generated: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("assignments/\nhandout/\n", encoding="utf-8")
    written = write_handout(Course.read(generated), tmp_path / "handout")
    with zipfile.ZipFile(written.wheel) as wheel:
        inside = "tito/handed_out/assignments/release/11_kernels/kernels.ipynb"
        assert inside in wheel.namelist()


def test_handout_keeps_what_is_there(generated: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(TitoError, match="is there already"):
        write_handout(Course.read(generated), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("more", [[], ["--zip"]])
def test_handout_does_not_take_the_place_of_the_current_folder(
    course: Course, tito: Tito, more: list[str]
) -> None:
    done = tito("handout", ".", *more)
    assert done.returncode == 1
    assert done.stderr.startswith("tito: The handout takes the place of DIR. Name another folder")


def test_handout_needs_a_release(plain_course: Course, tmp_path: Path) -> None:
    with pytest.raises(TitoError, match="tito nbgrader generate"):
        write_handout(plain_course, tmp_path / "handout")


def test_student_sees_the_commands_of_a_student(handout: Handout, tmp_path: Path) -> None:
    done = as_student(handout, tmp_path, "--help")
    assert done.returncode == 0, done.stderr
    words = set(done.stdout.split())
    assert {"test", "notebook", "export", "profile", "doctor"} <= words
    assert not {"nbgrader", "handout"} & words


def test_every_module_of_a_handout_can_be_imported(handout: Handout, tmp_path: Path) -> None:
    modules = sorted(
        ".".join(path.relative_to(handout.folder).with_suffix("").parts)
        for package in ("tito", "tinytorch")
        for path in (handout.folder / package).rglob("*.py")
        if path.name != "__main__.py"
    )
    code = STUDENT.partition("from tito")[0] + (
        "import importlib\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
    )
    command = [sys.executable, "-c", code, str(handout.folder), *modules]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_student_works_in_a_folder_with_the_notebook_only(handout: Handout, tmp_path: Path) -> None:
    done = as_student(handout, tmp_path, "notebook", "kernels")
    assert done.returncode == 0, done.stderr
    released = (handout.folder / "kernels.ipynb").read_bytes()
    assert (tmp_path / "kernels.ipynb").read_bytes() == released
    blank = as_student(handout, tmp_path, "test", "kernels")
    assert (blank.returncode, blank.stderr) == (1, "")
    solved = SAMPLES["complete"].edit(nbformat.read(tmp_path / "kernels.ipynb", 4))
    nbformat.write(solved, tmp_path / "kernels.ipynb")
    done = as_student(handout, tmp_path, "test", "kernels")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{MOST_CHECKED:g} / {MOST_CHECKED:g}" in done.stdout


def test_student_is_told_what_is_installed(handout: Handout, tmp_path: Path) -> None:
    done = as_student(handout, tmp_path, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "numpy" in done.stdout
    assert "sandbox" not in done.stdout


@pytest.mark.full
def test_student_profiles_kernels_of_their_own(
    generated: Path, tmp_path: Path, course: Course
) -> None:
    handout = write_handout(Course.read(generated), tmp_path / "handout")
    notebook = handout.folder / "kernels.ipynb"
    nbformat.write(SAMPLES["complete"].edit(nbformat.read(notebook, 4)), notebook)
    done = as_student(handout, handout.folder, "export", "kernels")
    assert done.returncode == 0, done.stderr
    assert (handout.folder / "tinytorch" / "core" / "kernels.py").exists()
    done = as_student(handout, handout.folder, "profile", "kernels", "--size", "16")
    assert done.returncode == 0, done.stderr
    assert "matmul_cache_optimized" in done.stdout


def test_first_cell_installs_what_the_settings_name(course: Course) -> None:
    from tito.notebooks import instructor_notebook

    url = "https://example.org/tinytorch_kernels-0.1.0-py3-none-any.whl"
    made = instructor_notebook(with_settings(course, "package =", f"package = {url}"))
    first = next(cell.source for cell in made.cells if cell.cell_type == "code")
    assert f'PACKAGE = "{url}"' in first


@pytest.mark.parametrize("package", ["tinytorch", "tinytorch-kernels[plots]", "git+https://a/b"])
def test_settings_name_no_package_that_is_not_pinned(course: Course, package: str) -> None:
    with pytest.raises(TitoError, match=r"ends in \.whl"):
        with_settings(course, "package =", f"package = {package}")
