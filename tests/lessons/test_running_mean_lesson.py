"""The lesson of examples/running_mean, made with the authors' guide: from its check to grades."""

import shutil
from pathlib import Path

import pytest
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.assignment import generate
from tito.grading.gradebook.grades import read_grades
from tito.grading.pipeline.autograde import autograde
from tito.lesson import Lesson, find_lesson, grade_id, read_notebook
from tito.notebooks import instructor_notebook, save_notebook

MEANS, SUM, TWO, SLIDE = "window-means", "naive-sum", "two-sum", "slide"
FULL = {MEANS: 4, SUM: 3, TWO: 4, SLIDE: 6}

HONEST = {
    "views": {
        MEANS: """
def window_means(x, window):
    n = x.shape[0]
    if window < 1 or window > n:
        raise ValueError(f"window {window} of {n} numbers")
    return np.lib.stride_tricks.sliding_window_view(x, window).mean(axis=1)
""",
        SUM: "def naive_sum(x):\n    return sum(x)\n",
        TWO: """
def two_sum(a, b):
    if abs(a) < abs(b):
        a, b = b, a
    s = a + b
    return np.array([s, b - (s - a)])
""",
    },
    "prefixes": {
        MEANS: """
def window_means(x, window):
    if not 0 < window < len(x) + 1:
        raise ValueError("%d is not in 1..%d" % (window, len(x)))
    sums = np.concatenate([[0.0], np.cumsum(x)])
    return (sums[window:] - sums[:-window]) / window
""",
        SUM: "def naive_sum(x):\n    return np.cumsum(x)[-1] if x.size else x.dtype.type(0)\n",
        TWO: """
from fractions import Fraction

def two_sum(a, b):
    return np.asarray([a + b, float(Fraction(a) + Fraction(b) - Fraction(a + b))])
""",
        SLIDE: """
def slide(total, error, leaving, entering):
    total, first = two_sum(total, -leaving)
    total, second = two_sum(total, entering)
    return np.array(two_sum(total, error + first + second))
""",
    },
}
"""Other ways to full points; cells that are not there are the lesson's own."""

WRONG = {
    "one mean too few": (
        {
            MEANS: """
def window_means(x, window):
    if not 1 <= window <= len(x):
        raise ValueError(f"{window} {len(x)}")
    return np.array([x[i : i + window].mean() for i in range(len(x) - window)])
"""
        },
        {MEANS: 0},
    ),
    "no error": (
        {
            MEANS: """
def window_means(x, window):
    return np.array([x[i : i + window].mean() for i in range(len(x) - window + 1)])
"""
        },
        {MEANS: 3},
    ),
    "changes x": (
        {
            MEANS: """
def window_means(x, window):
    if not 1 <= window <= len(x):
        raise ValueError(f"{window} {len(x)}")
    means = np.array([x[i : i + window].mean() for i in range(len(x) - window + 1)])
    x[:] = 0
    return means
"""
        },
        {MEANS: 3},
    ),
    "a list": (
        {MEANS: "def window_means(x, window):\n    return [x.mean()]\n"},
        {MEANS: 0},
    ),
    "sum in pairs": ({SUM: "def naive_sum(x):\n    return np.sum(x)\n"}, {SUM: 1}),
    "sum in float64": (
        {SUM: "def naive_sum(x):\n    return x.dtype.type(sum(x.tolist()))\n"},
        {SUM: 1},
    ),
    "larger first": (
        {
            TWO: "def two_sum(a, b):\n    s = a + b\n    return np.array([s, b - (s - a)])\n",
            SLIDE: "def slide(total, error, leaving, entering):\n    raise RuntimeError\n",
        },
        {TWO: 3, SLIDE: 0},
    ),
    "no loss": (
        {
            TWO: "def two_sum(a, b):\n    return np.array([a + b, 0.0])\n",
            SLIDE: "def slide(total, error, leaving, entering):\n"
            "    return np.array([total - leaving + entering, error])\n",
        },
        {TWO: 1, SLIDE: 2},
    ),
}
"""What is wrong, and the points that are left of the cells it is in."""


@pytest.fixture(scope="module")
def lesson(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """The lesson in a copy of its course, released."""
    folder = tmp_path_factory.mktemp("running_mean") / "course"
    made = shutil.ignore_patterns("assignments", "*.ipynb", "__pycache__")
    shutil.copytree(root / "examples" / "running_mean", folder, ignore=made)
    lesson = find_lesson(Course.read(folder), "running_mean")
    generate(lesson)
    return lesson


def hand_in(lesson: Lesson, student: str, cells: dict[str, str], *, solved: bool = True) -> None:
    notebook = instructor_notebook(lesson) if solved else read_notebook(lesson.released)
    for cell in notebook.cells:
        cell.source = cells.get(grade_id(cell), cell.source)
    save_notebook(notebook, lesson.handed_in(student), force=False)


@pytest.mark.full
def test_running_mean_lesson_is_well_made(
    lesson: Lesson, tito: Tito, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lesson.course.root)
    assert tito("lesson", "check", "running_mean").stdout == "01_running_mean is well made.\n"
    done = tito("test", "running_mean", "--source")
    assert done.returncode == 0, done.stdout
    assert "17 / 17" in done.stdout


@pytest.mark.full
def test_running_mean_lesson_grades_what_students_hand_in(lesson: Lesson) -> None:
    expected = {"own": FULL, "blank": dict.fromkeys(FULL, 0)}
    hand_in(lesson, "own", {})
    hand_in(lesson, "blank", {}, solved=False)
    for name, cells in HONEST.items():
        hand_in(lesson, name, cells)
        expected[name] = FULL
    for name, (cells, points) in WRONG.items():
        hand_in(lesson, name, cells)
        expected[name] = FULL | points
    assert {result.status for result in autograde(lesson, jobs=2)} == {"graded"}
    found = {
        one.student: {
            cell.grade_id.removeprefix("test-"): cell.score
            for cell in one.cells
            if cell.grade_id.startswith("test-")
        }
        for one in read_grades(lesson).submissions
    }
    assert found == expected


@pytest.mark.full
def test_running_mean_lesson_says_the_same_to_students(
    lesson: Lesson, tito: Tito, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails where it is graded fails in `tito test`, too, and what passes passes."""
    monkeypatch.chdir(lesson.course.root)
    everything = {name: (cells, {}) for name, cells in HONEST.items()} | WRONG
    for name, (cells, less) in everything.items():
        notebook = instructor_notebook(lesson)
        for cell in notebook.cells:
            cell.source = cells.get(grade_id(cell), cell.source)
        path = tmp_path / f"{name} running_mean.ipynb"
        save_notebook(notebook, path, force=False)
        done = tito("test", "running_mean", path)
        failed = {line.split()[0] for line in done.stdout.splitlines() if "  failed " in line}
        assert failed == {f"test-{name}" for name in less}, f"{name}\n{done.stdout}"
