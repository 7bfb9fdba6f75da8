"""The benchmark of autograding: that both sides do the same work, and what it prints."""

import json
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from benchmarks.autograde import Run, draw, grade_ours, grade_stock
from benchmarks.classroom import ASSIGNMENT, Classroom

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("room"), 2, ("honest",))


def scores(path: Path) -> dict[str, float]:
    with Gradebook(f"sqlite:///{path}") as gradebook:
        submissions = gradebook.assignment_submissions(ASSIGNMENT)
        return {each.student.id: each.score for each in submissions}


def test_both_sides_give_the_same_grades(room: Classroom, tmp_path: Path) -> None:
    stock = room.stock(tmp_path / "stock", 2, lean=True)
    theirs = grade_stock(stock, "stock")
    ours = grade_ours(room.ours, 2, 2)
    assert scores(room.ours / "assignments" / "gradebook.db") == scores(stock / "gradebook.db")
    assert (ours.students, theirs.students) == (2, 1)
    assert ours.grader_peak > 0
    assert set(ours.stages) == {"intake", "run", "judge", "text"}
    assert all(seconds >= 0 for seconds in ours.stages.values())


def test_lean_notebooks_keep_what_is_graded(room: Classroom, tmp_path: Path) -> None:
    whole, lean = (room.stock(tmp_path / str(lean), 1, lean=lean) for lean in (False, True))
    cells = [
        json.loads((place / "submitted" / "s00000" / ASSIGNMENT / "kernels.ipynb").read_text())
        for place in (whole, lean)
    ]
    names = [
        [cell["metadata"]["nbgrader"]["grade_id"] for cell in notebook["cells"] if graded(cell)]
        for notebook in cells
    ]
    assert names[0] == names[1]
    assert len(cells[1]["cells"]) < len(cells[0]["cells"])
    assert 'predict("cycles", 10)' in "".join(cell["source"] for cell in cells[0]["cells"])


def graded(cell: dict[str, dict[str, dict[str, object]]]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    runs = [Run("ours, 2 jobs", 10, 5.0, 8.0, 10**8, 5 * 10**8, {"run": 0.2}).__dict__]
    runs.append(Run("stock nbgrader", 4, 80.0, 80.0, 10**8, 2 * 10**8).__dict__)
    draw({"runs": runs}, str(tmp_path / "rates.svg"))
    assert "submissions graded per second" in (tmp_path / "rates.svg").read_text(encoding="utf-8")
