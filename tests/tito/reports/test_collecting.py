"""What is said of a collection, whatever a student called a file."""

from tito.grading.intake.collection import Collected, Collection, NotCollected
from tito.reports.collecting import as_lines, as_summary, as_table

STRANGE = Collected("ada\nbob", "refused", "it has\nno id", "Rename\nit.")
LEFT = NotCollected("notes\n.txt", "it is no notebook", "See what it is.")


def test_a_newline_in_a_name_breaks_no_row_and_no_line() -> None:
    found = Collection([STRANGE, Collected("eve", "collected")], [LEFT])
    assert [line.split() for line in as_table(found, 80).splitlines()[1:]] == [
        ["ada", "bob", "?", "refused"],
        ["eve", "eve", "collected"],
    ]
    assert list(as_lines(found)) == [
        "ada bob: refused: it has no id",
        "    Rename it.",
        "notes .txt: not taken: it is no notebook",
        "    See what it is.",
    ]
    assert as_summary(found) == "1 collected, 0 unchanged, 1 refused, 1 file not taken."
