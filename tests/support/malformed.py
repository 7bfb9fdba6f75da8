"""Malformed submissions: what a student's folder can hold in place of a proper notebook."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

__all__ = ["GRADED", "REJECTED"]

Writer: TypeAlias = Callable[[Path], None]
"""Spoils a submission, given the path of a notebook that was handed in properly."""

DEPTH = 100_000
MOST_CELLS = 100_000


def _content(data: bytes) -> Writer:
    return lambda path: path.write_bytes(data) and None


def _edited(edit: Callable[[dict[str, Any]], object]) -> Writer:
    def write(path: Path) -> None:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        edit(notebook)
        path.write_text(json.dumps(notebook), encoding="utf-8")

    return write


def _replaced(make: Callable[[Path], object]) -> Writer:
    def write(path: Path) -> None:
        path.unlink()
        make(path)

    return write


def _in_another_folder(path: Path) -> None:
    """A link to a proper notebook outside the submission."""
    path.symlink_to(path.replace(path.parents[2] / f"{path.parents[1].name}.ipynb"))


def _sparse(path: Path) -> None:
    os.truncate(path, 200 << 20)


def _crowded(notebook: dict[str, Any]) -> None:
    notebook["cells"] += [{"cell_type": "raw", "metadata": {}, "source": "x"}] * MOST_CELLS


def _twice(notebook: dict[str, Any]) -> None:
    """Every cell is there twice, under the same ids, and of a check there is an empty one too."""
    emptied = [cell | {"source": "pass"} for cell in notebook["cells"] if _is_check(cell)]
    notebook["cells"] += notebook["cells"] + emptied


def _is_check(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def _bare(notebook: dict[str, Any]) -> None:
    notebook.pop("metadata")
    for cell in notebook["cells"]:
        cell.pop("metadata")


def _skipped(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["skip-execution", "raises-exception"]


def _foreign(notebook: dict[str, Any]) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "bash", "display_name": "", "language": "bash"}
    notebook["nbformat"] = 99
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"schema_version": 99, "points": 1e9, "locked": False}


REJECTED: Mapping[str, Writer] = {
    "not-json": _content(b"\x00\x01 no notebook"),
    "another-encoding": _content('{"cells": []}'.encode("utf-16")),
    "deep-nesting": _content(b'{"cells":' + b"[" * DEPTH + b"]" * DEPTH + b"}"),
    "two-hundred-megabytes": _sparse,
    "hundred-thousand-cells": _edited(_crowded),
    "symlink": _in_another_folder,
    "fifo": _replaced(os.mkfifo),
    "directory": _replaced(Path.mkdir),
}
"""Nothing can be graded here: no points, and the reason."""


def _strange_neighbours(path: Path) -> None:
    path.with_name("data.csv").symlink_to(path.parents[3] / "gradebook.db")
    os.mkfifo(path.with_name("pipe.csv"))


GRADED: Mapping[str, Writer] = {
    "duplicated-ids": _edited(_twice),
    "skip-execution": _edited(_skipped),
    "other-kernel-and-schema": _edited(_foreign),
    "no-metadata": _edited(_bare),
    "strange-neighbours": _strange_neighbours,
}
"""What is in these is graded as if they were as they should be."""
