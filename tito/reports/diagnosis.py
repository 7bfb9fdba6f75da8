"""The findings of `tito doctor`, in lines."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tito.reports.console import printable

if TYPE_CHECKING:
    from tito.doctor import Finding

__all__ = ["as_text"]

WIDEST_NAME = 40
INDENT = " " * 12


def as_text(findings: "Sequence[Finding]", width: int) -> str:
    """Return a line for each finding, with the remedy under what is missing.

    Parameters
    ----------
    findings : sequence of Finding
        What was found.
    width : int
        Where a detail is broken into lines; a remedy is not, so that it can be copied.
    """
    column = min(WIDEST_NAME, max(len(finding.name) for finding in findings))
    lines = []
    for finding in findings:
        line = f"{finding.state:<9} {finding.name:<{column}}  {finding.detail}"
        lines += textwrap.wrap(
            printable(line), width, subsequent_indent=INDENT, break_on_hyphens=False
        )
        if finding.remedy:
            lines.append(f"{INDENT}-> {finding.remedy}")
    return "\n".join(lines)
