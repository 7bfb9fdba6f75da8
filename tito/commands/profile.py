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
@click.option("--plot", type=click.Path(path_type=Path), help="Save GFLOP/s by size in this file.")
def profile(lesson: str, sizes: tuple[int, ...], as_json: bool, plot: Path | None) -> None:
    """Measure the kernels of LESSON on this machine.

    Each kernel that multiplies correctly is timed in turns with A @ B, on float32 matrices. A
    kernel too slow for a size, such as the triple loop, is measured at smaller sizes only.
    """
    from tinytorch.utils.gemm import SIZES, compare, kernels_in
    from tinytorch.utils.machine import describe_machine
    from tito.course import Course
    from tito.lesson import find_lesson
    from tito.reports import performance

    found = find_lesson(Course.find(), lesson)
    kernels = kernels_in(_load(found.module, found.name))
    if not kernels:
        raise TitoError(f"{found.module} has no function named matmul_..., so nothing to measure.")
    if plot:
        performance.check_plot_file(plot)
    machine = describe_machine()
    with contextlib.redirect_stdout(sys.stderr):  # what a kernel prints is not our answer
        comparison = compare(kernels, sizes or SIZES, tell=print)
    if as_json:
        click.echo(performance.performance_json(found.assignment, comparison, machine))
    else:
        click.echo(performance.performance_table(comparison, machine))
    if plot:
        performance.save_plot(comparison, machine, plot)
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
