"""A course of its settings and one lesson alone: nothing else of it is read where work comes in."""

import shutil
from pathlib import Path

import pytest

from tito.course import Course

SOURCE = Path("modules/source/11_kernels")


@pytest.fixture
def plain_course(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course in which nothing is generated yet; the current folder is its root."""
    folder = tmp_path / "course"
    shutil.copytree(root / SOURCE, folder / SOURCE, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "settings.ini", folder)
    monkeypatch.chdir(folder)
    return Course.read(folder)
