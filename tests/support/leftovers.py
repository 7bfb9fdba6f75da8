"""What sandboxes of this process leave behind."""

from pathlib import Path

import psutil

from tito.grading.sandbox.cleanup import runtime_dir

__all__ = ["sandboxed_processes"]


def sandboxed_processes() -> set[int]:
    """Return the processes that see the folders which this process shows to its sandboxes."""
    found = set()
    for process in psutil.pids():
        try:
            mounts = Path(f"/proc/{process}/mountinfo").read_text(encoding="utf-8")
        except OSError:  # another user's, or gone
            continue
        if runtime_dir().name in mounts:
            found.add(process)
    return found
