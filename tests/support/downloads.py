"""Downloads of learning-management systems, made of lists of names; the people are invented."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from tito.lms.people import Person
from tito.lms.rosters import read_people

__all__ = [
    "SAMPLES",
    "as_folder",
    "content",
    "contents_of",
    "download",
    "names_of",
    "roster",
    "zipped",
]

SAMPLES = Path(__file__).parents[1] / "tito" / "lms" / "samples"
SCRIPT = '# %% [markdown]\n# # Kernels\n\n# %% nbgrader={{"grade_id": "a"}}\nx = "{name}"\n'


def names_of(system: str) -> list[str]:
    """The names of the files in the sample of a system."""
    return (SAMPLES / f"{system}_names.txt").read_text(encoding="utf-8").splitlines()


def roster(name: str) -> list[Person]:
    """The people in a sample."""
    return read_people((SAMPLES / name).read_bytes(), name)


def content(name: str) -> bytes:
    """What stands in a file of that name: the name, in the form that its end asks for."""
    if name.lower().endswith(".py"):
        return SCRIPT.format(name=name).encode()
    if name.lower().endswith(".zip"):
        return zipped({"work/kernels.ipynb": content(f"{name}!"), "__MACOSX/._a": b""})
    return f'{{"cells": [], "name": "{name}"}}'.encode()


def as_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files below a folder, and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by their paths from there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file with the files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def download(path: Path, names: Iterable[str], more: Mapping[str, bytes] | None = None) -> Path:
    """Write a zip file as a system lets one download it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zipped({**{name: content(name) for name in names}, **(more or {})}))
    return path
