"""The open files that connect a grader with the chain of commands that builds a sandbox."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from tito.grading.sandbox.seccomp import filter_program

__all__ = ["Descriptors", "open_descriptors", "open_pipe"]

# The chain's shell gives the command descriptors 3 and 4, so our own must lie above them.
FIRST_DESCRIPTOR = 10


@dataclass(frozen=True)
class Descriptors:
    """The open files that the chain reads from or reports to; bubblewrap closes all of them.

    Parameters
    ----------
    status : int
        Takes bubblewrap's report, as JSON.
    filter : int or None
        Holds the filter of system calls.
    files : Mapping[str, int]
        Contents of files, by their path inside; only the sandbox's user can read them.
    """

    status: int
    filter: int | None
    files: Mapping[str, int]

    def all(self) -> list[int]:
        """Return what the chain must inherit."""
        return [self.status, *self.files.values(), *([] if self.filter is None else [self.filter])]


def open_descriptors(report: int, files: Mapping[str, bytes], inherited: ExitStack) -> Descriptors:
    """Open what the chain reads; `inherited` closes our ends of it."""
    program = filter_program()
    return Descriptors(
        report,
        None if program is None else _holding(program, inherited),
        {path: _holding(content, inherited) for path, content in files.items()},
    )


def open_pipe() -> tuple[int, int]:
    """Make a pipe, to read and to write, of descriptors that the chain's shell leaves alone."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl  # not on Windows

    ends = os.pipe()
    raised = [fcntl(end, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) for end in ends]
    for end in ends:
        os.close(end)
    return raised[0], raised[1]


def _holding(content: bytes, inherited: ExitStack) -> int:
    """Return a descriptor from which `content`, less than a pipe's buffer, can be read."""
    reader, writer = open_pipe()
    inherited.callback(os.close, reader)
    with open(writer, "wb") as file:
        file.write(content)
    return reader
