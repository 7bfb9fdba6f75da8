"""What `tito nbgrader collect` says: who maps to whom, and what was not taken."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tito.reports.console import as_text, one_line, plain

if TYPE_CHECKING:
    from tito.grading.intake.collection import Collected, Collection

__all__ = ["as_lines", "as_receipts", "as_summary", "as_table"]

MOST_LISTED = 30
FIXED = ("student", "time (UTC)", "becomes")
"""What is never cut in the table."""
LEAST = 8
"""The width of a column below which nothing is cut any more."""


def as_table(collection: "Collection", width: int) -> str:
    """Return a table of who maps to whom, for a terminal of `width` characters."""
    from rich.cells import cell_len
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    rows = [
        {
            "handed in by": one_line(_told(one)),
            "student": "?" if _is_nobody(one) else one_line(one.name),
            "name": one_line(one.person.name) if one.person else "",
            "file": one_line(one.receipt.file) if one.receipt else "",
            "time (UTC)": (one.receipt.time[:16] or one.receipt.late) if one.receipt else "",
            "becomes": one.status,
        }
        for one in collection.submissions
    ]
    headings = [head for head in rows[0] if any(row[head] for row in rows)]
    widths = {h: max(map(cell_len, (h, *(row[h] for row in rows)))) for h in headings}
    while sum(widths.values()) + 2 * len(widths) > width and any(h not in FIXED for h in widths):
        widest = max((h for h in widths if h not in FIXED), key=widths.__getitem__)
        if widths[widest] <= LEAST:
            break
        widths[widest] -= 1
    for heading, wide in widths.items():
        table.add_column(heading, no_wrap=True, overflow="ellipsis", width=wide)
    for row in rows:
        table.add_row(*(plain(row[heading]) for heading in headings))
    return as_text(table, width)


def as_lines(collection: "Collection", shown: Callable[[Path], str] = str) -> Iterator[str]:
    """Yield a line for all that a person has to know: what was not taken, why, and the remedy.

    Parameters
    ----------
    collection : Collection
        What became of all hand-ins.
    shown : callable
        Shortens a path.
    """
    noted: dict[str, list[str]] = {}
    for one in collection.submissions:
        for note in one.notes:
            noted.setdefault(note, []).append(_whose(one))
    for note, students in noted.items():
        people = list(dict.fromkeys(students))
        more = f" and {len(people) - MOST_LISTED} more" if len(people) > MOST_LISTED else ""
        yield one_line(f"{note}: {', '.join(people[:MOST_LISTED])}{more}")
    for one in collection.submissions:
        if one.kept:
            yield one_line(f"{one.name}: an older hand-in is kept as {shown(one.kept)}")
        if one.reason:
            yield one_line(f"{one.name}: {one.status}: {one.reason}")
            yield f"    {one_line(one.remedy)}"
    for file in collection.left:
        yield one_line(f"{file.file}: not taken: {file.reason}")
        yield f"    {one_line(file.remedy)}"


def as_receipts(collection: "Collection") -> Iterator[str]:
    """Yield a line for each notebook that is now in the course tree: its receipt and its student.

    The receipt is the start of the file's SHA-256, which `tito submit` shows to the student, too.
    """
    for one in collection.submissions:
        if one.receipt and one.status in ("collected", "unchanged"):
            yield one_line(f"{one.receipt.digits}  {one.name}")


def as_summary(collection: "Collection") -> str:
    """Return how many hand-ins became what, as a sentence."""
    states = [one.status for one in collection.submissions]
    count = {state: states.count(state) for state in ("collected", "unchanged", "older", "refused")}
    parts = [f"{n} {s}" for s, n in count.items() if n or s != "older"]
    if collection.left:
        files = "1 file" if len(collection.left) == 1 else f"{len(collection.left)} files"
        parts.append(f"{files} not taken")
    return f"{', '.join(parts)}."


def _is_nobody(one: "Collected") -> bool:
    return one.status == "refused" and one.person is None


def _whose(one: "Collected") -> str:
    name = one.named.name if one.named else ""
    return f"{one.name} ({name})" if name not in ("", one.name) else one.name


def _told(one: "Collected") -> str:
    """What the system calls the person."""
    if one.named is None:
        return one.name
    return one.named.name or one.named.user_id or one.named.shown
