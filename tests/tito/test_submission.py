"""What a student hands in: the zip file, its manifest, the receipt, and how far the work is."""

import hashlib
import json
import os
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from classroom import LITTLE, SAMPLES
from edits import with_settings
from shell import Tito

from tito.course import Course
from tito.lesson import Lesson, find_lesson
from tito.notebooks import notebook_text, student_notebook
from tito.reports.handing_in import deadline_line
from tito.selftest.work import read_work
from tito.submission import last_receipt, pack


@pytest.fixture
def lesson(plain_course: Course, monkeypatch: pytest.MonkeyPatch) -> Lesson:
    """The lesson of a course, in whose folder the student works."""
    monkeypatch.chdir(plain_course.root)
    return find_lesson(plain_course, "kernels")


def work_on(lesson: Lesson, sample: str) -> Path:
    notebook = SAMPLES[sample].edit(student_notebook(lesson))
    lesson.working_copy.write_text(notebook_text(notebook), encoding="utf-8")
    return lesson.working_copy


def test_submit_saves_the_notebook_as_it_is_with_a_manifest(lesson: Lesson, tito: Tito) -> None:
    path = work_on(lesson, "complete")
    done = tito("submit", "kernels")
    assert done.returncode == 0
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile("kernels.zip") as archive:
        assert archive.read("kernels.ipynb") == path.read_bytes()
        manifest = json.loads(archive.read("submission.json"))
    saved = manifest.pop("saved")
    assert manifest == {
        "format": "tito-submission",
        "version": 1,
        "assignment": "11_kernels",
        "notebook": "kernels.ipynb",
        "sha256": digest,
    }
    assert datetime.strptime(saved, "%Y-%m-%d %H:%M:%S %z") <= datetime.now(UTC)
    assert f"Receipt: {digest[:12]}, kernels.zip, {saved}." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_submit_says_what_is_not_graded(lesson: Lesson, tito: Tito) -> None:
    import nbformat

    path = work_on(lesson, "partly-done")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "matmul-vectorized":
            cell.source = "def vectorized_matmul(A, B):\n    return twice(A) @ B"
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "amdahl":
            cell.source = "def amdahl_speedup(:"
    notebook.cells.append(nbformat.v4.new_code_cell("def twice(x):\n    return 2 * x"))
    nbformat.write(notebook, path)
    words = " ".join(tito("submit", "kernels").stdout.split())
    assert "Not graded: amdahl: it is not Python: line 1: " in words
    assert "`twice` is defined in cell" in words
    assert "Not written: " in words


def test_submit_refuses_a_blank_notebook_unless_it_is_meant(lesson: Lesson, tito: Tito) -> None:
    lesson.working_copy.write_text(notebook_text(student_notebook(lesson)), encoding="utf-8")
    done = tito("submit", "kernels")
    assert (done.returncode, Path("kernels.zip").exists()) == (1, False)
    assert "Save the notebook in Jupyter, or add --blank." in done.stderr
    assert tito("submit", "kernels", "--blank").returncode == 0
    assert Path("kernels.zip").exists()


def test_submit_twice_keeps_the_first_and_never_overwrites_another(lesson: Lesson) -> None:
    work_on(lesson, "complete")
    first = pack(read_work(lesson, lesson.working_copy), Path.cwd())
    again = pack(read_work(lesson, lesson.working_copy), Path.cwd())
    assert (again.file, again.sha256, again.saved) == ("kernels.zip", first.sha256, first.saved)
    assert (first.is_new, again.is_new) == (True, False)
    work_on(lesson, "partly-done")
    other = pack(read_work(lesson, lesson.working_copy), Path.cwd())
    assert other.file == "kernels-2.zip"
    assert last_receipt(Path.cwd(), "kernels") == other
    with zipfile.ZipFile("kernels.zip") as archive:
        assert hashlib.sha256(archive.read("kernels.ipynb")).hexdigest() == first.sha256
    work_on(lesson, "complete")
    assert pack(read_work(lesson, lesson.working_copy), Path.cwd()).file == "kernels.zip"
    last = last_receipt(Path.cwd(), "kernels")
    assert last is not None
    assert last.file == "kernels.zip"


def test_submit_keeps_a_file_of_that_name_that_is_not_its_own(lesson: Lesson) -> None:
    work_on(lesson, "complete")
    Path("kernels.zip").write_bytes(b"my holiday")
    assert pack(read_work(lesson, lesson.working_copy), Path.cwd()).file == "kernels-2.zip"
    assert Path("kernels.zip").read_bytes() == b"my holiday"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFO")
def test_submit_waits_for_no_file_of_that_name_and_reads_no_bomb(lesson: Lesson) -> None:
    work_on(lesson, "complete")
    os.mkfifo("kernels.zip")
    with zipfile.ZipFile("kernels-2.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("submission.json", "[" * 2**24)
    assert pack(read_work(lesson, lesson.working_copy), Path.cwd()).file == "kernels-3.zip"


def test_submit_makes_a_notebook_of_a_percent_file(lesson: Lesson, tito: Tito) -> None:
    import jupytext
    import nbformat

    notebook = SAMPLES["partly-done"].edit(student_notebook(lesson))
    jupytext.write(notebook, "mine.py", fmt="py:percent")
    assert tito("submit", "kernels", "mine.py").returncode == 0
    with zipfile.ZipFile("kernels.zip") as archive:
        packed = nbformat.reads(archive.read("kernels.ipynb").decode(), as_version=4)
    assert len(packed.cells) == len(notebook.cells)


def test_submit_goes_through_the_exchange_where_there_is_one(
    lesson: Lesson, tito: Tito, tmp_path: Path
) -> None:
    inbound = tmp_path / "exchange" / "tinytorch" / "inbound"
    outbound = inbound.with_name("outbound") / "11_kernels"
    inbound.mkdir(parents=True)
    outbound.mkdir(parents=True)
    shutil.copy(lesson.source, outbound / "kernels.ipynb")
    with_settings(lesson.course, "exchange =", f"exchange = {tmp_path / 'exchange'}")
    path = work_on(lesson, "complete")
    done = tito("submit", "kernels")
    assert done.returncode == 0, done.stderr
    (submitted,) = inbound.glob("*/kernels.ipynb")
    assert submitted.read_bytes() == path.read_bytes()
    assert "+11_kernels+" in submitted.parent.name


def test_status_says_points_deadline_and_receipt(lesson: Lesson, tito: Tito) -> None:
    work_on(lesson, "deleted-test-cell")
    before = tito("status")
    assert before.returncode == 0
    points = LITTLE.points
    assert f"{points:g} of 80 points pass, {80 - points:g} are open; 20 more" in before.stdout
    assert "Nothing is saved to hand in: `tito submit kernels`." in before.stdout
    assert "Deadline: " in before.stdout
    tito("submit", "kernels")
    assert "has changed since" not in tito("status", "kernels").stdout
    work_on(lesson, "blank")
    after = tito("status", "kernels").stdout
    assert "The notebook has changed since: `tito submit kernels`." in after
    assert max(map(len, after.splitlines())) <= 80


def test_status_of_all_goes_on_after_a_lesson_without_checks(lesson: Lesson, tito: Tito) -> None:
    layers = find_lesson(lesson.course, "layers")
    assert tito("notebook", "layers").returncode == 0
    work_on(lesson, "blank")
    done = tito("status")
    assert f"{layers.title}: it has no checks.\n" in done.stdout
    assert "0 of 80 points pass" in done.stdout


def test_status_without_a_notebook_says_how_to_make_one(lesson: Lesson, tito: Tito) -> None:
    done = tito("status")
    assert done.returncode == 1
    assert "`tito notebook kernels`" in done.stderr
    work_on(lesson, "complete").rename("kernels-Copy1.ipynb")
    assert "`tito status kernels kernels-Copy1.ipynb`" in tito("status").stderr
    assert "name your file: kernels-Copy1.ipynb" in tito("test", "kernels").stderr


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=2, hours=3, minutes=4), "in 2 days 3 hours."),
        (timedelta(minutes=1), "in 1 minute."),
        (timedelta(seconds=5), "in less than a minute."),
        (timedelta(hours=-1), "1 hour ago: it will count as late."),
    ],
)
def test_deadline_line_counts_from_now(left: timedelta, said: str) -> None:
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert deadline_line(now + left, now).endswith(said)
    assert deadline_line(None, now) == "There is no deadline."
