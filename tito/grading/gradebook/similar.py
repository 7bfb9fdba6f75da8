"""Solutions that are alike beyond what a class has in common: a pointer for a person, no verdict.

As in Schleimer, Wilkerson and Aiken, "Winnowing", SIGMOD 2003: code is compared by the hashes of
runs of tokens, in which names stand for any name. Runs that many solutions have are left out, as
there are few ways to write three loops.
"""

import io
import keyword
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from tito.errors import TitoError
from tito.lesson import Lesson, grade_id, is_answer, is_solution, read_generated, read_notebook

__all__ = ["Pair", "similar_pairs", "similar_solutions"]

RUN = 8
"""Tokens in a run."""
COMMON = 0.05
"""A run that a larger part of the class has, and more than two students, tells nothing."""
FEWEST = 12
"""Runs that are left of a solution; of fewer nothing can be said."""
ALIKE = 0.6
SHOWN = 50


@dataclass(frozen=True)
class Pair:
    """Two students whose solutions of a cell share that part of their uncommon runs of tokens."""

    cell: str
    first: str
    second: str
    share: float


def similar_solutions(lesson: Lesson) -> list[Pair]:
    """Return the pairs of autograded solutions that are most alike, the most alike first."""
    sources: dict[str, dict[str, str]] = defaultdict(dict)
    released = {grade_id(c): c.source for c in read_generated(lesson, lesson.released).cells}
    for student in lesson.submitted_students():
        try:
            notebook = read_notebook(lesson.handed_in(student, "autograded"))
        except TitoError:
            continue
        for cell in notebook.cells:
            name = grade_id(cell)
            if is_solution(cell) and not is_answer(cell) and cell.source != released.get(name):
                sources[name][student] = cell.source
    pairs = [pair for cell, texts in sources.items() for pair in similar_pairs(cell, texts)]
    return sorted(pairs, key=lambda pair: -pair.share)[:SHOWN]


def similar_pairs(cell: str, sources: Mapping[str, str]) -> Iterator[Pair]:
    """Yield the pairs of students whose texts of one cell are alike."""
    runs = {student: frozenset(_runs(source)) for student, source in sources.items()}
    having = Counter(run for found in runs.values() for run in found)
    most = max(2, COMMON * len(sources))
    own = {student: {r for r in found if having[r] <= most} for student, found in runs.items()}
    students_of: dict[int, list[str]] = defaultdict(list)
    for student, found in own.items():
        for run in found:
            students_of[run].append(student)
    shared = Counter(
        pair for students in students_of.values() for pair in combinations(sorted(students), 2)
    )
    for (first, second), count in shared.items():
        fewest = min(len(own[first]), len(own[second]))
        if fewest >= FEWEST and count / fewest >= ALIKE:
            yield Pair(cell, first, second, count / fewest)


def _runs(source: str) -> Iterator[int]:
    tokens = list(_tokens(source))
    for at in range(len(tokens) - RUN + 1):
        yield hash(tuple(tokens[at : at + RUN]))


def _tokens(source: str) -> Iterator[str]:
    """Yield the tokens of a source as far as it is Python; comments and texts are left out."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME:
                yield token.string if keyword.iskeyword(token.string) else "name"
            elif token.type in (tokenize.OP, tokenize.NUMBER):
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return
