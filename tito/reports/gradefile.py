"""What `tito nbgrader report` says of the grade file that it made."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.grading.gradebook.grades import StudentGrade
    from tito.lms.gradefiles import Filled

__all__ = ["as_lines"]


def as_lines(filled: "Filled", unread: "list[StudentGrade]") -> Iterator[str]:
    """Yield a line for each kind of student that the file does not tell all of."""
    kinds = {
        "found no place in the file": filled.unplaced,
        "have no grade": filled.ungraded,
        "keep what the file says": filled.reserved,
        "are in the file, but not in the gradebook": filled.empty,
        "have answers to read, whose points are not in the score": [one.student for one in unread],
    }
    for kind, students in kinds.items():
        if students:
            yield printable(f"{len(students)} {kind}: {', '.join(students)}")
