"""What of a graded notebook is the graders' alone, and stands on no student's page of feedback.

Autograding puts marking schemes and hidden tests back into the notebook, as those who grade by hand
need them. Both `tito nbgrader feedback` and nbgrader's own command take them out again, unless
settings.ini says ``show_marking = yes``.
"""

from collections.abc import Mapping
from typing import Any

from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearSolutions,
    NbGraderPreprocessor,
)

from tito.lesson import Cell, is_solution

__all__ = ["HideMarking", "without_marking"]

Resources = dict[str, Any]


class HideMarking(NbGraderPreprocessor):  # type: ignore[misc]
    """Takes marking schemes, model answers and hidden tests out of a page of feedback."""

    def preprocess_cell(
        self, cell: Cell, resources: Resources, cell_index: int
    ) -> tuple[Cell, Resources]:
        """Hide what the cell holds for graders; what a student wrote stays as it is."""
        if is_solution(cell):
            return cell, resources
        shown = _without_regions(cell.source, self._delimiters())
        if shown != cell.source:
            cell.source = shown
            for output in cell.get("outputs", []):
                if output.output_type == "error":  # a traceback shows the lines of a hidden test
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources

    def _delimiters(self) -> Mapping[str, str]:
        return _delimiters(self.config)


def without_marking(source: str) -> str:
    """Return a text without what stands in it for graders, between nbgrader's usual marks."""
    return _without_regions(source, _delimiters(None))


def _delimiters(config: Any) -> Mapping[str, str]:
    """The marks at which a region begins and ends, as the course's configuration has them."""
    tests, schemes, answers = (
        kind(config=config) for kind in (ClearHiddenTests, ClearMarkScheme, ClearSolutions)
    )
    return {
        tests.begin_test_delimeter: tests.end_test_delimeter,
        schemes.begin_mark_scheme_delimeter: schemes.end_mark_scheme_delimeter,
        answers.begin_solution_delimeter: answers.end_solution_delimeter,
    }


def _without_regions(source: str, delimiters: Mapping[str, str]) -> str:
    """A text without what stands between the delimiters; to its end, if the second is missing."""
    shown, end, hidden = [], "", False
    for line in source.split("\n"):
        if end:
            end = "" if end in line else end
            continue
        end = next((ends for begins, ends in delimiters.items() if begins in line), "")
        hidden = hidden or bool(end)
        if not end:
            shown.append(line)
    return "\n".join(shown).rstrip() if hidden else source
