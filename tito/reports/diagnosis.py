"""The findings of `tito doctor`, in lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tito.doctor import Finding

__all__ = ["as_text"]


def as_text(findings: "Sequence[Finding]") -> str:
    """Return a line for each finding, with the remedy under what is missing."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<9} {finding.name:<{width}}  {finding.detail}")
        if finding.remedy:
            lines.append(f"{'':<10}{'':<{width}}  -> {finding.remedy}")
    return "\n".join(lines)
