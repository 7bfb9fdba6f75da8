"""The student's notebook in JupyterLab and the instructor's formgrader, in a real browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import ANSWERS, MOST, MOST_CHECKED, SAMPLES, hand_in, read_samples
from nbgrader.api import Gradebook
from shell import Tito

from tito.course import Course
from tito.grading.gradebook.feedback import write_feedback
from tito.grading.gradebook.grades import read_grades
from tito.grading.pipeline.autograde import autograde
from tito.handout import write_handout
from tito.lesson import Lesson, find_lesson, grade_id, is_solution
from tito.notebooks import student_notebook

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")
TOKEN = "a-test-of-one-machine"
# Chromium's own sandbox needs rights that containers do not give; it only visits this machine.
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 120_000  # milliseconds, for a machine that has other work

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a fresh Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        # Formgrader's own requests carry no token.
        headers = {"Authorization": f"token {TOKEN}"}
        size = {"width": 1300, "height": 1000}
        page = browser.new_page(viewport=size, extra_http_headers=headers)
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Start JupyterLab in a folder; returns its address. It keeps nothing in the user's home."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(folder: Path) -> str:
        port = _free_port()
        home = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
        options = [f"--port={port}", f"--IdentityProvider.token={TOKEN}"]
        with (tmp_path / "jupyterlab.log").open("wb") as log:
            server = subprocess.Popen(
                [*command, *options], cwd=folder, env=os.environ | home, stdout=log, stderr=log
            )
        servers.append(server)
        _wait_until_it_answers(f"http://127.0.0.1:{port}/api?token={TOKEN}", server)
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait()


@pytest.mark.full
def test_jupyterlab_runs_a_complete_notebook(
    lesson: Lesson, page: Any, jupyterlab: Callable[[Path], str]
) -> None:
    complete = SAMPLES["complete"]
    nbformat.write(complete.edit(student_notebook(lesson)), lesson.working_copy)
    address = jupyterlab(lesson.folder)
    page.goto(f"{address}/lab/tree/{lesson.notebook_name}?token={TOKEN}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).first.click()
    outputs = _outputs_saved_by_the_end(page, lesson.working_copy, "standardized-testing")
    errors = [o for found in outputs.values() for o in found if o.output_type == "error"]
    assert errors == []
    assert f"{MOST_CHECKED:g} / {MOST_CHECKED:g}" in json.dumps(outputs["standardized-testing"])


STEPS_OF_TWO = ("kernels-imports", "matmul-vectorized", "test-vectorized-immediate")
WRONG = "def matmul_vectorized(A, B):\n    check_operands(A, B)\n    return B @ A"
RIGHT = "def matmul_vectorized(A, B):\n    check_operands(A, B)\n    return A @ B"


@pytest.mark.full
def test_a_student_reads_a_failing_card_types_a_solution_and_sees_it_pass(
    generated: Path, tmp_path: Path, page: Any, jupyterlab: Callable[[Path], str]
) -> None:
    """With the keyboard alone, in a handout whose notebook is cut to one exercise."""
    folder = write_handout(Course.read(generated), tmp_path / "handout").folder
    path = folder / "kernels.ipynb"
    notebook = nbformat.read(path, as_version=4)
    of_two = [c for c in notebook.cells if grade_id(c) in STEPS_OF_TWO]
    notebook.cells = [next(c for c in notebook.cells if c.cell_type == "code"), *of_two]
    next(c for c in of_two if is_solution(c)).source = WRONG
    nbformat.write(notebook, path)
    page.goto(f"{jupyterlab(folder)}/lab/tree/{path.name}?token={TOKEN}")
    page.wait_for_selector("text=Python 3 (ipykernel) | Idle")
    page.wait_for_selector(".jp-Cell >> nth=3")
    run_all(page, cells=4)
    failed = page.locator("section[aria-label^='Check of matmul_vectorized: failed']")
    failed.wait_for()
    text = failed.inner_text()
    assert "it is B @ A" in text
    assert "The order matters" in text
    assert page.get_by_text("Traceback (most recent call last)").count() == 0
    page.keyboard.press("Escape")
    for key in ("ArrowUp", "Enter", "Control+a"):  # from the check to its solution
        page.keyboard.press(key)
    page.keyboard.insert_text(RIGHT)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.locator(
        "section[aria-label='Check of matmul_vectorized: passed, 10 of 10 points']"
    ).wait_for()
    page.keyboard.press("Control+s")


def run_all(page: Any, cells: int) -> None:
    """Run the cells from the top with the keyboard; the last one stays selected."""
    page.locator(".jp-Cell").first.click()
    page.keyboard.press("Escape")
    for _ in range(cells - 1):
        page.keyboard.press("Shift+Enter")
    page.keyboard.press("Control+Enter")


@pytest.mark.full
def test_formgrader_autogrades_as_tito_does(
    graded_course: Course, page: Any, jupyterlab: Callable[[Path], str]
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    grades = read_grades(lesson)
    shutil.rmtree(lesson.handed_in("dorothy", "autograded").parents[1])
    address = jupyterlab(graded_course.root)
    page.goto(f"{address}/formgrader/manage_submissions/{lesson.assignment}?token={TOKEN}")
    row = page.locator("tr", has_text="dorothy")
    row.wait_for()
    row.locator(".autograde a").click()
    page.wait_for_selector("text=Success")
    assert read_grades(lesson) == grades


@pytest.mark.full
def test_formgrader_shows_the_marking_scheme_and_takes_points(
    graded_course: Course, page: Any, jupyterlab: Callable[[Path], str], tito: Tito
) -> None:
    lesson = find_lesson(graded_course, "kernels")
    before = next(s for s in read_grades(lesson).submissions if s.student == "ada")
    address = jupyterlab(graded_course.root)
    page.goto(f"{address}/formgrader/submissions/{submission_id(graded_course, 'ada')}/")
    scheme = page.get_by_text("1 the size of a strip, rows * N * 4 bytes")
    box, answer = page.locator("#answer-rows"), page.get_by_text("I chose 128")
    assert top_of(scheme) < top_of(box) < top_of(answer)
    enter_points(page, "answer-rows", "4")
    after = next(s for s in read_grades(lesson).submissions if s.student == "ada")
    assert after.score == before.score + 4
    assert set(before.unread) - set(after.unread) == {"answer-rows"}
    report = tito("nbgrader", "report", "kernels", "--wide")
    (row,) = (line for line in report.stdout.splitlines() if line.startswith("ada"))
    assert f"{before.score + 4:g} / {MOST:g}" in row
    assert "3 answers to read" in row
    unread = sum(len(sample.answers) for sample in read_samples()) - 1
    assert f"{unread} answers" in tito("nbgrader", "status", "kernels").stdout


# Sets window.ran wherever it runs, and would take the name of another answer's score box.
HOSTILE_ANSWER = """
# answer-claim

<script>window.ran = 1</script><img src=x onerror="window.ran = 2">
<svg onload="window.ran = 3"><a href="javascript:window.ran = 4">svg</a></svg>

[a link](javascript:window.ran=5) <a href="javascript:window.ran = 6">another</a>
<iframe srcdoc="<script>parent.ran = 7</script>" src="javascript:parent.ran = 8"></iframe>
<details open ontoggle="window.ran = 9"><summary>more</summary></details>
<b id="answer-claim" class="score">b</b><input id="answer-claim" class="score" autofocus
onfocus="window.ran = 10"><style>* { animation: x }</style>
![tracked](http://127.0.0.1:9/seen.png) $\\href{javascript:window.ran=11}{x}$
"""
HOSTILE_OUTPUT = """
from IPython.display import HTML, Javascript, Markdown, display

display(Javascript("window.ran = 12"))
display(HTML("<b id='answer-claim' class='score'>b</b><img src=x onerror='window.ran = 13'>"))
display(Markdown("<img src=x onerror='window.ran = 14'>"))
picture = {"image/png": "iVBORw0KGgo="}
display(picture, raw=True, metadata={"image/png": {"width": "1 onerror=window.ran=15"}})
"""
LIVE = """
[window.ran, document.querySelectorAll('iframe, svg, [id="answer-claim"]:not(input)').length,
 [...document.querySelectorAll('a')].filter(a => a.protocol === 'javascript:').length,
 [...document.querySelectorAll('img')].filter(i => i.src && !i.src.startsWith('data:')).length]
"""


def test_pages_let_nothing_act_that_a_student_wrote(
    lesson: Lesson, page: Any, jupyterlab: Callable[[Path], str]
) -> None:
    complete = SAMPLES["complete"]
    cells = {**complete.cells, "answer-power-of-two": HOSTILE_ANSWER}
    cells["matmul-vectorized"] += HOSTILE_OUTPUT
    sample = replace(complete, cells=cells)
    hand_in(sample, lesson, lesson.course.assignments / "submitted")
    autograde(lesson)
    (feedback,) = write_feedback(lesson)
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.goto(feedback.as_uri())
    assert page.evaluate(LIVE) == [None, 0, 0, 0]
    assert page.get_by_text("window.ran = 1").count()  # as text
    address = jupyterlab(lesson.course.root)
    page.goto(f"{address}/formgrader/submissions/{submission_id(lesson.course, 'ada')}/")
    enter_points(page, "answer-power-of-two", "1")
    assert page.evaluate(LIVE) == [None, 0, 0, 0]
    (submission,) = read_grades(lesson).submissions
    assert {c.grade_id: c.score for c in submission.cells if c.grade_id in ANSWERS} == {
        **dict.fromkeys(ANSWERS, 0),
        "answer-power-of-two": 1,
    }


def submission_id(course: Course, student: str) -> str:
    """Return how formgrader calls a student's notebook."""
    with Gradebook(course.gradebook_url) as gradebook:
        return str(gradebook.find_submission_notebook("kernels", "11_kernels", student).id)


def top_of(place: Any) -> float:
    """Return how far down the page something is."""
    place.wait_for()
    return float(place.bounding_box()["y"])


def enter_points(page: Any, grade_id: str, points: str) -> None:
    """Type points into the box of an answer, and leave it."""
    box = page.locator(f"#{grade_id}")
    page.wait_for_function("formgrader.grades && formgrader.grades.loaded")
    box.fill(points)
    with page.expect_response(lambda response: response.request.method == "PUT") as saved:
        box.press("Tab")
    assert saved.value.ok


def _outputs_saved_by_the_end(page: Any, path: Path, last: str) -> dict[str, list[Any]]:
    """Save the notebook until the last cell has ended; return the outputs on disk by cell id.

    Outputs reach the page one by one: the cell must have its number, which it gets when it has
    ended, the kernel must be idle and two savings must agree.
    """
    deadline = time.monotonic() + PATIENCE / 1000
    before: dict[str, list[Any]] = {}
    while time.monotonic() < deadline:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        try:
            notebook = nbformat.read(path, as_version=4)
        except nbformat.reader.NotJSONError:  # it is being written just now
            continue
        cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
        outputs = {name: cell.outputs for name, cell in cells.items()}
        ended = cells[last].execution_count is not None and page.get_by_text("| Idle").count() > 0
        if ended and outputs == before:
            return outputs
        before = outputs
    raise AssertionError(f"cell {last} has not ended")


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab ended"
        try:
            with urllib.request.urlopen(address):
                return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("JupyterLab does not answer")
