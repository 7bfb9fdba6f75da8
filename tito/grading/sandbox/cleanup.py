"""Cleanup: a grader's files and control groups are removed when it ends, even when it is killed.

A shell holds the reading end of a pipe whose writing end only the grader holds. When the grader
ends, for whatever reason, the shell reads the end of the file, removes everything and ends.
"""

import atexit
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tito.grading.sandbox.cgroup import group_stems
from tito.grading.sandbox.tools import find_tools

__all__ = ["runtime_dir"]

# $1 is the folder; the rest are the prefixes of control groups' paths. A group can be removed
# once its last process is gone, which may take a moment.
SCRIPT = """
read -r _
rm -rf -- "$1"
shift
for stem; do
    for group in "$stem"*; do
        tries=50
        while [ -d "$group" ] && ! rmdir "$group" 2>/dev/null && [ "$tries" -gt 0 ]; do
            tries=$((tries - 1))
            sleep 0.1
        done
    done
done
"""


def runtime_dir() -> Path:
    """Return this process's private folder, which is removed when the process ends."""
    return _dir_of_process(os.getpid())


@cache
def _dir_of_process(process: int) -> Path:
    """A forked grader gets its own folder and its own shell: they must live as long as it does."""
    folder = Path(tempfile.mkdtemp(prefix="tito-"))
    cleanup = subprocess.Popen(
        [find_tools().sh, "-c", SCRIPT, "cleanup", str(folder), *group_stems(process)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the grader
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    atexit.register(_dismiss, cleanup, process)
    return folder


def _dismiss(cleanup: subprocess.Popen[bytes], process: int) -> None:
    """At an orderly end, wait until everything is removed."""
    if os.getpid() == process:
        cleanup.communicate()
