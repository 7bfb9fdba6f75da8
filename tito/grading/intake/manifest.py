"""The manifest: how a zip file of `tito submit` is known where it is collected."""

__all__ = ["DIGITS", "FORMAT", "MANIFEST", "MOST_MANIFEST", "receipts_name"]

MANIFEST = "submission.json"
"""Lies beside the notebook in the zip file."""
MOST_MANIFEST = 10_000
"""The most bytes of it that are read."""
FORMAT = "tito-submission"
DIGITS = 12
"""So many hexadecimal digits of a digest are shown: enough to tell any two hand-ins apart."""


def receipts_name(lesson: str) -> str:
    """Return what the file of a student's receipts for a lesson is called."""
    return f"{lesson}.receipts.txt"
