"""Grade files: a system's own file with our scores in it, or a new one where it takes such."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from tito.errors import TitoError
from tito.lms.names import Named
from tito.lms.people import People, Person
from tito.lms.tables import Table, cell, number

__all__ = [
    *("Column", "Filled", "Grade", "Layout"),
    *("fill", "find_column", "points", "require_points"),
]

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Grade:
    """One student's score; None where there is no grade."""

    person: Person
    score: float | None


@dataclass(frozen=True)
class Column:
    """Which column is ours: what it may be called, and the points that it must give."""

    titles: tuple[str, ...]
    max_score: float
    forced: str = ""


@dataclass(frozen=True)
class Layout:
    """How a system's file is read and filled.

    Parameters
    ----------
    named : callable
        Says whom a row is of; None for a row of nobody.
    scores : tuple of int
        The columns that hold the score; the first is read.
    kept : tuple of int, optional
        The columns of the file that go back; default: all of them.
    also : mapping of int to str
        What else a row with a score gets.
    reserved : tuple of str
        Values that are no score and stay, as for an excused student, in capitals.
    decimal : str
        The decimal sign.
    """

    named: Callable[[list[str]], Named | None]
    scores: tuple[int, ...]
    kept: tuple[int, ...] = ()
    also: Mapping[int, str] = field(default_factory=dict)
    reserved: tuple[str, ...] = ()
    decimal: str = "."


@dataclass(frozen=True)
class Filled:
    """A grade file, and what did not go into it.

    ``unplaced`` are students of ours with a grade whom the file does not have, ``ungraded`` those
    without a grade, ``reserved`` rows whose value stays, ``empty`` rows of nobody of ours.
    """

    data: bytes
    unplaced: tuple[str, ...] = ()
    ungraded: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


def fill(table: Table, layout: Layout, grades: Sequence[Grade]) -> Filled:
    """Fill the scores into a file that a system let somebody download.

    Raises
    ------
    TitoError
        If a row fits two students of ours, or two rows fit one.
    """
    people, scores = People(g.person for g in grades), {g.person.id: g.score for g in grades}
    rows, rows_of = [list(row) for row in table.rows], dict[str, int]()
    reserved, empty = [], []
    for place, row in table.body():
        named = layout.named(row)
        person = _one(people, named, place) if named else None
        if named is None or person is None:
            empty += [f"{named.shown} (row {place})"] if named else []
            continue
        if rows_of.setdefault(person.id, place) != place:
            raise TitoError(
                f"Rows {rows_of[person.id]} and {place} are both of {person.shown}.",
                "Remove one of them.",
            )
        score, before = scores[person.id], cell(row, layout.scores[0])
        if before.upper() in layout.reserved and before:
            reserved.append(f"{person.shown}: {before}")
        elif score is not None:
            given = {at: points(score, layout.decimal) for at in layout.scores}
            for at, text in {**given, **layout.also}.items():
                rows[place - 1] += [""] * (at + 1 - len(rows[place - 1]))
                rows[place - 1][at] = text
    kept = layout.kept or tuple(range(len(table.header)))
    cut = [["".join(row[at : at + 1]) for at in kept] for row in rows]
    return Filled(
        table.with_rows(cut).encoded(),
        tuple(g.person.shown for g in grades if g.score is not None and g.person.id not in rows_of),
        tuple(g.person.shown for g in grades if g.score is None),
        tuple(reserved),
        tuple(empty),
    )


def points(score: float, decimal: str = ".") -> str:
    """Return a score, rounded once to two places, half away from zero."""
    rounded = Decimal(repr(score)).quantize(CENT, ROUND_HALF_UP)
    text = f"{rounded:f}".rstrip("0").rstrip(".")
    return text.replace(".", decimal)


def find_column(
    titles: Mapping[int, str], header: Sequence[str], wanted: Column, system: str
) -> int:
    """Return the column of the assignment, by its title there or by the whole of its header.

    Raises
    ------
    TitoError
        If none or several are called like it.
    """
    names = [wanted.forced] if wanted.forced else list(wanted.titles)
    keys = {name.casefold() for name in names}
    whole = [at for at in titles if header[at].strip().casefold() in keys]
    exact = [at for at, title in titles.items() if title.casefold() in keys]
    inside = [at for at, title in titles.items() if any(key in title.casefold() for key in keys)]
    for found in (whole, exact, inside):
        if len(found) == 1:
            return found[0]
    known = ", ".join(header[at].strip() for at in titles) or "none"
    raise TitoError(
        f"{len(inside)} columns of {system}'s file are called like {names[0]}.",
        f"Name one with --column; it has: {known}.",
        exit_code=2,
    )


def require_points(most: str, wanted: Column, system: str) -> None:
    """Refuse a column that gives other points than the lesson."""
    found = number(most)
    if found is not None and found != wanted.max_score:
        raise TitoError(
            f"{system} gives at most {found:g} points for it, the lesson {wanted.max_score:g}.",
            f"Set its points to {wanted.max_score:g} there, and download the file again.",
        )


def _one(people: People, named: Named, place: int) -> Person | None:
    found = people.identify(named)
    if len(found) > 1:
        both = " and ".join(person.shown for person in found)
        raise TitoError(
            f"Row {place}, {named.shown}, may be {both}.",
            "Read a roster with the system's ids: `tito roster FILE`.",
        )
    return found[0] if found else None
