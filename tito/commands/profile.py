"""`tito profile`: measure a lesson's kernels on this machine."""

import contextlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

import click

from tito.errors import TitoError

__all__ = ["profile"]


@click.command()
@click.argument("lesson")
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(1, 8192),
    multiple=True,
    metavar="N",
    help="Side of the matrices; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Measure more, and save pictures of it: .html, .png or .svg.",
)
def profile(lesson: str, sizes: tuple[int, ...], as_json: bool, plot: Path | None) -> None:
    """Measure the kernels of LESSON on this machine.

    Each kernel that multiplies correctly is timed in turns with A @ B, on float32 matrices. A
    kernel too slow for a size, such as the triple loop, is measured at smaller sizes only.

    With --plot, also: block sizes, threads, the machine's limits, and how well simple models
    foretell the rates. Each picture's figures are printed as a table; .html has them below the
    pictures, too.
    """
    from tinytorch.utils.gemm import SIZES, compare, kernels_in
    from tinytorch.utils.machine import describe_machine
    from tinytorch.utils.survey import take_survey
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.reports import performance, pictures

    found = find_lesson(Course.find(), lesson)
    kernels = kernels_in(_load(found.module, found.name))
    if not kernels:
        raise TitoError(f"{found.module} has no function named matmul_..., so nothing to measure.")
    if plot:
        pictures.check_plot_file(plot)
    machine, survey = describe_machine(), None
    with contextlib.redirect_stdout(sys.stderr):  # what a kernel prints is not our answer
        comparison = compare(kernels, sizes or SIZES, report=print)
        if plot and comparison.kernels:
            survey = take_survey(kernels, comparison, report=print)
    if as_json:
        click.echo(performance.performance_json(found.assignment, comparison, machine, survey))
    else:
        click.echo(performance.performance_table(comparison, machine, survey))
    if plot and survey:
        pictures.save_pictures(pictures.Report(found.assignment, machine, comparison, survey), plot)
        click.echo(f"Saved {plot}", err=True)
    if not comparison.kernels:
        raise TitoError(f"No kernel of {found.module} could be measured; the notes say why.")


def _load(module: str, lesson: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise TitoError(
            f"{module} has not been exported yet.", f"Run: tito export {lesson}"
        ) from None
