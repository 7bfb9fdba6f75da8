"""The benchmark of an instructor's week: a handful of students go the whole way."""

import csv
import zipfile
from pathlib import Path

import pytest

from benchmarks.week import main

pytestmark = pytest.mark.full


def test_a_week_ends_with_grades_and_pages_for_everyone_who_handed_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "week"
    folder.mkdir()
    assert main(["--students", "5", "--folder", str(folder)]) == 0
    assert "5 students" in capsys.readouterr().out
    text = folder.joinpath("for_canvas.csv").read_text(encoding="utf-8-sig")
    grades = {row["Student"]: row["Kernels (12345)"] for row in csv.DictReader(text.splitlines())}
    assert float(grades["Student0000, Ada"]) == 80
    assert float(grades["Student0003, Ada"]) == 0  # what is no notebook
    with zipfile.ZipFile(folder / "feedback.zip") as packed:
        assert len(packed.namelist()) == 5
