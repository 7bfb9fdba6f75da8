"""`tito nbgrader feedback`: a page for each student."""

from pathlib import Path

import click

from tito.commands.nbgrader.outdated import outdated_warning
from tito.lms import SYSTEMS

__all__ = ["feedback"]


@click.command()
@click.argument("lesson")
@click.option("--student", metavar="ID", help="Only this student.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many processes write pages.  [default: one for each core]",
)
@click.option(
    "--pack",
    "system",
    type=click.Choice([name for name, one in SYSTEMS.items() if one.feedback_name]),
    help="Pack the pages for upload into the LMS that the work was collected from.",
)
@click.option("--output", type=click.Path(path_type=Path), help="The zip file of --pack.")
def feedback(
    lesson: str, student: str | None, jobs: int | None, system: str | None, output: Path | None
) -> None:
    """Write the feedback pages of LESSON.

    With an exchange in settings.ini, they are sent as well.
    """
    if (system is None) != (output is None):
        raise click.UsageError("--pack and --output go together.")
    from tito.course import Course
    from tito.grading.gradebook.course_tree import has_notebook
    from tito.grading.gradebook.packing import pack_feedback
    from tito.grading.workers.pool import cpu_count
    from tito.lesson import find_lesson
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    failure = None
    with waiting(f"Writing the feedback pages of {found.assignment}") as tell:
        from tito.grading.gradebook.feedback import NotAllWritten, write_feedback  # and nbgrader

        try:
            pages = write_feedback(found, student, jobs=jobs or cpu_count(), tell=tell)
        except NotAllWritten as error:
            pages, failure = error.pages, error
        warning = outdated_warning(found, student)
    if student and pages:
        where = f"The feedback page of {student} is {found.course.shown(pages[0])}."
    else:
        lie = "1 feedback page lies" if len(pages) == 1 else f"{len(pages)} feedback pages lie"
        where = f"{lie} in {found.course.shown(found.course.assignments / 'feedback')}."
    click.echo(where, err=True)
    if warning:
        click.echo(warning, err=True)
    names = set(found.submitted_students()) - {page.parents[1].name for page in pages}
    without = [name for name in sorted(names) if not has_notebook(found, name)]
    if without and student is None:
        click.echo(f"No page, as there is no notebook: {', '.join(without)}.", err=True)
    if system and output:
        packed = pack_feedback(found, pages, system, output)
        for reason in dict.fromkeys(packed.left_out.values()):
            names_left = [name for name, why in packed.left_out.items() if why == reason]
            click.echo(f"Not packed, as {reason}: {', '.join(names_left)}.", err=True)
        where = (
            f"are packed in {output}" if packed.students else f"are packed: there is no {output}"
        )
        click.echo(f"{len(packed.students)} of them {where}.", err=True)
        if packed.left_out and failure is None:
            raise SystemExit(1)
    if failure is not None:
        raise failure
