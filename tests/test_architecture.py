"""The cut of the project, as pyproject.toml has it, and the house rules a machine can check."""

import ast
import re
import warnings
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from workers import APART, TOGETHER

ROOT = Path(__file__).parents[1]

SOURCES = sorted([*ROOT.glob("tito/**/*.py"), *ROOT.glob("tinytorch/**/*.py")])
GENERATED = {ROOT / "tinytorch/core/kernels.py", ROOT / "tinytorch/core/layers.py"}
LESSONS = sorted(ROOT.glob("modules/source/*/*.py"))
SETTINGS = [ROOT / name for name in ("nbgrader_config.py", "settings.ini", "pyproject.toml")]
TESTS = sorted(ROOT.glob("tests/**/*.py"))

MOST_LINES = 400
MOST_LESSON_LINES = 999  # three sittings in one notebook: each exercise with hints and a check
EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\ufe0f\U0001f000-\U0001faff]")
HOME = re.compile(r"/(?:home|root|Users)[/]\w|\\Users[\\]")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def parse(path: Path) -> ast.Module:
    with warnings.catch_warnings():  # an odd escape in a lesson is the linter's business
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.parse(read(path), str(path))


def texts(path: Path) -> set[str]:
    """The constants of a module, as `repr` has them."""
    return {repr(node.value) for node in ast.walk(parse(path)) if isinstance(node, ast.Constant)}


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_modules_import_only_what_lies_below_them() -> None:
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_modules_open_with_a_docstring() -> None:
    written = [path for path in SOURCES if path not in GENERATED]  # nbdev opens with a comment
    assert [shown(path) for path in written if not ast.get_docstring(parse(path))] == []


def test_modules_that_define_something_say_what_they_offer() -> None:
    silent = []
    for path in SOURCES:
        body = parse(path).body
        defines = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)
        if defines and not any(ast.unparse(node).startswith("__all__ = ") for node in body):
            silent.append(shown(path))
    assert silent == []


def test_modules_and_lessons_are_short() -> None:
    written = [path for path in [*SOURCES, *LESSONS] if path not in GENERATED]
    lines = {path: len(read(path).splitlines()) for path in written}
    most = {path: MOST_LESSON_LINES if path in LESSONS else MOST_LINES for path in lines}
    assert {shown(path): n for path, n in lines.items() if n > most[path]} == {}


def test_each_file_of_a_course_is_named_in_one_module() -> None:
    files = ["settings.ini", "nbgrader_config.py", "checks.py", "autotests.yml", "gradebook.db"]
    constants = {path: texts(path) for path in SOURCES}
    found = {name: [p for p, held in constants.items() if repr(name) in held] for name in files}
    assert {name: paths for name, paths in found.items() if len(paths) != 1} == {}


@pytest.mark.parametrize("pattern", [EMOJI, HOME], ids=["emoji", "path of one machine"])
def test_no_file_holds(pattern: re.Pattern[str]) -> None:
    ours = [*SOURCES, *LESSONS, *SETTINGS, *TESTS]
    assert {shown(path): m[0] for path in ours if (m := pattern.search(read(path)))} == {}


def test_workers_are_told_of_tests_that_exist() -> None:
    names = {name for path in TESTS for name in re.findall(r"^def (\w+)", read(path), re.MULTILINE)}
    assert names.issuperset(APART)
    assert [start for start in TOGETHER if not any(shown(p).startswith(start) for p in TESTS)] == []
