"""The manifest: how a zip file of `tito submit` is known where it is collected."""

import json
from typing import Any

from tito.files import Reader, Refused

__all__ = ["DIGITS", "FORMAT", "MANIFEST", "read_manifest", "receipts_name"]

MANIFEST = "submission.json"
"""Lies beside the notebook in the zip file."""
FORMAT = "tito-submission"
DIGITS = 12
"""So many hexadecimal digits of a digest are shown: enough to tell any two hand-ins apart."""

MOST = 10_000  # bytes of a manifest that are read


def read_manifest(read: Reader) -> dict[str, Any]:
    """Return what a manifest says; nothing where it is none of `tito submit`."""
    try:
        found = json.loads(read(MOST))
    except (Refused, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def receipts_name(lesson: str) -> str:
    """Return what the file of a student's receipts for a lesson is called."""
    return f"{lesson}.receipts.txt"
