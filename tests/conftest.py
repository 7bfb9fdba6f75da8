"""A course of its own for each test: real files, real nbgrader, real kernels."""

import gc
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from classroom import copy_course, hand_in, read_samples
from filelock import FileLock
from shell import Tito, call_tito

from tito.course import Course
from tito.grading.gradebook.assignment import generate
from tito.grading.pipeline.autograde import autograde, try_checks
from tito.lesson import Lesson, find_lesson

ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Heed Ctrl-C, which a shell's ``&`` has ignored here and in whatever the tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what stays for the whole run out of garbage collections."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run tests that share something costly on one worker."""
    from workers import Grouped

    return Grouped(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say how many workers ``-n auto`` stands for."""
    from workers import WORKERS

    return WORKERS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of the corpora print what each submission got."""
    parser.addoption("--corpora-table", action="store_true", help="print what each file got")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print a row for each file of the corpora, if asked to."""
    if not config.getoption("--corpora-table"):
        return
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [
        value for report in reports for name, value in report.user_properties if name == "corpora"
    ]
    heads = ["Corpus", "Submission", "What it does", "Expected", "Got", "Verdict"]
    for row in [heads, ["---"] * len(heads), *sorted(rows)]:
        terminalreporter.write_line(f"| {' | '.join(row)} |")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the kernels lesson generated and its checks tried; never changed."""

    def make(folder: Path) -> None:
        copy_course(ROOT, folder)
        lesson = find_lesson(Course.read(folder), "kernels")
        generate(lesson)
        try_checks(lesson)

    return _made_once(tmp_path_factory, "generated", make)


@pytest.fixture(scope="session")
def graded(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course whose class of samples is handed in and autograded; never changed."""

    def make(folder: Path) -> None:
        shutil.copytree(generated, folder)
        lesson = find_lesson(Course.read(folder), "kernels")
        for sample in read_samples():
            hand_in(sample, lesson, folder / "assignments" / "submitted")
        autograde(lesson, jobs=2)

    return _made_once(tmp_path_factory, "graded", make)


@pytest.fixture
def plain_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course in which nothing is generated yet; the current folder is its root."""
    return _enter(copy_course(ROOT, tmp_path / "course"), monkeypatch)


@pytest.fixture
def course(generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course with the kernels lesson generated; the current folder is its root."""
    return _enter(Path(shutil.copytree(generated, tmp_path / "course")), monkeypatch)


@pytest.fixture
def graded_course(graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course whose class is autograded, to change at will; the current folder is its root."""
    return _enter(Path(shutil.copytree(graded, tmp_path / "course")), monkeypatch)


@pytest.fixture
def lesson(course: Course) -> Lesson:
    """The kernels lesson of the generated course."""
    return find_lesson(course, "kernels")


@pytest.fixture
def tito() -> Tito:
    """Run the command tito in the current folder and return what it printed."""
    return call_tito


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first of all workers makes, and the others use."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, done = base / name / "course", base / name / "done"
    with FileLock(base / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


def _enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.chdir(folder)
    return Course.read(folder)
