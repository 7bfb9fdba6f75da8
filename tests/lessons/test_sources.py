"""What the source of every lesson keeps to: its header, nbgrader's metadata, short prose."""

from pathlib import Path

import jupytext
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from tito.course import Course
from tito.lesson import find_lesson
from tito.notebooks import student_notebook

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "modules" / "source").glob("*/*_dev.py"))


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: path.stem)
def source(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(source):
    return jupytext.read(source, fmt="py:percent")


def test_lesson_header_is_percent_1_3_without_pairing(notebook):
    representation = notebook.metadata["jupytext"]["text_representation"]
    assert representation["format_name"] == "percent"
    assert representation["format_version"] == "1.3"
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "formats" not in notebook.metadata["jupytext"]


def test_lesson_metadata_is_valid_for_nbgrader(notebook):
    MetadataValidator().validate_nb(notebook)


def test_lesson_prose_is_short_between_code(source):
    lesson = find_lesson(Course.read(ROOT), source.parent.name)
    lines = 0
    for cell in student_notebook(lesson).cells:
        lines = lines + len(cell.source.splitlines()) if cell.cell_type == "markdown" else 0
        assert lines <= 25, cell.source


def test_lesson_needs_no_path_and_no_emoji(source):
    text = source.read_text(encoding="utf-8")
    assert "__file__" not in text
    assert "sys.path" not in text
    assert text.isascii()
    assert len(text.splitlines()) < 1000
