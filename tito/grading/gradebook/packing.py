"""Packing: feedback pages as one zip file, under the names that a system expects for upload."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tito.files import as_zip, write_whole
from tito.grading.intake.shelf import Receipt, read_receipts
from tito.lesson import Lesson
from tito.lms import SYSTEMS

__all__ = ["Packed", "pack_feedback"]


@dataclass(frozen=True)
class Packed:
    """The students whose pages are in the zip file, and why the others' are not."""

    students: tuple[str, ...]
    left_out: Mapping[str, str]


def pack_feedback(lesson: Lesson, pages: Sequence[Path], system: str, output: Path) -> Packed:
    """Pack feedback pages for upload, if there are any that the system can take.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    pages : sequence of Path
        The pages in nbgrader's tree.
    system : str
        ``canvas``, ``moodle`` or ``brightspace``, from which the work was collected.
    output : Path
        The zip file.

    Raises
    ------
    OSError
        If it cannot be written; nothing is then there.
    """
    taker = SYSTEMS[system]
    if taker.feedback_name is None:
        raise ValueError(f"{taker.title} takes no feedback pages: {system=}")
    receipts = read_receipts(lesson)
    named: dict[str, tuple[str, Path]] = {}
    left_out = {}
    for page in pages:
        student = page.parents[1].name
        receipt = receipts.get(student, Receipt())
        if receipt.system != system:
            left_out[student] = f"the work was not collected from {taker.title}"
        elif (name := taker.feedback_name(asdict(receipt))) in named:
            left_out[student] = f"it would have the same name as that of {named[name][0]}"
        else:
            named[name] = (student, page)
    if named:
        write_whole(output, as_zip({name: page.read_bytes() for name, (_, page) in named.items()}))
    return Packed(tuple(student for student, _ in named.values()), left_out)
