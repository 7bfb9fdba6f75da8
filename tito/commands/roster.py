"""`tito roster`: take the class from a file of an LMS."""

from pathlib import Path

import click

__all__ = ["roster"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def roster(file: Path) -> None:
    """Take the students in FILE into the gradebook.

    Taken are names, e-mail addresses, LMS ids and sections. FILE is Canvas's grade export, Moodle's
    grading worksheet or list of participants, the grade file of Gradescope, Blackboard or
    Brightspace, or any CSV whose header has id or email, and first_name, last_name, section. Nobody
    is removed.
    """
    from tito.course import Course
    from tito.grading.gradebook.roster import enter_roster
    from tito.lms.rosters import read_people
    from tito.reports.console import printable, waiting

    course = Course.find()
    with waiting(f"Reading the roster {file}"):
        done = enter_roster(course, read_people(file.read_bytes(), str(file)))
    for kind, students in (("new", done.new), ("changed", done.changed)):
        if students and (kind == "changed" or done.same or done.changed):
            click.echo(printable(f"{kind}: {', '.join(students)}"), err=True)
    if done.others:
        names = printable(", ".join(done.others))
        click.echo(f"in the gradebook, but not in {file.name}: {names}", err=True)
    new, changed, same = map(len, (done.new, done.changed, done.same))
    click.echo(f"{new} new, {changed} changed, {same} the same.", err=True)
