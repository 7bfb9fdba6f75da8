"""The handout in an environment of its own, as a student has it: nothing else is installed."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tito.course import Course
from tito.handout import Handout, write_handout

BIN = "Scripts" if os.name == "nt" else "bin"


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with a student's environment variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    arguments = list(map(str, command))
    return subprocess.run(
        arguments, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def handout(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Handout:
    return write_handout(Course.read(generated), tmp_path_factory.mktemp("class") / "course")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    done = run(folder.parent, sys.executable, "-m", "venv", folder)
    assert done.returncode == 0, done.stderr
    return folder / BIN


@pytest.mark.full
def test_first_cell_installs_the_package_where_it_is_missing(
    handout: Handout, environment: Path, tmp_path: Path
) -> None:
    notebook = nbformat.read(handout.folder / "kernels.ipynb", 4)
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    alone = run(tmp_path, environment / "python", "-c", first)
    assert alone.returncode == 1
    said = "ModuleNotFoundError: Install the course's package as your handout says."
    assert alone.stderr.strip().splitlines()[-1] == said
    named = first.replace('PACKAGE = ""', f"PACKAGE = {str(handout.wheel)!r}")
    done = run(tmp_path, environment / "python", "-c", f"{named}\nimport tinytorch.core.layers")
    assert done.returncode == 0, done.stderr
    listed = run(tmp_path, environment / "python", "-m", "pip", "list").stdout.lower()
    assert "tinytorch-kernels" in listed
    assert "nbgrader" not in listed
    tested = run(handout.folder, environment / "tito", "test", "kernels")
    assert tested.returncode == 1
    assert "Testing kernels.ipynb" in tested.stdout
    assert "Traceback" not in tested.stderr
