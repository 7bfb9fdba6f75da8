"""Learning-management systems: what they hand out and take in, one file per system."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from tito.files import Reader
from tito.lms.blackboard import BLACKBOARD
from tito.lms.brightspace import BRIGHTSPACE
from tito.lms.canvas import CANVAS
from tito.lms.gradescope import GRADESCOPE
from tito.lms.moodle import MOODLE
from tito.lms.names import Named
from tito.lms.system import Parse

__all__ = ["SYSTEMS", "is_download", "placed", "recognise", "unwrapped"]

SYSTEMS = {
    "moodle": MOODLE,
    "blackboard": BLACKBOARD,
    "brightspace": BRIGHTSPACE,
    "gradescope": GRADESCOPE,
    "canvas": CANVAS,
}
"""In the order in which they are tried: the names of Canvas's files are the least distinctive."""

HAND_INS = (".ipynb", ".zip", ".py", ".txt")


def unwrapped(files: Mapping[str, Reader], label: str = "") -> dict[str, Reader]:
    """Return the files without the folders that a program made as it unpacked a download.

    Parameters
    ----------
    files : mapping of str to Reader
        The files of a folder or a zip file by their paths.
    label : str
        The zip file's name without its end, after which such a folder may be called as well.
    """
    found = {name: read for name, read in files.items() if not name.startswith(("__MACOSX/", "."))}
    while True:
        tops = {name.partition("/")[0] for name in found}
        top = min(tops, default="")
        around = all("/" in name for name in found) and len(tops) == 1
        if not (around and (top == label or is_download(f"{top}.zip"))):
            return found
        found = {name.removeprefix(f"{top}/"): read for name, read in found.items()}


def recognise(files: Mapping[str, Reader]) -> str:
    """Return the system whose download these files are, by their names; empty if of none.

    What lies in a folder deeper down is a student's own, and may have any name.

    Parameters
    ----------
    files : mapping of str to Reader
        The files by their paths, without folders around them.
    """
    wanted = [path for path in files if PurePosixPath(path).suffix.lower() in HAND_INS]
    for name, system in SYSTEMS.items():
        parse = system.parser(files)
        if 2 * sum(bool(parse(path)) for path in wanted) > len(wanted):
            return name
    return ""


def placed(parse: Parse, path: str) -> tuple[Named, ...]:
    """Read a path that may lie in folders around a download; nothing if it has no such name."""
    parts = path.split("/")
    tries = (parse("/".join(parts[depth:])) for depth in range(len(parts)))
    return next(filter(None, tries), ())


def is_download(name: str) -> bool:
    """Whether a zip file is called as a system calls the download of a class."""
    return any(system.archive.fullmatch(name) for system in SYSTEMS.values())
