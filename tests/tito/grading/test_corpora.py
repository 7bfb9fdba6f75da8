"""Three corpora of submissions through the judge in the sandbox: honest, wrong and hostile ones.

``--corpora-table`` prints what each file must get and what it got.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import pytest
from corpora import EXPECTED, Entry, EntryJudge, entries, graded
from leftovers import sandboxed_processes
from workers import TIMED

from tito.conditions.results import CellVerdict, Check, Share
from tito.errors import TitoError
from tito.grading.sandbox.cleanup import runtime_dir

ENTRIES = [entry for corpus in EXPECTED for entry in entries(corpus)]
LEAST_TELLING = 10  # pairs of smaller sides may be in any message
OPERAND = re.compile(r"\b[ABQKV] \([^)]*\)")
SIZES = re.compile(r"(?<![\w.])(\d+)\D{1,3}(?=(\d+)(?![\w.]*\w))")
Pair: TypeAlias = tuple[int, int]


@pytest.fixture(scope="module")
def judge_entry() -> Iterator[EntryJudge]:
    try:
        judge = EntryJudge()
    except TitoError as error:
        pytest.skip(str(error))
    yield judge
    judge.close()


def name(entry: Entry) -> str:
    return f"{entry.corpus}-{entry.name}" + TIMED * entry.is_timed


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_judge_gives_each_submission_what_its_file_expects(
    entry: Entry,
    judge_entry: EntryJudge,
    checks: Mapping[str, Check],
    record_property: Callable[[str, object], None],
) -> None:
    judge_entry.start()
    files, processes = set(runtime_dir().rglob("*")), len(sandboxed_processes())
    verdicts = judge_entry(entry)
    record_property("corpora", row(entry, verdicts))
    expect_proper(entry, verdicts, checks)
    assert set(runtime_dir().rglob("*")) == files
    assert len(sandboxed_processes()) in (0, processes)  # none if it has ended the sandbox


@pytest.mark.full
@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.corpus == "hostile"], ids=name)
def test_judge_gives_a_hostile_submission_no_more_in_a_sandbox_of_its_own(
    entry: Entry, judge_entry: EntryJudge, checks: Mapping[str, Check]
) -> None:
    files, processes = set(runtime_dir().rglob("*")), sandboxed_processes()
    expect_proper(entry, judge_entry(entry, apart=True), checks)
    assert set(runtime_dir().rglob("*")) == files
    assert sandboxed_processes() == processes


def expect_proper(entry: Entry, verdicts: list[CellVerdict], checks: Mapping[str, Check]) -> None:
    """Expect what the file says, and no message that tells what only the judge knows."""
    assert [verdict.grade_id for verdict in verdicts] == list(entry.asked)
    for verdict in verdicts:
        story = [(r.condition, r.verdict, r.fact, r.detail) for r in verdict.conditions]
        assert entry.accepts(verdict), (verdict.grade_id, verdict.score, story)
        facts = "\n".join(result.fact for result in verdict.conditions)
        assert re.search(entry.says.get(verdict.grade_id, ""), facts), story
        assert leaked(verdict, checks[verdict.grade_id]) == {}


def row(entry: Entry, verdicts: list[CellVerdict]) -> list[str]:
    """Return what the table says of a file."""
    wanted = (f"{name} {value}" for name, value in entry.asked.items())
    got = (f"{v.grade_id} {v.score:g} of {v.max_score:g}" for v in verdicts)
    words = (v.verdict for v in verdicts)
    return [entry.corpus, entry.name, entry.about, *map(", ".join, (wanted, got, words))]


def leaked(verdict: CellVerdict, check: Check) -> dict[str, set[Pair]]:
    """Return the sizes that only the judge knows, by the condition whose message tells them."""
    hidden = pairs([list(share.inputs.values()) for share in check.shares])
    known = numbers([visible(share) for share in check.shares])
    hidden = {pair for pair in hidden if not known.issuperset(pair)}
    told = {
        result.condition: {(int(a), int(b)) for a, b in SIZES.findall(telling(result.fact))}
        for result in verdict.conditions
    }
    return {name: found & hidden for name, found in told.items() if found & hidden}


def telling(fact: str) -> str:
    """Return what a message says of operands, and what the student's code made it say."""
    _, raised, words = fact.partition(" raised ")
    return " ".join([*OPERAND.findall(fact), words if raised else ""])


def visible(share: Share) -> list[Any]:
    """Return the sizes that a condition is tried with in the notebook."""
    parameters = inspect.signature(share.condition).parameters.values()
    return [p.default for p in parameters if p.default is not p.empty]


def pairs(value: Any) -> set[Pair]:
    """Return all pairs of sides in nested sizes that are not both small."""
    if not isinstance(value, list | tuple):
        return set()
    sides = [side for side in value if isinstance(side, int)]
    found = {*zip(sides, sides[1:], strict=False), *((side, side) for side in sides)}
    telling = {pair for pair in found if max(pair) >= LEAST_TELLING}
    return telling.union(*map(pairs, value))


def numbers(value: Any) -> set[int]:
    """Return all whole numbers in nested sizes; a result has sides of several operands."""
    if isinstance(value, list | tuple):
        return set().union(*map(numbers, value))
    return {value} if isinstance(value, int) else set()


def test_judge_wrong_cells_cost_no_other_cell(judge: Any, checks: Mapping[str, Check]) -> None:
    asked = [name for name in checks if not checks[name].timed]
    for first in (0, 1):  # every second cell, so that each is broken and each is whole once
        broken = [*graded()][first::2]
        lost = {name for cell in broken for name in graded()[cell]}
        for verdict in judge(dict.fromkeys(broken, "def broken(:"), asked):
            whole = 0.0 if verdict.grade_id in lost else verdict.max_score
            assert verdict.score == whole, verdict
