"""A notebook that another editor saved is graded like one from Jupyter."""

import copy
import json

import pytest
from classroom import read_samples

from tito.course import Course
from tito.grading.intake.read import notebook_cells
from tito.grading.intake.rebuild import rebuild
from tito.lesson import find_lesson, grade_id, is_solution
from tito.notebooks import student_notebook


def colab(notebook, keeps_metadata):
    """Save as Colab does: format 4.0, a cell's id in its metadata, its own keys everywhere."""
    saved = {"nbformat": 4, "nbformat_minor": 0, "cells": []}
    saved["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        metadata = dict(cell.metadata) if keeps_metadata else {}
        metadata |= {"id": f"aB3dE{number:03}"}
        one = {"cell_type": cell.cell_type, "metadata": metadata}
        one["source"] = cell.source.splitlines(keepends=True)
        if cell.cell_type == "code":
            metadata["colab"] = {"base_uri": "https://localhost:8080/"}
            one |= {"execution_count": number, "outputs": [{"output_type": "stream"}]}
        saved["cells"].append(one)
    return saved


def vscode(notebook, keeps_metadata):
    """Save as Visual Studio Code does: with ids, and the language where it is not the kernel's."""
    saved = json.loads(json.dumps(notebook))
    for cell in saved["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["metadata"] = cell["metadata"] if keeps_metadata else {}
        cell["metadata"]["vscode"] = {"languageId": "python"}
    return saved


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("save", [colab, vscode])
def test_solutions_and_answers_come_through_every_editor(root, save, keeps_metadata):
    course = Course.read(root)
    release = student_notebook(find_lesson(course, "kernels"))
    written = copy.deepcopy(release)
    complete = next(sample for sample in read_samples() if sample.name == "complete")
    written = complete.edit(written)
    for cell in written.cells:
        if cell.cell_type == "markdown" and is_solution(cell):
            cell.source = f"An answer to {grade_id(cell)}."
    data = json.dumps(save(written, keeps_metadata)).encode()
    rebuilt, _ = rebuild(release, notebook_cells(data, course.limits))
    handed_in = {grade_id(cell): cell.source.strip() for cell in written.cells if is_solution(cell)}
    assert {
        grade_id(cell): cell.source.strip() for cell in rebuilt.cells if is_solution(cell)
    } == handed_in
    assert len(handed_in) == 13
