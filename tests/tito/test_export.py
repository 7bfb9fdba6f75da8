"""From a lesson to its package: the same bytes everywhere, and never a package half written."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from downloads import contents_of
from rights import read_only

from tito.course import Course
from tito.errors import TitoError
from tito.export import export_lesson, render_package
from tito.lesson import Lesson, find_lesson, grade_id
from tito.notebooks import instructor_notebook, save_notebook, student_notebook

LESSONS = ["layers", "kernels"]
FORMATS = [".py", ".ipynb"]
CELL = "matmul-cache"

Writer = Callable[..., Path]

# What stands in the cell CELL and must stop the export; the line and the reason that are named.
FAULTS = {
    "parenthesis": ("#| export\ndef f():\n    x = (1,\n    return x", 3, "'(' was never closed"),
    "indentation": ("#| export\ndef f():\n        x = 1\n    return x", 4, "unindent"),
    "colon": ("#| export\nfor i in range(3)\n    pass", 2, "expected ':'"),
    "null byte": ("#| export\nx = '\0'", 1, "null byte"),
    "no directive": ("def f():\n    pass", 1, "the directive is missing"),
    "another directive": ("#| exporti\ndef f():\n    pass", 1, "the directive is missing"),
}


@pytest.fixture
def kernels(plain_course: Course) -> Lesson:
    """The kernels lesson of a course of its own, in the current folder."""
    return find_lesson(plain_course, "kernels")


@pytest.fixture
def write(kernels: Lesson) -> Writer:
    """Write the lesson as a student's file, its notebook changed by a function."""

    def write(suffix: str, change: Callable[[Any], None]) -> Path:
        import jupytext

        notebook = instructor_notebook(kernels)
        change(notebook)
        file = kernels.course.root / f"mine{suffix}"
        text = (
            nbformat.writes(notebook)
            if suffix == ".ipynb"
            else jupytext.writes(notebook, fmt="py:percent")
        )
        file.write_text(text, encoding="utf-8")
        return file

    return write


def in_cell(source: str) -> Callable[[Any], None]:
    """Return a change of the notebook that puts `source` into CELL."""

    def change(notebook: Any) -> None:
        (cell,) = (cell for cell in notebook.cells if grade_id(cell) == CELL)
        cell.source = source

    return change


def without_cell(notebook: Any) -> None:
    notebook.cells = [cell for cell in notebook.cells if grade_id(cell) != CELL]


def without_module(notebook: Any) -> None:
    for cell in notebook.cells:
        cell.source = cell.source.replace("#| default_exp core.kernels\n", "")


def package_files(lesson: Lesson) -> dict[str, bytes]:
    """Every file of the package and its bytes, to be compared before and after."""
    return contents_of(lesson.course.root / "tinytorch")


def refusal(lesson: Lesson, file: Path) -> str:
    """Export `file`, which must be refused and leave the package as it was; return the message."""
    before = package_files(lesson)
    with pytest.raises(TitoError) as caught:
        export_lesson(lesson, file)
    assert package_files(lesson) == before
    return str(caught.value)


@pytest.mark.parametrize("name", LESSONS)
def test_committed_package_is_current(root: Path, name: str) -> None:
    target, text = render_package(find_lesson(Course.read(root), name))
    assert target.read_bytes() == text.encode(), f"Run `tito export {name}`."


def test_export_writes_the_same_bytes_in_another_process(kernels: Lesson, tmp_path: Path) -> None:
    here = export_lesson(kernels).read_bytes()
    script = "from tito.cli import main; main(['export', 'kernels'])"
    other = kernels.course.root / "modules" / "source"
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=other,
        env={**os.environ, "PYTHONHASHSEED": "0", "HOME": str(tmp_path), "TZ": "Asia/Tokyo"},
        capture_output=True,
        check=True,
    )
    assert (kernels.course.root / "tinytorch/core/kernels.py").read_bytes() == here


@pytest.mark.parametrize("suffix", FORMATS)
def test_export_of_a_copy_writes_the_bytes_of_the_source(
    kernels: Lesson, write: Writer, suffix: str
) -> None:
    here, files = export_lesson(kernels).read_bytes(), set(package_files(kernels))
    file = write(suffix, lambda notebook: None)
    assert export_lesson(kernels, file).read_bytes() == here
    assert set(package_files(kernels)) == files


@pytest.mark.parametrize("name", LESSONS)
def test_exported_module_says_nothing_to_the_student_only(plain_course: Course, name: str) -> None:
    _, text = render_package(find_lesson(plain_course, name))
    for word in ("SOLUTION", "TODO", "YOUR CODE", "HIDDEN", "#|", "%%time"):
        assert word not in text


@pytest.mark.parametrize("name", LESSONS)
def test_exported_module_lists_its_functions(plain_course: Course, name: str) -> None:
    _, text = render_package(find_lesson(plain_course, name))
    tree = ast.parse(text)
    (names,) = (node.value for node in tree.body if isinstance(node, ast.Assign))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert ast.literal_eval(names) == functions
    assert functions


@pytest.mark.parametrize("name", LESSONS)
def test_exported_module_imports_alone(plain_course: Course, name: str) -> None:
    script = f"from tinytorch.core.{name} import *; print(tinytorch.__file__)"
    script = f"import tinytorch; {script}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=plain_course.root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(plain_course.root)


def test_export_takes_a_students_notebook(kernels: Lesson, write: Writer) -> None:
    stub = next(c for c in student_notebook(kernels).cells if grade_id(c) == CELL).source
    text = export_lesson(kernels, write(".ipynb", in_cell(stub))).read_text("utf-8")
    assert 'raise NotImplementedError("this cell is not written yet")' in text


def test_export_knows_the_cells_from_the_release_where_there_is_no_source(
    kernels: Lesson, write: Writer
) -> None:
    file = write(".ipynb", without_cell)
    kernels.released.parent.mkdir(parents=True)
    save_notebook(student_notebook(kernels), kernels.released, force=False)
    kernels.source.unlink()
    assert refusal(kernels, file).startswith(f"{file} has no cell {CELL}.")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("source", "line", "reason"), FAULTS.values(), ids=FAULTS)
def test_export_names_cell_and_line_of_a_fault(
    kernels: Lesson, write: Writer, suffix: str, source: str, line: int, reason: str
) -> None:
    file = write(suffix, in_cell(source))
    message = refusal(kernels, file)
    assert message.startswith(f"{file}, cell {CELL}, line {line}")
    assert reason in message


def test_export_names_the_line_of_a_percent_file_too(kernels: Lesson, write: Writer) -> None:
    source, line, _ = FAULTS["parenthesis"]
    file = write(".py", in_cell(source))
    at = file.read_text(encoding="utf-8").split("\n").index("    x = (1,") + 1
    assert f"line {line} (line {at} of the file): " in refusal(kernels, file)


@pytest.mark.parametrize("suffix", FORMATS)
def test_export_names_a_missing_cell(kernels: Lesson, write: Writer, suffix: str) -> None:
    file = write(suffix, without_cell)
    assert refusal(kernels, file).startswith(f"{file} has no cell {CELL}.")


@pytest.mark.parametrize("suffix", FORMATS)
def test_export_asks_for_the_name_of_the_module(
    kernels: Lesson, write: Writer, suffix: str
) -> None:
    message = refusal(kernels, write(suffix, without_module))
    assert "cell kernels-imports, line 1" in message
    assert "no cell names the module. Put `#| default_exp core." in message


@pytest.mark.parametrize("suffix", FORMATS)
def test_export_names_a_file_that_is_missing(kernels: Lesson, suffix: str) -> None:
    assert "There is no file" in refusal(kernels, Path(f"missing{suffix}"))


def test_export_names_an_emptied_cell_of_a_percent_file(kernels: Lesson, write: Writer) -> None:
    message = refusal(kernels, write(".py", in_cell("")))
    assert f"cell {CELL}, line 1" in message


@pytest.mark.parametrize("magic", ["%timeit x", "!ls", "x?"])
def test_export_refuses_a_magic_in_an_exported_cell(
    kernels: Lesson, write: Writer, magic: str
) -> None:
    file = write(".ipynb", in_cell(f"#| export\nx = 1\n{magic}"))
    assert f"cell {CELL}, line 3: a package cannot hold Jupyter's" in refusal(kernels, file)


@pytest.mark.parametrize("module", ["core.layers", "kernels", "../core/kernels"])
def test_export_refuses_the_module_of_another_lesson(
    kernels: Lesson, write: Writer, module: str
) -> None:
    def rename(notebook: Any) -> None:
        for cell in notebook.cells:
            cell.source = cell.source.replace("default_exp core.kernels", f"default_exp {module}")

    assert "default_exp core.kernels" in refusal(kernels, write(".ipynb", rename))


def test_export_says_that_a_folder_is_read_only(kernels: Lesson) -> None:
    folder = kernels.course.root / "tinytorch" / "core"
    before = (folder / "kernels.py").read_bytes()
    with read_only(folder), pytest.raises(PermissionError, match=str(folder / "kernels.py")):
        export_lesson(kernels)
    assert (folder / "kernels.py").read_bytes() == before


def test_export_says_that_the_module_cannot_be_replaced(kernels: Lesson) -> None:
    target = kernels.course.root / "tinytorch" / "core" / "kernels.py"
    target.unlink()
    target.mkdir()
    with pytest.raises(IsADirectoryError, match=str(target)):
        export_lesson(kernels)
