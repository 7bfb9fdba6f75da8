"""Every command of the README runs, in the order in which it stands there."""

import re
from pathlib import Path

import pytest
from classroom import hand_in, read_samples
from documents import commands, run

from tito.course import Course
from tito.lesson import find_lesson

# Run by other means: what each stands for and the test that does it.
ELSEWHERE = {
    "make demo": "tests/end_to_end/test_demo.py",
    "make test": "this run",
    "jupyter lab": "tests/end_to_end/test_browser.py",
}


def test_readme_commands_run(root: Path, plain_course: Course, tmp_path: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    lesson = find_lesson(plain_course, "kernels")
    for command in commands(text):
        if command in ELSEWHERE:
            continue
        if command.startswith("tito roster"):
            rows = [f"{sample.student}\n" for sample in read_samples()[:2]]
            Path("class.csv").write_text("".join(["id\n", *rows]), encoding="utf-8")
        if command.startswith("tito nbgrader collect"):
            for sample in read_samples()[:2]:
                hand_in(sample, lesson, plain_course.root / "hand-ins")
        # A student's first `tito test` finds nothing written yet: that is the right answer.
        run(command, expected=1 if command.startswith(("tito test", "tito submit")) else 0)
    assert (plain_course.root / "grades.csv").read_text(encoding="utf-8").count("\n") == 3


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_documents_link_to_what_is_there(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [target for target in targets if "://" not in target]
    assert local or name == "CONTRIBUTING.md"
    assert [target for target in local if not (root / target).exists()] == []
