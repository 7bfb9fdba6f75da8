"""What a program in the sandbox sees: the interpreter and the student edition, nothing else."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from solutions import solution_passages

import tito
from tito.grading.sandbox.mounts import Mounts, student_mounts

Run = Callable[..., Any]

REPOSITORY = Path(tito.__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that the sandbox's user may read, if it is shown to him."""
    shown = tmp_path / "shown"
    shown.mkdir(mode=0o755)
    return shown


def test_mounts_takes_the_packages_from_the_edition(run: Run) -> None:
    result = run("import tito, tinytorch; say(tito.__file__, tinytorch.__file__)")
    assert result.said == "/edition/tito/__init__.py /edition/tinytorch/__init__.py"


def test_mounts_does_not_show_the_repository(run: Run) -> None:
    names = [str(path) for path in REPOSITORY.iterdir() if path.name != ".venv"]
    assert names
    assert run(f"say([name for name in {names} if os.path.exists(name)])").said == "[]"


def test_mounts_has_no_solved_kernels_to_import(run: Run) -> None:
    code = "from importlib.util import find_spec; say(find_spec('tinytorch.core.kernels'))"
    assert run(code).said == "None"


def test_mounts_names_no_instructors_file_anywhere(run: Run) -> None:
    """Walk the whole visible tree, every package included."""
    code = """
found = []
for top, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(top, name) != "/proc"]
    found += [os.path.join(top, name) for name in names
        if name == "checks.py" or name.endswith("_dev.py")]
    if top.endswith("tinytorch/core"):
        found += [os.path.join(top, name) for name in names if name == "kernels.py"]
say(len(found), *found[:20])
"""
    assert run(code).said == "0"


@pytest.mark.full
def test_mounts_shows_no_passage_of_a_solution(run: Run) -> None:
    """Search every text below the folders that a student may look into."""
    passages = solution_passages(REPOSITORY)
    if not passages:
        pytest.skip("no lesson here has a solution")
    code = f"""
found = set()
for start in ("/edition", "/etc", "/run", "/tmp", "/root", "/home", {sys.prefix!r}):
    for top, _, names in os.walk(start):
        for name in names:
            if name.endswith((".py", ".ipynb", ".txt", ".md")):
                text = open(os.path.join(top, name), errors="replace").read()
                text = "\\n".join(line.strip() for line in text.splitlines() if line.strip())
                found.update(passage for passage in {passages} if passage in text)
say(len(found), *found)
"""
    assert run(code).said == "0"


def with_bind(mounts: Mounts, inside: str, host: Path) -> Mounts:
    return replace(mounts, binds={**mounts.binds, inside: str(host)})


def masking(mounts: Mounts, folder: Path) -> Mounts:
    return replace(mounts, masked=mounts.masked | {str(folder.resolve())})


def test_mounts_shows_a_folder_only_where_it_is_put(run: Run, folder: Path) -> None:
    (folder / "data").write_text("x")
    mounts = with_bind(student_mounts(), "/given", folder)
    assert run("say(os.listdir('/given'))", mounts=mounts).said == "['data']"
    assert run(f"say(os.path.exists({str(folder)!r}))", mounts=mounts).said == "False"


def test_mounts_cannot_be_written_to(run: Run, folder: Path) -> None:
    folder.chmod(0o777)
    mounts = with_bind(student_mounts(), "/given", folder)
    code = "\ntry: open('/given/x', 'w')\nexcept OSError as error: say(error.strerror)"
    assert run(code, mounts=mounts).said == "Read-only file system"


def test_mounts_covers_a_package_that_is_installed_in_full(run: Run, folder: Path) -> None:
    """As after `pip install` without -e: the environment itself holds the solved kernels."""
    package = folder / "tinytorch"
    package.mkdir(mode=0o755)
    (package / "kernels.py").write_text("solved")
    mounts = with_bind(student_mounts(), str(folder), folder)
    code = f"say(os.listdir({str(package)!r}))"
    assert run(code, mounts=mounts).said == "['kernels.py']"
    assert run(code, mounts=masking(mounts, package)).said == "[]"


def test_mounts_shows_an_environment_inside_a_hidden_course(run: Run, folder: Path) -> None:
    """The deeper path wins: the course is hidden, the environment in it is there."""
    course = folder / "course"
    environment = course / ".venv"
    environment.mkdir(parents=True, mode=0o755)
    (course / "solution").write_text("x")
    mounts = masking(with_bind(student_mounts(), str(folder), folder), course)
    mounts = with_bind(mounts, str(environment), environment)
    assert run(f"say(os.listdir({str(course)!r}))", mounts=mounts).said == "['.venv']"


def test_mounts_passes_no_variable_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITO_SECRET", "x")
    assert run("say(sorted(os.environ))").said == str(
        sorted([*student_mounts().environment, "PWD"])
    )


def test_mounts_passes_no_descriptor_on(run: Run) -> None:
    with open(os.devnull) as file:
        os.set_inheritable(file.fileno(), True)
        code = "say(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
        # 5 is the listing itself.
        assert run(code).said == "[0, 1, 2, 3, 4, 5]"
