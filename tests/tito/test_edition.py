"""The student edition: what it has, what it has not, and that it is always the same."""

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from downloads import contents_of
from solutions import solution_passages, squeezed

import tito
from tito.edition import PACKAGES, is_left_out, solved_lessons, write_edition

REPOSITORY = Path(tito.__file__).parents[1]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_edition(tmp_path_factory.mktemp("edition"))


@pytest.mark.parametrize(
    "path",
    [
        "tinytorch/core/kernels.py",
        "tinytorch/core/some_later_lesson.py",
        "tinytorch/core/__pycache__/kernels.cpython-313.pyc",
        "tinytorch/_modidx.py",
        "tito/checks.py",
        "tito/grading/checks.py",
        "tito/kernels_dev.py",
        "tito/gradebook.db",
    ],
)
def test_edition_leaves_out(path: str) -> None:
    assert is_left_out(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "tinytorch/__init__.py",
        "tinytorch/core/__init__.py",
        "tinytorch/core/layers.py",
        "tinytorch/utils/profiler.py",
        "tito/errors.py",
        "tito/commands/test.py",
        "tito/reports/page.html",
    ],
)
def test_edition_keeps(path: str) -> None:
    assert not is_left_out(PurePosixPath(path))


def test_edition_has_both_packages_and_no_solved_kernels(edition: Path) -> None:
    names = set(contents_of(edition))
    assert {"tinytorch/__init__.py", "tinytorch/core/__init__.py", "tito/errors.py"} <= names
    assert not [name for name in names if name.endswith(("checks.py", "kernels.py", ".pyc"))]


def test_edition_leaves_out_no_module_but_solved_lessons(edition: Path) -> None:
    names = {
        f"{p}/{f.relative_to(REPOSITORY / p)}"
        for p in PACKAGES
        for f in (REPOSITORY / p).rglob("*.py")
    }
    solved = {str(file.relative_to(REPOSITORY)) for file in solved_lessons().values()}
    assert solved == {"tinytorch/core/kernels.py"}
    left_out = names - set(contents_of(edition)) - {"tinytorch/_modidx.py"}  # which nbdev makes
    assert left_out == solved


def test_edition_has_no_passage_of_a_solution(edition: Path) -> None:
    passages = solution_passages(REPOSITORY)
    if not passages:
        pytest.skip("no lesson here has a solution")
    text = squeezed("\n".join(path.read_text() for path in sorted(edition.rglob("*.py"))))
    assert [passage for passage in passages if passage in text] == []


def test_edition_is_the_same_on_each_run(edition: Path, tmp_path: Path) -> None:
    assert contents_of(write_edition(tmp_path / "again")) == contents_of(edition)


def test_edition_can_be_read_by_every_user(edition: Path) -> None:
    for path in (edition, *edition.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_edition_can_be_imported_on_its_own(edition: Path, tmp_path: Path) -> None:
    code = "import tinytorch, tito.lesson; print(tinytorch.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(edition), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(edition / "tinytorch" / "__init__.py")
