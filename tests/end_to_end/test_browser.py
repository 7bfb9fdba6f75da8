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
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom import read_samples

from tito.course import Course
from tito.grading.assignment import student_notebook
from tito.grading.gradebook import read_grades
from tito.lesson import Lesson, find_lesson

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


def test_jupyterlab_runs_a_complete_notebook(
    lesson: Lesson, page: Any, jupyterlab: Callable[[Path], str]
) -> None:
    complete = next(sample for sample in read_samples() if sample.name == "complete")
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
    assert "45 / 45" in json.dumps(outputs["standardized-testing"])


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


def _outputs_saved_by_the_end(page: Any, path: Path, last: str) -> dict[str, list[Any]]:
    """Save the notebook until the last cell has ended; return the outputs on disk by cell id.

    Outputs reach the page one by one: the kernel must be idle and two savings must agree.
    """
    deadline = time.monotonic() + PATIENCE / 1000
    before: dict[str, list[Any]] = {}
    while time.monotonic() < deadline:
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        notebook = nbformat.read(path, as_version=4)
        outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
        if outputs.get(last) and outputs == before and page.get_by_text("| Idle").count():
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
