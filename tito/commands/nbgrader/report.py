"""`tito nbgrader report`: the grades of a class."""

import click

__all__ = ["report"]


@click.command()
@click.argument("lesson")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json", "html"]),
    default="table",
    show_default=True,
)
def report(lesson: str, kind: str) -> None:
    """Print the grades of LESSON to standard output."""
    from tito.course import Course
    from tito.grading.gradebook.grades import read_grades
    from tito.lesson import find_lesson
    from tito.reports import grades
    from tito.reports.console import waiting

    found = find_lesson(Course.find(), lesson)
    render = {
        "table": grades.as_table,
        "csv": grades.as_csv,
        "json": grades.as_json,
        "html": grades.as_html,
    }[kind]
    with waiting(f"Reading the grades of {found.assignment}"):
        grades_of_class = read_grades(found)
    click.echo(render(grades_of_class).rstrip("\n"))
