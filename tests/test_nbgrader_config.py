"""nbgrader_config.py: every setting is one that the installed nbgrader knows and takes."""

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets import HasTraits, TraitError, import_item
from traitlets.config import Config, Configurable

from tito.course import Course
from tito.notebooks import load_config

FOLDERS = ("source", "release", "submitted", "autograded", "feedback")


@pytest.fixture(scope="module")
def config(root: Path) -> Any:
    """What nbgrader reads from the file."""
    return load_config(Course.read(root))


@pytest.fixture(scope="module")
def known(config: Any) -> dict[str, set[type[Configurable]]]:
    """What can be configured, by name: nbgrader's classes, those we name, and their parents."""
    from nbconvert.exporters import HTMLExporter  # nbgrader writes feedback with it
    from nbgrader.apps import NbGraderApp

    named = [*map(load_class, dotted_names(config)), HTMLExporter]
    classes: dict[str, set[type[Configurable]]] = {}
    for kind in [*NbGraderApp().all_configurable_classes(), *named]:
        for parent in kind.mro():
            if issubclass(parent, Configurable):
                classes.setdefault(parent.__name__, set()).add(parent)
    return classes


def faults(config: Any, known: dict[str, set[type[Configurable]]]) -> Iterator[str]:
    """Yield each setting that no class takes: its name is unknown, or its value is of no use."""
    for section, values in config.items():
        for name, value in values.items():
            kinds = [k for k in known.get(section, ()) if name in k.class_traits(config=True)]
            if not kinds:
                yield f"c.{section}.{name} is no setting of nbgrader"
            elif not any(takes(kind, name, value) for kind in kinds):
                yield f"c.{section}.{name} does not take {value!r}"


def takes(kind: type[Configurable], name: str, value: Any) -> bool:
    """Whether the trait of that name holds the value, tried on a class with this trait alone."""
    trait = kind.class_traits()[name]
    holder = type("Holder", (HasTraits,), {name: trait})()
    try:
        setattr(holder, name, value)
    except TraitError:
        return False
    return True


def dotted_names(config: Any) -> list[str]:
    """Return every value that names a class."""
    graders = config.Autograde
    return [
        graders.exporter_class,
        *graders.sanitize_preprocessors,
        *graders.autograde_preprocessors,
        *config.GenerateFeedback.preprocessors,
    ]


def load_class(dotted: str) -> type[Configurable]:
    """Import the class of a dotted name."""
    module, _, name = dotted.rpartition(".")
    kind = getattr(importlib.import_module(module), name)
    assert issubclass(kind, Configurable)
    return kind


def test_config_sets_only_what_nbgrader_knows(
    config: Any, known: dict[str, set[type[Configurable]]]
) -> None:
    assert list(faults(config, known)) == []


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("ClearSolutions", "code_stubs", {"python": "pass"}),
        ("ClearSolution", "code_stub", {"python": "pass"}),
        ("ClearSolutions", "code_stub", "pass"),
        ("Autograde", "log", None),
        ("LimitOutput", "max_lines", "many"),
        ("Autograde", "exporter_class", "tito.grading.intake.read.Rejected"),
        ("Autograde", "exporter_class", "tito.no_such_module"),
    ],
    ids=[
        *("misspelt", "misspelt class", "of the wrong kind", "not to be configured", "in words"),
        *("no exporter", "nowhere"),
    ],
)
def test_fault_in_a_config_is_found(
    known: dict[str, set[type[Configurable]]], section: str, name: str, value: object
) -> None:
    (fault,) = faults(Config({section: {name: value}}), known)
    assert f"c.{section}.{name} " in fault


def test_config_names_classes_that_can_be_imported(config: Any) -> None:
    ours = [load_class(name) for name in dotted_names(config) if name.startswith("tito.")]
    assert all(callable(import_item(name)) for name in config.HTMLExporter.filters.values())
    assert [kind.__name__ for kind in ours] == [
        "IntakeExporter",
        "ExecuteNotebook",
        "LatePenalties",
        "GetGradesSoFar",
        "HideMarking",
    ]


def test_config_puts_the_course_tree_below_assignments(plain_course: Course) -> None:
    from nbgrader.coursedir import CourseDirectory

    tree = CourseDirectory(config=load_config(plain_course))
    for folder in FOLDERS:
        path = Path(tree.format_path(getattr(tree, f"{folder}_directory"), "ada", "11_kernels"))
        assert path == plain_course.assignments / folder / "ada" / "11_kernels"
    assert tree.db_url == f"sqlite:///{plain_course.assignments / 'gradebook.db'}"
    assert tree.course_id == plain_course.id


def test_config_hands_on_what_the_settings_say(plain_course: Course) -> None:
    settings = plain_course.root / "settings.ini"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("output_lines = 1000", "output_lines = 7")
    text = text.replace("exchange =", "exchange = exchange")
    text = text.replace("db_url =", "db_url = postgresql://grades")
    settings.write_text(text, encoding="utf-8")
    config = load_config(plain_course)
    assert config.LimitOutput.max_lines == 7
    assert config.Exchange.root == str(plain_course.root / "exchange")
    assert config.CourseDirectory.db_url == "postgresql://grades"
    assert config.HideMarking.enabled is True


def test_config_puts_the_path_of_alembic_first_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    load_config(Course.read(root))
    path = os.environ["PATH"]
    load_config(Course.read(root))
    assert os.environ["PATH"] == path


def test_config_stub_says_that_the_cell_is_not_written(config: Any) -> None:
    with pytest.raises(NotImplementedError, match="not written yet"):
        exec(config.ClearSolutions.code_stub["python"])


def test_config_lets_nbgrader_find_alembic(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("alembic") is None
    load_config(Course.read(root))
    assert shutil.which("alembic")
