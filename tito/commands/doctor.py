"""`tito doctor`: what is installed, what is missing, and the command that mends it."""

import json
from dataclasses import asdict

import click

__all__ = ["doctor"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check this machine and this checkout. Exit code 1: something needed is missing."""
    from tito.course import Course
    from tito.doctor import examine
    from tito.errors import TitoError
    from tito.reports.console import line_width, waiting
    from tito.reports.diagnosis import as_text

    try:
        found: Course | TitoError = Course.find()
    except TitoError as error:
        found = error
    with waiting("Looking at this machine"):
        findings = examine(found)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        click.echo(as_text(findings, line_width()))
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)
