"""Whatever people hand in, and however it is packed: nothing is lost without a word."""

import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from downloads import roster, zipped

from tito.course import Course
from tito.errors import TitoError
from tito.grading.intake.collect import collect_paths
from tito.grading.intake.collection import NothingCollected
from tito.grading.intake.owners import is_litter
from tito.lesson import Lesson, find_lesson
from tito.reports.collecting import as_lines, as_table

FOLDERS = (
    *("ada", "jdoe", "Jane Doe", "class", "submitted", "11_kernels", "2024_hw", "x y", "kernels"),
    *("submissions", "John Smith_700102_assignsubmission_file_", "submission_5", "__MACOSX"),
    "9000-77 - Jane Doe - Jan 19, 2027 1201 AM",
)
FILES = (
    *("kernels.ipynb", "kernels (1).ipynb", "KERNELS.IPYNB", "kernels.py", "notes.txt", "a.zip"),
    *("work.ipynb", "kernels.ipynb.txt", ".hidden.ipynb", "index.html", "submission_metadata.yml"),
    *("ada_kernels.ipynb", "jdoe.zip", "submissions.zip", "kernels.zip", "_kernels.ipynb"),
    *("doejane_1141_5_kernels.ipynb", "doejohn_LATE_1142_6_kernels-1.ipynb", "gradebook_x.zip"),
    "Week_jdoe_attempt_2027-01-19-09-00-00_kernels.ipynb",
)
CASES = 120


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    return find_lesson(plain_course, "kernels")


def files(rng: random.Random, zips: int = 2) -> dict[str, bytes]:
    """Some files with names of all kinds, each with a content of its own."""
    found = {}
    for _ in range(rng.randint(1, 6)):
        folders = rng.choices(FOLDERS, k=rng.choice([0, 1, 1, 2, 3]))
        name = "/".join([*folders, rng.choice(FILES)])
        is_zip = name.endswith(".zip") and zips
        data = b"# %%%%\nx = %d\n" % rng.getrandbits(64)
        found[name] = zipped(files(rng, zips - 1)) if is_zip else data
    return found


def written(folder: Path, found: dict[str, bytes]) -> dict[str, bytes]:
    """Write the files; a file and a folder of one name cannot both be there."""
    shutil.rmtree(folder, ignore_errors=True)
    there = {}
    for name, data in found.items():
        path = folder / name
        if not path.is_dir() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            there[name] = data
    return there


def not_taken(lesson: Lesson, found: dict[str, bytes], digests: set[str]) -> Iterator[str]:
    stored = {p.read_bytes() for p in lesson.course.assignments.rglob("*") if p.is_file()}
    for name, data in found.items():
        taken = data in stored or hashlib.sha256(data).hexdigest() in digests
        system = name.endswith(("submission_metadata.yml", ".zip")) or name == "index.html"
        if not (taken or system or is_litter(name)):
            yield name


@pytest.mark.parametrize("seed", range(3))
def test_collect_is_complete_only_if_nothing_was_lost(
    lesson: Lesson, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    people = roster("plain.csv")
    for _ in range(CASES):
        shutil.rmtree(lesson.course.assignments, ignore_errors=True)
        found = written(tmp_path / "in", files(rng))
        system = rng.choice(["", "", "", "canvas", "moodle", "plain", "gradescope"])
        try:
            done = collect_paths(lesson, [tmp_path / "in"], rng.choice([[], people]), system=system)
        except NothingCollected as nothing:
            done = nothing.collection
        except TitoError as error:
            pytest.fail(str(error))
        lines = "\n".join(as_lines(done))
        assert "Error" not in lines  # of whatever was caught with one student
        if done.submissions:
            assert max(map(len, as_table(done, 80).splitlines())) <= 80
        digests = {one.receipt.digest for one in done.submissions if one.receipt}
        if done.is_complete:
            assert list(not_taken(lesson, found, digests)) == []
