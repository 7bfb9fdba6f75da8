"""Tables: CSV files as systems and spreadsheets write them, read and written in the same form."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tito.errors import TitoError

__all__ = ["Table", "cell", "inert", "number", "read_table"]

DELIMITERS = (",", ";", "\t")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


@dataclass(frozen=True)
class Table:
    """The rows of a file, the header first, and how the file is written."""

    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    quoting: int = csv.QUOTE_MINIMAL
    newline: str = "\n"

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return self.rows[0]

    def column(self, *names: str) -> int:
        """Return the place of the first of these columns, in any case; -1 if there is none."""
        lower = [name.strip().casefold() for name in self.header]
        return next((lower.index(name) for name in names if name in lower), -1)

    def body(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows below the header, as wide as it at least, with the number of each."""
        for place, row in enumerate(self.rows[1:], 2):
            if any(cell.strip() for cell in row):
                yield place, row + [""] * (len(self.header) - len(row))

    def with_rows(self, rows: list[list[str]]) -> "Table":
        """Return a file of the same form with other rows."""
        return replace(self, rows=rows)

    def encoded(self) -> bytes:
        """Return the content of the file."""
        out = io.StringIO()
        kinds = {"delimiter": self.delimiter, "lineterminator": self.newline}
        writer = csv.writer(out, quoting=self.quoting, **kinds)  # type: ignore[arg-type]
        writer.writerows(self.rows)
        return out.getvalue().encode(self.encoding)


def read_table(data: bytes, name: str) -> Table:
    """Read a CSV file with commas, semicolons or tabs, of any usual encoding.

    Raises
    ------
    TitoError
        If it is no table; `name` is the file's.
    """
    text, encoding = _decoded(data)
    head = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(DELIMITERS, key=lambda sign: _outside_quotes(head).count(sign))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise _no_table(name, str(error)) from None
    while rows and not any(cell.strip() for cell in rows[0]):
        rows.pop(0)
    if not any(cell.strip() for row in rows[1:] for cell in row):
        raise _no_table(name, "it has no rows")
    quoting = csv.QUOTE_ALL if head.startswith('"') and _all_quoted(head) else csv.QUOTE_MINIMAL
    return Table(rows, delimiter, encoding, quoting, "\r\n" if "\r\n" in text else "\n")


def cell(row: Sequence[str], place: int) -> str:
    """Return what stands in a place of a row, without spaces around it; empty if there is none."""
    return row[place].strip() if 0 <= place < len(row) else ""


def number(text: str) -> float | None:
    """Return a number with a decimal point or comma; None for anything else."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def inert(text: str) -> str:
    """Return text of ours that a spreadsheet shows and does not compute."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # a spreadsheet's Unicode text
        return data.decode("utf-16", "replace"), "utf-16"
    for encoding in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _all_quoted(line: str) -> bool:
    cells: Sequence[str] = line.strip().split('"')[::2]
    return all(len(cell) <= 1 for cell in cells)


def _no_table(name: str, reason: str) -> TitoError:
    return TitoError(f"{name} is no CSV file of a class: {reason}.", "Download it again as CSV.")
