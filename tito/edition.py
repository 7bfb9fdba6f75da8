"""The student edition: `tinytorch` and `tito` as a student may see them, without any solution.

The sandbox puts it on the path of the code it runs, and the handout carries it, so both show the
same thing. A lesson's exported module holds its solutions, so it stays out unless named as given.
"""

import shutil
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from tito.course import CHECKS

__all__ = [
    "GIVEN",
    "LEFT_OUT",
    "PACKAGES",
    "is_left_out",
    "package_folder",
    "solved_lessons",
    "write_edition",
]

PACKAGES = ("tinytorch", "tito")

GIVEN = frozenset({"tinytorch/core/__init__.py", "tinytorch/core/layers.py"})
"""All that a student gets of the folder of the exported lessons, tinytorch/core."""

LEFT_OUT = (CHECKS, "_modidx.py", "*_dev.py", "*.ipynb", "*.db", "*.pyc", "__pycache__")
"""Names that no student gets, wherever they lie; as `PurePath.match` reads them."""

EXPORTED = "tinytorch/core"


def is_left_out(path: PurePosixPath, also: Collection[str] = ()) -> bool:
    """Whether the file at `path`, relative to the folder of the packages, stays out.

    So does what is or lies below one of the paths in `also`.
    """
    if any(path.is_relative_to(other) for other in also):
        return True
    if path.is_relative_to(EXPORTED) and str(path) not in GIVEN:
        return True
    return any(PurePosixPath(part).match(name) for part in path.parts for name in LEFT_OUT)


def solved_lessons() -> dict[str, Path]:
    """Return the exported lessons that no student gets, by the name of their module."""
    package, _, folder = EXPORTED.partition("/")
    files = sorted((package_folder(package) / folder).glob("*.py"))
    solved = (file for file in files if is_left_out(PurePosixPath(EXPORTED, file.name)))
    return {f"{EXPORTED.replace('/', '.')}.{file.stem}": file for file in solved}


def write_edition(target: Path, left_out: Collection[str] = ()) -> Path:
    """Write the student edition of the packages into the folder `target`, the same on each run.

    Parameters
    ----------
    target : Path
        A folder, made if it is missing. Files that are in it already stay.
    left_out : collection of str
        Files and folders of the packages that stay out as well, as in ``tito/commands/nbgrader``.

    Returns
    -------
    Path
        `target`, for PYTHONPATH.
    """
    for package in PACKAGES:
        source = package_folder(package)
        for file in sorted(source.rglob("*")):
            path = PurePosixPath(package) / file.relative_to(source).as_posix()
            if file.is_file() and not file.is_symlink() and not is_left_out(path, left_out):
                _copy(file, target / path, target)
    return target


def _copy(file: Path, to: Path, root: Path) -> None:
    """Copy with the modes that let every user read, whatever the umask."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
    to.chmod(0o644)
    for folder in (to.parent, *to.parent.parents):
        folder.chmod(0o755)
        if folder == root:
            return


def package_folder(package: str) -> Path:
    """Return where a package lies, without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"The package {package} is not installed.", name=package)
    return Path(spec.submodule_search_locations[0])
