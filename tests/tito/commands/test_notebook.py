"""`tito notebook`: the format follows the ending, and nothing is lost on the way."""

import nbformat
from shell import Tito

from tito.lesson import Lesson, read_notebook


def test_notebook_to_a_percent_file_and_back_keeps_ids_and_metadata(
    lesson: Lesson, tito: Tito
) -> None:
    assert tito("notebook", "kernels", "--output", "mine.py").returncode == 0
    done = tito("notebook", "kernels", "mine.py", "--output", "back.ipynb")
    assert done.returncode == 0, done.stderr
    before = [
        (c.id, c.cell_type, c.source, c.metadata) for c in read_notebook(lesson.released).cells
    ]
    back = nbformat.read("back.ipynb", 4)
    assert [(c.id, c.cell_type, c.source, c.metadata) for c in back.cells] == before


def test_notebook_goes_to_the_other_format_beside_the_file(lesson: Lesson, tito: Tito) -> None:
    assert tito("notebook", "kernels").returncode == 0
    done = tito("notebook", "kernels", lesson.working_copy)
    assert done.returncode == 0, done.stderr
    assert lesson.working_copy.with_suffix(".py").read_text(encoding="utf-8").startswith("# ---")


def test_notebook_does_not_know_another_ending(lesson: Lesson, tito: Tito) -> None:
    done = tito("notebook", "kernels", "--output", "mine.txt")
    said = "mine.txt ends in neither .ipynb nor .py. Name a notebook or a percent file.\n"
    assert (done.returncode, done.stderr) == (2, f"tito: {said}")
