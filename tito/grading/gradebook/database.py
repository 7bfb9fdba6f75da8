"""The gradebook's database as the writer uses it: one transaction at a time, and patience.

A database may be away for a moment: SQLite while another program writes, a server while it is
restarted. Work is then tried again. What a moment does not mend is said in one sentence.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tito.errors import TitoError

__all__ = ["OneTransaction", "copy_database", "database_error", "retried", "try_database"]

Answer = TypeVar("Answer")

SECONDS_OF_PATIENCE = 60.0
SECONDS_BETWEEN = 0.5

AWAY = (
    *("locked", "closed the connection", "terminating connection", "starting up", "refused"),
    *("shutting down", "connection is lost", "is closed", "no such file", "timeout expired"),
)
FULL = ("disk is full", "no space left", "disk full")
NO_URL = ("load plugin", "could not parse")
EXAMPLE_URL = "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
BROKEN = (
    *("not a database", "malformed", "no such table", "no such column", "has no column"),
    *("does not exist",),
)
READ_ONLY = ("readonly database", "read-only", "unable to open database", "permission denied")
REMEDY = "Then run the same command again: what was graded is kept."


class OneTransaction:
    """A session for nbgrader's gradebook in whose transaction its many commits are steps.

    Parameters
    ----------
    session : scoped_session
        SQLAlchemy's; the caller commits it.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def commit(self) -> None:
        """Send to the database what is new, within the transaction."""
        self._session.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def retried(work: Callable[[], Answer], undo: Callable[[], None] = lambda: None) -> Answer:
    """Do `work`, again if the database was away meanwhile, for a minute.

    Parameters
    ----------
    work : callable
        What is done; when it fails, all of it is done again.
    undo : callable
        Called before that, and before an error is raised.

    Raises
    ------
    TitoError
        If the database stays away, is full or cannot be written.
    """
    deadline, waiting = time.monotonic() + SECONDS_OF_PATIENCE, False
    while True:
        try:
            return work()
        except Exception as error:
            undo()
            trouble = next(_troubles(error), None)
            if trouble is None:
                raise
            if not _matches(trouble, AWAY) or time.monotonic() > deadline:
                raise _told(trouble) from error
            if not waiting:
                print(f"Waiting for the gradebook: {trouble}.", file=sys.stderr)
            waiting = True
            time.sleep(SECONDS_BETWEEN)


def database_error(error: BaseException) -> TitoError | None:
    """Return what a person reads of an error that the gradebook made, or None for another error."""
    from nbgrader.api import MissingEntry

    if isinstance(error, MissingEntry):
        fact = f"The gradebook lacks an entry of the assignment: {error}."
        return TitoError(fact, "Run `tito nbgrader generate` for the lesson.")
    trouble = next(_troubles(error), None)
    return None if trouble is None else _told(trouble)


def copy_database(url: str, path: Path) -> None:
    """Copy a database of SQLite's, as it is at one moment, to `path`."""
    from sqlalchemy import create_engine

    path.unlink(missing_ok=True)
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(path),))
    engine.dispose()


def try_database(url: str) -> None:
    """Read a row of each table of nbgrader's that the database has; change nothing.

    Raises
    ------
    TitoError
        If the database does not answer, is damaged or has tables of another version.
    """
    from nbgrader.api import Base
    from sqlalchemy import create_engine, inspect, select

    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            for name in inspect(engine).get_table_names():
                if name in Base.metadata.tables:
                    connection.execute(select(Base.metadata.tables[name]).limit(1)).first()
        engine.dispose()
    except Exception as error:
        told = database_error(error)
        if told is None:
            raise
        raise told from error


def _troubles(error: BaseException | None) -> Iterator[str]:
    """Yield what the database said, in the error or in one that led to it: nbgrader wraps them."""
    from sqlalchemy.exc import (
        ArgumentError,
        DatabaseError,
        DBAPIError,
        InterfaceError,
        OperationalError,
    )

    while error is not None:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip()
        trouble = (said or type(error).__name__).splitlines()[0].rstrip(".")
        broken = isinstance(error, DatabaseError) and _matches(trouble, BROKEN)
        if broken or isinstance(error, (OperationalError, InterfaceError, ArgumentError)):
            yield trouble
        error = error.__cause__ or error.__context__


def _told(trouble: str) -> TitoError:
    if _matches(trouble, FULL):
        return TitoError("The disk of the gradebook is full.", f"Make room. {REMEDY}")
    if _matches(trouble, NO_URL):
        fact = f"db_url in settings.ini names no database: {trouble}."
        return TitoError(fact, f"Leave it empty, or write a URL like {EXAMPLE_URL}.")
    if _matches(trouble, BROKEN):
        fact = f"The gradebook is damaged, or of another version of nbgrader: {trouble}."
        new = "or move it away: autograde makes a new one, without points by hand and extensions"
        return TitoError(fact, f"Put a copy of it back, or run `nbgrader db upgrade`; {new}.")
    if _matches(trouble, READ_ONLY):
        fact = f"The gradebook cannot be written: {trouble}."
        return TitoError(fact, f"Make the file and its folder writable. {REMEDY}")
    if "locked" in trouble:
        fact = "The gradebook stays locked: another program writes to it."
        return TitoError(fact, f"Wait for that program, or end it. {REMEDY}")
    fact = f"The gradebook's database does not answer: {trouble}."
    return TitoError(fact, f"See that it runs and that db_url in settings.ini is right. {REMEDY}")


def _matches(trouble: str, signs: tuple[str, ...]) -> bool:
    return any(sign in trouble.lower() for sign in signs)
