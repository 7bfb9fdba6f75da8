"""`tito test`: run a lesson's locked cells on a student's own file."""

import json
from dataclasses import asdict
from pathlib import Path

import click

__all__ = ["test"]


@click.command()
@click.argument("lesson")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--source", is_flag=True, help="Test the lesson's own source with its solutions.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def test(lesson: str, file: Path | None, source: bool, as_json: bool) -> None:
    """Run the locked cells of LESSON on your notebook or percent FILE.

    Without FILE it is your working copy, as `tito notebook` makes it. The released text of the
    locked cells counts, whatever your file says there. Exit code 0: all checks passed; 1: not all.
    Written answers are read by a person, and do not change it.
    """
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.reports.selftest import print_checks
    from tito.selftest.run import choose_file, run_checks

    found = find_lesson(Course.find(), lesson)
    path = choose_file(found, file, source=source)
    shown = found.course.shown(path)
    if not as_json:
        click.echo(f"Testing {shown}")
    result = run_checks(found, path)
    if as_json:
        click.echo(json.dumps({"file": shown, **asdict(result)}, indent=2))
    else:
        print_checks(result.cells, result.answers, result.notes)
    if result.score < result.max_score:
        raise SystemExit(1)
