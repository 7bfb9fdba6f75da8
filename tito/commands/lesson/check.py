"""`tito lesson check`: what is wrong with a lesson, before a student finds it."""

import click

__all__ = ["check"]


@click.command()
@click.argument("lesson")
@click.option("--fast", is_flag=True, help="Read only: grade neither solutions nor stubs.")
def check(lesson: str, fast: bool) -> None:
    """Name what is wrong with LESSON: cell, line, fact and remedy.

    Metadata, ids and points are looked at, checks.py is compared with the cells, the lesson's own
    solutions are graded and must get full points, and so is what is released: it must get none.
    A warning is
    for what can be graded all the same. Exit code 1: something is wrong.
    """
    from tito.authoring.check import check_lesson
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.reports.console import printable, waiting

    found = find_lesson(Course.find(), lesson)
    with waiting(f"Checking {found.assignment}"):
        findings = check_lesson(found, run=not fast)
    source = found.course.shown(found.source)
    for finding in findings:
        name = f"{finding.cell}: " if finding.cell else ""
        name = f"warning: {name}" if finding.warning else name
        click.echo(printable(f"{source}:{finding.line}: {name}{finding.fact} {finding.remedy}"))
    if not all(finding.warning for finding in findings):
        raise SystemExit(1)
    warned = " but for the warnings" if findings else ""
    click.echo(f"{found.assignment} is well made{warned}.")
