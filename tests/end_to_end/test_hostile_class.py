"""One hostile submission of each kind in a class of honest ones, graded once, in the sandbox.

No honest grade may suffer, nobody gains a point, and nothing but the grades is left of it.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from classroom import MOST_CHECKED, SAMPLES, Sample, hand_in, of_corpora
from corpora import Entry, entries
from leftovers import sandboxed_processes
from malformed import GRADED, REJECTED

from tito.course import Course
from tito.errors import TitoError
from tito.grading.gradebook.grades import StudentGrade, read_grades
from tito.grading.pipeline.autograde import TIMESTAMP, autograde
from tito.grading.pipeline.grade import GradingResult
from tito.grading.sandbox.mode import choose_sandbox
from tito.grading.sandbox.process import run_in_sandbox
from tito.lesson import Lesson, find_lesson

pytestmark = pytest.mark.full

HONEST = {"ada": "vectorized_einsum", "mel": "blocked_padded", "zoe": "chunks_pool_map"}
HOSTILE = (
    *("array_function_liar", "daemon_detaches", "disk_filler", "exit_at_import", "fork_bomb"),
    *("forges_allclose", "forges_assert", "huge_print", "imports_solution", "ipython_hooks"),
    *("kills_parent", "loop_at_import", "loop_in_call", "memory_hog", "reads_proc", "sockets"),
)
# A student's code that knows where the course lies, and reads and writes all it can find there.
WRITES = """
for folder in ({root!r}, "/"):
    for name in ("pwned.txt", "settings.ini", "assignments/gradebook.db", "tinytorch/__init__.py"):
        try:
            with open(os.path.join(folder, name), "ab") as file:
                file.write(b"rewritten")
        except OSError:
            pass
try:
    source = open(os.path.join({root!r}, "modules/source/11_kernels/kernels_dev.py")).read()
    exec(source)
except OSError:
    pass


def matmul_vectorized(A, B):
    return np.zeros((A.shape[0], B.shape[1]))
"""
SMALL = {
    "cell_seconds": 5,
    "notebook_seconds": 30,
    "cpu_seconds": 10,
    "notebook_mib": 8,
    "memory_mib": 1024,
}


@dataclass(frozen=True)
class HostileClass:
    """A class after it was graded, and what was there before and after."""

    lesson: Lesson
    samples: dict[str, Sample]
    results: dict[str, GradingResult]
    files_before: dict[str, str]
    files_after: dict[str, str]
    left: set[int]

    def submission(self, student: str) -> StudentGrade:
        return next(s for s in read_grades(self.lesson).submissions if s.student == student)


@pytest.fixture(scope="module")
def graded_class(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> HostileClass:
    try:
        choose_sandbox("bwrap")
    except TitoError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(generated, folder)
    set_limits(folder / "settings.ini")
    lesson = find_lesson(Course.read(folder), "kernels")
    samples = {sample.student: sample for sample in everybody(folder)}
    for student, sample in samples.items():
        path = hand_in(sample, lesson, lesson.course.assignments / "submitted")
        spoil = {**REJECTED, **GRADED}.get(student)
        if spoil:
            spoil(path)
    before = digests(folder)
    there = sandboxed_processes()
    results = autograde(lesson, sandbox="bwrap", jobs=2)
    return HostileClass(
        lesson,
        samples,
        {result.student: result for result in results},
        before,
        digests(folder),
        sandboxed_processes() - there,
    )


def set_limits(settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    for name, value in SMALL.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
        assert count == 1, name
    settings.write_text(text, encoding="utf-8")


def everybody(course: Path) -> Iterator[Sample]:
    honest = {entry.name: entry for entry in entries("honest")}
    hostile = {entry.name: entry for entry in entries("hostile")}
    for student, name in HONEST.items():
        yield of_corpora(honest[name], student)
    for name in HOSTILE:
        yield of_corpora(hostile[name], name)
    cells = {"matmul-vectorized": WRITES.format(root=str(course))}
    yield of_corpora(Entry("hostile", "writes_to_disk", "Writes everywhere.", cells), "writes")
    unsolved = SAMPLES["blank"]
    for name in (*REJECTED, *GRADED):
        solved = of_corpora(honest["vectorized_einsum"], name)
        nothing = dict.fromkeys(solved.expect, 0.0)
        cells, expect = (solved.cells, solved.expect if name in GRADED else nothing)
        if name == "skip-execution":
            cells, expect = unsolved.cells, nothing
        yield Sample(name, "Malformed.", name, cells=cells, expect=expect)


def digests(course: Path) -> dict[str, str]:
    """What is in each file that grading has no business to write."""
    written = {"autograded", "gradebook.db"}
    found = {}
    for path in sorted(course.rglob("*")):
        parts = path.relative_to(course).parts
        ours = (
            parts[0] == "assignments"
            and len(parts) > 1
            and (parts[1] in written or parts[1].startswith(".11_kernels."))
        )
        if not ours and path.is_file() and not path.is_symlink() and "__pycache__" not in parts:
            found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def scores(submission: StudentGrade) -> dict[str, float]:
    return {cell.grade_id: cell.score for cell in submission.cells}


def test_hostile_class_gets_an_entry_for_everybody(graded_class: HostileClass) -> None:
    assert {name: result.status for name, result in graded_class.results.items()} == {
        name: "rejected" if name in REJECTED else "graded" for name in graded_class.samples
    }
    submissions = read_grades(graded_class.lesson).submissions
    assert {s.student for s in submissions} == set(graded_class.samples)
    rejected = {s.student for s in submissions if s.status == "rejected"}
    assert rejected == set(REJECTED)
    assert all(s.message for s in submissions if s.student in rejected)


@pytest.mark.parametrize(
    "student", [*HONEST, *(name for name in GRADED if name != "skip-execution")]
)
def test_hostile_class_costs_no_honest_student_a_point(
    graded_class: HostileClass, student: str
) -> None:
    submission = graded_class.submission(student)
    assert scores(submission) == graded_class.samples[student].expect
    assert submission.score == MOST_CHECKED


@pytest.mark.parametrize("student", [*HOSTILE, "writes", "skip-execution", *REJECTED])
def test_hostile_class_gives_no_hostile_student_a_point(
    graded_class: HostileClass, student: str
) -> None:
    most = graded_class.samples[student].expect
    got = scores(graded_class.submission(student))
    assert set(got) == set(most)
    assert {name: score for name, score in got.items() if score > most[name]} == {}


def test_hostile_class_changes_no_file(graded_class: HostileClass) -> None:
    assert graded_class.files_after == graded_class.files_before


def test_hostile_class_copies_nothing_but_regular_files(graded_class: HostileClass) -> None:
    folder = graded_class.lesson.handed_in("strange-neighbours", "autograded").parent
    assert not {"data.csv", "pipe.csv"} & {path.name for path in folder.iterdir()}
    reason = graded_class.results["strange-neighbours"].reason
    assert "data.csv is a link" in reason
    assert "pipe.csv is not a regular file" in reason


def test_hostile_class_leaves_no_process(graded_class: HostileClass) -> None:
    assert graded_class.left == set()


def test_sandboxed_processes_are_found_while_they_run() -> None:
    there = sandboxed_processes()
    with run_in_sandbox(["/bin/sleep", "60"]):
        assert sandboxed_processes() - there
    assert sandboxed_processes() == there


def test_autograde_does_not_wait_for_a_timestamp_that_is_no_file(lesson: Lesson) -> None:
    sample = SAMPLES["complete"]
    stamp = hand_in(sample, lesson, lesson.course.assignments / "submitted").parent / TIMESTAMP
    stamp.unlink()
    os.mkfifo(stamp)
    (result,) = autograde(lesson, sandbox="off")
    assert (result.status, TIMESTAMP in result.reason) == ("failed", True)
