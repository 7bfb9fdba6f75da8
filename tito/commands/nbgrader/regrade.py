"""`tito nbgrader regrade`: grade again, with who changes in view."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tito.grading.pipeline.grade import GradingResult

__all__ = ["regrade"]


@click.command()
@click.argument("lesson")
@click.option(
    "--student", "students", multiple=True, metavar="ID", help="Grade this student in any case."
)
@click.option("--reason", metavar="TEXT", help="Why; it is recorded.")
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option("--history", is_flag=True, help="Show what was graded again so far; change nothing.")
@click.option("--jobs", type=click.IntRange(min=1), help="As of autograde.")
@click.option("--sandbox", type=click.Choice(["auto", "bwrap", "off"]), help="As of autograde.")
@click.option("--scheduler", metavar="URL", help="As of autograde.")
def regrade(
    lesson: str,
    students: tuple[str, ...],
    reason: str | None,
    yes: bool,
    history: bool,
    jobs: int | None,
    sandbox: str | None,
    scheduler: str | None,
) -> None:
    """Grade LESSON again, and write it when you agree.

    For a corrected check, another deadline, or with --student for an appeal: judged is what depends
    on something that changed, and each named student. Each grade that changes is recorded with the
    reason, and that of each named student also if it stays. Exit code 1: you did not agree, or a
    submission could not be graded.
    """
    from tito.course import Course
    from tito.errors import TitoError
    from tito.grading.gradebook.regrades import read_regrades
    from tito.grading.workers.pool import cpu_count
    from tito.lesson import find_lesson
    from tito.reports.regrading import Count, changes_table, history_table

    found = find_lesson(Course.find(), lesson)
    if history:
        click.echo(history_table(read_regrades(found)))
        return
    if not reason or not reason.strip():
        raise click.UsageError('Say why, as in --reason "A check was wrong"; it is recorded.')

    def agree(results: "list[GradingResult]") -> bool:
        click.echo(changes_table(results))
        changes = any(r.score not in (None, r.before) for r in results)
        try:
            return yes or not changes or click.confirm("Write that?", err=True)
        except click.Abort:  # Ctrl-C, or nobody who could answer
            click.echo(err=True)  # behind the question
            raise TitoError("Nothing was written.", "Add --yes to agree beforehand.") from None

    click.echo("Reading the submissions and preparing the sandbox ...", err=True)
    from tito.grading.pipeline import regrade as grading  # which imports nbgrader
    from tito.grading.pipeline.autograde import How

    how = How(sandbox or "", jobs or cpu_count(), scheduler or "")
    with Count() as watch:
        written = grading.regrade(
            found, students, reason=reason.strip(), agree=agree, how=how, watch=watch
        )
    for graded in written:
        for note in graded.notes:
            click.echo(f"{graded.student}: {note}", err=True)
    if not written:
        click.echo("Nothing was written.", err=True)
    if not written or any(r.status == "failed" for r in written):
        raise SystemExit(1)
