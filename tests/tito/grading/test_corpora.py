"""Three corpora of submissions through the judge in the sandbox: honest, wrong and hostile ones."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from corpora import EXTRA, GRADED, Entry, Pending, as_expected, entries, judging
from corpora_table import REMEDY, check, committed, found

from tito.errors import TitoError
from tito.conditions.results import Check
from tito.grading.sandbox import run_in_sandbox

TABLE = committed()


def files(corpus: str) -> list[Any]:
    return [pytest.param(entry, id=entry.name) for entry in entries(corpus)]


@pytest.fixture(scope="module", params=["auto", "bwrap"])
def judged(request: pytest.FixtureRequest) -> Iterator[Mapping[Entry, Pending]]:
    """The verdicts on the files that this run asks for, from a warm parent and from cold starts.

    All in the sandbox, the honest and the wrong ones too: they show that it stops no honest work,
    and it costs less than a second for each.
    """
    try:
        with run_in_sandbox(["/bin/true"]) as process:
            process.wait()
    except TitoError as error:
        pytest.skip(str(error))
    asked = dict.fromkeys(item.callspec.params["entry"] for item in judging_items(request))
    with judging(asked, request.param) as pending:
        yield pending


def judging_items(request: pytest.FixtureRequest) -> Iterator[Any]:
    for item in request.session.items:
        if item.path == Path(__file__) and "judged" in getattr(item, "fixturenames", ()):
            yield item


def assert_judged_as_expected(entry: Entry, judged: Mapping[Entry, Pending]) -> None:
    verdicts = judged[entry].result()
    assert [verdict.grade_id for verdict in verdicts] == list(entry.asked)
    for verdict in verdicts:
        story = [(r.condition, r.verdict, r.fact, r.detail) for r in verdict.conditions]
        assert as_expected(verdict, entry.asked[verdict.grade_id]), story
    assert TABLE.get((entry.corpus, entry.name)) == found(entry, verdicts), (
        f"docs/corpora.md says something else of {entry.name}: {REMEDY}"
    )


@pytest.mark.parametrize("entry", files("honest"))
def test_judge_honest_submission_keeps_all_points(
    entry: Entry, judged: Mapping[Entry, Pending]
) -> None:
    assert_judged_as_expected(entry, judged)


@pytest.mark.parametrize("entry", files("wrong"))
def test_judge_wrong_submission_loses_points(entry: Entry, judged: Mapping[Entry, Pending]) -> None:
    assert_judged_as_expected(entry, judged)


@pytest.mark.parametrize("entry", files("hostile"))
def test_judge_hostile_submission_gains_nothing(
    entry: Entry, judged: Mapping[Entry, Pending]
) -> None:
    assert_judged_as_expected(entry, judged)


def test_corpora_table_is_about_the_files_that_are_there() -> None:
    assert check() == ""


def test_judge_wrong_cells_cost_no_other_cell(judge: Any, checks: Mapping[str, Check]) -> None:
    for cell, own in GRADED.items():
        broken = judge({cell: "def broken(:"}, list(checks))
        for verdict in broken:
            mine = verdict.grade_id in (*own, EXTRA.get(cell))
            assert verdict.score == (0.0 if mine else verdict.max_score), verdict
