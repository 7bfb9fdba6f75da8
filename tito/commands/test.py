"""`tito test`: run a lesson's locked cells on a student's own file."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

__all__ = ["test"]

WATCH_SECONDS = 0.5


@click.command()
@click.argument("lesson")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--check", metavar="NAME", default="", help="Run this check only.")
@click.option("--first", is_flag=True, help="Stop at the first check that does not pass.")
@click.option("--watch", is_flag=True, help="Test again each time that the file is saved.")
@click.option("--source", is_flag=True, help="Test the lesson's own source with its solutions.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def test(
    lesson: str,
    file: Path | None,
    check: str,
    first: bool,
    watch: bool,
    source: bool,
    as_json: bool,
) -> None:
    """Run the locked cells of LESSON on your notebook or percent FILE.

    Without FILE it is your working copy, as `tito notebook` makes it; `tito test kernels.ipynb`
    tests that file. The released text of the locked cells counts, whatever your file says there.
    Exit code 0: all checks passed; 1: not all. Written answers are read by a person, and do not
    change it.
    """
    from tito.course import Course
    from tito.selftest.run import find_work

    course = Course.find()
    found, path = find_work(course, lesson, file, source=source)

    def once() -> bool:
        from tito.reports.selftest import print_checks
        from tito.selftest.run import run_checks

        shown = course.shown(path)
        click.echo(f"Testing {shown}", err=as_json)
        with progress() as tell:
            result = run_checks(found, path, check=check, first=first, report=tell)
        if as_json:
            click.echo(json.dumps({"file": shown, **asdict(result)}, indent=2))
        else:
            print_checks(
                result.cells, result.answers, result.notes, result.unwritten, len(result.not_run)
            )
        return result.score >= result.max_score

    passed = _again_and_again(once, path) if watch else once()
    if not passed:
        raise SystemExit(1)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield what shows on a terminal which check runs."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("Reading the file") as status:
        yield lambda name: status.update(name)


def _again_and_again(once: Callable[[], bool], path: Path) -> bool:
    """Test whenever the file has changed, until Ctrl-C; return how the last time ended."""
    from tito.errors import TitoError

    passed = False
    try:
        while True:
            saved = _saved(path)
            try:
                passed = once()
            except TitoError as error:  # half saved, perhaps
                click.echo(f"tito: {error}", err=True)
            click.echo(f"\nWaiting for {path.name} to be saved; Ctrl-C ends it.", err=True)
            while _saved(path) == saved:
                time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return passed


def _saved(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # an editor replaces it
        return 0.0
