"""What a learning-management system hands out and takes in, as one record."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tito.files import Reader
from tito.lms.gradefiles import Column, Grade, Layout
from tito.lms.names import Named
from tito.lms.tables import Table

__all__ = ["Parse", "System"]

Parse = Callable[[str], tuple[Named, ...]]
"""Reads the name of a file; nothing where it is not the system's."""


@dataclass(frozen=True)
class System:
    """One learning-management system.

    Parameters
    ----------
    title : str
        Its name as people write it.
    archive : re.Pattern
        How the download of a class is called.
    parser : callable
        Returns what reads the names of files, given all files of a download.
    layout : callable
        Returns how a grade file is filled; raises `TitoError` if it is not the system's.
    own_files : tuple of str
        What the system adds beside the files of students.
    tells_time : bool
        Whether it says when each hand-in came.
    feedback_name : callable, optional
        Returns the name of a page in a feedback zip, given a receipt's facts.
    new_file : callable, optional
        Makes a grade file without a download, where the system takes one.
    """

    title: str
    archive: re.Pattern[str]
    parser: Callable[[Mapping[str, Reader]], Parse]
    layout: Callable[[Table, Column], Layout]
    own_files: tuple[str, ...] = ()
    tells_time: bool = False
    feedback_name: Callable[[Mapping[str, str]], str] | None = None
    new_file: Callable[[Sequence[Grade], Column], Table] | None = None
