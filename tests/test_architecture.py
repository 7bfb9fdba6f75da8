"""The cut of the project: which part may import which, and the house rules a machine can check."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What a part may import of this project, itself aside. DESIGN.md: "commands -> (export, grading,
# reports) -> lesson -> course -> errors, and tito -> tinytorch, never back".
BASE = {"tito.errors", "tito.files", "tito.course", "tito.lesson", "tito.edition", "tinytorch"}
MAY_IMPORT = {
    "tinytorch": set(),
    "tito": set(),
    "tito.errors": set(),
    "tito.cli": {"tito.errors"},
    "tito.__main__": {"tito.cli"},
    "tito.course": {"tito.errors"},
    "tito.files": set(),
    "tito.edition": set(),
    "tito.lesson": {"tito.errors", "tito.course"},
    "tito.export": BASE,
    "tito.tracing": {"tinytorch"},
    "tito.conditions": {"tinytorch", "tito.tracing"},
    "tito.grading": BASE | {"tito.export", "tito.conditions", "tito.tracing"},
    "tito.reports": BASE,
    "tito.commands": BASE | {"tito.cli", "tito.export", "tito.grading", "tito.reports"},
    "tito.tools": BASE | {"tito.export", "tito.conditions", "tito.grading", "tito.reports"},
}
# Reports render what grading found, so their signatures may name its types.
MAY_NAME_TYPES_OF = {"tito.reports": {"tito.grading", "tito.conditions"}}

SOURCES = sorted([*ROOT.glob("tito/**/*.py"), *ROOT.glob("tinytorch/**/*.py")])
GENERATED = {ROOT / "tinytorch/core/kernels.py", ROOT / "tinytorch/core/layers.py"}
LESSONS = sorted(ROOT.glob("modules/source/*/*.py"))
SETTINGS = [ROOT / name for name in ("nbgrader_config.py", "settings.ini", "pyproject.toml")]
TESTS = sorted(ROOT.glob("tests/**/*.py"))

MOST_LINES = 450
MOST_LESSON_LINES = 1150  # four hours in one notebook: each exercise with three hints and a check
EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\ufe0f\U0001f000-\U0001faff]")
HOME = re.compile(r"/(?:home|root|Users)[/]\w|\\Users[\\]")

# A module, and an import that it may not have.
FORBIDDEN = {
    "back to tito": ("tinytorch.utils.blas", "import tito.errors"),
    "inside a function": ("tito.course", "def f():\n    from tito.lesson import Lesson"),
    "from a package": ("tito.grading.intake", "from tito import commands"),
    "relative": ("tito.grading.intake", "from ..reports import grades"),
    "reports at work": ("tito.reports.grades", "from tito.grading.gradebook import Grades"),
    "types of commands": (
        "tito.grading.intake",
        "if TYPE_CHECKING:\n    from tito.commands import test",
    ),
    "beside the type checker": (
        "tito.reports.grades",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import tito.grading",
    ),
}
LEGAL = {
    "of another project": ("tinytorch.utils.blas", "import titonic, numpy"),
    "of its own part": ("tito.grading.intake", "from tito.grading import verdicts"),
    "of a part below": ("tito.commands.test", "from tito.lesson import Lesson"),
    "types only": (
        "tito.reports.grades",
        "if TYPE_CHECKING:\n    from tito.grading.gradebook import Grades",
    ),
}


@dataclass(frozen=True)
class Import:
    """One module that a file names in an import, and whether only a type checker follows it."""

    module: str
    line: int
    for_types: bool = False


def imports_of(tree: ast.AST, package: str, for_types: bool = False) -> Iterator[Import]:
    """Yield every import below `tree`, inside functions too; relative ones from `package`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, for_types) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module) if part)
            yield from (
                Import(f"{base}.{alias.name}", node.lineno, for_types) for alias in node.names
            )
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                yield from imports_of(ast.Module([statement], []), package, for_types=True)
            yield from imports_of(ast.Module(node.orelse, []), package, for_types)
        else:
            yield from imports_of(node, package, for_types)


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """Return the part of the project that a module belongs to; empty for somebody else's."""
    parts = [part for part in MAY_IMPORT if f"{module}.".startswith(f"{part}.")]
    return max(parts, key=len, default="")


def forbidden(module: str, found: Import) -> bool:
    """Whether `module` may not import what was found in it."""
    part, target = part_of(module), part_of(found.module)
    allowed = MAY_IMPORT[part] | (MAY_NAME_TYPES_OF.get(part, set()) if found.for_types else set())
    return target not in {"", part, *allowed}


def imports_in(module: str, text: str) -> list[Import]:
    """Return the imports in the text of `module`."""
    return list(imports_of(ast.parse(text), module.rpartition(".")[0]))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def parse(path: Path) -> ast.Module:
    with warnings.catch_warnings():  # an odd escape in a lesson is the linter's business
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.parse(read(path), str(path))


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_modules_import_only_what_lies_below_them() -> None:
    wrong = []
    for path in SOURCES:
        module = module_name(path)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        found = [one for one in imports_of(parse(path), package) if forbidden(module, one)]
        wrong += [f"{shown(path)}:{one.line} imports {one.module}" for one in found]
    assert wrong == []


def test_every_module_belongs_to_a_part() -> None:
    modules = [module_name(path) for path in SOURCES]
    assert {part_of(module) for module in modules} == set(MAY_IMPORT)
    assert [module for module in modules if part_of(module) == "tito"] == ["tito"]


@pytest.mark.parametrize(("module", "text"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden_import_is_found(module: str, text: str) -> None:
    assert any(forbidden(module, found) for found in imports_in(module, text))


@pytest.mark.parametrize(("module", "text"), LEGAL.values(), ids=LEGAL)
def test_legal_import_is_let_through(module: str, text: str) -> None:
    found = imports_in(module, text)
    assert found
    assert not any(forbidden(module, one) for one in found)


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


def test_no_file_catches_an_exception_without_a_name() -> None:
    wrong = []
    for path in [*SOURCES, *LESSONS, *TESTS]:
        nodes = (node for node in ast.walk(parse(path)) if isinstance(node, ast.ExceptHandler))
        wrong += [f"{shown(path)}:{node.lineno}" for node in nodes if node.type is None]
    assert wrong == []


@pytest.mark.parametrize("pattern", [EMOJI, HOME], ids=["emoji", "path of one machine"])
def test_no_file_holds(pattern: re.Pattern[str]) -> None:
    ours = [*SOURCES, *LESSONS, *SETTINGS, *TESTS]
    assert {shown(path): m[0] for path in ours if (m := pattern.search(read(path)))} == {}
