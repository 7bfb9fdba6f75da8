"""`tito nbgrader feedback`: a page for each student."""

import click

__all__ = ["feedback"]


@click.command()
@click.argument("lesson")
@click.option("--student", metavar="ID", help="Only this student.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many processes write pages.  [default: one for each core]",
)
def feedback(lesson: str, student: str | None, jobs: int | None) -> None:
    """Write the feedback pages of LESSON; with an exchange in settings.ini, send them."""
    from tito.course import Course
    from tito.grading.gradebook.feedback import write_feedback
    from tito.grading.workers.pool import cpu_count
    from tito.lesson import find_lesson
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    with waiting(f"Writing the feedback pages of {found.assignment}") as tell:
        pages = write_feedback(found, student, jobs=jobs or cpu_count(), tell=tell)
    folder = found.course.shown(found.course.assignments / "feedback")
    click.echo(f"{len(pages)} feedback pages lie in {folder}.", err=True)
