"""Render a comparison of kernels: a table, JSON, or a plot that reads in black and white too."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinytorch.utils.gemm import Comparison, Measurement
from tinytorch.utils.machine import Machine
from tito.errors import TitoError

__all__ = ["check_plot_file", "performance_json", "performance_table", "save_plot"]

_HEADINGS = ("kernel", "n", "best ms", "median ms", "spread", "GFLOP/s", "of A @ B", "cores")
_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")  # Okabe and Ito
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 4)))


def performance_table(comparison: Comparison, machine: Machine) -> str:
    """Return the machine, one row a measurement, and the notes."""
    rows = [_HEADINGS, *map(_row, comparison.measurements)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    for place in range(len(rows) - 1, 1, -1):
        if rows[place][1] != rows[place - 1][1]:
            table.insert(place, "")
    return "\n".join(
        [
            str(machine),
            "",
            f"A (n, n) @ B (n, n), {comparison.dtype}",
            *table,
            "",
            *comparison.notes,
        ]
    )


def performance_json(lesson: str, comparison: Comparison, machine: Machine) -> str:
    """Return everything that was measured as one JSON object; times in seconds."""
    facts = {"lesson": lesson, "machine": asdict(machine), **asdict(comparison)}
    return json.dumps(facts, indent=2, allow_nan=False)


def check_plot_file(path: Path) -> None:
    """Raise `TitoError` if no plot can be saved at ``path``, before anything is measured."""
    endings = sorted(_new_figure().canvas.get_supported_filetypes())
    if path.suffix[1:].lower() not in endings:
        raise TitoError(
            f"No plot can be saved as {path.name!r}: its ending names no format.",
            f"Use one of: {', '.join(endings)}.",
            exit_code=2,
        )
    if not path.parent.is_dir():
        raise TitoError(f"There is no folder {path.parent}.", "Make it first.", exit_code=2)


def save_plot(comparison: Comparison, machine: Machine, path: Path) -> None:
    """Save GFLOP/s against n, one line a kernel, both axes logarithmic.

    Raises
    ------
    TitoError
        If matplotlib is missing or the file cannot be written.
    """
    figure = _new_figure()
    _draw(figure.add_subplot(), comparison, machine)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise TitoError(
            f"The plot was not saved: {error}.", "Name a file in a folder you can write to."
        ) from None


def _row(one: Measurement) -> tuple[str, ...]:
    return (
        one.kernel,
        str(one.n),
        f"{one.best_seconds * 1e3:.3f}",
        f"{one.median_seconds * 1e3:.3f}",
        "-" if one.spread is None else f"{one.spread:.1%}",
        f"{one.gflops:.3f}" if one.gflops < 1 else f"{one.gflops:.1f}",
        f"{one.share:.5f}" if one.share < 0.01 else f"{one.share:.2f}",
        f"{one.cores:.2f}",
    )


def _new_figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TitoError(
            "Plots need matplotlib, which is not installed.",
            "Run: python -m pip install matplotlib",
        ) from None
    return Figure(figsize=(7.5, 5), layout="constrained")


def _draw(axes: Any, comparison: Comparison, machine: Machine) -> None:
    for place, kernel in enumerate(dict.fromkeys(one.kernel for one in comparison.measurements)):
        series = [one for one in comparison.measurements if one.kernel == kernel]
        axes.plot(
            [one.n for one in series],
            [one.gflops for one in series],
            color=_COLOURS[place % len(_COLOURS)],
            marker=_MARKERS[place % len(_MARKERS)],
            linestyle=_LINES[place % len(_LINES)],
            markerfacecolor="none",  # lines that coincide stay visible
            label=kernel,
        )
    sizes = sorted({one.n for one in comparison.measurements})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(sizes, labels=map(str, sizes))
    axes.set_xlabel("side n of the matrices")
    axes.set_ylabel(f"speed in GFLOP/s ({comparison.dtype}, best repeat)")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title(_plot_title(comparison, machine))
    axes.grid(color="0.85")
    axes.legend()


def _plot_title(comparison: Comparison, machine: Machine) -> str:
    threads = ", one thread unless named" if comparison.one_blas_thread else ""
    return f"{machine.cpu or machine.system}, {machine.cores} cores\n{machine.blas}{threads}"
