"""`tito lesson check`: each fault of a lesson is named with its cell and line."""

import pytest
from edits import edit
from shell import Tito

from tito.authoring.check import check_lesson
from tito.course import Course
from tito.lesson import Lesson, find_lesson


@pytest.fixture
def lesson(plain_course: Course) -> Lesson:
    """The kernels lesson of a course, to be spoilt."""
    return find_lesson(plain_course, "kernels")


SOURCE = {
    "id twice": (
        '"grade_id": "test-amdahl"',
        '"grade_id": "test-chunk-edges"',
        "test-chunk-edges: Its grade_id is used twice. Rename one of them.",
    ),
    "negative points": ('"points": 3', '"points": -3', "Its points are -3."),
    "no points": (', "points": 3', "", "Its points are None."),
    "open region": (
        "    ### END SOLUTION",
        "",
        "memory-trace: 1 times ### BEGIN SOLUTION and 0 times ### END SOLUTION.",
    ),
    "no region": (
        "### BEGIN SOLUTION",
        "#",
        "memory-trace: 0 times ### BEGIN SOLUTION and 1 times ### END SOLUTION.",
    ),
    "no python": ("def chunk_edges(m", "def chunk_edges(((m", "chunk-edges: It is not Python"),
    "a given cell that is no python": ("\nimport ", "\nimporrt ", ": It is not Python: "),
    "a locked cell that is no python": (
        "check(amdahl_speedup",
        "check((amdahl_speedup",
        "test-amdahl: It is not Python: ",
    ),
    "unlocked": (
        '"grade": true, "grade_id": "test-amdahl", "locked": true',
        '"grade": true, "grade_id": "test-amdahl", "locked": false',
        "test-amdahl: A graded cell that students may change. Lock it.",
    ),
    "lacking metadata": (
        '"schema_version": 3, "solution": true',
        '"solution": true',
        "Its metadata lack schema_version.",
    ),
}
CHECKS = {
    "another cell": ('"test-amdahl": Check', '"test-amdhal": Check', "the lesson does not"),
    "another function": ('function="amdahl_speedup"', 'function="amdahl"', "not define amdahl."),
    "another solution": ('solution="amdahl"', 'solution="law"', "solution cell law, which is not"),
    "points": ("Share(c.amdahl_speedups, 2", "Share(c.amdahl_speedups, 1", "the cell has 3."),
    "syntax": ("CHECKS = {", "CHECKS = {{", "checks.py raises SyntaxError"),
}


@pytest.mark.parametrize(("before", "after", "said"), SOURCE.values(), ids=SOURCE)
def test_check_names_what_is_wrong_in_a_cell_and_where(
    lesson: Lesson, tito: Tito, before: str, after: str, said: str
) -> None:
    edit(lesson.source, before, after)
    done = tito("lesson", "check", "kernels", "--fast")
    assert done.returncode == 1
    (line, *_) = (line for line in done.stdout.splitlines() if said in line)
    place, number, _ = line.split(":", 2)
    assert place == "modules/source/11_kernels/kernels_dev.py"
    assert 1 < int(number) <= len(lesson.source.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(("before", "after", "said"), CHECKS.values(), ids=CHECKS)
def test_check_names_what_checks_and_cells_do_not_agree_on(
    lesson: Lesson, before: str, after: str, said: str
) -> None:
    edit(lesson.folder / "checks.py", before, after)
    found = check_lesson(lesson, run=False)
    assert any(said in finding.fact for finding in found)


def test_check_points_at_the_marker_of_the_cell(lesson: Lesson) -> None:
    edit(lesson.source, ', "points": 3', "")
    (found,) = check_lesson(lesson, run=False)
    line = lesson.source.read_text(encoding="utf-8").splitlines()[found.line - 1]
    assert line.startswith("# %%")
    assert f'"grade_id": "{found.cell}"' in line


def test_check_counts_lines_above_the_first_marker(lesson: Lesson) -> None:
    edit(lesson.source, ', "points": 3', "")
    (found,) = check_lesson(lesson, run=False)
    text = lesson.source.read_text(encoding="utf-8")
    at = text.index("\n# %%")
    lesson.source.write_text(f"{text[:at]}\nimport os\n{text[at:]}", encoding="utf-8")
    (moved,) = check_lesson(lesson, run=False)
    assert moved.line == found.line + 2


def test_check_says_that_asserts_without_conditions_can_be_fooled(lesson: Lesson) -> None:
    (lesson.folder / "checks.py").unlink()
    found = check_lesson(lesson, run=False)
    assert {finding.fact for finding in found} == {
        "No entry in checks.py: its asserts run in the student's own process."
    }


@pytest.mark.full
def test_check_grades_the_solutions_and_the_stubs(lesson: Lesson, tito: Tito) -> None:
    assert tito("lesson", "check", "kernels").stdout == "11_kernels is well made.\n"
    text = lesson.source.read_text(encoding="utf-8")
    before, _, after = text.partition("def amdahl_speedup")
    body, end, rest = after.partition("    ### BEGIN SOLUTION\n")
    line, _, tail = rest.partition("    ### END SOLUTION\n")
    spoilt = f"{before}def amdahl_speedup{body}{line}{end}    pass\n    ### END SOLUTION\n{tail}"
    lesson.source.write_text(spoilt, encoding="utf-8")
    edit(lesson.source, "return operations / moved if", "return moved / operations if")
    wrong, stub = sorted(check_lesson(lesson), key=lambda one: one.cell, reverse=True)
    assert wrong.cell == "test-arithmetic-intensity"
    assert wrong.fact.startswith("The lesson's own solution gets ")
    assert " of 5 points: " in wrong.fact
    assert (stub.cell, stub.fact) == ("test-amdahl", "What is released gets 3 of 3 points.")
