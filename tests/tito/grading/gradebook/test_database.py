"""The gradebook's database: patience, one transaction, and troubles said in one sentence."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import MissingEntry
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import scoped_session, sessionmaker

from tito.errors import TitoError
from tito.grading.gradebook.database import OneTransaction, database_error, retried

SAME = "run the same command again"


def trouble(words: str) -> OperationalError:
    return OperationalError("select 1", {}, sqlite3.OperationalError(words))


def failing(times: int, words: str) -> tuple[Callable[[], str], list[int]]:
    """Work that fails that often, and the list of its calls."""
    calls: list[int] = []

    def work() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise trouble(words)
        return "done"

    return work, calls


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.gradebook.database.SECONDS_BETWEEN", 0.01)


def test_retried_waits_for_a_database_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    work, calls = failing(3, "database is locked")
    undone: list[int] = []
    assert retried(work, lambda: undone.append(1)) == "done"
    assert (len(calls), len(undone)) == (4, 3)
    assert capsys.readouterr().err == "Waiting for the gradebook: database is locked.\n"


def test_database_error_says_what_has_no_words_and_what_is_missing() -> None:
    silent = database_error(trouble(""))
    assert silent is not None
    assert silent.fact == "The gradebook's database does not answer: OperationalError."
    missing = database_error(MissingEntry("No such assignment: 11_kernels"))
    assert missing is not None
    assert "No such assignment: 11_kernels" in missing.fact
    assert "tito nbgrader generate" in missing.remedy
    assert database_error(KeyError("a fault of ours")) is None


@pytest.mark.parametrize(
    ("words", "fact", "remedy"),
    [
        ("database or disk is full", "The disk of the gradebook is full", SAME),
        ("attempt to write a readonly database", "The gradebook cannot be written", SAME),
        ("no such column: grade.colour", "The gradebook is damaged", "autograde makes a new one"),
        ("Can't load plugin: foo", "db_url in settings.ini names no database", "Leave it empty"),
    ],
)
def test_retried_says_what_waiting_does_not_mend(words: str, fact: str, remedy: str) -> None:
    work, calls = failing(1, words)
    with pytest.raises(TitoError, match=fact) as told:
        retried(work)
    assert len(calls) == 1
    assert remedy in told.value.remedy


def test_retried_loses_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tito.grading.gradebook.database.SECONDS_OF_PATIENCE", 0.1)
    start = time.monotonic()
    work, calls = failing(10**6, "database is locked")
    with pytest.raises(TitoError, match="stays locked"):
        retried(work)
    assert len(calls) > 1
    assert time.monotonic() - start >= 0.1


def test_retried_finds_the_trouble_that_nbgrader_wrapped() -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) > 1:
            return
        try:
            raise trouble("database is locked")
        except OperationalError as error:
            raise ValueError("could not add the submission") from error

    retried(work)
    assert len(calls) == 2


def test_retried_leaves_other_errors_alone() -> None:
    undone: list[int] = []

    def work() -> None:
        raise KeyError("a fault of ours")

    with pytest.raises(KeyError):
        retried(work, lambda: undone.append(1))
    assert undone == [1]


def test_one_transaction_writes_all_or_nothing(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'some.db'}")
    session: Any = scoped_session(sessionmaker(engine))
    session.execute(text("create table grade (score integer)"))
    session.commit()
    steps = OneTransaction(session)
    for score in (1, 2):
        steps.execute(text(f"insert into grade values ({score})"))
        steps.commit()

    def scores() -> list[int]:
        with engine.connect() as other:
            return [row[0] for row in other.execute(text("select score from grade"))]

    assert scores() == []
    session.rollback()
    assert scores() == []
    steps.execute(text("insert into grade values (3)"))
    steps.commit()
    session.commit()
    assert scores() == [3]
    session.remove()
    engine.dispose()
