"""Learning-management systems: what they hand out and take in, one file per system."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from tito.files import Reader
from tito.lms import blackboard, brightspace, canvas, gradescope, moodle
from tito.lms.names import Named

__all__ = ["SYSTEMS", "TITLES", "Parse", "is_download", "parser_of", "placed", "recognise"]

Parse = Callable[[str], tuple[Named, ...]]

SYSTEMS = {
    "moodle": moodle,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "gradescope": gradescope,
    "canvas": canvas,
}
"""In the order in which they are tried: the names of Canvas's files are the least distinctive."""

TITLES = {name: system.TITLE for name, system in SYSTEMS.items()}

HAND_INS = (".ipynb", ".zip", ".py", ".txt")
FEW = 2
"""So many files in folders must be called like Canvas's before they are taken for Canvas's."""


def recognise(files: Mapping[str, Reader]) -> str:
    """Return the system whose download these files are, by their names; empty if of none.

    Parameters
    ----------
    files : mapping of str to Reader
        The files of a folder or a zip file by their paths.
    """
    wanted = [name for name in files if PurePosixPath(name).suffix.lower() in HAND_INS]
    for system in SYSTEMS:
        parse = parser_of(system, files)
        depths = [placed(parse, name)[1] for name in wanted]
        found = [depth for depth in depths if depth >= 0]
        enough = system != "canvas" or 0 in found or len(found) >= FEW
        if found and enough and 2 * len(found) > len(wanted):
            return system
    return ""


def parser_of(system: str, files: Mapping[str, Reader]) -> Parse:
    """Return what reads the names of a system's files, given all files of a download."""
    parser: Parse = SYSTEMS[system].parser(files)
    return parser


def placed(parse: Parse, path: str) -> tuple[tuple[Named, ...], int]:
    """Read a path that may lie in folders around the download; return how many, -1 if in none."""
    parts = path.split("/")
    for depth in range(len(parts)):
        found = parse("/".join(parts[depth:]))
        if found:
            return found, depth
    return (), -1


def is_download(name: str, systems: Iterable[str] = SYSTEMS) -> bool:
    """Whether a zip file is called as a system calls the download of a class."""
    return any(SYSTEMS[system].ARCHIVE.fullmatch(name) for system in systems)
