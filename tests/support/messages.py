"""The table of docs/messages.md: what each wrong solution of the corpora is told by the judge.

Run it with ``python tests/support/messages.py``; it takes two minutes.
"""

import re
import sys
from collections.abc import Iterator

from corpora import ROOT, EntryJudge, entries

INTRODUCTION = """# The messages for wrong solutions

Each file of `tests/corpora/wrong` has one mistake. The table has the first message that it gets for
each check: the fact, and what to do. It is made by `python tests/support/messages.py`.

| mistake | check | fact | what to do |
| --- | --- | --- | --- |
"""


def rows() -> Iterator[str]:
    """Yield a row for each check that a wrong solution does not pass."""
    judge = EntryJudge()
    for entry in entries("wrong"):
        for verdict in judge(entry):
            if verdict.verdict != "passed":
                told = [entry.about, verdict.grade_id, _short(verdict.message), verdict.hint]
                yield f"| {' | '.join(text.replace('|', chr(92) + '|') for text in told)} |"


def _short(fact: str) -> str:
    """A fact without the call and its operands, which are the same everywhere."""
    return re.sub(r"^\w+(\([^)]*\))?( with .*?)?: ", "", fact)


if __name__ == "__main__":
    text = INTRODUCTION + "\n".join(rows()) + "\n"
    (ROOT / "docs" / "messages.md").write_text(text, encoding="utf-8")
    print("Wrote docs/messages.md.", file=sys.stderr)
