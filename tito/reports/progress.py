"""The state of an assignment, in lines."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tito.grading.gradebook.status import Progress

__all__ = ["as_text"]


def as_text(progress: "Progress") -> str:
    """Return the state of an assignment as a line for each stage."""
    rows = {
        "assignment": progress.assignment,
        "release": progress.release,
        "submitted": progress.submitted,
        "autograded": progress.autograded,
        "to read": f"{progress.unread} answers" if progress.unread != 1 else "1 answer",
        "feedback": progress.feedback,
        "next": progress.next_step,
    }
    return "\n".join(f"{name:<12}{value}" for name, value in rows.items())
