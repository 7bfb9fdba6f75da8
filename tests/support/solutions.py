"""What a solution can be recognized by, wherever it might turn up."""

import re
from itertools import pairwise
from pathlib import Path

from tito.edition import GIVEN

__all__ = ["solution_passages", "squeezed"]

LONG = 36
REGION = re.compile(r"### BEGIN (SOLUTION|MARK SCHEME)\n(.*?)### END \1", re.DOTALL)


def solution_passages(repository: Path) -> list[str]:
    """Return what of the solutions is given nowhere else: two lines in a row, or a long one.

    Solutions are code, model answers and marking schemes. Blank lines and indentation are left
    out; look them up with `squeezed`. A short line may be an idiom that any library has.
    """
    modules = (repository / path for path in sorted(GIVEN))
    given = squeezed("".join(path.read_text("utf-8") for path in modules if path.exists()))
    passages = set()
    for source in (repository / "modules" / "source").glob("*/*_dev.py"):
        text = source.read_text(encoding="utf-8")
        given += squeezed(REGION.sub("", text))
        for _, region in REGION.findall(text):
            lines = [line.strip() for line in region.splitlines() if line.strip()]
            passages |= {f"{one}\n{two}" for one, two in pairwise(lines) if len(one + two) > 40}
            passages |= {line for line in lines if len(line) > LONG}
    return sorted(passage for passage in passages if passage not in given)


def squeezed(text: str) -> str:
    """Return a text without blank lines and indentation."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
