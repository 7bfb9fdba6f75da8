"""docs/corpora.md: every submission of the corpora, what it must get and what the judge gave.

``python tests/support/corpora_table.py`` judges them all and writes it; ``--check`` only compares
names, descriptions and expectations. That the results are still true is a test of the judge.
"""

import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from corpora import EXPECTED, Entry, as_expected, entries, judging

from tito.errors import TitoError
from tito.conditions.results import CellVerdict

__all__ = ["REMEDY", "TABLE", "Found", "committed", "found", "main"]

TABLE = Path(__file__).parents[2] / "docs" / "corpora.md"
REMEDY = "run `python tests/support/corpora_table.py`"

TITLES = {
    "honest": "Honest submissions: right in many styles, and none may lose a point",
    "wrong": "Wrong submissions: each loses points in its own cells",
    "hostile": "Hostile submissions: nothing is gained but what is really solved",
}
OPENING = """\
# The corpora

Submissions as data, in `tests/corpora`: each file names the solution cells that it exchanges for
the reference's, and what the graded cells must give. The judge runs every one in the sandbox. A
hostile file gets points only for conditions that it really fulfils; `review` gives none until a
person has looked. `tests/tito/grading/test_corpora.py` holds the judge to this table.

Written by `tests/support/corpora_table.py`; do not edit.
"""
HEADS = ("Submission", "What it does", "Expected", "Got", "Verdict")
ROW = re.compile(r"^\| `(?P<name>\w+)` \|.*\| (?P<points>[^|]*) \| (?P<verdicts>[^|]*) \|$")


@dataclass(frozen=True)
class Found:
    """What the judge gave: points and verdicts, one for each graded cell, as the table shows it."""

    points: str
    verdicts: str
    holds: bool = True


Results: TypeAlias = Mapping[tuple[str, str], Found]


def main(arguments: Sequence[str]) -> str:
    """Write the table, or check it; return what is wrong with it in a sentence, or nothing."""
    if arguments == ["--check"]:
        return check()
    if arguments:
        return "corpora_table.py takes no argument, or --check."
    everything = [entry for corpus in EXPECTED for entry in entries(corpus)]
    with judging(everything) as pending:
        results = {_key(entry): found(entry, pending[entry].result()) for entry in everything}
    unexpected = [name for (_, name), result in results.items() if not result.holds]
    if unexpected:
        return f"Not written, as these did not get what they must: {', '.join(unexpected)}."
    TABLE.write_text(page(results), encoding="utf-8")
    return ""


def check() -> str:
    """Return a sentence if the committed table is not about the files as they are."""
    results = committed()
    listed = {_key(entry) for corpus in EXPECTED for entry in entries(corpus)}
    missing = sorted(name for _, name in listed - set(results))
    if missing:
        return f"docs/corpora.md lacks {', '.join(missing)}: {REMEDY}."
    if TABLE.read_text(encoding="utf-8") != page(results):
        return f"docs/corpora.md is not about the corpora as they are: {REMEDY}."
    return ""


def found(entry: Entry, verdicts: Sequence[CellVerdict]) -> Found:
    """Return what the judge gave for an entry."""
    points = (f"{_short(v.grade_id)} {v.score:g} of {v.max_score:g}" for v in verdicts)
    holds = all(as_expected(verdict, entry.asked[verdict.grade_id]) for verdict in verdicts)
    return Found(", ".join(points), ", ".join(v.verdict for v in verdicts), holds)


def committed() -> Results:
    """Return what the committed table says, by corpus and name."""
    results: dict[tuple[str, str], Found] = {}
    corpus = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines() if TABLE.exists() else ():
        corpus = next((c for c, title in TITLES.items() if line == f"## {title}"), corpus)
        row = ROW.match(line)
        if corpus and row:
            results[corpus, row["name"]] = Found(row["points"], row["verdicts"])
    return results


def page(results: Results) -> str:
    """Return the whole page for these results."""
    return "\n".join([OPENING, *_summary(results), *map(_section, EXPECTED, [results] * 3)])


def _summary(results: Results) -> list[str]:
    heads = ("Corpus", "Files", "Graded cells", "passed", "failed", "review", "not-run")
    lines = _table(heads)
    for corpus in EXPECTED:
        given = [results[_key(entry)].verdicts.split(", ") for entry in entries(corpus)]
        counts = Counter(verdict for verdicts in given for verdict in verdicts)
        told = [counts[verdict] for verdict in heads[3:]]
        lines.append(_row([corpus, len(given), sum(told), *told]))
    return [*lines, "", "Every graded cell got what its file expects."]


def _section(corpus: str, results: Results) -> str:
    lines = [f"\n## {TITLES[corpus]}", "", *_table(HEADS)]
    for entry in entries(corpus):
        got = results[_key(entry)]
        wanted = ", ".join(f"{_short(name)} {value}" for name, value in entry.asked.items())
        about = entry.about.replace("|", "\\|")
        lines.append(_row([f"`{entry.name}`", about, wanted, got.points, got.verdicts]))
    return "\n".join([*lines, ""])


def _table(heads: Sequence[str]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads))]


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _short(grade_id: str) -> str:
    return grade_id.removeprefix("test-").removesuffix("-immediate")


def _key(entry: Entry) -> tuple[str, str]:
    return entry.corpus, entry.name


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]) or 0)
    except TitoError as error:
        sys.exit(str(error))
